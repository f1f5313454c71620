// A thin typed layer over SQLiteCpp's statements: positional binding of our types, columns back into our types. Only table classes use it.
#pragma once

#include "base/id.hpp"
#include "base/time.hpp"
#include "store/statement_cache.hpp"
#include "store/store.hpp"

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace sluice::store {

class Statement {
public:
    template <class... Values>
    Statement(ReadTx& tx, std::string_view sql, const Values&... values) : cache_(tx.statements()), statement_(cache_.take(sql))
    {
        (bind(values), ...);
    }
    // Its connection keeps it for the next who says the same.
    ~Statement() { cache_.give_back(std::move(statement_)); }
    Statement(const Statement&) = delete;
    Statement& operator=(const Statement&) = delete;

    // The same statement with other values, before its next run.
    template <class... Values>
    void again(const Values&... values)
    {
        statement_->reset();
        bound_ = 0;
        (bind(values), ...);
    }

    bool step() { return statement_->executeStep(); }
    // Runs a statement that returns no rows; the number of rows it changed.
    int run() { return statement_->exec(); }

    // Columns of the current row, in order of the calls.
    std::int64_t integer() { return statement_->getColumn(column_++).getInt64(); }
    double real() { return statement_->getColumn(column_++).getDouble(); }
    bool flag() { return integer() != 0; }
    std::string text() { return statement_->getColumn(column_++).getString(); }
    std::string blob()
    {
        const auto column = statement_->getColumn(column_++);
        return {static_cast<const char*>(column.getBlob()), static_cast<std::size_t>(column.getBytes())};
    }
    WallTime time() { return from_epoch_ms(integer()); }
    std::optional<WallTime> optional_time() { return is_null() ? (++column_, std::nullopt) : std::optional{time()}; }
    std::optional<std::string> optional_text() { return is_null() ? (++column_, std::nullopt) : std::optional{text()}; }
    std::optional<std::int64_t> optional_integer() { return is_null() ? (++column_, std::nullopt) : std::optional{integer()}; }
    template <class SomeId>
    SomeId id()
    {
        return SomeId{integer()};
    }
    // Before reading the next row's columns.
    bool next()
    {
        column_ = 0;
        return step();
    }

private:
    bool is_null() { return statement_->getColumn(column_).isNull(); }

    void bind(std::int64_t value) { statement_->bind(++bound_, value); }
    void bind(int value) { statement_->bind(++bound_, value); }
    void bind(std::uint32_t value) { statement_->bind(++bound_, static_cast<std::int64_t>(value)); }
    void bind(std::uint16_t value) { statement_->bind(++bound_, static_cast<std::int32_t>(value)); }
    void bind(bool value) { statement_->bind(++bound_, value ? 1 : 0); }
    void bind(double value) { statement_->bind(++bound_, value); }
    void bind(const std::string& value) { statement_->bind(++bound_, value); }
    void bind(const char* value) { statement_->bind(++bound_, value); }
    void bind(std::string_view value) { statement_->bind(++bound_, std::string{value}); }
    void bind(WallTime value) { statement_->bind(++bound_, to_epoch_ms(value)); }
    struct Blob {
        const std::string& bytes;
    };
    template <class Tag>
    void bind(Id<Tag> value)
    {
        statement_->bind(++bound_, value.value);
    }
    template <class T>
    void bind(const std::optional<T>& value)
    {
        if (value)
            bind(*value);
        else
            statement_->bind(++bound_);
    }
    void bind(const Blob& value) { statement_->bind(++bound_, value.bytes.data(), static_cast<int>(value.bytes.size())); }

    StatementCache& cache_;
    std::unique_ptr<SQLite::Statement> statement_;
    int bound_ = 0;
    int column_ = 0;

public:
    static Blob as_blob(const std::string& bytes) { return Blob{bytes}; }
};

inline std::int64_t last_id(ReadTx& tx) { return tx.database().getLastInsertRowid(); }

} // namespace sluice::store
