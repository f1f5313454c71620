#include "probe/http_post.hpp"

#include "base/text.hpp"
#include "net/ca_bundle.hpp"
#include "probe/checks.hpp"
#include "probe/wire.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <charconv>
#include <chrono>
#include <memory>
#include <poll.h>
#include <unistd.h>

namespace sluice::probe {

namespace {

using Context = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;
using Session = std::unique_ptr<SSL, decltype(&SSL_free)>;

struct Descriptor {
    int value;
    explicit Descriptor(int descriptor) : value(descriptor) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor()
    {
        if (value >= 0) ::close(value);
    }
};

Error failed(std::string why) { return make_error(Errc::unavailable, "http", std::move(why)); }

bool is_late(Deadline deadline) { return std::chrono::steady_clock::now() >= deadline; }

Error failed_or_late(Deadline deadline, std::string why)
{
    return is_late(deadline) ? make_error(Errc::timeout, "http", std::move(why)) : failed(std::move(why));
}

// "sha256//" and base64 of the public key that the other end showed.
std::string key_pin_of(const SSL* session)
{
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(SSL_get1_peer_certificate(session), &X509_free);
    if (!certificate) return {};
    unsigned char* encoded = nullptr;
    const int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate.get()), &encoded);
    if (length <= 0) return {};
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    const bool hashed = EVP_Digest(encoded, static_cast<std::size_t>(length), digest.data(), &size, EVP_sha256(), nullptr) == 1;
    OPENSSL_free(encoded);
    return hashed ? "sha256//" + to_base64({reinterpret_cast<const char*>(digest.data()), size}) : std::string{};
}

Result<void> shake_hands(SSL* session, int socket, const std::string& host, const std::string& pin, Deadline deadline)
{
    SSL_set_fd(session, socket);
    SSL_set_verify(session, pin.empty() ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
    if (IpAddress::parse(host)) {
        X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), host.c_str());
    } else {
        SSL_set_tlsext_host_name(session, host.c_str());
        SSL_set1_host(session, host.c_str());
    }
    ERR_clear_error();
    for (;;) {
        const int outcome = SSL_connect(session);
        if (outcome == 1) {
            if (!pin.empty() && key_pin_of(session) != pin) return failed("the server's key is not the pinned one");
            return {};
        }
        const int why = SSL_get_error(session, outcome);
        const bool read = why == SSL_ERROR_WANT_READ;
        if ((read || why == SSL_ERROR_WANT_WRITE) && wait_for(socket, read ? POLLIN : POLLOUT, deadline)) continue;
        if (read || why == SSL_ERROR_WANT_WRITE) return failed_or_late(deadline, "no answer to the handshake");
        const auto verified = SSL_get_verify_result(session);
        if (verified != X509_V_OK) return failed(X509_verify_cert_error_string(verified));
        const char* words = ERR_reason_error_string(ERR_get_error());
        return failed(words != nullptr ? words : "connection closed during the handshake");
    }
}

// The value of a header field, by its lower-case name; the first one counts.
std::optional<std::string_view> field_of(std::string_view head, std::string_view name)
{
    for (auto line : split(head, '\n')) {
        const auto colon = line.find(':');
        if (colon != std::string_view::npos && to_lower(trim(line.substr(0, colon))) == name) return trim(line.substr(colon + 1));
    }
    return std::nullopt;
}

std::optional<std::string> without_chunks(std::string_view body)
{
    std::string whole;
    for (;;) {
        const auto end = body.find("\r\n");
        if (end == std::string_view::npos) return std::nullopt;
        auto number = body.substr(0, end);
        number = trim(number.substr(0, number.find(';')));
        std::size_t size = 0;
        const auto [stop, problem] = std::from_chars(number.data(), number.data() + number.size(), size, 16);
        if (problem != std::errc{} || stop != number.data() + number.size()) return std::nullopt;
        body.remove_prefix(end + 2);
        if (size == 0) return whole;
        if (size > body.size() || body.size() - size < 2) return std::nullopt;
        whole += body.substr(0, size);
        body.remove_prefix(size + 2);
    }
}

// It says itself how long it is, and all of that is there: a server that keeps the connection open is not waited for.
bool is_whole(std::string_view bytes)
{
    const auto end = bytes.find("\r\n\r\n");
    if (end == std::string_view::npos) return false;
    const auto head = bytes.substr(0, end);
    return (field_of(head, "content-length") || field_of(head, "transfer-encoding")) && parse_answer(bytes);
}

} // namespace

