#include "probe/checks.hpp"

#include "base/text.hpp"
#include "net/ca_bundle.hpp"
#include "probe/wire.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <memory>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace sluice::probe {

namespace {

using Clock = std::chrono::steady_clock;
using Context = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;
using Session = std::unique_ptr<SSL, decltype(&SSL_free)>;

double ms_since(Clock::time_point start) { return std::chrono::duration<double, std::milli>(Clock::now() - start).count(); }

std::string name_text(X509_NAME* name)
{
    std::array<char, 512> text{};
    X509_NAME_oneline(name, text.data(), static_cast<int>(text.size()));
    return text.data();
}

void describe_certificate(SSL* session, TlsReport& report)
{
    X509* certificate = SSL_get0_peer_certificate(session);
    if (certificate == nullptr) return;
    report.subject = name_text(X509_get_subject_name(certificate));
    report.issuer = name_text(X509_get_issuer_name(certificate));
    const auto* end = X509_get0_notAfter(certificate);
    int days = 0;
    int seconds = 0;
    if (ASN1_TIME_diff(&days, &seconds, nullptr, end) == 1) report.days_left = days;
    std::tm parts{};
    if (ASN1_TIME_to_tm(end, &parts) == 1) {
        std::array<char, 64> text{};
        std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S GMT", &parts);
        report.expires = text.data();
    }
}

// In words, from OpenSSL's own queue.
std::string handshake_problem()
{
    const auto code = ERR_get_error();
    if (code == 0 || (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING))
        return "connection closed during the handshake";
    const char* words = ERR_reason_error_string(code);
    return words != nullptr ? words : "handshake failed";
}

TlsReport handshake(int socket, const std::string& host, SSL* session, bool have_bundle, const std::string& bundle_problem, Deadline deadline)
{
    TlsReport report;
    SSL_set_fd(session, socket);
    if (!IpAddress::parse(host)) SSL_set_tlsext_host_name(session, host.c_str());
    const auto started = Clock::now();
    ERR_clear_error();
    for (;;) {
        const int outcome = SSL_connect(session);
        if (outcome == 1) break;
        const int why = SSL_get_error(session, outcome);
        const bool read = why == SSL_ERROR_WANT_READ;
        if ((read || why == SSL_ERROR_WANT_WRITE) && wait_for(socket, read ? POLLIN : POLLOUT, deadline)) continue;
        if (read || why == SSL_ERROR_WANT_WRITE)
            report.problem = "no answer to the handshake";
        else
            report.problem = handshake_problem();
        return report;
    }
    report.handshake_ms = ms_since(started);
    report.success = true;
    report.version = SSL_get_version(session);
    report.cipher = SSL_get_cipher_name(session);
    describe_certificate(session, report);
    const auto verified = SSL_get_verify_result(session);
    X509* certificate = SSL_get0_peer_certificate(session);
    const bool name_fits =
        certificate != nullptr && (IpAddress::parse(host) ? X509_check_ip_asc(certificate, host.c_str(), 0) == 1
                                                          : X509_check_host(certificate, host.data(), host.size(), 0, nullptr) == 1);
    report.trusted = have_bundle && verified == X509_V_OK && name_fits;
    if (!have_bundle)
        report.problem = bundle_problem;
    else if (verified != X509_V_OK)
        report.problem = X509_verify_cert_error_string(verified);
    else if (!name_fits)
        report.problem = "the certificate is for another name";
    return report;
}

HttpReport ask_http(Wire wire, const CheckTarget& target)
{
    HttpReport report;
    const auto started = Clock::now();
    const auto host = target.where.host.find(':') != std::string::npos ? "[" + target.where.host + "]" : target.where.host;
    const auto request =
        "GET " + target.path + " HTTP/1.1\r\nHost: " + host + "\r\nUser-Agent: sluice/" SLUICE_VERSION "\r\nAccept: */*\r\nConnection: close\r\n\r\n";
    if (!wire.write(request)) {
        report.problem = "the request could not be sent";
        return report;
    }
    std::string head;
    while (head.find('\n') == std::string::npos && head.size() < 4096) {
        const auto more = wire.read();
        if (more.empty()) break;
        if (head.empty()) report.first_byte_ms = ms_since(started);
        head += more;
    }
    const auto line = std::string_view{head}.substr(0, head.find('\n'));
    const auto space = line.find(' ');
    const auto status = line.rfind("HTTP/", 0) == 0 && space != std::string_view::npos ? parse_int(line.substr(space + 1, 3)) : std::nullopt;
    if (!status) {
        report.problem = head.empty() ? "no answer" : "the answer is not HTTP";
        return report;
    }
    report.success = true;
    report.status = static_cast<int>(*status);
    return report;
}

// Echo over a ping socket, which needs no privilege where the system permits it; else a raw one.
IcmpReport ping(const Endpoint& to, const CheckOptions& options, Deadline deadline)
{
    IcmpReport report;
    const bool v6 = to.address.is_v6();
    const int protocol = v6 ? static_cast<int>(IPPROTO_ICMPV6) : static_cast<int>(IPPROTO_ICMP);
    int socket = ::socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
    const bool raw = socket < 0;
    if (raw) socket = ::socket(v6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
    if (socket < 0) {
        report.permitted = false;
        report.problem = std::strerror(errno);
        return report;
    }
    sockaddr_storage address{};
    const auto length = Endpoint{to.address, 0}.to_sockaddr(address);
    (void)::connect(socket, reinterpret_cast<const sockaddr*>(&address), length); // who is not there does not answer
    const auto id = static_cast<std::uint16_t>(::getpid());
    double sum = 0;
    std::uint32_t answered = 0;
    std::uint32_t sent = 0;
    for (; sent < options.count && Clock::now() < deadline; ++sent) {
        std::array<std::uint8_t, 64> packet{};
        packet[0] = v6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO;
        packet[4] = static_cast<std::uint8_t>(id >> 8U);
        packet[5] = static_cast<std::uint8_t>(id);
        packet[7] = static_cast<std::uint8_t>(sent);
        std::uint32_t check = 0;
        for (std::size_t i = 0; i < packet.size(); i += 2) check += static_cast<std::uint32_t>(packet[i] << 8U | packet[i + 1]);
        while (check >> 16U != 0) check = (check & 0xFFFFU) + (check >> 16U);
        if (!v6) { // the kernel fills in ICMPv6's
            packet[2] = static_cast<std::uint8_t>(~check >> 8U);
            packet[3] = static_cast<std::uint8_t>(~check);
        }
        const auto started = Clock::now();
        if (::send(socket, packet.data(), packet.size(), MSG_NOSIGNAL) < 0) {
            report.problem = std::strerror(errno);
            continue;
        }
        const auto until = std::min<Deadline>(deadline, started + options.timeout);
        while (wait_for(socket, POLLIN, until)) {
            std::array<std::uint8_t, 512> reply{};
            const auto got = ::recv(socket, reply.data(), reply.size(), 0);
            if (got < 0) {
                report.problem = std::strerror(errno);
                break;
            }
            const std::size_t header = raw && !v6 ? static_cast<std::size_t>(reply[0] & 15U) * 4 : 0;
            if (static_cast<std::size_t>(got) < header + 8) continue;
            const bool echo = reply[header] == (v6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY) && reply[header + 7] == static_cast<std::uint8_t>(sent);
            // A raw socket hears the answers to everybody's questions; a ping socket has its own number and hears only ours.
            const bool ours = !raw || (reply[header + 4] == packet[4] && reply[header + 5] == packet[5]);
            if (!echo || !ours) continue;
            sum += ms_since(started);
            ++answered;
            break;
        }
    }
    ::close(socket);
    report.success = answered > 0;
    if (answered > 0) report.average_ms = sum / answered;
    if (sent > 0) report.loss_percent = 100.0 * (sent - answered) / sent;
    if (!report.success && report.problem.empty()) report.problem = "no answer";
    return report;
}

} // namespace

Result<CheckTarget> parse_target(std::string_view text)
{
    const auto bad = make_error(Errc::invalid, "target", "not understood: " + std::string{text.substr(0, 100)}, {std::string{text.substr(0, 100)}});
    CheckTarget target;
    target.text = std::string{text};
    struct Known {
        std::string_view prefix;
        Scheme scheme;
        std::uint16_t port;
    };
    constexpr std::array<Known, 5> schemes{{{"tcp://", Scheme::tcp, 0},
                                            {"tls://", Scheme::tls, 443},
                                            {"http://", Scheme::http, 80},
                                            {"https://", Scheme::https, 443},
                                            {"icmp://", Scheme::icmp, 0}}};
    std::uint16_t port = 0;
    for (const auto& known : schemes) {
        if (text.rfind(known.prefix, 0) != 0) continue;
        target.scheme = known.scheme;
        port = known.port;
        text.remove_prefix(known.prefix.size());
        break;
    }
    if (const auto slash = text.find('/'); slash != std::string_view::npos) {
        if (target.scheme != Scheme::http && target.scheme != Scheme::https) return bad;
        target.path = std::string{text.substr(slash)};
        for (const char c : target.path) {
            if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7F) return bad;
        }
        text = text.substr(0, slash);
    }
    if (target.scheme == Scheme::icmp) {
        const auto host = text.size() > 2 && text.front() == '[' && text.back() == ']' ? text.substr(1, text.size() - 2) : text;
        if (!IpAddress::parse(host) && !is_host_name(host)) return bad;
        target.where = {std::string{host}, 0};
        return target;
    }
    if (auto full = HostPort::parse(text)) {
        target.where = std::move(*full);
        return target;
    }
    if (port == 0) return bad;
    auto with_port = HostPort::parse(std::string{text} + ":" + std::to_string(port));
    if (!with_port) return bad;
    target.where = std::move(*with_port);
    return target;
}

