// The writer, the readers and the file: what is promised about commits, not what is in the tables.
#include "store/store.hpp"

#include "store/connection.hpp"
#include "store/migrations.hpp"
#include "store/testing.hpp"

#include <SQLiteCpp/Statement.h>
#include <doctest/doctest.h>

#include <atomic>
#include <future>
#include <stdexcept>
#include <sys/stat.h>
#include <thread>
#include <vector>

using namespace sluice;
using namespace sluice::store;
using testing::TempStore;
using testing::value_of;

namespace {

void make_notes(TempStore& temp)
{
    temp.write([](WriteTx& tx) { tx.database().exec("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT"); });
}

Result<void> add_note(WriteTx& tx, const std::string& text)
{
    SQLite::Statement insert(tx.database(), "INSERT INTO notes (text) VALUES (?)");
    insert.bind(1, text);
    insert.exec();
    return {};
}

std::int64_t count_notes(TempStore& temp)
{
    return temp.read([](ReadTx& tx) { return tx.database().execAndGet("SELECT count(*) FROM notes").getInt64(); });
}

// Holds the writer inside a work until told to go on, so that others queue up behind it.
class HeldWriter {
public:
    explicit HeldWriter(Store& store)
        : work_(std::async(std::launch::async, [this, &store] {
              return store.write([this](WriteTx&) -> Result<void> {
                  entered_.set_value();
                  release_.get_future().wait();
                  return {};
              });
          }))
    {
        entered_.get_future().wait();
    }
    ~HeldWriter()
    {
        if (!released_) release();
    }
    void release()
    {
        released_ = true;
        release_.set_value();
        value_of(work_.get());
    }

private:
    std::promise<void> entered_;
    std::promise<void> release_;
    bool released_ = false;
    std::future<Result<void>> work_;
};

} // namespace

TEST_CASE("what a write committed is there for the next read")
{
    TempStore temp;
    make_notes(temp);
    value_of(temp.store->write([](WriteTx& tx) { return add_note(tx, "a"); }));
    CHECK(count_notes(temp) == 1);
}

TEST_CASE("a work that answers with an error changed nothing")
{
    TempStore temp;
    make_notes(temp);
    const auto refused = temp.store->write([](WriteTx& tx) -> Result<void> {
        value_of(add_note(tx, "a"));
        return make_error(Errc::conflict, "test");
    });
    CHECK(refused.error().code == Errc::conflict);
    CHECK(count_notes(temp) == 0);
}

TEST_CASE("a work that throws changed nothing, and its caller gets the exception")
{
    TempStore temp;
    make_notes(temp);
    const auto thrower = [&] {
        return temp.store->write([](WriteTx& tx) -> Result<void> {
            value_of(add_note(tx, "a"));
            throw std::logic_error("bug");
        });
    };
    CHECK_THROWS_AS((void)thrower(), std::logic_error);
    CHECK(count_notes(temp) == 0);
    value_of(temp.store->write([](WriteTx& tx) { return add_note(tx, "the writer lives on"); }));
    CHECK(count_notes(temp) == 1);
}

TEST_CASE("a violated constraint is a conflict and not an exception")
{
    TempStore temp;
    make_notes(temp);
    const auto twice = temp.store->write([](WriteTx& tx) -> Result<void> {
        value_of(add_note(tx, "a"));
        return add_note(tx, "a");
    });
    CHECK(twice.error().code == Errc::conflict);
    CHECK(twice.error().field == "store.constraint");
    CHECK(count_notes(temp) == 0);
}

TEST_CASE("queued works share a commit, and the failure of one is nobody else's")
{
    TempStore temp;
    make_notes(temp);
    std::vector<std::future<Result<void>>> works;
    {
        HeldWriter held(*temp.store);
        for (int i = 0; i < 40; ++i) {
            works.push_back(std::async(std::launch::async, [&temp, i] {
                return temp.store->write([i](WriteTx& tx) -> Result<void> {
                    value_of(add_note(tx, std::to_string(i)));
                    if (i % 4 == 0) return make_error(Errc::invalid, "test");
                    return {};
                });
            }));
        }
    }
    int kept = 0;
    for (auto& work : works) kept += work.get() ? 1 : 0;
    CHECK(kept == 30);
    CHECK(count_notes(temp) == 30);
}

