// What this host is doing: processor, memory, network, from proc. What cannot be read is zero, never an error.
#pragma once

#include "base/time.hpp"
#include "plan/report.hpp"

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

namespace sluice::agent {

// Pure readers of the files' texts.
struct CpuTimes {
    std::uint64_t busy = 0; // jiffies
    std::uint64_t total = 0;
};
CpuTimes parse_cpu(std::string_view proc_stat);
struct Memory {
    std::uint64_t total = 0; // bytes
    std::uint64_t available = 0;
};
Memory parse_memory(std::string_view meminfo);
struct Network {
    std::uint64_t received = 0;
    std::uint64_t transmitted = 0;
};
Network parse_network(std::string_view net_dev); // without loopback

// Thread-safe.
class HostSampler {
public:
    explicit HostSampler(const Clock& clock, std::string proc = "/proc") : clock_(clock), proc_(std::move(proc)) {}
    plan::HostSample take(); // cpu_percent is over the time since the previous call

private:
    const Clock& clock_;
    const std::string proc_;
    std::mutex mutex_; // guards last_cpu_
    CpuTimes last_cpu_;
};

} // namespace sluice::agent