bool CheckReport::ok() const
{
    if (target.scheme == Scheme::icmp) return icmp && icmp->success;
    if (!tcp.success) return false;
    if (tls && !tls->success) return false;
    return !http || http->success;
}

CheckReport check(const CheckTarget& target, const CheckOptions& options, Deadline deadline)
{
    CheckReport report;
    report.target = target;
    const auto started = Clock::now();
    const auto addresses = lookup(target.where, deadline);
    report.lookup_ms = ms_since(started);
    for (const auto& address : addresses) report.addresses.push_back(address.address.to_text());
    if (target.scheme == Scheme::icmp) {
        report.icmp = addresses.empty() ? IcmpReport{true, false, "name does not resolve", 0, 100} : ping(addresses.front(), options, deadline);
        return report;
    }
    plan::TcpPingRequest request;
    request.target = target.where;
    request.count = options.count;
    request.connect_timeout = options.timeout;
    report.tcp = tcp_ping(request, deadline);
    if (!report.tcp.success || target.scheme == Scheme::tcp) return report;
    const auto address = IpAddress::parse(report.tcp.resolved);
    double took = 0;
    plan::ProbeFault fault = plan::ProbeFault::none;
    std::string detail;
    const int socket = connect_within({address.value_or(IpAddress{}), target.where.port}, {}, deadline, took, fault, detail);
    if (socket < 0) {
        if (target.scheme == Scheme::http)
            report.http = HttpReport{false, detail, 0, 0};
        else
            report.tls.emplace().problem = detail;
        return report;
    }
    if (target.scheme == Scheme::http) {
        report.http = ask_http(Wire(socket, nullptr, deadline), target);
    } else {
        const Context context(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free);
        const auto bundle = net::trust_system_certificates(context.get());
        const Session session(SSL_new(context.get()), &SSL_free);
        report.tls = handshake(socket, target.where.host, session.get(), bundle.has_value(), bundle ? "" : bundle.error().detail, deadline);
        if (target.scheme == Scheme::https && report.tls->success) report.http = ask_http(Wire(socket, session.get(), deadline), target);
    }
    ::close(socket);
    return report;
}

std::vector<CheckReport> check_all(const std::vector<CheckTarget>& targets, const CheckOptions& options)
{
    const auto deadline = Clock::now() + options.within;
    std::vector<CheckReport> reports(targets.size());
    in_parallel(targets.size(), 32, [&](std::size_t i) { reports[i] = check(targets[i], options, deadline); });
    return reports;
}

} // namespace sluice::probe
