#include "panel/vault.hpp"

#include "base/file.hpp"
#include "base/random.hpp"
#include "base/text.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <stdexcept>

namespace sluice::panel {

namespace {

constexpr char version = 1;
constexpr std::size_t nonce_size = 12;
constexpr std::size_t tag_size = 16;

using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

const unsigned char* bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

} // namespace

std::string seal(const Secret& key, std::string_view purpose, std::string_view plain)
{
    const CipherContext context(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
    const auto nonce = random_bytes(nonce_size);
    std::string cipher(plain.size(), '\0');
    std::string tag(tag_size, '\0');
    int length = 0;
    const bool fine = EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, bytes(key.reveal()), bytes(nonce)) == 1 &&
                      EVP_EncryptUpdate(context.get(), nullptr, &length, bytes(purpose), static_cast<int>(purpose.size())) == 1 &&
                      EVP_EncryptUpdate(context.get(), bytes(cipher), &length, bytes(plain), static_cast<int>(plain.size())) == 1 &&
                      EVP_EncryptFinal_ex(context.get(), bytes(cipher) + length, &length) == 1 &&
                      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, static_cast<int>(tag_size), tag.data()) == 1;
    if (!fine) throw std::runtime_error("AES-256-GCM failed");
    return std::string(1, version) + nonce + cipher + tag;
}

Result<Secret> unseal(const Secret& key, std::string_view purpose, std::string_view sealed)
{
    const auto refused = make_error(Errc::internal, "vault", "a stored secret does not fit the key file");
    if (sealed.size() < 1 + nonce_size + tag_size || sealed.front() != version) return refused;
    const auto nonce = sealed.substr(1, nonce_size);
    const auto cipher = sealed.substr(1 + nonce_size, sealed.size() - 1 - nonce_size - tag_size);
    std::string tag{sealed.substr(sealed.size() - tag_size)};
    std::string plain(cipher.size(), '\0');
    int length = 0;
    const CipherContext context(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
    const bool fine = EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, bytes(key.reveal()), bytes(nonce)) == 1 &&
                      EVP_DecryptUpdate(context.get(), nullptr, &length, bytes(purpose), static_cast<int>(purpose.size())) == 1 &&
                      EVP_DecryptUpdate(context.get(), bytes(plain), &length, bytes(cipher), static_cast<int>(cipher.size())) == 1 &&
                      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, static_cast<int>(tag_size), tag.data()) == 1 &&
                      EVP_DecryptFinal_ex(context.get(), bytes(plain) + length, &length) == 1;
    if (!fine) return refused;
    return Secret{std::move(plain)};
}

Result<Secret> load_or_create_key(const std::string& path)
{
    constexpr std::size_t key_size = 32;
    auto content = read_file(path, 4096);
    if (content) {
        if (content->size() != key_size) return make_error(Errc::invalid, "vault.key", path + " has not 32 bytes", {path});
        return Secret{std::move(*content)};
    }
    if (content.error().code != Errc::not_found) return content.error();
    auto key = random_bytes(key_size);
    if (const auto written = write_file_atomically(path, key); !written) return written.error();
    return Secret{std::move(key)};
}

std::string sha256(std::string_view input)
{
    std::string digest(32, '\0');
    unsigned length = 0;
    if (EVP_Digest(input.data(), input.size(), bytes(digest), &length, EVP_sha256(), nullptr) != 1) throw std::runtime_error("SHA-256 failed");
    return digest;
}

Result<std::string> sha256_of_file(const std::string& path)
{
    const auto failed = [&] { return make_error(Errc::unavailable, "file", path + ": " + std::strerror(errno), {path}); };
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rbe"), &std::fclose);
    if (!file) return failed();
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> hash(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    if (!hash || EVP_DigestInit_ex(hash.get(), EVP_sha256(), nullptr) != 1) throw std::runtime_error("SHA-256 failed");
    std::array<unsigned char, 64 * 1024> chunk{};
    while (const auto got = std::fread(chunk.data(), 1, chunk.size(), file.get())) EVP_DigestUpdate(hash.get(), chunk.data(), got);
    if (std::ferror(file.get()) != 0) return failed();
    std::array<unsigned char, 32> digest{};
    unsigned length = 0;
    if (EVP_DigestFinal_ex(hash.get(), digest.data(), &length) != 1) throw std::runtime_error("SHA-256 failed");
    return to_hex(digest);
}

std::string hmac_sha256(const Secret& key, std::string_view input)
{
    std::string digest(32, '\0');
    unsigned length = 0;
    const auto& secret = key.reveal();
    if (HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), bytes(input), input.size(), bytes(digest), &length) == nullptr)
        throw std::runtime_error("HMAC-SHA-256 failed");
    return digest;
}

std::string hmac_sha1(const Secret& key, std::string_view input)
{
    std::string digest(20, '\0');
    unsigned length = 0;
    const auto& secret = key.reveal();
    if (HMAC(EVP_sha1(), secret.data(), static_cast<int>(secret.size()), bytes(input), input.size(), bytes(digest), &length) == nullptr)
        throw std::runtime_error("HMAC-SHA-1 failed");
    return digest;
}

bool equal_in_constant_time(std::string_view a, std::string_view b)
{
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

} // namespace sluice::panel