TEST_CASE("a reader sees one moment, whatever is written meanwhile")
{
    TempStore temp;
    make_notes(temp);
    const auto counts = temp.read([&](ReadTx& tx) {
        const auto count = [&] { return tx.database().execAndGet("SELECT count(*) FROM notes").getInt64(); };
        const auto before = count();
        std::thread([&] { value_of(temp.store->write([](WriteTx& other) { return add_note(other, "meanwhile"); })); }).join();
        return std::pair{before, count()};
    });
    CHECK(counts.first == 0);
    CHECK(counts.second == 0);
    CHECK(count_notes(temp) == 1);
}

TEST_CASE("a reader cannot write")
{
    TempStore temp;
    make_notes(temp);
    const auto written = temp.store->read([](ReadTx& tx) -> Result<void> {
        tx.database().exec("INSERT INTO notes (text) VALUES ('x')");
        return {};
    });
    CHECK_FALSE(written);
    CHECK(count_notes(temp) == 0);
}

TEST_CASE("more readers than connections wait for each other and all get an answer")
{
    TempStore temp;
    make_notes(temp);
    std::vector<std::future<std::int64_t>> readers;
    for (int i = 0; i < 32; ++i) readers.push_back(std::async(std::launch::async, [&temp] { return count_notes(temp); }));
    for (auto& reader : readers) CHECK(reader.get() == 0);
}

