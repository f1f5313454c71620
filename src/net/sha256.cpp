#include "net/sha256.hpp"

#include "base/text.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <openssl/evp.h>
#include <stdexcept>
#include <unistd.h>

namespace sluice::net {

Result<std::string> sha256_of_file(const std::string& path)
{
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> hash(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    if (!hash || EVP_DigestInit_ex(hash.get(), EVP_sha256(), nullptr) != 1) throw std::runtime_error("SHA-256 failed");
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    std::array<unsigned char, 64 * 1024> chunk{};
    ssize_t got = file < 0 ? -1 : 0;
    if (file >= 0) {
        while ((got = ::read(file, chunk.data(), chunk.size())) > 0) EVP_DigestUpdate(hash.get(), chunk.data(), static_cast<std::size_t>(got));
    }
    const int problem = errno;
    if (file >= 0) ::close(file);
    if (got < 0) return make_error(Errc::unavailable, "file", path + ": " + std::strerror(problem), {path});
    std::array<unsigned char, 32> digest{};
    unsigned length = 0;
    if (EVP_DigestFinal_ex(hash.get(), digest.data(), &length) != 1) throw std::runtime_error("SHA-256 failed");
    return to_hex(digest);
}

} // namespace sluice::net
