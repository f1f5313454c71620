#include "forward/counters.hpp"
#include "forward/testing.hpp"

#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <set>
#include <sys/wait.h>

namespace sluice::forward {

using namespace testing;

namespace {

plan::ForwardCounters of(const CounterFile& file, std::int64_t id)
{
    for (const auto& one : file.snapshot()) {
        if (one.id == ForwardId{id}) return one;
    }
    return {};
}

std::vector<std::string> damaged_files(const TemporaryFolder& folder)
{
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder.file(""))) {
        if (entry.path().filename().string().find(".damaged-") != std::string::npos) names.push_back(entry.path().string());
    }
    return names;
}

} // namespace

TEST_CASE("counters are the same after the file is opened again")
{
    const TemporaryFolder folder;
    std::uint64_t epoch = 0;
    {
        auto file = CounterFile::open(folder.file("c")).value()->epoch();
        epoch = file;
    }
    {
        const auto file = std::move(CounterFile::open(folder.file("c")).value());
        CHECK(file->epoch() == epoch);
        Slot::add(file->slot(ForwardId{5}, 0).value()->up, 10);
        Slot::add(file->slot(ForwardId{5}, 1).value()->up, 20);
        Slot::add(file->slot(ForwardId{5}, 1).value()->down, 3);
        Slot::add(file->slot(ForwardId{9}, 0).value()->connections, 1);
    }
    const auto file = std::move(CounterFile::open(folder.file("c")).value());
    CHECK(of(*file, 5).traffic == Traffic{{30}, {3}});
    CHECK(of(*file, 5).epoch == epoch);
    CHECK(of(*file, 9).connections == 1);
    CHECK(file->snapshot().size() == 2);
}

TEST_CASE("a killed process loses nothing that it counted")
{
    const TemporaryFolder folder;
    const auto path = folder.file("c");
    int ready[2];
    REQUIRE(::pipe(ready) == 0);
    const auto child = ::fork();
    if (child == 0) { // counts until it is killed; no test framework in here
        auto file = CounterFile::open(path);
        auto* slot = file ? (*file)->slot(ForwardId{1}, 0).value() : nullptr;
        if (slot == nullptr) ::_exit(1);
        for (std::uint64_t i = 1;; ++i) {
            up_meter(*slot).deliver(7, [] { return 7; });
            Slot::add(slot->down, 1);
            if (i % 1000 == 0 && ::write(ready[1], &i, sizeof i) != sizeof i) ::_exit(2);
        }
    }
    ::close(ready[1]);
    std::uint64_t told = 0;
    for (int i = 0; i < 20; ++i) REQUIRE(::read(ready[0], &told, sizeof told) == sizeof told);
    ::kill(child, SIGKILL);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    ::close(ready[0]);
    const auto file = std::move(CounterFile::open(path).value());
    const auto counted = of(*file, 1).traffic;
    CHECK(counted.up.value >= static_cast<std::int64_t>(told) * 7);
    CHECK(counted.up.value % 7 == 0);
    CHECK(counted.up.value - 7 * counted.down.value >= 0);
    CHECK(counted.up.value - 7 * counted.down.value <= 14); // at most one more than was finished, and one that was noted
}

TEST_CASE("what was being sent when the process was killed counts as sent, once")
{
    const TemporaryFolder folder;
    {
        const auto file = std::move(CounterFile::open(folder.file("c")).value());
        auto* slot = file->slot(ForwardId{1}, 0).value();
        Slot::add(slot->up, 100);
        Slot::note(slot->sending_up, 11);
        Slot::note(slot->sending_down, 5);
    }
    for (int i = 0; i < 2; ++i) {
        const auto file = std::move(CounterFile::open(folder.file("c")).value());
        CHECK(of(*file, 1).traffic == Traffic{{111}, {5}});
    }
}