std::string form_text(const Form& form)
{
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string text;
    const auto add = [&](std::string_view part) {
        for (const char c : part) {
            if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_') {
                text += c;
            } else {
                const auto byte = static_cast<unsigned char>(c);
                text += '%';
                text += digits[byte >> 4U];
                text += digits[byte & 15U];
            }
        }
    };
    for (const auto& [name, value] : form) {
        if (!text.empty()) text += '&';
        add(name);
        text += '=';
        add(value);
    }
    return text;
}

std::optional<HttpAnswer> parse_answer(std::string_view bytes)
{
    const auto end = bytes.find("\r\n\r\n");
    if (bytes.rfind("HTTP/1.", 0) != 0 || end == std::string_view::npos) return std::nullopt;
    const auto head = bytes.substr(0, end);
    const auto line = head.substr(0, head.find("\r\n"));
    const auto space = line.find(' ');
    const auto status = space == std::string_view::npos ? std::nullopt : parse_int(line.substr(space + 1, 3));
    if (!status || *status < 100 || *status > 599) return std::nullopt;
    auto body = bytes.substr(end + 4);
    HttpAnswer answer{static_cast<int>(*status), {}};
    if (const auto coding = field_of(head, "transfer-encoding")) {
        if (!equals_ignoring_case(*coding, "chunked")) return std::nullopt;
        auto whole = without_chunks(body);
        if (!whole) return std::nullopt;
        answer.body = std::move(*whole);
        return answer;
    }
    if (const auto text = field_of(head, "content-length")) {
        const auto length = parse_int(*text);
        if (!length || *length < 0 || static_cast<std::size_t>(*length) > body.size()) return std::nullopt;
        body = body.substr(0, static_cast<std::size_t>(*length));
    }
    answer.body = std::string{body};
    return answer;
}

bool is_http_url(std::string_view url)
{
    const auto target = parse_target(url);
    return target && (target->scheme == Scheme::http || target->scheme == Scheme::https) && url.find("://") != std::string_view::npos &&
           target->path.find('#') == std::string::npos;
}

Result<HttpAnswer> post(const std::string& url, const HttpPost& post, Deadline deadline)
{
    if (!is_http_url(url)) return make_error(Errc::invalid, "url");
    const auto target = parse_target(url);
    if (!target) return target.error();
    const auto& host = target->where.host;
    const auto addresses = lookup(target->where, deadline);
    if (addresses.empty()) return failed_or_late(deadline, "the name " + host + " does not resolve");
    double took = 0;
    auto fault = plan::ProbeFault::none;
    std::string detail;
    int connected = -1;
    for (const auto& address : addresses) {
        connected = connect_within(address, {}, deadline, took, fault, detail);
        if (connected >= 0 || is_late(deadline)) break;
    }
    const Descriptor socket(connected);
    if (socket.value < 0) return failed_or_late(deadline, detail);
    const Context context(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free);
    const Session session(target->scheme == Scheme::https ? SSL_new(context.get()) : nullptr, &SSL_free);
    if (target->scheme == Scheme::https) {
        if (post.pin.empty()) {
            if (const auto trust = net::trust_system_certificates(context.get()); !trust) return failed(trust.error().detail);
        }
        if (const auto done = shake_hands(session.get(), socket.value, host, post.pin, deadline); !done) return done.error();
    }
    Wire wire(socket.value, session.get(), deadline);
    const auto shown = host.find(':') != std::string::npos ? "[" + host + "]" : host;
    const bool usual = target->where.port == (target->scheme == Scheme::https ? 443 : 80);
    std::string fields;
    for (const auto& [name, value] : post.headers) fields += "\r\n" + name + ": " + value;
    const auto request = "POST " + target->path + " HTTP/1.1\r\nHost: " + shown + (usual ? "" : ":" + std::to_string(target->where.port)) +
                         "\r\nUser-Agent: sluice/" SLUICE_VERSION "\r\nAccept: application/json\r\nContent-Type: " + post.content_type +
                         "\r\nContent-Length: " + std::to_string(post.body.size()) + fields + "\r\nConnection: close\r\n\r\n" + post.body;
    if (!wire.write(request)) return failed_or_late(deadline, "the request could not be sent");
    std::string bytes;
    for (;;) {
        const auto more = wire.read();
        if (more.empty()) break;
        bytes += more;
        if (bytes.size() > post.most_answer) return failed("the answer is too long");
        if (is_whole(bytes)) break;
    }
    auto answer = parse_answer(bytes);
    if (!answer) return failed_or_late(deadline, bytes.empty() ? "no answer" : "the answer is not HTTP, or cut off");
    return std::move(*answer);
}

Result<HttpAnswer> post_form(const std::string& url, const Form& form, Deadline deadline)
{
    return post(url, {"application/x-www-form-urlencoded", form_text(form)}, deadline);
}

} // namespace sluice::probe
