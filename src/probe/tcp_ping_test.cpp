// TCP connects against real sockets on loopback: each way of failing, the arithmetic of loss, and the one deadline.
#include "probe/tcp_ping.hpp"
#include "probe/testing.hpp"

#include <chrono>
#include <doctest/doctest.h>
#include <mutex>
#include <string>

using namespace sluice;
using namespace sluice::probe;
using namespace sluice::probe::testing;
using plan::ProbeFault;
using plan::TcpPingRequest;
using plan::TcpPingResult;

namespace {

constexpr Milliseconds plenty{60'000};

TcpPingRequest ask(std::string host, std::uint16_t port, std::uint32_t count = 3)
{
    TcpPingRequest request;
    request.target = HostPort{std::move(host), port};
    request.count = count;
    request.pause = Milliseconds{1};
    return request;
}

TcpPingResult ping(const TcpPingRequest& request, Milliseconds deadline = plenty)
{
    auto results = tcp_ping_all({request}, deadline);
    REQUIRE(results.size() == 1);
    CHECK(results[0].target == request.target);
    return results[0];
}

void check_total_failure(const TcpPingResult& result)
{
    CHECK_FALSE(result.success);
    CHECK(result.loss_percent == 100);
    CHECK(result.average_ms == 0);
    CHECK(result.minimum_ms == 0);
    CHECK(result.maximum_ms == 0);
    CHECK(result.jitter_ms == 0);
    CHECK(result.fault != ProbeFault::none);
    CHECK_FALSE(result.detail.empty());
}

} // namespace

TEST_CASE("a listening target succeeds, with as many connects as asked")
{
    OpenServer server;
    const auto result = ping(ask("127.0.0.1", server.port(), 5));
    CHECK(result.success);
    CHECK(result.loss_percent == 0);
    CHECK(result.fault == ProbeFault::none);
    CHECK(result.resolved == "127.0.0.1");
    CHECK(result.minimum_ms > 0);
    CHECK(result.minimum_ms <= result.average_ms);
    CHECK(result.average_ms <= result.maximum_ms);
    CHECK(result.jitter_ms >= 0);
    CHECK(result.jitter_ms <= result.maximum_ms - result.minimum_ms);
    CHECK(eventually([&] { return server.accepted() == 5; }));
}

TEST_CASE("a refused connect is total loss without times")
{
    const RefusingPort port;
    const auto result = ping(ask("127.0.0.1", port.port()));
    check_total_failure(result);
    CHECK(result.fault == ProbeFault::refused);
    CHECK(result.resolved == "127.0.0.1");
}

TEST_CASE("a target that does not answer is timed out after its own limit")
{
    const SilentPort port;
    auto request = ask("127.0.0.1", port.port(), 2);
    request.connect_timeout = Milliseconds{100};
    const auto result = ping(request);
    check_total_failure(result);
    CHECK(result.fault == ProbeFault::timed_out);
}

TEST_CASE("the deadline ends a probe whatever its own limits say")
{
    const SilentPort port;
    auto request = ask("127.0.0.1", port.port(), 20);
    request.connect_timeout = Milliseconds{60'000};
    const auto begin = std::chrono::steady_clock::now();
    const auto result = ping(request, Milliseconds{300});
    // Twenty connects of a minute each would take twenty minutes.
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(50));
    check_total_failure(result);
    CHECK(result.fault == ProbeFault::timed_out);
}

TEST_CASE("probes run beside each other and answer in the order asked")
{
    const SilentPort silent;
    const RefusingPort refusing;
    OpenServer server;
    std::vector<TcpPingRequest> requests;
    for (int i = 0; i < 12; ++i) {
        requests.push_back(ask("127.0.0.1", silent.port(), 1));
        requests.push_back(ask("127.0.0.1", refusing.port(), 1));
        requests.push_back(ask("127.0.0.1", server.port(), 1));
    }
    for (std::size_t i = 0; i < requests.size(); i += 3) requests[i].connect_timeout = Milliseconds{500};
    const auto results = tcp_ping_all(requests, plenty);
    REQUIRE(results.size() == requests.size());
    for (std::size_t i = 0; i < results.size(); i += 3) {
        CHECK(results[i].fault == ProbeFault::timed_out);
        CHECK(results[i + 1].fault == ProbeFault::refused);
        CHECK(results[i + 2].success);
    }
}

TEST_CASE("more probes than threads are all answered")
{
    OpenServer server;
    const std::vector<TcpPingRequest> requests(150, ask("127.0.0.1", server.port(), 1));
    const auto results = tcp_ping_all(requests, plenty);
    REQUIRE(results.size() == 150);
    for (const auto& result : results) CHECK(result.success);
    CHECK(tcp_ping_all({}, plenty).empty());
}

TEST_CASE("when the deadline passes, every request still has an answer that says so")
{
    const SilentPort silent;
    std::vector<TcpPingRequest> requests(100, ask("127.0.0.1", silent.port(), 20));
    for (auto& request : requests) request.connect_timeout = Milliseconds{60'000};
    const auto results = tcp_ping_all(requests, Milliseconds{200});
    REQUIRE(results.size() == 100);
    for (const auto& result : results) {
        check_total_failure(result);
        CHECK(result.fault == ProbeFault::timed_out);
    }
}

TEST_CASE("localhost resolves on every system, for whichever family listens")
{
    OpenServer server;
    const auto result = ping(ask("localhost", server.port(), 1));
    CHECK(result.success);
    CHECK(result.resolved == "127.0.0.1");
}

TEST_CASE("a name that does not exist is told apart from a host that does not answer")
{
    // Reserved by RFC 2606; a machine without a resolver may only time out.
    const auto result = ping(ask("no-such-host.invalid", 80, 1), Milliseconds{15'000});
    check_total_failure(result);
    const bool told = result.fault == ProbeFault::name_not_found || result.fault == ProbeFault::timed_out;
    CHECK(told);
    CHECK(result.resolved.empty());
}

TEST_CASE("through a listener, a connection that is dropped at once is a failure")
{
    const Server closing([](Socket, int) {});
    auto request = ask("127.0.0.1", closing.port(), 1);
    request.through_listener = true;
    TcpPingResult result;
    CHECK(eventually([&] {
        result = ping(request);
        return result.fault == ProbeFault::closed_early;
    }));
    check_total_failure(result);
}

TEST_CASE("through a listener, a reset is a failure")
{
    const Server resetting([](Socket connection, int) {
        const linger now{1, 0};
        ::setsockopt(connection.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    });
    auto request = ask("127.0.0.1", resetting.port(), 1);
    request.through_listener = true;
    TcpPingResult result;
    CHECK(eventually([&] {
        result = ping(request);
        return result.fault == ProbeFault::closed_early;
    }));
    check_total_failure(result);
}

TEST_CASE("through a listener, an open connection is a success, whether its peer speaks or not")
{
    OpenServer silent;
    auto request = ask("127.0.0.1", silent.port(), 1);
    request.through_listener = true;
    CHECK(ping(request).success);

    const Server speaking([](Socket connection, int) { CHECK(::send(connection.get(), "220 hello\r\n", 11, MSG_NOSIGNAL) == 11); });
    request.target.port = speaking.port();
    CHECK(ping(request).success);
}

TEST_CASE("through a listener, many connects wait for their relay together")
{
    OpenServer silent;
    auto request = ask("127.0.0.1", silent.port(), 20);
    request.through_listener = true;
    // One after another they would need 20 times the patience, far more than this deadline; those cut off would be losses.
    const auto result = ping(request, Milliseconds{10'000});
    CHECK(result.success);
    CHECK(result.loss_percent == 0);
    CHECK(eventually([&] { return silent.accepted() == 20; }));
}

TEST_CASE("a direct connect that is closed afterwards is still a success")
{
    const Server closing([](Socket, int) {});
    CHECK(ping(ask("127.0.0.1", closing.port(), 2)).success);
}

TEST_CASE("loss is the share of connects that failed")
{
    std::vector<Socket> kept;
    const Server every_other([&kept](Socket connection, int number) {
        if (number % 2 == 0) kept.push_back(std::move(connection));
    });
    auto request = ask("127.0.0.1", every_other.port(), 4);
    request.through_listener = true;
    TcpPingResult result;
    CHECK(eventually([&] {
        result = ping(request);
        return result.loss_percent == 50;
    }));
    CHECK(result.success);
    CHECK(result.fault == ProbeFault::closed_early);
    CHECK(result.average_ms > 0);
}

TEST_CASE("outgoing connects come from the address that was asked for")
{
    std::mutex mutex;
    std::string seen;
    std::vector<Socket> kept; // a connection that the probe has reset already has no peer to name
    const Server server([&](Socket connection, int) {
        sockaddr_in peer{};
        socklen_t length = sizeof peer;
        ::getpeername(connection.get(), reinterpret_cast<sockaddr*>(&peer), &length);
        std::array<char, INET_ADDRSTRLEN> text{};
        const std::lock_guard lock(mutex);
        seen = ::inet_ntop(AF_INET, &peer.sin_addr, text.data(), text.size());
        kept.push_back(std::move(connection));
    });
    auto request = ask("127.0.0.1", server.port(), 1);
    request.egress_interface = "127.0.0.9";
    request.through_listener = true; // stays open while the server looks
    CHECK(ping(request).success);
    for (;;) {
        const std::lock_guard lock(mutex);
        if (!seen.empty()) break;
    }
    CHECK(seen == "127.0.0.9");
}

TEST_CASE("an egress that this host does not have is said, not ignored")
{
    OpenServer server;
    auto request = ask("127.0.0.1", server.port(), 1);
    request.egress_interface = "192.0.2.77";
    check_total_failure(ping(request));
    request.egress_interface = "no-such-if0";
    check_total_failure(ping(request));
    CHECK(server.accepted() == 0);
}

TEST_CASE("a count outside of 1 to 20 is refused without a connect")
{
    OpenServer server;
    for (const std::uint32_t count : {0U, 21U, 1000U}) {
        const auto result = ping(ask("127.0.0.1", server.port(), count));
        check_total_failure(result);
        CHECK(result.fault == ProbeFault::bad_target);
    }
    CHECK(server.accepted() == 0);
}
