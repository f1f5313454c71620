// One writer thread with a queue: each batch of queued works shares one transaction, each work has a savepoint of its own, and callers
// are released after the COMMIT, so an answer always means "on disk". Readers take a connection from a small pool.
#include "store/store.hpp"

#include "base/log.hpp"
#include "base/random.hpp"
#include "store/connection.hpp"
#include "store/statement_cache.hpp"

#include <SQLiteCpp/Statement.h>
#include <sqlite3.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <exception>
#include <fcntl.h>
#include <iterator>
#include <mutex>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace sluice::store {

namespace {

constexpr std::size_t works_per_commit = 256;

struct Work {
    const std::function<bool(WriteTx&)>* function = nullptr;
    bool outside_transaction = false; // VACUUM INTO cannot run inside one
    // Filled by the writer.
    bool ran = false;
    bool kept = false;
    std::optional<Error> error;
    std::exception_ptr exception;
    bool done = false;
};

// A connection of the store with the statements that it knows already.
struct Line {
    explicit Line(std::unique_ptr<SQLite::Database> connection) : database(std::move(connection)), statements(*database) {}

    const std::unique_ptr<SQLite::Database> database;
    StatementCache statements; // below the connection, for it goes first
};

// The work's changes did not reach the disk. A work that failed by itself keeps its own reason; one that asked for rollback has lost nothing.
void lose(Work& work, const Error& why)
{
    const bool had_changes = std::exchange(work.kept, false);
    if ((had_changes || !work.ran) && !work.error && !work.exception) work.error = why;
}

} // namespace

struct Store::State {
    StoreOptions options;
    std::unique_ptr<Line> writer;
    std::int64_t version = 0; // never changes after open()

    std::mutex mutex; // guards queue, stopping, and the fields of queued works
    std::condition_variable queued;
    std::condition_variable finished;
    std::deque<Work*> queue;
    bool stopping = false;

    std::mutex reader_mutex; // guards idle_readers
    std::condition_variable reader_returned;
    std::vector<std::unique_ptr<Line>> idle_readers;

    std::thread thread;

    void run();
    void run_batch(std::vector<Work*>& batch);
    void run_one(Work& work);
    Result<void> submit(Work& work);
};

void Store::State::run()
{
    for (;;) {
        std::vector<Work*> batch;
        {
            std::unique_lock lock(mutex);
            queued.wait(lock, [this] { return stopping || !queue.empty(); });
            if (queue.empty()) return;
            if (queue.front()->outside_transaction) {
                batch.push_back(queue.front());
                queue.pop_front();
            } else {
                while (!queue.empty() && !queue.front()->outside_transaction && batch.size() < works_per_commit) {
                    batch.push_back(queue.front());
                    queue.pop_front();
                }
            }
        }
        run_batch(batch);
        const std::lock_guard lock(mutex);
        for (auto* work : batch) work->done = true;
        finished.notify_all();
    }
}

void Store::State::run_one(Work& work)
{
    WriteTx tx(*writer->database, writer->statements);
    try {
        writer->database->exec("SAVEPOINT work");
        work.ran = true;
        work.kept = (*work.function)(tx);
        if (!work.kept) writer->database->exec("ROLLBACK TO work");
        writer->database->exec("RELEASE work");
    } catch (const SQLite::Exception& problem) {
        work.kept = false;
        work.error = to_error(problem);
    } catch (...) {
        work.kept = false;
        work.exception = std::current_exception();
    }
    if (work.error || work.exception) {
        // A full disk may already have ended the whole transaction; then there is no savepoint to return to.
        try {
            writer->database->exec("ROLLBACK TO work");
            writer->database->exec("RELEASE work");
        } catch (const SQLite::Exception&) {
            log::debug("savepoint already gone");
        }
    }
}

void Store::State::run_batch(std::vector<Work*>& batch)
{
    if (batch.front()->outside_transaction) {
        auto& work = *batch.front();
        WriteTx tx(*writer->database, writer->statements);
        try {
            work.ran = true;
            work.kept = (*work.function)(tx);
        } catch (const SQLite::Exception& problem) {
            work.error = to_error(problem);
        }
        return;
    }
    auto first_open = batch.begin(); // works before it are decided
    try {
        writer->database->exec("BEGIN IMMEDIATE");
        for (auto work = batch.begin(); work != batch.end(); ++work) {
            run_one(**work);
            // SQLite may end the whole transaction by itself (a full disk): then what this batch wrote so far is gone, and a savepoint of
            // the next work would commit on its own.
            if (sqlite3_get_autocommit(writer->database->getHandle()) == 0) continue;
            const auto lost = (*work)->error.value_or(make_error(Errc::unavailable, "store", "the transaction was rolled back"));
            for (auto earlier = first_open; earlier != std::next(work); ++earlier) lose(**earlier, lost);
            first_open = std::next(work);
            writer->database->exec("BEGIN IMMEDIATE");
        }
        writer->database->exec("COMMIT");
    } catch (const SQLite::Exception& problem) {
        // Nothing of the open transaction is on disk: every caller hears it, none believes a lost write.
        for (auto work = first_open; work != batch.end(); ++work) lose(**work, to_error(problem));
        log::error("commit failed", {{"problem", problem.what()}, {"writes", batch.size()}});
        try {
            writer->database->exec("ROLLBACK");
        } catch (const SQLite::Exception&) {
            log::debug("transaction already rolled back");
        }
    }
}

