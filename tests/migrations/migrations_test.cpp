// Every migration on a database of its predecessor with rows in it: what it makes of them is compared with a file that is kept.
#include "base/file.hpp"
#include "store/connection.hpp"
#include "store/migrations.hpp"
#include "store/testing.hpp"

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <cstdlib>
#include <doctest/doctest.h>
#include <string>
#include <vector>

using namespace sluice;
using namespace sluice::store;

namespace {

std::string golden(const Migration& migration, const char* kind) { return std::string{SLUICE_GOLDEN_DIR} + "/" + std::string{migration.name} + kind; }

std::vector<std::string> column_of_texts(SQLite::Database& database, const std::string& sql)
{
    std::vector<std::string> texts;
    SQLite::Statement query(database, sql);
    while (query.executeStep()) texts.push_back(query.getColumn(0).getString());
    return texts;
}

// Schema and rows as text that a person can read in a diff.
std::string written_down(SQLite::Database& database)
{
    std::string text = "version " + std::to_string(database.execAndGet("PRAGMA user_version").getInt64()) + "\n";
    for (const auto& sql :
         column_of_texts(database, "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY name"))
        text += "\n" + sql + ";\n";
    for (const auto& table :
         column_of_texts(database, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")) {
        SQLite::Statement rows(database, "SELECT * FROM " + table + " ORDER BY 1, 2");
        while (rows.executeStep()) {
            text += "\n" + table + ":";
            for (int i = 0; i < rows.getColumnCount(); ++i) {
                const auto value = rows.getColumn(i);
                text += std::string{" "} + rows.getColumnName(i) + "=" + (value.isNull() ? "null" : value.isBlob() ? "(blob)" : value.getString());
            }
        }
    }
    return text + "\n";
}

} // namespace

TEST_CASE("migrations are numbered 1, 2, 3 without a gap, and their files bear the number")
{
    std::int64_t expected = 1;
    for (const auto& migration : migrations()) {
        CHECK(migration.number == expected++);
        CHECK(std::atoi(std::string{migration.name}.c_str()) == migration.number);
    }
}

TEST_CASE("every migration makes of its predecessor's rows what is kept here")
{
    for (const auto& migration : migrations()) {
        CAPTURE(migration.name);
        const testing::Folder folder;
        const auto database = connect(folder.file("sluice.db"), Access::read_write);
        REQUIRE(migrate(*database, migration.number - 1));
        if (migration.number > 1) {
            const auto rows = read_file(golden(migration, ".before.sql"));
            REQUIRE_MESSAGE(rows, "a migration needs rows that it is tried on");
            database->exec(*rows);
        }
        REQUIRE(migrate(*database, migration.number));
        CHECK(database->execAndGet("PRAGMA integrity_check").getString() == "ok");
        CHECK(column_of_texts(*database, "PRAGMA foreign_key_check").empty());
        const auto after = written_down(*database);
        if (std::getenv("SLUICE_UPDATE_GOLDEN")) REQUIRE(write_file_atomically(golden(migration, ".after.txt"), after, 0644));
        const auto kept = read_file(golden(migration, ".after.txt"));
        REQUIRE_MESSAGE(kept, "SLUICE_UPDATE_GOLDEN=1 writes it");
        CHECK(after == *kept);
    }
}

TEST_CASE("a migration that fails leaves the database as it was")
{
    const testing::Folder folder;
    const auto database = connect(folder.file("sluice.db"), Access::read_write);
    database->exec("CREATE TABLE users (in_the_way INTEGER)");
    CHECK_THROWS_AS((void)migrate(*database), SQLite::Exception);
    CHECK(database->execAndGet("PRAGMA user_version").getInt64() == 0);
    CHECK(column_of_texts(*database, "SELECT name FROM sqlite_schema WHERE type = 'table'") == std::vector<std::string>{"users"});
}

TEST_CASE("migrating twice changes nothing")
{
    const testing::Folder folder;
    const auto database = connect(folder.file("sluice.db"), Access::read_write);
    REQUIRE(migrate(*database));
    const auto before = written_down(*database);
    REQUIRE(migrate(*database));
    CHECK(written_down(*database) == before);
}
