#include "panel/archive.hpp"

#include "base/file.hpp"
#include "base/random.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <sys/stat.h>

using namespace sluice;
using namespace sluice::panel;

namespace {

struct Folder {
    std::string path = std::filesystem::temp_directory_path().string() + "/sluice-archive-" + random_hex(8);
    Folder() { std::filesystem::create_directories(path); }
    ~Folder() { std::filesystem::remove_all(path); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    std::string operator/(const std::string& name) const { return path + "/" + name; }
};

} // namespace

TEST_CASE("parts from texts and files come back as they were, private, in their folders")
{
    const Folder folder;
    const auto random = random_bytes(700'000);
    std::ofstream(folder / "source", std::ios::binary) << random;
    REQUIRE(write_archive(folder / "a.zip", {{"note", "", "words"}, {"deep/data", folder / "source", ""}}));
    struct stat info{};
    REQUIRE(::stat((folder / "a.zip").c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0600);

    std::filesystem::create_directories(folder / "out");
    const auto found = unpack_archive(folder / "a.zip", folder / "out", {"deep/data", "note", "absent"});
    REQUIRE(found);
    CHECK(*found == std::vector<std::string>{"note", "deep/data"});
    CHECK(*read_file(folder / "out/note") == "words");
    CHECK(*read_file(folder / "out/deep/data") == random);
    REQUIRE(::stat((folder / "out/deep/data").c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0600);
}

TEST_CASE("an existing file is not replaced, and a failure leaves nothing behind")
{
    const Folder folder;
    std::ofstream(folder / "a.zip") << "mine";
    CHECK(write_archive(folder / "a.zip", {{"note", "", "words"}}).error().code == Errc::conflict);
    CHECK(*read_file(folder / "a.zip") == "mine");
    CHECK(write_archive(folder / "b.zip", {{"x", folder / "missing", ""}}).error().code == Errc::unavailable);
    CHECK(write_archive(folder / "no/where.zip", {{"note", "", "words"}}).error().code == Errc::unavailable);
    int files = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder.path)) ++files;
    CHECK(files == 1);
}

TEST_CASE("a part that nobody asked for is not written, wherever its name points")
{
    const Folder folder;
    REQUIRE(write_archive(folder / "a.zip", {{"../escaped", "", "x"}, {"/tmp/escaped", "", "x"}, {"note", "", "words"}}));
    std::filesystem::create_directories(folder / "out");
    const auto found = unpack_archive(folder / "a.zip", folder / "out", {"note"});
    REQUIRE(found);
    CHECK(found->size() == 1);
    CHECK_FALSE(file_exists(folder / "escaped"));
}

TEST_CASE("damage is found: cut short, changed, not an archive, growing beyond measure")
{
    const Folder folder;
    const auto random = random_bytes(50'000);
    REQUIRE(write_archive(folder / "a.zip", {{"data", "", random}}));
    const auto whole = *read_file(folder / "a.zip");
    const auto attempt = [&](const std::string& bytes, const ArchiveLimits& limits = {}) {
        std::filesystem::remove_all(folder / "out");
        std::filesystem::create_directories(folder / "out");
        std::ofstream(folder / "b.zip", std::ios::binary | std::ios::trunc) << bytes;
        return unpack_archive(folder / "b.zip", folder / "out", {"data"}, limits);
    };
    REQUIRE(attempt(whole));
    CHECK(attempt(whole.substr(0, whole.size() / 2)).error().code == Errc::invalid);
    auto changed = whole;
    changed[20'000] = static_cast<char>(changed[20'000] ^ 1);
    CHECK(attempt(changed).error().code == Errc::invalid);
    CHECK(attempt("PK").error().code == Errc::invalid);
    CHECK(attempt("").error().code == Errc::invalid);
    CHECK(attempt(whole, {64, 49'999, 2'000}).error().code == Errc::invalid);
    CHECK(attempt(whole, {0, 1'000'000, 2'000}).error().code == Errc::invalid);
    CHECK(unpack_archive(folder / "none.zip", folder.path, {"data"}).error().code == Errc::not_found);

    REQUIRE(write_archive(folder / "bomb.zip", {{"data", "", std::string(8'000'000, '\0')}}));
    CHECK(unpack_archive(folder / "bomb.zip", folder / "out", {"data"}, {64, 1'000'000'000, 100}).error().code == Errc::invalid);
}
