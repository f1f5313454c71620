#include "panel/passwords.hpp"

#include "base/random.hpp"
#include "base/text.hpp"

#include <argon2.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <array>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stdexcept>

namespace sluice::panel {

namespace {

constexpr std::uint32_t passes = 2;
constexpr std::uint32_t memory_kib = 19 * 1024;
constexpr std::uint32_t lanes = 1;
constexpr unsigned at_a_time = 2;
constexpr unsigned may_wait = 6;

// Admits a few hashers; the rest hears "try later" instead of piling up.
class Turnstile {
public:
    bool enter()
    {
        std::unique_lock lock(mutex_);
        if (running_ >= at_a_time) {
            if (waiting_ >= may_wait) return false;
            ++waiting_;
            const bool admitted = left_.wait_for(lock, std::chrono::seconds(10), [this] { return running_ < at_a_time; });
            --waiting_;
            if (!admitted) return false;
        }
        ++running_;
        return true;
    }
    void leave()
    {
        const std::lock_guard lock(mutex_);
        --running_;
        left_.notify_one();
    }

private:
    std::mutex mutex_;
    std::condition_variable left_;
    unsigned running_ = 0;
    unsigned waiting_ = 0;
};

Turnstile& turnstile()
{
    static Turnstile one;
    return one;
}

class Turn {
public:
    Turn() : entered_(turnstile().enter()) {}
    ~Turn()
    {
        if (entered_) turnstile().leave();
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    explicit operator bool() const { return entered_; }

private:
    bool entered_;
};

Error busy() { return make_error(Errc::rate_limited, "password.busy", {}, {"5"}); }

std::string encode(const Secret& password)
{
    const auto salt = random_bytes(16);
    std::array<char, 256> encoded{};
    const int outcome = argon2id_hash_encoded(passes, memory_kib, lanes, password.reveal().data(), password.reveal().size(), salt.data(), salt.size(),
                                              32, encoded.data(), encoded.size());
    if (outcome != ARGON2_OK) throw std::runtime_error(argon2_error_message(outcome));
    return encoded.data();
}

std::string md5_hex(const std::string& text)
{
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    EVP_Digest(text.data(), text.size(), digest.data(), &length, EVP_md5(), nullptr);
    return to_hex({digest.data(), length});
}

} // namespace

bool is_md5(const std::string& stored) { return stored.size() == 32 && from_hex(stored).has_value(); }

Result<std::string> hash_password(const Secret& password)
{
    const Turn turn;
    if (!turn) return busy();
    return encode(password);
}

Result<bool> check_password(const Secret& password, const std::string& stored)
{
    const Turn turn;
    if (!turn) return busy();
    if (stored.rfind("$argon2id$", 0) == 0) return argon2id_verify(stored.c_str(), password.reveal().data(), password.reveal().size()) == ARGON2_OK;
    encode(password); // as long as a real check takes
    if (!is_md5(stored)) return false;
    const auto digest = md5_hex(password.reveal());
    return CRYPTO_memcmp(digest.data(), to_lower(stored).data(), digest.size()) == 0;
}

} // namespace sluice::panel
