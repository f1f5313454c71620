#include "api/http/server.hpp"

#include "api/http/connection.hpp"
#include "api/http/standard_headers.hpp"
#include "api/http/trusted_proxies.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "net/listener.hpp"
#include "net/tls_context.hpp"

#include <cerrno>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <pthread.h>
#include <thread>
#include <unistd.h>
#include <unordered_map>

namespace sluice::http {

namespace {

constexpr Milliseconds accept_pause{50}; // after the system refused a descriptor or memory

} // namespace

class Server::Impl {
public:
    Impl(const ServerOptions& options, const Router& router, WorkerPool& workers, std::shared_ptr<net::TlsContext> tls, std::span<const Asset> assets)
        : front_(options, router, workers, std::move(tls), assets, options.clock ? *options.clock : system_clock_), sweeper_(loop_)
    {
        front_.trusted = front_.options.trusted_proxies;
        front_.request_prefix = random_hex(3) + '-';
        front_.forget = [this](Connection& connection) { forget(connection); };
        refresh();
    }

    Result<void> listen();
    void start();
    bool drain(Milliseconds deadline);
    void stop();

    Front& front() { return front_; }
    const std::vector<Endpoint>& endpoints() const { return endpoints_; }
    void post(std::function<void()> work) { asio::post(loop_, std::move(work)); }

private:
    net::awaitable<void> accept_on(net::tcp::acceptor& acceptor);
    net::awaitable<void> sweep_regularly();
    void admit(net::tcp::socket socket);
    bool make_room();
    void forget(Connection& connection);
    void close_acceptors();
    bool worth_a_line(); // a flood of connections must not become a flood of log lines
    void refresh();      // what is looked up once per sweep instead of per request
    bool wait_until_empty(std::optional<Milliseconds> deadline);

    SystemClock system_clock_;
    asio::io_context loop_{1};
    // Until stop(): a loop that ran out of work after draining would not hear what is posted to it.
    std::optional<asio::executor_work_guard<asio::io_context::executor_type>> stay_;
    Front front_;
    std::vector<Endpoint> endpoints_;

    // Loop only.
    std::vector<net::tcp::acceptor> acceptors_;
    asio::steady_timer sweeper_;
    bool closing_ = false;
    std::unordered_map<Connection*, std::shared_ptr<Connection>> connections_;
    std::map<IpAddress, std::size_t> per_address_;
    std::optional<SteadyTime> last_line_;

    std::mutex mutex_; // guards the next two
    std::condition_variable emptied_;
    std::size_t open_ = 0; // connections_.size(), for those who wait on other threads

