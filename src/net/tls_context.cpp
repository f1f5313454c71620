#include "net/tls_context.hpp"

#include "base/file.hpp"
#include "base/log.hpp"
#include "net/certificate.hpp"
#include "net/host_names.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace sluice::net {

namespace {

constexpr auto renew_before = std::chrono::hours{24 * 30};
constexpr std::size_t file_limit = std::size_t{256} * 1024;

std::string certificate_path(const std::string& folder) { return folder + "/cert.pem"; }
std::string key_path(const std::string& folder) { return folder + "/key.pem"; }
// Two files cannot change as one: the new key waits here while the certificate is replaced, then takes its place. Whoever finds a
// certificate that fits only this key finishes the move, so a crash anywhere leaves the old pair or the new one.
std::string next_key_path(const std::string& folder) { return folder + "/key.pem.next"; }

} // namespace

Result<std::shared_ptr<TlsContext>> TlsContext::open(std::string folder, const Clock& clock)
{
    if (auto made = make_private_folder(folder); !made) return made.error();
    std::shared_ptr<TlsContext> context(new TlsContext(std::move(folder), clock));
    const bool stored = file_exists(certificate_path(context->folder_)) || file_exists(key_path(context->folder_));
    auto ready = stored ? context->reload() : context->make_self_signed();
    if (!ready) return ready.error();
    // It may have run out while nobody was running.
    if (const auto renewed = context->renew_if_due(); !renewed) log::warning("certificate not renewed", {{"problem", describe(renewed.error())}});
    return context;
}

Result<void> TlsContext::use(std::string_view certificates_pem, const std::string& key_pem)
{
    auto credentials = parse_credentials(certificates_pem, Secret{key_pem});
    if (!credentials) return credentials.error();
    auto context = make_server_context(*credentials);
    if (!context) return context.error();
    const std::lock_guard lock(mutex_);
    context_ = std::move(*context);
    info_ = std::move(credentials->info);
    return {};
}

Result<void> TlsContext::reload()
{
    const std::lock_guard one_at_a_time(changing_);
    const auto certificates = read_file(certificate_path(folder_), file_limit);
    if (!certificates) return certificates.error();
    const auto key = read_file(key_path(folder_), file_limit);
    auto used = key ? use(*certificates, *key) : Result<void>{key.error()};
    if (!used) {
        const auto next = read_file(next_key_path(folder_), file_limit);
        if (!next || !use(*certificates, *next)) return used;
        if (std::rename(next_key_path(folder_).c_str(), key_path(folder_).c_str()) != 0)
            return make_error(Errc::unavailable, "file", key_path(folder_) + ": " + std::strerror(errno), {key_path(folder_)});
    }
    const auto now_used = info();
    if (const auto valid = check_validity(now_used, clock_->wall()); !valid)
        log::warning("certificate is out of its time", {{"subject", now_used.subject}, {"problem", valid.error().detail}});
    return {};
}

Result<void> TlsContext::install(std::string_view certificates_pem, const Secret& key_pem)
{
    const std::lock_guard one_at_a_time(changing_);
    if (certificates_pem.size() > file_limit) return make_error(Errc::invalid, "tls.cert", "longer than 256 kB");
    if (key_pem.reveal().size() > file_limit) return make_error(Errc::invalid, "tls.key", "longer than 256 kB");
    auto credentials = parse_credentials(certificates_pem, key_pem);
    if (!credentials) return credentials.error();
    if (auto valid = check_validity(credentials->info, clock_->wall()); !valid) return valid;
    if (auto context = make_server_context(*credentials); !context) return context.error();

    if (auto wrote = write_file_atomically(next_key_path(folder_), key_pem.reveal()); !wrote) return wrote;
    if (auto wrote = write_file_atomically(certificate_path(folder_), certificates_pem); !wrote) {
        std::remove(next_key_path(folder_).c_str());
        return wrote;
    }
    if (std::rename(next_key_path(folder_).c_str(), key_path(folder_).c_str()) != 0)
        return make_error(Errc::unavailable, "file", key_path(folder_) + ": " + std::strerror(errno), {key_path(folder_)});
    return use(certificates_pem, key_pem.reveal());
}

Result<void> TlsContext::make_self_signed()
{
    auto names = std::vector<std::string>{host_name()};
    if (names.front() != "localhost") names.emplace_back("localhost");
    const auto pair = make_self_signed_pair(names, interface_addresses(), clock_->wall());
    if (auto installed = install(pair.certificates, pair.key); !installed) return installed;
    const auto made = info();
    log::info("certificate made", {{"subject", made.subject}, {"fingerprint", made.fingerprint}});
    return {};
}

Result<bool> TlsContext::renew_if_due()
{
    const auto in_use = info();
    if (!in_use.self_made || clock_->wall() + renew_before < in_use.not_after) {
        if (auto same = reload(); !same) return same.error();
        return false;
    }
    if (auto made = make_self_signed(); !made) return made.error();
    return true;
}

CertificateInfo TlsContext::info() const
{
    const std::lock_guard lock(mutex_);
    return info_;
}

std::shared_ptr<ssl_ctx_st> TlsContext::current() const
{
    const std::lock_guard lock(mutex_);
    return context_;
}

} // namespace sluice::net
