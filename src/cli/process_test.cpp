// Lock, service manager and signals: what ties the process to its surroundings.
#include "base/file.hpp"
#include "base/random.hpp"
#include "cli/data_dir.hpp"
#include "cli/notify.hpp"
#include "cli/signals.hpp"
#include "cli/ticker.hpp"

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace sluice;
using namespace sluice::cli;

namespace {

std::string fresh_path() { return std::filesystem::temp_directory_path().string() + "/sluice-process-" + random_hex(8); }

// The service manager's end.
class Manager {
public:
    Manager() : path_(fresh_path()), socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0))
    {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path_.data(), path_.size());
        REQUIRE(::bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    }
    ~Manager()
    {
        ::close(socket_);
        ::unlink(path_.c_str());
    }
    Manager(const Manager&) = delete;
    Manager& operator=(const Manager&) = delete;
    const std::string& path() const { return path_; }
    std::string heard() const
    {
        pollfd wait{socket_, POLLIN, 0};
        REQUIRE(::poll(&wait, 1, 30'000) == 1);
        std::array<char, 512> text{};
        const auto length = ::recv(socket_, text.data(), text.size(), 0);
        return {text.data(), static_cast<std::size_t>(length)};
    }

private:
    std::string path_;
    int socket_;
};

} // namespace

TEST_CASE("a data directory has one owner at a time and is private")
{
    const auto path = fresh_path() + "/deep";
    {
        const auto first = DataDir::open(path);
        REQUIRE(first);
        struct stat info{};
        REQUIRE(::stat(path.c_str(), &info) == 0);
        CHECK((info.st_mode & 0777) == 0700);
        const auto second = DataDir::open(path);
        REQUIRE_FALSE(second);
        CHECK(second.error().code == Errc::conflict);
        CHECK(second.error().args.at(0).find("in use by process " + std::to_string(::getpid())) != std::string::npos);
    }
    CHECK(DataDir::open(path));
    CHECK(DataDir::open("/proc/nowhere").error().args.at(0).find("/proc/nowhere") != std::string::npos);
    std::filesystem::remove_all(std::filesystem::path(path).parent_path());
}

TEST_CASE("a killed owner leaves the data directory free")
{
    const auto path = fresh_path();
    std::array<int, 2> pipe{};
    REQUIRE(::pipe(pipe.data()) == 0);
    const auto child = ::fork();
    if (child == 0) {
        const auto held = DataDir::open(path);
        const char answer = held ? '+' : '-';
        if (::write(pipe[1], &answer, 1) != 1) ::_exit(1);
        for (;;) ::pause();
    }
    char answer = 0;
    REQUIRE(::read(pipe[0], &answer, 1) == 1);
    CHECK(answer == '+');
    CHECK_FALSE(DataDir::open(path));
    ::kill(child, SIGKILL);
    REQUIRE(::waitpid(child, nullptr, 0) == child);
    CHECK(DataDir::open(path));
    ::close(pipe[0]);
    ::close(pipe[1]);
    std::filesystem::remove_all(path);
}

TEST_CASE("the service manager hears of every step")
{
    const Manager manager;
    const Notifier notifier({{"NOTIFY_SOCKET", manager.path()}, {"WATCHDOG_USEC", "4000000"}, {"WATCHDOG_PID", std::to_string(::getpid())}});
    CHECK(notifier.watchdog_every() == Milliseconds{2000});
    notifier.ready("running");
    CHECK(manager.heard() == "READY=1\nSTATUS=running");
    notifier.reloading();
    CHECK(manager.heard().rfind("RELOADING=1\nMONOTONIC_USEC=", 0) == 0);
    notifier.watchdog();
    CHECK(manager.heard() == "WATCHDOG=1");
    notifier.stopping();
    CHECK(manager.heard() == "STOPPING=1\nSTATUS=stopping");
}

TEST_CASE("without a service manager nothing is said, and a watchdog of another process does not count")
{
    const Notifier silent({});
    silent.ready("running");
    CHECK_FALSE(silent.watchdog_every());
    CHECK_FALSE(Notifier({{"NOTIFY_SOCKET", "/x"}, {"WATCHDOG_USEC", "1000"}, {"WATCHDOG_PID", "1"}}).watchdog_every());
    CHECK_FALSE(Notifier({{"NOTIFY_SOCKET", "relative"}, {"WATCHDOG_USEC", "1000"}}).watchdog_every());
}

TEST_CASE("signals arrive as wishes")
{
    // In a child, so that the mask of the other tests' threads stays as it is.
    const auto child = ::fork();
    if (child == 0) {
        SignalWaiter signals;
        bool fine = !signals.wait(Milliseconds{0});
        ::kill(::getpid(), SIGHUP);
        fine = fine && signals.wait(Milliseconds{30'000}) == Wish::reload;
        ::kill(::getpid(), SIGTERM);
        fine = fine && signals.wait(Milliseconds{30'000}) == Wish::stop;
        std::thread asker([&] { signals.request_stop(); });
        fine = fine && signals.wait(Milliseconds{30'000}) == Wish::stop;
        asker.join();
        ::_exit(fine ? 0 : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("a wish to begin again gives way to a wish to stop")
{
    const auto child = ::fork();
    if (child == 0) {
        SignalWaiter signals;
        signals.request_restart();
        bool fine = signals.wait(Milliseconds{30'000}) == Wish::restart;
        signals.request_stop();
        fine = fine && signals.wait(Milliseconds{30'000}) == Wish::stop;
        signals.request_restart();
        fine = fine && signals.wait(Milliseconds{30'000}) == Wish::stop;
        ::_exit(fine ? 0 : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("a chore runs at the start and again at its interval, also after it failed")
{
    HeldClock clock;
    std::atomic<int> runs{0};
    {
        Ticker ticker(clock);
        ticker.every(Seconds{60}, [&] {
            if (++runs == 1) throw std::runtime_error("once");
        });
        const auto until = [&](int wanted) {
            for (int i = 0; i < 3000 && runs < wanted; ++i) std::this_thread::sleep_for(Milliseconds{10});
            return runs.load();
        };
        CHECK(until(1) == 1);
        clock.advance(Seconds{60});
        CHECK(until(2) == 2);
    }
    CHECK(runs == 2);
}