    std::thread thread_;
};

Result<void> Server::Impl::listen()
{
    std::vector<net::tcp::acceptor> acceptors;
    std::vector<Endpoint> endpoints;
    for (const auto& endpoint : front_.options.listen) {
        auto listening = net::listen_tcp(endpoint);
        if (!listening) return listening.error(); // those before it close themselves
        acceptors.emplace_back(loop_);
        net::error_code problem;
        acceptors.back().assign(endpoint.address.is_v6() ? net::tcp::v6() : net::tcp::v4(), listening->descriptor, problem);
        if (problem) {
            ::close(listening->descriptor);
            return make_error(Errc::unavailable, "listen", endpoint.to_text() + ": " + problem.message(), {endpoint.to_text()});
        }
        endpoints.push_back(listening->local);
    }
    acceptors_ = std::move(acceptors);
    endpoints_ = std::move(endpoints);
    return {};
}

void Server::Impl::start()
{
    for (auto& acceptor : acceptors_) asio::co_spawn(loop_, accept_on(acceptor), asio::detached);
    asio::co_spawn(loop_, sweep_regularly(), asio::detached);
    stay_.emplace(loop_.get_executor());
    thread_ = std::thread([this] { loop_.run(); });
    ::pthread_setname_np(thread_.native_handle(), "front");
}

net::awaitable<void> Server::Impl::accept_on(net::tcp::acceptor& acceptor)
{
    asio::steady_timer pause(loop_);
    while (!closing_) {
        auto [problem, socket] = co_await acceptor.async_accept(net::as_result);
        if (closing_) co_return;
        if (!problem) {
            admit(std::move(socket));
            continue;
        }
        const bool exhausted = problem.value() == EMFILE || problem.value() == ENFILE || problem.value() == ENOBUFS || problem.value() == ENOMEM;
        if (!exhausted && problem.value() != ECONNABORTED) log::warning("accept failed", {{"problem", problem.message()}});
        if (exhausted) ++front_.exhausted;
        if (exhausted && worth_a_line()) log::error("no descriptor for a new connection", {{"problem", problem.message()}});
        pause.expires_after(accept_pause);
        auto [ignored] = co_await pause.async_wait(net::as_result);
        (void)ignored;
    }
}

void Server::Impl::admit(net::tcp::socket socket)
{
    const auto& limits = front_.options.limits;
    auto connection = std::make_shared<Connection>(front_, std::move(socket));
    auto& of_address = per_address_[connection->counted_as()];
    const auto& peer = connection->peer_address();
    const bool exempt = is_trusted(peer, front_.options.uncapped) || is_trusted(peer, front_.trusted);
    const bool too_many_here = of_address >= limits.connections_per_address && !exempt;
    const bool too_many = !too_many_here && connections_.size() >= limits.connections && !make_room();
    if (too_many || too_many_here) {
        if (of_address == 0) per_address_.erase(connection->counted_as());
        ++front_.refused_connections;
        if (worth_a_line())
            log::warning("too many connections", {{"open", connections_.size()}, {"address", too_many ? "" : connection->counted_as().to_text()}});
        return; // closed by its destructor
    }
    ++of_address;
    ++front_.accepted;
    connections_.emplace(connection.get(), connection);
    front_.connections = connections_.size();
    {
        const std::lock_guard lock(mutex_);
        open_ = connections_.size();
    }
    asio::co_spawn(loop_, Connection::run(std::move(connection)), asio::detached);
}

bool Server::Impl::make_room()
{
    if (front_.waiting.empty()) return false; // everybody is being answered
    front_.waiting.front()->give_way();
    ++front_.evicted;
    return true;
}

void Server::Impl::forget(Connection& connection)
{
    if (const auto found = per_address_.find(connection.counted_as()); found != per_address_.end() && --found->second == 0) per_address_.erase(found);
    connections_.erase(&connection); // its coroutine still holds it
    front_.connections = connections_.size();
    if (closing_ && connections_.empty()) sweeper_.cancel();
    const std::lock_guard lock(mutex_);
    open_ = connections_.size();
    if (open_ == 0) emptied_.notify_all();
}

bool Server::Impl::worth_a_line()
{
    const auto now = front_.clock.steady();
    if (last_line_ && now - *last_line_ < Seconds{10}) return false;
    last_line_ = now;
    return true;
}

void Server::Impl::refresh()
{
    front_.date = http_date(front_.clock.wall());
    front_.hsts = front_.options.hsts && front_.tls && !front_.tls->info().self_signed;
}

net::awaitable<void> Server::Impl::sweep_regularly()
{
    while (!closing_ || !connections_.empty()) {
        sweeper_.expires_after(front_.options.limits.sweep_every);
        auto [ignored] = co_await sweeper_.async_wait(net::as_result);
        (void)ignored;
        refresh();
        const auto now = front_.clock.steady();
        // Nothing is erased during the walk: a connection that is told to end does so when its coroutine next runs.
        for (const auto& [key, connection] : connections_) connection->sweep(now);
    }
}

void Server::Impl::close_acceptors()
{
    closing_ = true;
    net::error_code ignored;
    for (auto& acceptor : acceptors_) acceptor.close(ignored);
    sweeper_.cancel();
}

bool Server::Impl::wait_until_empty(std::optional<Milliseconds> deadline)
{
    std::unique_lock lock(mutex_);
    const auto empty = [this] { return open_ == 0; };
    if (deadline) return emptied_.wait_for(lock, *deadline, empty);
    emptied_.wait(lock, empty);
    return true;
}

bool Server::Impl::drain(Milliseconds deadline)
{
    if (!thread_.joinable()) return true;
    std::mutex told_mutex;
    std::condition_variable told_changed;
    bool told = false;
    post([&] {
        front_.draining = true;
        close_acceptors();
        for (const auto& [key, connection] : connections_) connection->drain();
        const std::lock_guard lock(told_mutex);
        told = true;
        told_changed.notify_all();
    });
    {
        std::unique_lock lock(told_mutex);
        told_changed.wait(lock, [&] { return told; });
    }
    return wait_until_empty(deadline);
}

void Server::Impl::stop()
{
    if (!thread_.joinable()) return;
    post([this] {
        front_.draining = true;
        close_acceptors();
        for (const auto& [key, connection] : connections_) connection->cut();
        stay_.reset();
    });
    thread_.join(); // the loop ends when the last connection has left and nothing waits any more
}

std::vector<Cidr> loopback_networks() { return {*Cidr::parse("127.0.0.0/8"), *Cidr::parse("::1/128")}; }

Server::Server(const ServerOptions& options, const Router& router, WorkerPool& workers, std::shared_ptr<net::TlsContext> tls,
               std::span<const Asset> assets)
    : impl_(std::make_unique<Impl>(options, router, workers, std::move(tls), assets))
{
}

Server::~Server() { stop(); }

Result<void> Server::listen() { return impl_->listen(); }

void Server::start() { impl_->start(); }

std::vector<Endpoint> Server::endpoints() const { return impl_->endpoints(); }

void Server::set_trusted_proxies(std::vector<Cidr> proxies)
{
    impl_->post([impl = impl_.get(), proxies = std::move(proxies)] { impl->front().trusted = proxies; });
}

void Server::set_page_origin(std::string origin)
{
    impl_->post([impl = impl_.get(), origin = std::move(origin)] { impl->front().page_origin = origin; });
}

bool Server::drain(Milliseconds deadline) { return impl_->drain(deadline); }

void Server::stop() { impl_->stop(); }

ServerCounters Server::counters() const
{
    const auto& front = impl_->front();
    return {front.accepted,     front.refused_connections, front.evicted,   front.exhausted,   front.requests,
            front.bad_requests, front.overloaded,          front.timed_out, front.connections, front.websockets};
}

} // namespace sluice::http
