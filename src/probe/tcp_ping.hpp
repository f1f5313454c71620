// Does a TCP target answer, and how fast? Real connects with deadlines, many targets at a time on a bounded number of threads.
#pragma once

#include "plan/probe.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace sluice::probe {

using Deadline = std::chrono::steady_clock::time_point;

// Addresses of a name within the deadline; empty when it does not resolve. getaddrinfo cannot be interrupted, so it runs on a thread that is
// left behind when it is late (a bounded number of them). `localhost` is known without a resolver.
std::vector<Endpoint> lookup(const HostPort& name, Deadline deadline);

// Blocks until done or the deadline. A request outside its limits is ProbeFault::bad_target.
plan::TcpPingResult tcp_ping(const plan::TcpPingRequest& request, Deadline deadline);

// All requests in parallel, answers in their order, none later than `within`.
std::vector<plan::TcpPingResult> tcp_ping_all(const std::vector<plan::TcpPingRequest>& requests, Milliseconds within);

// Runs `work(i)` for each index on at most `threads` threads; returns when all are done.
void in_parallel(std::size_t count, std::size_t threads, const std::function<void(std::size_t)>& work);

// A connected, non-blocking socket, or -1 and what went wrong. `took_ms` is the time of the handshake.
int connect_within(const Endpoint& to, const std::string& egress, Deadline deadline, double& took_ms, plan::ProbeFault& fault, std::string& detail);

} // namespace sluice::probe
