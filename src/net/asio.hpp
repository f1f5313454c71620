// asio with the names that our coroutines use. Heavy: included by sources and by headers of sockets, never by headers of values.
#pragma once

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/experimental/as_tuple.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>

#include <system_error>

namespace sluice::net {

using asio::awaitable;
using std::error_code;
using tcp = asio::ip::tcp;

// `auto [problem, n] = co_await thing.async_op(..., as_result)`: errors are data, nothing is thrown.
inline constexpr asio::experimental::as_tuple_t<asio::use_awaitable_t<>> as_result{};

} // namespace sluice::net
