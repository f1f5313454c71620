#include "store/statement_cache.hpp"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <sqlite3.h>

#include <iterator>
#include <string>
#include <utility>

namespace sluice::store {

StatementCache::StatementCache(SQLite::Database& database, std::size_t room) : database_(database), room_(room) {}

StatementCache::~StatementCache() = default;

std::unique_ptr<SQLite::Statement> StatementCache::take(std::string_view sql)
{
    const auto known = by_text_.find(sql);
    if (known == by_text_.end()) return std::make_unique<SQLite::Statement>(database_, std::string{sql});
    const auto place = known->second;
    auto statement = std::move(*place);
    by_text_.erase(known);
    idle_.erase(place);
    return statement;
}

void StatementCache::give_back(std::unique_ptr<SQLite::Statement> statement) noexcept
{
    // A reset repeats the error of a run that failed. SQLite could run such a statement again; that it need not be trusted to costs nothing.
    if (statement->tryReset() != SQLITE_OK || room_ == 0 || by_text_.contains(statement->getQuery())) return;
    statement->clearBindings();
    if (idle_.size() >= room_) {
        by_text_.erase(idle_.back()->getQuery());
        idle_.pop_back();
    }
    idle_.push_front(std::move(statement));
    by_text_.emplace(idle_.front()->getQuery(), idle_.begin());
}

} // namespace sluice::store
