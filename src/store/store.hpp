// SQLite behind one writer and several readers. All SQL of the program is in this room; services see transactions and table
// classes only.
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace SQLite {
class Database;
}

namespace sluice::store {

class StatementCache;

// A transaction: a table class needs one to exist (UserTable users(tx)). Reading works in both kinds.
class ReadTx {
public:
    ReadTx(SQLite::Database& database, StatementCache& statements) : database_(&database), statements_(&statements) {}
    SQLite::Database& database() { return *database_; }
    StatementCache& statements() { return *statements_; }

private:
    SQLite::Database* database_;
    StatementCache* statements_;
};

class WriteTx : public ReadTx {
public:
    using ReadTx::ReadTx;
};

struct StoreOptions {
    std::string path;         // DIR/sluice.db; created with mode 0600
    unsigned readers = 4;     // connections of the reader pool
    std::size_t queue = 4096; // writes waiting for the writer; more are refused with Errc::unavailable "store.busy"
};

// Thread-safe. Destruction finishes queued writes.
class Store {
public:
    // Opens or creates, then migrates. Errors: unavailable "store" (cannot open, corrupt), conflict "store.version" (made by a newer program).
    static Result<std::unique_ptr<Store>> open(const StoreOptions& options);
    ~Store();

    // Runs `work(WriteTx&) -> Result<T>` on the writer thread inside a savepoint and returns after COMMIT (several queued works share one
    // commit). An Error or an exception rolls back this work alone. Never call it from inside a work or while holding a ReadTx.
    template <class Work>
    auto write(Work&& work) -> std::invoke_result_t<Work, WriteTx&>
    {
        using R = std::invoke_result_t<Work, WriteTx&>;
        std::optional<R> outcome;
        const auto committed = run_write([&](WriteTx& tx) -> bool {
            outcome.emplace(work(tx));
            return outcome->has_value();
        });
        if (!committed) return R{committed.error()};
        return std::move(*outcome);
    }

    // Runs `work(ReadTx&) -> Result<T>` on the calling thread with a consistent snapshot.
    template <class Work>
    auto read(Work&& work) -> std::invoke_result_t<Work, ReadTx&>
    {
        using R = std::invoke_result_t<Work, ReadTx&>;
        std::optional<R> outcome;
        const auto done = run_read([&](ReadTx& tx) { outcome.emplace(work(tx)); });
        if (!done) return R{done.error()};
        return std::move(*outcome);
    }

    // A consistent copy while the program runs (VACUUM INTO on the writer). `path` must not exist; it appears complete or not at all, mode
    // 0600.
    Result<void> backup_to(const std::string& path);

    // Version of the schema (number of the newest migration).
    std::int64_t version() const;

private:
    Store();
    // ok when the work ran (whether it kept its changes or asked for rollback by returning false) and, if kept, was committed.
    Result<void> run_write(const std::function<bool(WriteTx&)>& work);
    Result<void> run_read(const std::function<void(ReadTx&)>& work);

    struct State;
    std::unique_ptr<State> state_;
};

} // namespace sluice::store
