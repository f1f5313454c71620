#include "api/http/front.hpp"

#include "base/log.hpp"

#include <algorithm>
#include <exception>

namespace sluice::http {

namespace {

// Waited for on the loop, finished there too: the worker only posts.
struct Crossing {
    explicit Crossing(const asio::any_io_executor& loop) : done(loop, asio::steady_timer::time_point::max()) {}
    asio::steady_timer done;
    bool finished = false;
};

} // namespace

IpAddress counting_unit(const IpAddress& address)
{
    if (!address.is_v6()) return address;
    auto bytes = address.bytes();
    std::fill(bytes.begin() + 8, bytes.end(), std::uint8_t{0});
    return IpAddress::from_v6(bytes);
}

net::awaitable<bool> on_worker(asio::any_io_executor loop, WorkerPool& workers, std::function<void()> work, bool always)
{
    auto crossing = std::make_shared<Crossing>(loop);
    std::function<void()> task = [loop, crossing, work = std::move(work)]() mutable {
        try {
            work();
        } catch (const std::exception& problem) {
            log::error("worker task failed", {{"problem", problem.what()}});
        } catch (...) {
            log::error("worker task failed");
        }
        work = nullptr;
        // Moved, so that the timer never dies on a worker: the loop may be gone by the time this task is.
        asio::post(loop, [crossing = std::move(crossing)] {
            crossing->finished = true;
            crossing->done.cancel();
        });
    };
    const bool taken = always ? workers.submit_always(std::move(task)) : workers.submit(std::move(task));
    if (!taken) co_return false;
    while (!crossing->finished) {
        auto [ignored] = co_await crossing->done.async_wait(net::as_result);
        (void)ignored;
    }
    co_return true;
}

} // namespace sluice::http
