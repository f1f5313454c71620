#include "api/install/install.hpp"

#include "base/file.hpp"
#include "base/machine.hpp"
#include "base/text.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <map>
#include <memory>
#include <mutex>
#include <openssl/evp.h>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace sluice::install {

namespace {

constexpr const char* running_program = "/proc/self/exe"; // also when the file was replaced meanwhile
constexpr std::string_view prefix = "sluice-linux-";
constexpr std::array<std::string_view, 2> architectures{"amd64", "arm64"};

// "/usr/local/bin", of the running program; empty when the system does not say.
std::string own_folder()
{
    std::array<char, 4096> path{};
    const auto length = ::readlink(running_program, path.data(), path.size());
    if (length <= 0) return {};
    const std::string text(path.data(), static_cast<std::size_t>(length));
    return text.substr(0, text.rfind('/'));
}

std::optional<std::string> program_for(std::string_view wanted, const Places& places)
{
    if (wanted == architecture) return running_program;
    const auto name = "/" + std::string{prefix} + std::string{wanted};
    for (const auto& folder : {places.folder, own_folder()}) {
        if (!folder.empty() && file_exists(folder + name)) return folder + name;
    }
    return std::nullopt;
}

// SHA-256 of files, computed when asked for and remembered while the file is the same. Thread-safe.
class Checksums {
public:
    std::optional<std::string> of(const std::string& path)
    {
        struct stat info{};
        if (::stat(path.c_str(), &info) != 0) return std::nullopt;
        const Version version{static_cast<std::int64_t>(info.st_dev), static_cast<std::int64_t>(info.st_ino), info.st_size, info.st_mtim.tv_sec,
                              info.st_mtim.tv_nsec};
        const std::lock_guard lock(mutex_); // also: the same file is not read twice at a time
        if (const auto known = known_.find(path); known != known_.end() && known->second.first == version) return known->second.second;
        auto sum = compute(path);
        if (sum) known_[path] = {version, *sum};
        return sum;
    }

private:
    using Version = std::array<std::int64_t, 5>;

    static std::optional<std::string> compute(const std::string& path)
    {
        const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> hash(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
        if (!hash || EVP_DigestInit_ex(hash.get(), EVP_sha256(), nullptr) != 1) return std::nullopt;
        const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
        if (file < 0) return std::nullopt;
        std::array<char, 64 * 1024> buffer{};
        ssize_t got = 0;
        while ((got = ::read(file, buffer.data(), buffer.size())) > 0) EVP_DigestUpdate(hash.get(), buffer.data(), static_cast<std::size_t>(got));
        ::close(file);
        std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
        unsigned length = 0;
        if (got < 0 || EVP_DigestFinal_ex(hash.get(), digest.data(), &length) != 1) return std::nullopt;
        return to_hex({digest.data(), length});
    }

    std::mutex mutex_; // guards known_
    std::map<std::string, std::pair<Version, std::string>> known_;
};

http::Response missing(std::string_view wanted)
{
    return http::Response::text(404, "This panel has no program for " + std::string{wanted} + ". Put one into its data directory as downloads/" +
                                         std::string{prefix} + std::string{wanted} + ".\n");
}

} // namespace

void mount(http::Router& router, const Places& places)
{
    router.add("GET", "/install.sh", [](const http::Request&) {
        auto response = http::Response::text(200, std::string{script()});
        response.content_type = "text/x-shellscript; charset=utf-8";
        return response;
    });
    const auto checksums = std::make_shared<Checksums>();
    for (const auto wanted : architectures) {
        const auto path = "/download/" + std::string{prefix} + std::string{wanted};
        router.add("GET", path, [wanted, places](const http::Request&) {
            const auto program = program_for(wanted, places);
            if (!program) return missing(wanted);
            auto file = http::Response::file(*program, "application/octet-stream");
            return file ? std::move(*file) : http::Response::plain_status(503);
        });
        router.add("GET", path + ".sha256", [wanted, places, checksums](const http::Request&) {
            const auto program = program_for(wanted, places);
            if (!program) return missing(wanted);
            const auto sum = checksums->of(*program);
            return sum ? http::Response::text(200, *sum + "  " + std::string{prefix} + std::string{wanted} + "\n")
                       : http::Response::plain_status(503);
        });
    }
}

} // namespace sluice::install
