#include "panel/backup.hpp"

#include "base/file.hpp"
#include "base/random.hpp"
#include "panel/archive.hpp"
#include "panel/panel.hpp"
#include "panel/vault.hpp"
#include "store/store.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

using namespace sluice;
using namespace sluice::panel;

namespace {

const WallTime now = from_epoch_ms(1'795'760'000'000);

// A data directory as a panel leaves it.
struct DataFolder {
    std::string path = std::filesystem::temp_directory_path().string() + "/sluice-backup-" + random_hex(8);
    DataFolder() { std::filesystem::create_directories(path + "/tls"); }
    ~DataFolder() { std::filesystem::remove_all(path); }
    DataFolder(const DataFolder&) = delete;
    DataFolder& operator=(const DataFolder&) = delete;
    std::string operator/(const std::string& name) const { return path + "/" + name; }
};

// A running panel with one user of this name besides the administrator.
struct RunningPanel {
    HeldClock clock;
    Live live;
    std::unique_ptr<store::Store> store;
    std::unique_ptr<Panel> panel;

    explicit RunningPanel(const DataFolder& folder)
    {
        auto opened = store::Store::open({folder / "sluice.db"});
        REQUIRE(opened);
        store = std::move(*opened);
        auto key = load_or_create_key(folder / "secret.key");
        REQUIRE(key);
        panel = std::make_unique<Panel>(*store, clock, live, std::move(*key));
        REQUIRE(panel->accounts().ensure_administrator("boss", Secret{"boss password"}, false));
    }
    bool knows(const std::string& password) { return panel->accounts().sign_in("boss", Secret{password}, IpAddress{}).has_value(); }
};

std::vector<std::string> names_in(const std::string& path)
{
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(path)) names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
}

} // namespace

TEST_CASE("a backup of a running panel restores into an empty folder")
{
    const DataFolder from;
    const DataFolder to;
    std::ofstream(from / "tls/cert.pem") << "certificate";
    std::ofstream(from / "sluice.toml") << "# mine";
    const RunningPanel running(from);
    REQUIRE(write_backup(from.path, from / "b.zip", now));
    const auto restored = restore_backup(to.path, from / "b.zip", now);
    REQUIRE(restored);
    CHECK(restored->users == 1);
    CHECK(restored->forwards == 0);
    CHECK(restored->made_by == SLUICE_VERSION);
    CHECK(restored->made_at == "2026-11-27T06:13:20Z");
    CHECK(restored->kept_in.empty());
    CHECK(*read_file(to / "tls/cert.pem") == "certificate");
    CHECK(*read_file(to / "sluice.toml") == "# mine");
    CHECK(names_in(to.path) == std::vector<std::string>{"secret.key", "sluice.db", "sluice.toml", "tls"});
    RunningPanel again(to);
    CHECK(again.knows("boss password"));
}

TEST_CASE("what was there before a restore is kept, journals included")
{
    const DataFolder folder;
    {
        RunningPanel running(folder);
        REQUIRE(write_backup(folder.path, folder / "b.zip", now));
        REQUIRE(running.panel->accounts().reset_password("boss", Secret{"later password"}));
    }
    std::ofstream(folder / "sluice.db-wal") << "left by a kill";
    const auto restored = restore_backup(folder.path, folder / "b.zip", now);
    REQUIRE(restored);
    CHECK(restored->kept_in == folder / "before-restore-20261127T061320Z");
    CHECK(names_in(restored->kept_in) == std::vector<std::string>{"secret.key", "sluice.db", "sluice.db-wal"});
    CHECK_FALSE(file_exists(folder / "sluice.db-wal"));
    RunningPanel again(folder);
    CHECK(again.knows("boss password"));
}

TEST_CASE("a backup that cannot be used changes nothing")
{
    const DataFolder folder;
    const DataFolder other;
    {
        const RunningPanel running(folder);
    }
    {
        const RunningPanel running(other);
    }
    REQUIRE(write_backup(folder.path, other / "good.zip", now));
    const auto before = names_in(folder.path);
    const auto refused = [&](const std::vector<ArchivePart>& parts) {
        std::filesystem::remove(other / "bad.zip");
        REQUIRE(write_archive(other / "bad.zip", parts));
        const auto outcome = restore_backup(folder.path, other / "bad.zip", now);
        CHECK(names_in(folder.path) == before);
        REQUIRE_FALSE(outcome);
        return outcome.error();
    };
    const std::string manifest = "format=sluice-backup-1\n";
    CHECK(refused({{"note", "", "x"}}).args.at(1) == "it is not a backup of this program");
    CHECK(refused({{"MANIFEST", "", manifest}, {"sluice.db", folder / "sluice.db", ""}}).args.at(1) == "its secret.key is missing or damaged");
    CHECK(refused({{"MANIFEST", "", manifest}, {"secret.key", folder / "secret.key", ""}, {"sluice.db", "", "nonsense"}}).code == Errc::invalid);
    CHECK(refused({{"MANIFEST", "", manifest}, {"secret.key", other / "secret.key", ""}, {"sluice.db", folder / "sluice.db", ""}}).args.at(1) ==
          "its secret.key does not belong to its database");
    CHECK(restore_backup(folder.path, other / "none.zip", now).error().code == Errc::not_found);
    CHECK(write_backup(folder.path, other / "good.zip", now).error().code == Errc::conflict);
    CHECK(write_backup(other / "empty", other / "new.zip", now).error().code == Errc::not_found);
    CHECK(names_in(folder.path) == before);
}

TEST_CASE("a restore that was interrupted after its decision is completed at the next start")
{
    const DataFolder folder;
    const DataFolder source;
    {
        const RunningPanel running(folder);
    }
    {
        const RunningPanel running(source);
    }
    const auto wanted_key = *read_file(source / "secret.key");
    // As if the power failed between two moves: the key is in place, the database is not.
    std::filesystem::create_directories(folder / "restore-ready");
    std::filesystem::rename(source / "sluice.db", folder / "restore-ready/sluice.db");
    std::filesystem::copy_file(source / "secret.key", folder / "secret.key", std::filesystem::copy_options::overwrite_existing);
    std::filesystem::create_directories(folder / "restore-new"); // of an attempt that was never decided
    const auto finished = finish_restore(folder.path, now);
    REQUIRE(finished);
    CHECK(*finished);
    CHECK(*read_file(folder / "secret.key") == wanted_key);
    CHECK_FALSE(file_exists(folder / "restore-ready"));
    CHECK_FALSE(file_exists(folder / "restore-new"));
    RunningPanel again(folder);
    CHECK(again.knows("boss password"));
    const auto nothing = finish_restore(folder.path, now);
    REQUIRE(nothing);
    CHECK_FALSE(*nothing);
}