TEST_CASE("a writer that does not keep up refuses instead of queueing without end")
{
    testing::Folder folder;
    StoreOptions options{folder.file("sluice.db")};
    options.queue = 1;
    const auto store = value_of(Store::open(options));
    HeldWriter held(*store);
    std::atomic<int> refused{0};
    std::vector<std::future<void>> works;
    for (int i = 0; i < 4; ++i) {
        works.push_back(std::async(std::launch::async, [&] {
            const auto done = store->write([](WriteTx&) -> Result<void> { return {}; });
            if (!done && done.error().field == "store.busy") ++refused;
        }));
    }
    // One waits in the queue; the other three return at once.
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (refused < 3 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    held.release();
    for (auto& work : works) work.get();
    CHECK(refused == 3);
}

TEST_CASE("destruction finishes what is queued")
{
    testing::Folder folder;
    const StoreOptions options{folder.file("sluice.db")};
    auto store = value_of(Store::open(options));
    value_of(store->write([](WriteTx& tx) -> Result<void> {
        tx.database().exec("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT");
        return {};
    }));
    value_of(store->write([](WriteTx& tx) { return add_note(tx, "last"); }));
    store.reset();
    store = value_of(Store::open(options));
    const auto count =
        store->read([](ReadTx& tx) -> Result<std::int64_t> { return tx.database().execAndGet("SELECT count(*) FROM notes").getInt64(); });
    CHECK(value_of(count) == 1);
}

TEST_CASE("a full disk is said to everybody whose write was lost, and only the others are kept")
{
    TempStore temp;
    make_notes(temp);
    temp.write([](WriteTx& tx) {
        const auto pages = tx.database().execAndGet("PRAGMA page_count").getInt64();
        tx.database().exec("PRAGMA max_page_count=" + std::to_string(pages + 2));
    });
    const auto big = [](WriteTx& tx) { return add_note(tx, std::string(200'000, 'x')); };
    std::vector<std::future<Result<void>>> small;
    std::future<Result<void>> full;
    {
        HeldWriter held(*temp.store);
        for (int i = 0; i < 4; ++i) {
            if (i == 2) full = std::async(std::launch::async, [&] { return temp.store->write(big); });
            small.push_back(std::async(std::launch::async,
                                       [&temp, i] { return temp.store->write([i](WriteTx& tx) { return add_note(tx, std::to_string(i)); }); }));
        }
    }
    const auto refused = full.get();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().field == "store.full");
    std::int64_t kept = 0;
    for (auto& work : small) kept += work.get() ? 1 : 0;
    CHECK(count_notes(temp) == kept);
    value_of(temp.store->write([](WriteTx& tx) { return add_note(tx, "afterwards"); }));
    CHECK(count_notes(temp) == kept + 1);
}

TEST_CASE("the database is private from its first moment")
{
    TempStore temp;
    struct stat info{};
    REQUIRE(::stat(temp.folder.file("sluice.db").c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0600);
}

TEST_CASE("a database of a newer program is refused and left alone")
{
    TempStore temp;
    temp.write([](WriteTx& tx) { tx.database().exec("PRAGMA user_version=9999"); });
    temp.store.reset();
    const auto opened = Store::open({temp.folder.file("sluice.db")});
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == Errc::conflict);
    CHECK(opened.error().field == "store.version");
    CHECK(connect(temp.folder.file("sluice.db"), Access::read_only)->execAndGet("PRAGMA user_version").getInt64() == 9999);
}

TEST_CASE("a file that is no database is refused with its name")
{
    testing::Folder folder;
    const auto path = folder.file("sluice.db");
    FILE* file = std::fopen(path.c_str(), "w");
    REQUIRE(file);
    std::fputs(std::string(4096, 'x').c_str(), file);
    std::fclose(file);
    const auto opened = Store::open({path});
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == Errc::unavailable);
    CHECK(opened.error().args == std::vector<std::string>{path});
}

TEST_CASE("opening again migrates nothing and knows its version")
{
    TempStore temp;
    const auto version = temp.store->version();
    CHECK(version == migrations().back().number);
    temp.store.reset();
    CHECK(value_of(Store::open({temp.folder.file("sluice.db")}))->version() == version);
}

TEST_CASE("a backup while writing is whole, private, and never overwrites")
{
    TempStore temp;
    make_notes(temp);
    std::atomic<bool> stop{false};
    std::atomic<int> written{0};
    std::thread busy([&] {
        for (int i = 0; !stop; ++i) {
            // Pairs: a copy from the middle of a transaction would hold one without the other.
            value_of(temp.store->write([i](WriteTx& tx) -> Result<void> {
                value_of(add_note(tx, "a" + std::to_string(i)));
                return add_note(tx, "b" + std::to_string(i));
            }));
            ++written;
        }
    });
    while (written < 20) std::this_thread::yield();
    const auto copy = temp.folder.file("copy.db");
    const auto made = temp.store->backup_to(copy);
    stop = true;
    busy.join();
    value_of(made);
    {
        const auto database = connect(copy, Access::read_only);
        const auto count = database->execAndGet("SELECT count(*) FROM notes").getInt64();
        CHECK(count >= 40);
        CHECK(count % 2 == 0);
        CHECK(database->execAndGet("PRAGMA integrity_check").getString() == "ok");
        CHECK(database->execAndGet("PRAGMA user_version").getInt64() == temp.store->version());
    }
    struct stat info{};
    REQUIRE(::stat(copy.c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0600);
    CHECK(temp.store->backup_to(copy).error().code == Errc::conflict);
}

TEST_CASE("columns have types and references have targets")
{
    TempStore temp;
    const auto refuse = [&](const char* sql) {
        const auto done = temp.store->write([&](WriteTx& tx) -> Result<void> {
            tx.database().exec(sql);
            return {};
        });
        return !done && done.error().code == Errc::conflict;
    };
    CHECK(refuse("INSERT INTO settings (name, value, changed) VALUES ('a', 'b', 'not a number')"));
    CHECK(refuse("INSERT INTO tunnel_hops (tunnel_id, node_id, role, strategy, carrier) VALUES (77, 88, 1, 'round_robin', 'tls')"));
    CHECK(refuse("INSERT INTO users (uuid, name, password, role, created) VALUES ('u', 'n', 'p', 2, 0)"));
}
