#include "agent/program_store.hpp"

#include "base/file.hpp"
#include "base/random.hpp"
#include "net/sha256.hpp"

#include <doctest/doctest.h>

#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

using namespace sluice;
using namespace sluice::agent;

namespace {

struct Shelf {
    ~Shelf() { std::filesystem::remove_all(folder); }

    ProgramStore::Entry put(const std::string& version)
    {
        const auto name = "sluice-" + random_hex(8);
        const auto file = store.create(name);
        REQUIRE(file);
        REQUIRE(::write(*file, version.data(), version.size()) == static_cast<ssize_t>(version.size()));
        ::close(*file);
        return {name, version, net::sha256_of_file(folder + "/" + name).value()};
    }
    void run(const ProgramStore::Entry& current, const std::optional<ProgramStore::Entry>& previous = {}, const std::string& installed = "1.0")
    {
        REQUIRE(store.keep({current, previous, installed, 5}));
    }

    std::string folder = (std::filesystem::temp_directory_path() / ("sluice-shelf-" + random_hex(8))).string();
    ProgramStore store{folder};
};

} // namespace

TEST_CASE_FIXTURE(Shelf, "what runs and what ran before it are kept, and nothing else")
{
    CHECK(store.load() == ProgramStore::State{});
    const auto first = put("1.1");
    const auto second = put("1.2");
    const auto third = put("1.3");
    run(second, first);
    CHECK(store.load() == ProgramStore::State{second, first, "1.0", 5});
    CHECK(file_exists(store.path_of(first)));
    CHECK_FALSE(file_exists(store.path_of(third)));
    REQUIRE(write_file_atomically(folder + "/programs", "current ../../bin/sh 1.0 x\n"));
    CHECK(store.load() == ProgramStore::State{});
}

TEST_CASE_FIXTURE(Shelf, "a program is startable, private to its owner's writing, and never written over")
{
    const auto one = put("1.1");
    struct stat info{};
    REQUIRE(::stat(store.path_of(one).c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0755);
    const auto before = info.st_ino;
    const int held = ::open(store.path_of(one).c_str(), O_RDONLY | O_CLOEXEC); // as a process that runs it
    ::close(store.create(one.file).value());
    REQUIRE(::stat(store.path_of(one).c_str(), &info) == 0);
    CHECK(info.st_ino != before);
    ::close(held);
}

TEST_CASE_FIXTURE(Shelf, "a later start begins with it, unless something newer was installed since")
{
    CHECK_FALSE(store.to_start("1.0"));
    const auto newer = put("1.1");
    run(newer);
    CHECK(store.to_start("1.0") == store.path_of(newer));
    CHECK(store.to_start("1.0.5") == store.path_of(newer));
    store.came_up();
    CHECK_FALSE(store.to_start("1.1"));
    CHECK_FALSE(store.to_start("1.2"));
    // Somebody went back to one that is older than what is installed, and meant it.
    const auto older = put("0.9");
    run(older, newer);
    CHECK(store.to_start("1.0") == store.path_of(older));
    CHECK_FALSE(store.to_start("1.0.1"));
    run({"-", "1.0", "-"}, newer);
    CHECK_FALSE(store.to_start("1.0"));
}

TEST_CASE_FIXTURE(Shelf, "a program that does not come up three times is not started again")
{
    run(put("1.1"));
    for (int i = 0; i < 3; ++i) CHECK(store.to_start("1.0"));
    CHECK_FALSE(store.to_start("1.0"));
    store.came_up();
    CHECK(store.to_start("1.0"));
}

TEST_CASE_FIXTURE(Shelf, "a program that is damaged, or that others could write, is not started")
{
    const auto one = put("1.1");
    run(one);
    const auto path = store.path_of(one);
    ::chmod(path.c_str(), 0775);
    CHECK_FALSE(store.to_start("1.0"));
    ::chmod(path.c_str(), 0755);
    CHECK(store.to_start("1.0"));
    REQUIRE(write_file_atomically(path, "something else", 0755));
    CHECK_FALSE(store.to_start("1.0"));
    std::filesystem::remove(path);
    CHECK_FALSE(store.to_start("1.0"));
}
