#include "probe/checks.hpp"

#include "net/certificate.hpp"
#include "probe/testing.hpp"

#include <openssl/ssl.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>

namespace sluice::probe {

using namespace testing;

namespace {

constexpr Milliseconds generous{60'000};

// OpenSSL writes with write(2); the program ignores the signal, too.
const auto ignore_broken_pipes = std::signal(SIGPIPE, SIG_IGN);

CheckTarget target(const std::string& text) { return parse_target(text).value(); }

std::string at(const char* scheme, std::uint16_t port, const char* host = "127.0.0.1")
{
    return std::string{scheme} + "://" + host + ":" + std::to_string(port);
}

CheckReport check_one(const std::string& text, Milliseconds timeout = generous)
{
    CheckOptions options;
    options.count = 1;
    options.timeout = timeout;
    options.within = timeout;
    return check_all({target(text)}, options).at(0);
}

// The report once the part of it that comes before `what` had time enough; the silence that it is about takes all the time there is.
template <class What>
CheckReport given_up(const std::string& text, What what)
{
    CheckReport report;
    Milliseconds within{300};
    CHECK(eventually([&] {
        report = check_one(text, within);
        within *= 2;
        return what(report);
    }));
    return report;
}

// What the first read on the connection gives; then the answer is sent and the connection closed.
void serve_http(const Socket& connection, std::string_view answer)
{
    std::array<char, 4096> request{};
    if (::recv(connection.get(), request.data(), request.size(), 0) > 0) ::send(connection.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
}

// Speaks TLS with a certificate of its own for these names, and HTTP inside.
class TlsServer {
public:
    TlsServer(std::vector<std::string> names, std::vector<IpAddress> addresses, std::string answer = "HTTP/1.1 204 No Content\r\n\r\n")
        : pair_(net::make_self_signed_pair(names, addresses, SystemClock{}.wall())),
          context_(net::make_server_context(net::parse_credentials(pair_.certificates, pair_.key).value()).value()),
          answer_(std::move(answer)),
          server_([this](Socket connection, int) { serve(connection); })
    {
    }
    std::uint16_t port() const { return server_.port(); }
    const std::string& certificate() const { return pair_.certificates; }

private:
    void serve(const Socket& connection)
    {
        const std::unique_ptr<SSL, decltype(&SSL_free)> session(SSL_new(context_.get()), &SSL_free);
        SSL_set_fd(session.get(), connection.get());
        if (SSL_accept(session.get()) != 1) return;
        std::array<char, 4096> request{};
        if (SSL_read(session.get(), request.data(), static_cast<int>(request.size())) > 0)
            SSL_write(session.get(), answer_.data(), static_cast<int>(answer_.size()));
        SSL_shutdown(session.get());
    }

    net::PemPair pair_;
    std::shared_ptr<ssl_ctx_st> context_;
    std::string answer_;
    Server server_;
};

// Makes this host trust one certificate while the test runs.
class Trusting {
public:
    explicit Trusting(const std::string& certificate)
    {
        REQUIRE(::mkdtemp(folder_.data()) != nullptr);
        std::ofstream(folder_ + "/ca.pem") << certificate;
        ::setenv("SSL_CERT_FILE", (folder_ + "/ca.pem").c_str(), 1);
    }
    ~Trusting()
    {
        ::unsetenv("SSL_CERT_FILE");
        std::filesystem::remove_all(folder_);
    }
    Trusting(const Trusting&) = delete;
    Trusting& operator=(const Trusting&) = delete;

private:
    std::string folder_ = (std::filesystem::temp_directory_path() / "sluice-trust-XXXXXX").string();
};

} // namespace

TEST_CASE("a target says what to check, where, and by which port")
{
    CHECK(target("tcp://example.org:25").scheme == Scheme::tcp);
    CHECK(target("example.org:25").where == HostPort{"example.org", 25});
    CHECK(target("tls://example.org").where == HostPort{"example.org", 443});
    CHECK(target("tls://example.org:8443").where.port == 8443);
    CHECK(target("https://example.org/a/b?c=d").path == "/a/b?c=d");
    CHECK(target("https://example.org").path == "/");
    CHECK(target("http://[2001:db8::1]/x").where == HostPort{"2001:db8::1", 80});
    CHECK(target("icmp://[2001:db8::1]").where.host == "2001:db8::1");
    CHECK(target("icmp://example.org").scheme == Scheme::icmp);
}

TEST_CASE("what is not a target is refused")
{
    for (const auto* text :
         {"", "example.org", "tcp://example.org", "tcp://example.org:0", "tcp://example.org:99999", "ftp://example.org:21", "tcp://a:1/path",
          "http://exa mple.org/", "http://example.org/a b", "http://example.org/\r\nHost: x", "icmp://", "icmp://a b", "tls://:443"}) {
        INFO(text);
        const auto parsed = parse_target(text);
        REQUIRE_FALSE(parsed);
        CHECK(parsed.error().code == Errc::invalid);
        CHECK(parsed.error().field == "target");
    }
}

TEST_CASE("a TCP target that answers is well, with its address and its time")
{
    const OpenServer server;
    const auto report = check_one(at("tcp", server.port()));
    CHECK(report.ok());
    CHECK(report.addresses == std::vector<std::string>{"127.0.0.1"});
    CHECK(report.tcp.success);
    CHECK(report.tcp.loss_percent == 0);
    CHECK_FALSE(report.tls);
    CHECK_FALSE(report.http);
}

TEST_CASE("a target that refuses, or has no address, is unwell and says why")
{
    const RefusingPort nobody;
    const auto refused = check_one(at("https", nobody.port()));
    CHECK_FALSE(refused.ok());
    CHECK(refused.tcp.fault == plan::ProbeFault::refused);
    CHECK(refused.tcp.loss_percent == 100);
    const auto unknown = check_one("tcp://no-such-name.invalid:80");
    CHECK_FALSE(unknown.ok());
    CHECK(unknown.addresses.empty());
    CHECK(unknown.tcp.fault == plan::ProbeFault::name_not_found);
}

TEST_CASE("HTTP is well when a status comes, whatever it is")
{
    const Server server([](const Socket& connection, int number) {
        if (number % 2 == 1) serve_http(connection, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"); // the first is the ping
    });
    const auto report = check_one(at("http", server.port()));
    REQUIRE(report.http);
    CHECK(report.http->success);
    CHECK(report.http->status == 503);
    CHECK(report.http->first_byte_ms > 0);
    CHECK(report.ok());
}

TEST_CASE("what answers, but not in HTTP, is said to be that")
{
    const auto problem = [](std::string_view answer) {
        const Server server([answer](const Socket& connection, int) { serve_http(connection, answer); });
        const auto report = check_one(at("http", server.port()));
        REQUIRE(report.http);
        CHECK_FALSE(report.ok());
        return report.http->problem;
    };
    CHECK(problem("220 mail.example ESMTP\r\n") == "the answer is not HTTP");
    CHECK(problem("HTTP/1.1 abc\r\n") == "the answer is not HTTP");
    CHECK(problem("") == "no answer");
}

TEST_CASE("an HTTP server that says nothing is given up at the deadline")
{
    const OpenServer server;
    const auto report = given_up(at("http", server.port()), [](const CheckReport& one) { return one.http && one.http->problem == "no answer"; });
    REQUIRE(report.http);
    CHECK_FALSE(report.http->success);
    CHECK(report.http->problem == "no answer");
}

TEST_CASE("TLS is reported with version, cipher, certificate and its remaining days; a stranger's is not trusted")
{
    const TlsServer server({"localhost"}, {IpAddress::parse("127.0.0.1").value()});
    const auto report = check_one(at("tls", server.port()));
    REQUIRE(report.tls);
    CHECK(report.tls->success);
    CHECK(report.ok());
    CHECK(report.tls->version == "TLSv1.3");
    CHECK_FALSE(report.tls->cipher.empty());
    CHECK(report.tls->subject == report.tls->issuer);
    CHECK(report.tls->days_left >= 823);
    CHECK(report.tls->days_left <= 825);
    CHECK(report.tls->expires.find("GMT") != std::string::npos);
    CHECK(report.tls->handshake_ms > 0);
    CHECK_FALSE(report.tls->trusted);
    CHECK_FALSE(report.tls->problem.empty());
}

TEST_CASE("a trusted certificate is trusted only for the name it is for")
{
    const TlsServer server({"localhost"}, {});
    const Trusting trust(server.certificate());
    const auto named = check_one(at("tls", server.port(), "localhost"));
    REQUIRE(named.tls);
    CHECK(named.tls->success);
    INFO(named.tls->problem);
    CHECK(named.tls->trusted);
    const auto other = check_one(at("tls", server.port()));
    REQUIRE(other.tls);
    CHECK(other.tls->success);
    CHECK_FALSE(other.tls->trusted);
    CHECK(other.tls->problem == "the certificate is for another name");
}

TEST_CASE("HTTPS asks through TLS")
{
    const TlsServer server({"localhost"}, {}, "HTTP/1.1 404 Not Found\r\n\r\n");
    const auto report = check_one(at("https", server.port()) + "/status");
    REQUIRE(report.http);
    CHECK(report.http->status == 404);
    CHECK(report.ok());
}

TEST_CASE("a handshake that fails says how")
{
    const auto problem = [](auto serve) {
        const Server server([serve](const Socket& connection, int number) {
            if (number > 0) serve(connection);
        });
        const auto report = check_one(at("https", server.port()));
        REQUIRE(report.tls);
        CHECK_FALSE(report.tls->success);
        CHECK_FALSE(report.http);
        CHECK_FALSE(report.ok());
        return report.tls->problem;
    };
    CHECK(problem([](const Socket&) {}) == "connection closed during the handshake");
    CHECK_FALSE(problem([](const Socket& connection) { serve_http(connection, "HTTP/1.1 400 Bad Request\r\n\r\n"); }).empty());
    const OpenServer silent;
    const auto report =
        given_up(at("tls", silent.port()), [](const CheckReport& one) { return one.tls && one.tls->problem == "no answer to the handshake"; });
    REQUIRE(report.tls);
    CHECK(report.tls->problem == "no answer to the handshake");
}

TEST_CASE("ICMP echo reaches this host where it is permitted, and says so where it is not")
{
    const auto report = check_one("icmp://127.0.0.1");
    REQUIRE(report.icmp);
    if (!report.icmp->permitted) {
        CHECK_FALSE(report.icmp->problem.empty());
        CHECK_FALSE(report.ok());
        return;
    }
    CHECK(report.ok());
    CHECK(report.icmp->loss_percent == 0);
    CHECK(report.icmp->average_ms > 0);
    const auto unknown = check_one("icmp://no-such-name.invalid");
    REQUIRE(unknown.icmp);
    CHECK_FALSE(unknown.ok());
    CHECK(unknown.icmp->loss_percent == 100);
    CHECK(unknown.icmp->problem == "name does not resolve");
}

TEST_CASE("many targets are checked at the same time, in their order")
{
    const OpenServer server;
    const RefusingPort nobody;
    std::vector<CheckTarget> targets;
    for (int i = 0; i < 40; ++i) targets.push_back(target(at("tcp", i % 2 == 0 ? server.port() : nobody.port())));
    CheckOptions options;
    options.count = 1;
    options.within = generous;
    const auto reports = check_all(targets, options);
    REQUIRE(reports.size() == 40);
    for (std::size_t i = 0; i < 40; ++i) CHECK(reports[i].ok() == (i % 2 == 0));
}

} // namespace sluice::probe
