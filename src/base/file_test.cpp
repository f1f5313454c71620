// Files that must be whole and private, on a real folder.
#include "base/file.hpp"

#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <sys/stat.h>

using namespace sluice;
namespace fs = std::filesystem;

namespace {

// A folder of its own for each case.
struct Folder {
    fs::path path;
    Folder()
    {
        std::string name = (fs::temp_directory_path() / "sluice-file-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path = name;
    }
    ~Folder() { fs::remove_all(path); }
    std::string operator/(const std::string& name) const { return (path / name).string(); }
};

unsigned mode_of(const std::string& path)
{
    struct stat info{};
    REQUIRE(::stat(path.c_str(), &info) == 0);
    return info.st_mode & 07777U;
}

} // namespace

TEST_CASE("a written file is whole, private, and leaves nothing beside it")
{
    const Folder folder;
    const auto path = folder / "secret";
    REQUIRE(write_file_atomically(path, "one"));
    CHECK(mode_of(path) == 0600);
    REQUIRE(write_file_atomically(path, std::string(200'000, 'x') + "two", 0644));
    CHECK(mode_of(path) == 0644);
    CHECK(read_file(path).value() == std::string(200'000, 'x') + "two");
    CHECK(std::distance(fs::directory_iterator(folder.path), fs::directory_iterator()) == 1);
}

TEST_CASE("a failed write keeps the old file")
{
    const Folder folder;
    fs::create_directories(folder.path / "taken");
    const auto result = write_file_atomically(folder / "taken", "x"); // a folder cannot be replaced by a file
    REQUIRE_FALSE(result);
    CHECK(result.error().code == Errc::unavailable);
    CHECK(result.error().field == "file");
    CHECK(fs::is_directory(folder.path / "taken"));
    CHECK(std::distance(fs::directory_iterator(folder.path), fs::directory_iterator()) == 1);
    CHECK_FALSE(write_file_atomically(folder / "missing/file", "x"));
}

TEST_CASE("reading says whether a file is missing or unreadable, and refuses one that is too long")
{
    const Folder folder;
    CHECK(read_file(folder / "none").error().code == Errc::not_found);
    CHECK(read_file(folder.path.string()).error().code == Errc::unavailable);
    REQUIRE(write_file_atomically(folder / "ten", "0123456789"));
    CHECK(read_file(folder / "ten", 10).value() == "0123456789");
    CHECK(read_file(folder / "ten", 9).error().code == Errc::unavailable);
    REQUIRE(write_file_atomically(folder / "empty", ""));
    CHECK(read_file(folder / "empty").value().empty());
}

TEST_CASE("a private folder is made with its parents, twice without harm")
{
    const Folder folder;
    const auto path = folder / "a/b/c";
    REQUIRE(make_private_folder(path));
    CHECK(mode_of(path) == 0700);
    CHECK(mode_of(folder / "a") == 0700);
    CHECK(make_private_folder(path));
    CHECK(make_private_folder(path + "/"));
    REQUIRE(write_file_atomically(folder / "file", "x"));
    CHECK(make_private_folder(folder / "file").error().field == "folder");
    CHECK_FALSE(make_private_folder(folder / "file/below"));
    CHECK_FALSE(make_private_folder(""));
    CHECK(file_exists(folder / "file"));
    CHECK_FALSE(file_exists(folder / "nothing"));
}
