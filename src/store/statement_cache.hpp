// Prepared statements of one connection, kept between uses: to read and plan SQL costs several times what it costs to run a look-up by key. Knows
// nothing of transactions or tables; class Statement takes from it and gives back.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <string_view>
#include <unordered_map>

namespace SQLite {
class Database;
class Statement;
} // namespace SQLite

namespace sluice::store {

// Used, like its connection, by one thread at a time. It must go before the connection does.
class StatementCache {
public:
    // More texts than a request or a report needs together; a statement takes some kilobytes.
    static constexpr std::size_t usual_room = 128;

    explicit StatementCache(SQLite::Database& database, std::size_t room = usual_room);
    ~StatementCache();
    StatementCache(const StatementCache&) = delete;
    StatementCache& operator=(const StatementCache&) = delete;

    // A statement with nothing bound, before its first step. It is nobody else's until it is given back: who asks for the same text meanwhile, as a
    // loop over one query that runs it again for each row, gets another. Throws SQLite::Exception when the text does not compile.
    std::unique_ptr<SQLite::Statement> take(std::string_view sql);

    // Ends its run and forgets what was bound, so that neither a lock nor somebody's secret stays behind. One that failed is not kept, and of several
    // with the same text one is. When the room is full, the one that waited longest goes.
    void give_back(std::unique_ptr<SQLite::Statement> statement) noexcept;

    std::size_t size() const { return idle_.size(); }

private:
    using Idle = std::list<std::unique_ptr<SQLite::Statement>>;

    SQLite::Database& database_;
    const std::size_t room_;
    Idle idle_;                                                    // given back last: first
    std::unordered_map<std::string_view, Idle::iterator> by_text_; // the texts are the statements' own
};

} // namespace sluice::store
