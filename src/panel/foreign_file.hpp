// A file that somebody hands in: a text, or the SQLite database of another program. It is looked at as a private copy in the data directory, which goes
// when this object does.
#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sluice::panel {

using ForeignValue = std::variant<std::monostate, std::int64_t, double, std::string>;
using ForeignRow = std::map<std::string, ForeignValue>; // by column name

class ForeignFile {
public:
    static constexpr std::size_t largest_text = std::size_t{256} * 1024 * 1024;

    // `folder` is the data directory. Errors: unavailable "file"; invalid "file.database" (args[0] says why: damaged, or none).
    static Result<ForeignFile> of_bytes(const std::string& folder, std::string_view bytes);
    // The file stays as it is; a database may be in use meanwhile. Errors: also not_found "file".
    static Result<ForeignFile> of_path(const std::string& folder, const std::string& path);
    ForeignFile(ForeignFile&&) noexcept;
    ForeignFile& operator=(ForeignFile&&) noexcept;
    ~ForeignFile();

    bool is_database() const;
    Result<std::string> text() const; // of what is no database
    bool has(const std::string& table) const;
    std::int64_t count(const std::string& table) const;                   // 0 when the table is not there
    Result<std::vector<ForeignRow>> rows(const std::string& table) const; // by id; none when the table is not there. Errors: invalid "file.database"

private:
    struct State;
    explicit ForeignFile(std::unique_ptr<State> state);
    static Result<ForeignFile> open(const std::string& copy);
    std::unique_ptr<State> state_;
};

} // namespace sluice::panel
