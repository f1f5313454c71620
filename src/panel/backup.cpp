#include "panel/backup.hpp"

#include "base/file.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "base/text.hpp"
#include "panel/accounts.hpp"
#include "panel/archive.hpp"
#include "panel/vault.hpp"
#include "store/database_file.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

namespace sluice::panel {

namespace {

constexpr std::string_view manifest_name = "MANIFEST";
constexpr std::string_view format_line = "format=sluice-backup-1";
constexpr std::string_view database_name = "sluice.db";
constexpr std::string_view key_name = "secret.key";
// What a backup holds, in the order in which a restore moves it: the database comes last, since it decides what everything else is for.
constexpr std::array<std::string_view, 6> file_names{"sluice.toml", "tls/cert.pem", "tls/key.pem", "link.key", key_name, database_name};
constexpr std::array<std::string_view, 3> journals{"", "-wal", "-shm"}; // a database is three files while it is open, or after a kill
constexpr const char* unpacking = "/restore-new";
constexpr const char* decided = "/restore-ready";

Error of_system(const std::string& path, int problem) { return make_error(Errc::unavailable, "file", path + ": " + std::strerror(problem), {path}); }
Error unusable(const std::string& path, const std::string& why) { return make_error(Errc::invalid, "backup", path + ": " + why, {path, why}); }

std::string utc(WallTime time, const char* format)
{
    const std::time_t seconds = std::chrono::floor<Seconds>(time).time_since_epoch().count();
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    std::array<char, 40> text{};
    return {text.data(), std::strftime(text.data(), text.size(), format, &parts)};
}

void sync_folder(const std::string& path)
{
    const int folder = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return;
    ::fsync(folder);
    ::close(folder);
}

void remove_tree(const std::string& path)
{
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
}

// `from` to `to` when it is there, with the folders that `to` needs. True when it was there.
Result<bool> move_file(const std::string& from, const std::string& to)
{
    if (!file_exists(from)) return false;
    if (const auto made = make_private_folder(to.substr(0, to.rfind('/'))); !made) return made.error();
    if (::rename(from.c_str(), to.c_str()) == 0) return true;
    return of_system(from, errno);
}

std::string manifest_value(const std::string& manifest, std::string_view name)
{
    for (const auto line : split(manifest, '\n')) {
        if (line.size() > name.size() && line.substr(0, name.size()) == name && line[name.size()] == '=')
            return std::string{trim(line.substr(name.size() + 1))};
    }
    return {};
}

// What was unpacked belongs together and can be used by this program.
Result<RestoreReport> check_unpacked(const std::string& folder, const std::string& path)
{
    const auto manifest = read_file(folder + "/" + std::string{manifest_name}, 64 * 1024);
    if (!manifest || manifest->rfind(format_line, 0) != 0) return unusable(path, "it is not a backup of this program");
    const auto key = read_file(folder + "/" + std::string{key_name}, 4096);
    if (!key || key->size() != 32) return unusable(path, "its secret.key is missing or damaged");
    const auto facts = store::inspect_database(folder + "/" + std::string{database_name}, std::string{Accounts::signing_key_setting});
    if (!facts) {
        if (facts.error().code == Errc::conflict) return facts.error();
        return unusable(path, facts.error().args.empty() ? "its database cannot be read" : facts.error().args.front());
    }
    if (facts->setting) {
        const auto sealed = from_base64(*facts->setting);
        if (!sealed || !unseal(Secret{*key}, Accounts::signing_key_purpose, *sealed))
            return unusable(path, "its secret.key does not belong to its database");
    }
    RestoreReport report;
    report.made_by = manifest_value(*manifest, "version");
    report.made_at = manifest_value(*manifest, "made");
    report.users = facts->users;
    report.forwards = facts->forwards;
    return report;
}

// Moves what is decided into place. Every step may be repeated: a file that moved already is no longer in `decided`.
Result<std::string> move_into_place(const std::string& folder, WallTime now)
{
    const auto ready = folder + decided;
    const auto kept = folder + "/before-restore-" + utc(now, "%Y%m%dT%H%M%SZ");
    bool anything = false;
    for (const auto name : file_names) {
        const auto source = ready + "/" + std::string{name};
        const auto target = folder + "/" + std::string{name};
        if (!file_exists(source)) continue; // moved already, or not in the backup
        for (const auto journal : journals) {
            if (name != database_name && !journal.empty()) continue;
            const auto moved = move_file(target + std::string{journal}, kept + "/" + std::string{name} + std::string{journal});
            if (!moved) return moved.error();
            anything = anything || *moved;
        }
        if (const auto moved = move_file(source, target); !moved) return moved.error();
    }
    sync_folder(folder);
    remove_tree(ready);
    sync_folder(folder);
    return anything ? kept : std::string{};
}

} // namespace

Result<void> write_backup(const std::string& folder, const std::string& path, WallTime now)
{
    const auto copy = path + ".database-" + random_hex(4);
    if (file_exists(path)) return make_error(Errc::conflict, "file", path + " exists already", {path});
    if (const auto copied = store::copy_database(folder + "/" + std::string{database_name}, copy); !copied) return copied;
    std::vector<ArchivePart> parts;
    parts.push_back(
        {std::string{manifest_name}, "", std::string{format_line} + "\nversion=" SLUICE_VERSION "\nmade=" + utc(now, "%Y-%m-%dT%H:%M:%SZ") + "\n"});
    for (const auto name : file_names) {
        const auto file = name == database_name ? copy : folder + "/" + std::string{name};
        if (file_exists(file)) parts.push_back({std::string{name}, file, ""});
    }
    auto written = write_archive(path, parts);
    ::unlink(copy.c_str());
    return written;
}

Result<RestoreReport> stage_restore(const std::string& folder, const std::string& path)
{
    if (file_exists(folder + decided)) return make_error(Errc::conflict, "backup.decided", "a restore is decided already", {folder});
    const auto fresh = folder + unpacking;
    remove_tree(fresh);
    if (const auto made = make_private_folder(fresh); !made) return made.error();
    std::vector<std::string_view> wanted(file_names.begin(), file_names.end());
    wanted.push_back(manifest_name);
    const auto unpacked = unpack_archive(path, fresh, wanted);
    auto report = unpacked ? check_unpacked(fresh, path) : Result<RestoreReport>{unpacked.error()};
    if (!report) {
        remove_tree(fresh);
        return report;
    }
    sync_folder(fresh);
    if (::rename(fresh.c_str(), (folder + decided).c_str()) != 0) {
        const int problem = errno;
        remove_tree(fresh);
        return of_system(fresh, problem);
    }
    sync_folder(folder);
    return report;
}

Result<RestoreReport> restore_backup(const std::string& folder, const std::string& path, WallTime now)
{
    auto report = stage_restore(folder, path);
    if (!report) return report;
    auto kept = move_into_place(folder, now);
    if (!kept) return kept.error();
    report->kept_in = std::move(*kept);
    return report;
}

Result<bool> finish_restore(const std::string& folder, WallTime now)
{
    remove_tree(folder + unpacking);
    remove_tree(folder + passing_folder);
    if (!file_exists(folder + decided)) return false;
    const auto kept = move_into_place(folder, now);
    if (!kept) return kept.error();
    log::warning("restore completed that was interrupted", {{"kept", *kept}});
    return true;
}

} // namespace sluice::panel
