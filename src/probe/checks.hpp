// Checks beyond TCP: name lookup with timing, TLS handshake and certificate, HTTP status, ICMP echo. Each keeps its deadline and says in plain
// words what failed.
#pragma once

#include "base/address.hpp"
#include "plan/probe.hpp"
#include "probe/tcp_ping.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sluice::probe {

struct TlsReport {
    bool success = false; // the handshake finished
    bool trusted = false; // chain and name verified against the system's certificates
    std::string problem;  // of the handshake or of the verification
    std::string version;  // "TLSv1.3"
    std::string cipher;
    std::string subject;
    std::string issuer;
    std::string expires; // "2027-01-31 12:00:00 GMT"
    int days_left = 0;
    double handshake_ms = 0;
};

struct HttpReport {
    bool success = false; // a status line came
    std::string problem;
    int status = 0;
    double first_byte_ms = 0; // since the request was sent
};

struct IcmpReport {
    bool permitted = true;
    bool success = false;
    std::string problem;
    double average_ms = 0;
    double loss_percent = 100;
};

// One target of `sluice diagnose`.
enum class Scheme { tcp, tls, http, https, icmp };
struct CheckTarget {
    Scheme scheme = Scheme::tcp;
    HostPort where;
    std::string path = "/";
    std::string text; // as typed
};
// "tcp://h:p", "tls://h[:443]", "http://h[:80][/path]", "https://...", "icmp://h", "h:p". Errors: invalid "target".
Result<CheckTarget> parse_target(std::string_view text);

struct CheckReport {
    CheckTarget target;
    double lookup_ms = 0;
    std::vector<std::string> addresses;
    plan::TcpPingResult tcp;
    std::optional<TlsReport> tls;
    std::optional<HttpReport> http;
    std::optional<IcmpReport> icmp;
    bool ok() const;
};

struct CheckOptions {
    std::uint32_t count = 4;
    Milliseconds timeout{5000};  // per connect
    Milliseconds within{20'000}; // everything
};

CheckReport check(const CheckTarget& target, const CheckOptions& options, Deadline deadline);
std::vector<CheckReport> check_all(const std::vector<CheckTarget>& targets, const CheckOptions& options);

} // namespace sluice::probe
