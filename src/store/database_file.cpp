#include "store/database_file.hpp"

#include "store/connection.hpp"
#include "store/migrations.hpp"

#include <SQLiteCpp/Statement.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace sluice::store {

namespace {

constexpr int busy_ms = 5'000;

Error unusable(const std::string& why) { return make_error(Errc::invalid, "database", why, {why}); }

Result<DatabaseFacts> look_into(SQLite::Database& database, const std::string& setting)
{
    DatabaseFacts facts;
    database.exec("PRAGMA journal_mode=DELETE");
    facts.version = database.execAndGet("PRAGMA user_version").getInt64();
    if (facts.version > migrations().back().number)
        return make_error(Errc::conflict, "store.version", "the database was made by a newer program",
                          {std::to_string(facts.version), std::to_string(migrations().back().number)});
    if (facts.version < 1 || !database.tableExists("users") || !database.tableExists("forwards"))
        return unusable("it is not a database of this program");
    if (database.execAndGet("PRAGMA integrity_check").getString() != "ok") return unusable("the database is damaged");
    SQLite::Statement broken(database, "PRAGMA foreign_key_check");
    if (broken.executeStep()) return unusable("the database is inconsistent");
    facts.users = database.execAndGet("SELECT count(*) FROM users").getInt64();
    facts.forwards = database.execAndGet("SELECT count(*) FROM forwards").getInt64();
    SQLite::Statement value(database, "SELECT value FROM settings WHERE name = ?");
    value.bind(1, setting);
    if (value.executeStep()) facts.setting = value.getColumn(0).getString();
    return facts;
}

} // namespace

Result<void> copy_database(const std::string& path, const std::string& to)
{
    if (::access(path.c_str(), R_OK) != 0) {
        if (errno == ENOENT) return make_error(Errc::not_found, "file", path + " does not exist", {path});
        return make_error(Errc::unavailable, "file", path + ": " + std::strerror(errno), {path});
    }
    // The copy holds secrets: it exists, private and empty, before SQLite fills it.
    const int file = ::open(to.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0) return make_error(Errc::unavailable, "file", to + ": " + std::strerror(errno), {to});
    Result<void> outcome;
    try {
        SQLite::Database database(path, SQLite::OPEN_READWRITE, busy_ms);
        SQLite::Statement copy(database, "VACUUM INTO ?");
        copy.bind(1, to);
        copy.exec();
    } catch (const SQLite::Exception& problem) {
        outcome = to_error(problem);
    }
    if (outcome && ::fsync(file) != 0) outcome = make_error(Errc::unavailable, "file", to + ": " + std::strerror(errno), {to});
    ::close(file);
    if (!outcome) ::unlink(to.c_str());
    return outcome;
}

Result<DatabaseFacts> inspect_database(const std::string& path, const std::string& setting)
{
    try {
        SQLite::Database database(path, SQLite::OPEN_READWRITE, busy_ms);
        return look_into(database, setting);
    } catch (const SQLite::Exception& problem) {
        return unusable(std::string{"it is not a database: "} + problem.what());
    }
}

} // namespace sluice::store
