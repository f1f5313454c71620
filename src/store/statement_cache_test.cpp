#include "store/statement_cache.hpp"

#include "store/connection.hpp"
#include "store/migrations.hpp"
#include "store/statement.hpp"
#include "store/testing.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>

using namespace sluice;
using namespace sluice::store;
using testing::Folder;
using testing::TempStore;
using testing::value_of;

namespace {

// A connection with a small table, and the cache under test.
struct Bench {
    explicit Bench(std::size_t room = StatementCache::usual_room) : cache(*database, room)
    {
        database->exec("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT UNIQUE) STRICT");
        database->exec("INSERT INTO notes VALUES (1, 'one'), (2, 'two')");
    }

    Folder folder;
    std::unique_ptr<SQLite::Database> database = connect(folder.file("sluice.db"), Access::read_write);
    StatementCache cache;
    WriteTx tx{*database, cache};

    std::string text_of(int id)
    {
        Statement query(tx, "SELECT text FROM notes WHERE id = ?", id);
        return query.next() ? query.text() : "none";
    }
};

} // namespace

TEST_CASE("the same text is the same statement the next time")
{
    Bench bench;
    auto first = bench.cache.take("SELECT 1");
    const auto* place = first.get();
    bench.cache.give_back(std::move(first));
    CHECK(bench.cache.size() == 1);
    auto again = bench.cache.take("SELECT 1");
    CHECK(again.get() == place);
    CHECK(bench.cache.size() == 0);
    bench.cache.give_back(std::move(again));
}

TEST_CASE("a statement begins anew, whatever its last user left")
{
    Bench bench;
    CHECK(bench.text_of(1) == "one");
    CHECK(bench.text_of(2) == "two"); // the row before was read without an end
    const auto unbound = bench.cache.take("SELECT text FROM notes WHERE id = ?");
    CHECK_FALSE(unbound->executeStep()); // nothing equals NULL: the 2 is forgotten
}

TEST_CASE("a statement that was left in the middle of its rows holds no lock")
{
    Bench bench;
    {
        Statement query(bench.tx, "SELECT id FROM notes");
        CHECK(query.next());
    }
    CHECK(bench.cache.size() == 1);
    bench.database->exec("DROP TABLE notes"); // SQLite refuses this while somebody reads
    CHECK_FALSE(bench.database->tableExists("notes"));
}

TEST_CASE("a text that is in use already is another statement for the second user")
{
    Bench bench;
    const char* all = "SELECT id FROM notes ORDER BY id";
    {
        Statement outer(bench.tx, all);
        CHECK(outer.next());
        CHECK(outer.integer() == 1);
        {
            Statement inner(bench.tx, all);
            CHECK(inner.next());
            CHECK(inner.integer() == 1);
        }
        CHECK(outer.next());
        CHECK(outer.integer() == 2);
        CHECK_FALSE(outer.next());
    }
    CHECK(bench.cache.size() == 1); // one of both is enough
}

TEST_CASE("a statement that failed is not kept, and its text works again")
{
    Bench bench;
    const char* add = "INSERT INTO notes (text) VALUES (?)";
    CHECK_THROWS_AS(Statement(bench.tx, add, "one").run(), SQLite::Exception);
    CHECK(bench.cache.size() == 0);
    CHECK(Statement(bench.tx, add, "three").run() == 1);
    CHECK(bench.cache.size() == 1);
    CHECK(bench.text_of(3) == "three");
}

TEST_CASE("a text that does not compile says so each time and is not kept")
{
    Bench bench;
    for (int i = 0; i < 2; ++i) CHECK_THROWS_AS((void)bench.cache.take("SELECT nothing FROM nowhere"), SQLite::Exception);
    CHECK(bench.cache.size() == 0);
}

TEST_CASE("the room is bounded: the statement that waited longest goes")
{
    Bench bench(2);
    for (const char* text : {"SELECT 1", "SELECT 2", "SELECT 1", "SELECT 3"}) bench.cache.give_back(bench.cache.take(text));
    CHECK(bench.cache.size() == 2);
    auto kept = bench.cache.take("SELECT 1");
    CHECK(bench.cache.size() == 1); // 1 was used after 2, so it is still here
    auto fresh = bench.cache.take("SELECT 2");
    CHECK(bench.cache.size() == 1); // 3 alone
    bench.cache.give_back(std::move(kept));
    bench.cache.give_back(std::move(fresh));
    CHECK(bench.cache.size() == 2);
}

TEST_CASE("a kept statement follows a changed schema, changed here or by another connection")
{
    Bench bench;
    CHECK(bench.text_of(1) == "one");
    bench.database->exec("ALTER TABLE notes RENAME COLUMN text TO words");
    CHECK_THROWS_AS((void)bench.text_of(1), SQLite::Exception);
    bench.database->exec("ALTER TABLE notes RENAME COLUMN words TO text");
    CHECK(bench.text_of(1) == "one");
    const auto other = connect(bench.folder.file("sluice.db"), Access::read_write);
    other->exec("CREATE TABLE next (id INTEGER PRIMARY KEY, text TEXT) STRICT");
    other->exec("INSERT INTO next VALUES (1, 'moved')");
    other->exec("DROP TABLE notes");
    other->exec("ALTER TABLE next RENAME TO notes");
    CHECK(bench.text_of(1) == "moved");
}

TEST_CASE("statements from before a migration work after it")
{
    const Folder folder;
    const auto database = connect(folder.file("sluice.db"), Access::read_write);
    value_of(migrate(*database, 1));
    StatementCache cache(*database);
    WriteTx tx(*database, cache);
    const auto count = [&] {
        Statement query(tx, "SELECT count(*) FROM tunnel_hops WHERE node_id = ?", 1);
        CHECK(query.next());
        return query.integer();
    };
    CHECK(count() == 0);
    for (const auto& migration : migrations()) {
        value_of(migrate(*database, migration.number));
        CHECK(count() == 0);
    }
    CHECK(cache.size() == 1);
}

TEST_CASE("a work that was rolled back leaves statements that the next one can use")
{
    TempStore temp;
    const auto put = [](WriteTx& tx, const char* value) {
        Statement(tx, "INSERT INTO settings (name, value, changed) VALUES ('k', ?, 0)", value).run();
    };
    const auto refused = temp.store->write([&](WriteTx& tx) -> Result<void> {
        put(tx, "lost");
        put(tx, "again"); // the name is unique
        return {};
    });
    CHECK(refused.error().field == "store.constraint");
    temp.write([&](WriteTx& tx) { put(tx, "kept"); });
    const auto value = temp.read([](ReadTx& tx) {
        Statement query(tx, "SELECT value FROM settings WHERE name = 'k'");
        return query.next() ? query.text() : std::string{};
    });
    CHECK(value == "kept");
}
