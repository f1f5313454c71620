#include "panel/foreign_file.hpp"

#include "base/file.hpp"
#include "base/random.hpp"
#include "panel/backup.hpp"
#include "store/database_file.hpp"
#include "store/foreign_database.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <unistd.h>
#include <utility>

namespace sluice::panel {

namespace {

Error bad_database(const Error& error)
{
    const auto why = error.args.empty() ? std::string{"the database cannot be read"} : error.args.front();
    return make_error(Errc::invalid, "file.database", why, {why});
}

Result<std::string> place_for_copy(const std::string& folder)
{
    const auto passing = folder + passing_folder;
    if (auto made = make_private_folder(passing); !made) return made.error();
    return passing + "/" + random_hex(8) + ".file";
}

} // namespace

struct ForeignFile::State {
    std::string copy;
    std::optional<store::ForeignDatabase> database;

    explicit State(std::string path) : copy(std::move(path)) {}
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State()
    {
        database.reset();
        ::unlink(copy.c_str());
        ::unlink((copy + "-journal").c_str());
    }
};

ForeignFile::ForeignFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
ForeignFile::ForeignFile(ForeignFile&&) noexcept = default;
ForeignFile& ForeignFile::operator=(ForeignFile&&) noexcept = default;
ForeignFile::~ForeignFile() = default;

Result<ForeignFile> ForeignFile::open(const std::string& copy)
{
    auto state = std::make_unique<State>(copy);
    std::array<char, 16> head{};
    const int file = ::open(copy.c_str(), O_RDONLY | O_CLOEXEC);
    const auto got = file < 0 ? -1 : ::read(file, head.data(), head.size());
    const int problem = errno;
    if (file >= 0) ::close(file);
    if (got < 0) return make_error(Errc::unavailable, "file", copy + ": " + std::strerror(problem), {copy});
    if (store::looks_like_sqlite({head.data(), static_cast<std::size_t>(got)})) {
        auto database = store::ForeignDatabase::open(copy);
        if (!database) return bad_database(database.error());
        state->database = std::move(*database);
    }
    return ForeignFile{std::move(state)};
}

Result<ForeignFile> ForeignFile::of_bytes(const std::string& folder, std::string_view bytes)
{
    const auto copy = place_for_copy(folder);
    if (!copy) return copy.error();
    if (auto written = write_file_atomically(*copy, bytes); !written) return written.error();
    return open(*copy);
}

Result<ForeignFile> ForeignFile::of_path(const std::string& folder, const std::string& path)
{
    const auto copy = place_for_copy(folder);
    if (!copy) return copy.error();
    std::array<char, 16> head{};
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        const auto code = errno == ENOENT ? Errc::not_found : Errc::unavailable;
        return make_error(code, "file", path + ": " + std::strerror(errno), {path});
    }
    const auto got = ::read(file, head.data(), head.size());
    ::close(file);
    if (got > 0 && store::looks_like_sqlite({head.data(), static_cast<std::size_t>(got)})) {
        if (auto copied = store::copy_database(path, *copy); !copied)
            return copied.error().field == "store" ? bad_database(copied.error()) : copied.error();
        return open(*copy);
    }
    const auto content = read_file(path, largest_text);
    if (!content) return content.error();
    return of_bytes(folder, *content);
}

bool ForeignFile::is_database() const { return state_->database.has_value(); }

Result<std::string> ForeignFile::text() const { return read_file(state_->copy, largest_text); }

bool ForeignFile::has(const std::string& table) const { return state_->database && state_->database->has(table); }

std::int64_t ForeignFile::count(const std::string& table) const { return state_->database ? state_->database->count(table) : 0; }

Result<std::vector<ForeignRow>> ForeignFile::rows(const std::string& table) const
{
    if (!state_->database) return std::vector<ForeignRow>{};
    auto rows = state_->database->rows(table);
    if (!rows) return bad_database(rows.error());
    return rows;
}

} // namespace sluice::panel
