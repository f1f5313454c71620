#include "agent/host_sampler.hpp"

#include "base/file.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <cstdlib>
#include <dirent.h>
#include <sys/resource.h>
#include <vector>

namespace sluice::agent {

namespace {

std::vector<std::string_view> words(std::string_view line)
{
    std::vector<std::string_view> out;
    for (const auto word : split(line, ' ')) {
        if (!trim(word).empty()) out.push_back(trim(word));
    }
    return out;
}

std::uint64_t number(std::string_view text) { return static_cast<std::uint64_t>(std::max<std::int64_t>(0, parse_int(text).value_or(0))); }

std::uint64_t open_descriptors(const std::string& folder)
{
    DIR* handle = ::opendir(folder.c_str());
    if (handle == nullptr) return 0;
    std::uint64_t count = 0;
    while (::readdir(handle) != nullptr) ++count;
    ::closedir(handle);
    return count > 3 ? count - 3 : 0; // ".", ".." and the handle itself
}

} // namespace

CpuTimes parse_cpu(std::string_view proc_stat)
{
    CpuTimes times;
    const auto line = words(proc_stat.substr(0, proc_stat.find('\n')));
    if (line.size() < 5 || line[0] != "cpu") return times;
    // user nice system idle iowait irq softirq steal; guest time is part of user already.
    for (std::size_t i = 1; i < std::min<std::size_t>(line.size(), 9); ++i) {
        const auto value = number(line[i]);
        times.total += value;
        if (i != 4 && i != 5) times.busy += value;
    }
    return times;
}

Memory parse_memory(std::string_view meminfo)
{
    Memory memory;
    for (const auto line : split(meminfo, '\n')) {
        const auto parts = words(line);
        if (parts.size() < 2) continue;
        if (parts[0] == "MemTotal:") memory.total = number(parts[1]) * 1024;
        if (parts[0] == "MemAvailable:") memory.available = number(parts[1]) * 1024;
    }
    return memory;
}

Network parse_network(std::string_view net_dev)
{
    Network network;
    for (const auto line : split(net_dev, '\n')) {
        const auto colon = line.find(':');
        if (colon == std::string_view::npos || trim(line.substr(0, colon)) == "lo") continue;
        const auto values = words(line.substr(colon + 1));
        if (values.size() < 9) continue;
        network.received += number(values[0]);
        network.transmitted += number(values[8]);
    }
    return network;
}

plan::HostSample HostSampler::take()
{
    const auto text = [this](const char* name) { return read_file(proc_ + name, 1024 * 1024).value_or(""); };
    plan::HostSample sample;
    sample.taken = clock_.wall();
    const auto cpu = parse_cpu(text("/stat"));
    {
        const std::lock_guard lock(mutex_);
        const auto total = cpu.total - std::min(cpu.total, last_cpu_.total);
        const auto busy = cpu.busy - std::min(cpu.busy, last_cpu_.busy);
        if (total > 0) sample.cpu_percent = std::clamp(100.0 * static_cast<double>(busy) / static_cast<double>(total), 0.0, 100.0);
        last_cpu_ = cpu;
    }
    const auto memory = parse_memory(text("/meminfo"));
    sample.memory_total = memory.total;
    sample.memory_used = memory.total - std::min(memory.total, memory.available);
    if (memory.total > 0) sample.memory_percent = 100.0 * static_cast<double>(sample.memory_used) / static_cast<double>(memory.total);
    const auto network = parse_network(text("/net/dev"));
    sample.received = network.received;
    sample.transmitted = network.transmitted;
    sample.uptime_seconds = static_cast<std::uint64_t>(std::max(0.0, std::strtod(text("/uptime").c_str(), nullptr)));
    sample.load_1 = std::max(0.0, std::strtod(text("/loadavg").c_str(), nullptr));
    sample.open_descriptors = open_descriptors(proc_ + "/self/fd");
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) sample.descriptor_limit = limit.rlim_cur;
    return sample;
}

} // namespace sluice::agent