Result<void> Store::State::submit(Work& work)
{
    std::unique_lock lock(mutex);
    if (stopping) return make_error(Errc::unavailable, "store.closed");
    if (queue.size() >= options.queue) return make_error(Errc::unavailable, "store.busy", "too many writes are waiting");
    queue.push_back(&work);
    queued.notify_one();
    finished.wait(lock, [&] { return work.done; });
    if (work.exception) std::rethrow_exception(work.exception);
    if (work.error) return *work.error;
    return {};
}

Store::Store() : state_(std::make_unique<State>()) {}

Store::~Store()
{
    {
        const std::lock_guard lock(state_->mutex);
        state_->stopping = true;
        state_->queued.notify_one();
    }
    if (state_->thread.joinable()) state_->thread.join();
}

Result<std::unique_ptr<Store>> Store::open(const StoreOptions& options)
{
    std::unique_ptr<Store> store(new Store());
    auto& state = *store->state_;
    state.options = options;
    try {
        // SQLite creates files by the umask; the database holds secrets, so it is made private before it is opened.
        const int file = ::open(options.path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (file < 0) return make_error(Errc::unavailable, "store", options.path + ": " + std::strerror(errno), {options.path});
        ::close(file);
        state.writer = std::make_unique<Line>(connect(options.path, Access::read_write));
        if (const auto migrated = migrate(*state.writer->database); !migrated) return migrated.error();
        state.version = state.writer->database->execAndGet("PRAGMA user_version").getInt64();
        for (unsigned i = 0; i < options.readers; ++i) state.idle_readers.push_back(std::make_unique<Line>(connect(options.path, Access::read_only)));
    } catch (const SQLite::Exception& problem) {
        return make_error(Errc::unavailable, "store", options.path + ": " + problem.what(), {options.path});
    }
    state.thread = std::thread([&state] { state.run(); });
    return store;
}

Result<void> Store::run_write(const std::function<bool(WriteTx&)>& work)
{
    Work queued;
    queued.function = &work;
    return state_->submit(queued);
}

Result<void> Store::run_read(const std::function<void(ReadTx&)>& work)
{
    auto& state = *state_;
    std::unique_ptr<Line> line;
    {
        std::unique_lock lock(state.reader_mutex);
        if (!state.reader_returned.wait_for(lock, std::chrono::seconds(10), [&] { return !state.idle_readers.empty(); }))
            return make_error(Errc::unavailable, "store.busy", "no reader within 10 s");
        line = std::move(state.idle_readers.back());
        state.idle_readers.pop_back();
    }
    struct Return {
        State& state;
        std::unique_ptr<Line>& line;
        ~Return()
        {
            const std::lock_guard lock(state.reader_mutex);
            state.idle_readers.push_back(std::move(line));
            state.reader_returned.notify_one();
        }
    } const give_back{state, line};
    const auto end = [&line] {
        try {
            line->database->exec("ROLLBACK");
        } catch (const SQLite::Exception&) {
            log::debug("read transaction already ended");
        }
    };
    ReadTx tx(*line->database, line->statements);
    try {
        line->database->exec("BEGIN");
        work(tx);
    } catch (const SQLite::Exception& problem) {
        end();
        return to_error(problem);
    } catch (...) {
        end();
        throw;
    }
    end();
    return {};
}

Result<void> Store::backup_to(const std::string& path)
{
    struct stat info{};
    if (::stat(path.c_str(), &info) == 0) return make_error(Errc::conflict, "file", "exists already", {path});
    const std::string temporary = path + ".new-" + random_hex(4);
    const std::function<bool(WriteTx&)> copy = [&](WriteTx& tx) {
        SQLite::Statement statement(tx.database(), "VACUUM INTO ?");
        statement.bind(1, temporary);
        statement.exec();
        return true;
    };
    // The copy holds secrets: its file exists, private and empty, before SQLite fills it.
    const int file = ::open(temporary.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0) return make_error(Errc::unavailable, "file", temporary + ": " + std::strerror(errno), {path});
    Work work;
    work.function = &copy;
    work.outside_transaction = true;
    auto result = state_->submit(work);
    if (result && (::fsync(file) != 0 || ::rename(temporary.c_str(), path.c_str()) != 0))
        result = make_error(Errc::unavailable, "file", path + ": " + std::strerror(errno), {path});
    ::close(file);
    if (!result) ::unlink(temporary.c_str());
    return result;
}

std::int64_t Store::version() const { return state_->version; }

} // namespace sluice::store
