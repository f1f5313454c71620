#include "agent/host_sampler.hpp"

#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>

namespace sluice::agent {

TEST_CASE("processor time is split into busy and idle")
{
    const auto times = parse_cpu("cpu  100 20 30 400 50 6 7 8 90 10\ncpu0 1 2 3 4 5 6 7 8 9 10\n");
    CHECK(times.total == 100 + 20 + 30 + 400 + 50 + 6 + 7 + 8); // guest time is in user already
    CHECK(times.busy == 100 + 20 + 30 + 6 + 7 + 8);             // waiting for a disk is not work
    CHECK(parse_cpu("").total == 0);
    CHECK(parse_cpu("cpu0 1 2 3 4 5").total == 0);
    CHECK(parse_cpu("cpu 1 2").total == 0);
    CHECK(parse_cpu("cpu a b c d e").total == 0);
}

TEST_CASE("memory is what the kernel says is available, in bytes")
{
    const auto memory = parse_memory("MemTotal:       16384 kB\nMemFree:         1 kB\nMemAvailable:    4096 kB\n");
    CHECK(memory.total == 16384ULL * 1024);
    CHECK(memory.available == 4096ULL * 1024);
    CHECK(parse_memory("nonsense").total == 0);
    CHECK(parse_memory("MemTotal:").total == 0);
}

TEST_CASE("network bytes are those of every device but loopback")
{
    const auto network = parse_network("Inter-|   Receive                                                |  Transmit\n"
                                       " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets\n"
                                       "    lo: 999 1 0 0 0 0 0 0 999 1 0 0 0 0 0 0\n"
                                       "  eth0: 1000 1 0 0 0 0 0 0 2000 1 0 0 0 0 0 0\n"
                                       "wlan0:500 1 0 0 0 0 0 0 70 1 0 0 0 0 0 0\n"
                                       "bad0: 5\n");
    CHECK(network.received == 1500);
    CHECK(network.transmitted == 2070);
    CHECK(parse_network("").received == 0);
}

TEST_CASE("a sample is the difference since the last one, and what cannot be read is zero")
{
    std::string folder = (std::filesystem::temp_directory_path() / "sluice-proc-XXXXXX").string();
    REQUIRE(::mkdtemp(folder.data()) != nullptr);
    const auto write = [&](const char* name, const char* text) { std::ofstream(folder + name) << text; };
    HeldClock clock;
    HostSampler sampler(clock, folder);
    const auto nothing = sampler.take();
    CHECK(nothing.cpu_percent == 0);
    CHECK(nothing.memory_total == 0);
    CHECK(nothing.memory_percent == 0);
    CHECK(nothing.uptime_seconds == 0);
    write("/stat", "cpu 100 0 0 100 0 0 0 0\n");
    write("/meminfo", "MemTotal: 1000 kB\nMemAvailable: 250 kB\n");
    write("/uptime", "123.45 200.00\n");
    write("/loadavg", "1.50 1.00 0.50 1/100 999\n");
    CHECK(sampler.take().cpu_percent == doctest::Approx(50));
    write("/stat", "cpu 175 0 0 125 0 0 0 0\n");
    const auto sample = sampler.take();
    CHECK(sample.cpu_percent == doctest::Approx(75));
    CHECK(sample.memory_percent == doctest::Approx(75));
    CHECK(sample.memory_used == 750ULL * 1024);
    CHECK(sample.uptime_seconds == 123);
    CHECK(sample.load_1 == doctest::Approx(1.5));
    write("/stat", "cpu 10 0 0 10 0 0 0 0\n"); // counters that went back are not a load of 400 %
    const auto back = sampler.take();
    CHECK(back.cpu_percent >= 0);
    CHECK(back.cpu_percent <= 100);
    std::filesystem::remove_all(folder);
}

} // namespace sluice::agent