TEST_CASE("a send that fails or is short counts what was delivered")
{
    Slot slot;
    CHECK(up_meter(slot).deliver(10, [] { return -1; }) == -1);
    CHECK(slot.up == 0);
    CHECK(down_meter(slot).deliver(10, [&] {
        CHECK(slot.sending_down == 10);
        return 4;
    }) == 4);
    CHECK(slot.down == 4);
    CHECK(slot.sending_down == 0);
}

TEST_CASE("the file grows for thousands of forwards and keeps them all")
{
    const TemporaryFolder folder;
    constexpr std::int64_t count = 3000;
    {
        const auto file = std::move(CounterFile::open(folder.file("c")).value());
        std::vector<Slot*> slots;
        for (std::int64_t id = 1; id <= count; ++id) {
            slots.push_back(file->slot(ForwardId{id}, 0).value());
            Slot::add(slots.back()->up, static_cast<std::uint64_t>(id));
        }
        CHECK(std::set<Slot*>(slots.begin(), slots.end()).size() == count);
        for (std::int64_t id = 1; id <= count; ++id) CHECK(file->slot(ForwardId{id}, 0).value() == slots[static_cast<std::size_t>(id - 1)]);
    }
    const auto file = std::move(CounterFile::open(folder.file("c")).value());
    const auto all = file->snapshot();
    REQUIRE(all.size() == count);
    for (std::int64_t id = 1; id <= count; ++id) {
        CHECK(all[static_cast<std::size_t>(id - 1)].id == ForwardId{id});
        CHECK(all[static_cast<std::size_t>(id - 1)].traffic.up.value == id);
    }
}

TEST_CASE("the slots of a forgotten forward are used again and start from zero")
{
    const TemporaryFolder folder;
    const auto file = std::move(CounterFile::open(folder.file("c")).value());
    for (std::int64_t id = 1; id <= 1000; ++id) Slot::add(file->slot(ForwardId{id}, 0).value()->up, 1);
    const auto size = std::filesystem::file_size(folder.file("c"));
    for (std::int64_t id = 1; id <= 1000; ++id) file->forget(ForwardId{id});
    CHECK(file->snapshot().empty());
    for (std::int64_t id = 2001; id <= 3000; ++id) CHECK(file->slot(ForwardId{id}, 0).value()->up == 0);
    CHECK(std::filesystem::file_size(folder.file("c")) == size);
    file->forget(ForwardId{1}); // twice is harmless
}

TEST_CASE("a damaged file is kept aside and counting starts a new epoch")
{
    const TemporaryFolder folder;
    const auto path = folder.file("c");
    std::uint64_t epoch = 0;
    {
        const auto file = std::move(CounterFile::open(path).value());
        epoch = file->epoch();
        Slot::add(file->slot(ForwardId{1}, 0).value()->up, 10);
    }
    SUBCASE("its beginning is overwritten") { std::fstream(path, std::ios::in | std::ios::out | std::ios::binary) << "garbage!"; }
    SUBCASE("it was cut") { std::filesystem::resize_file(path, 4096 + 100); }
    SUBCASE("it has no epoch")
    {
        std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(16);
        file.write("\0\0\0\0\0\0\0\0", 8);
    }
    const auto file = std::move(CounterFile::open(path).value());
    CHECK(file->epoch() != epoch);
    CHECK(file->epoch() != 0);
    CHECK(file->snapshot().empty());
    CHECK(damaged_files(folder).size() == 1);
}

TEST_CASE("a place that cannot hold counters is an error and not a crash")
{
    const auto none = CounterFile::open("/proc/no/such/folder/c");
    REQUIRE_FALSE(none);
    CHECK(none.error().code == Errc::unavailable);
    CHECK(none.error().field == "counters");
}

TEST_CASE("the file is private")
{
    const TemporaryFolder folder;
    const auto file = std::move(CounterFile::open(folder.file("c")).value());
    CHECK(std::filesystem::status(folder.file("c")).permissions() == (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
}

} // namespace sluice::forward
