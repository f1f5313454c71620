#include "agent/program_store.hpp"

#include "base/file.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "net/sha256.hpp"
#include "plan/release.hpp"

#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace sluice::agent {

namespace {

constexpr std::size_t longest_state = 4096;
constexpr std::int64_t most_starts = 3; // without coming up

std::string line_of(const char* name, const ProgramStore::Entry& entry)
{
    return std::string{name} + " " + entry.file + " " + entry.version + " " + entry.sha256 + "\n";
}

std::optional<ProgramStore::Entry> entry_of(const std::vector<std::string_view>& words)
{
    if (words.size() != 4 || !plan::is_version(words[2]) || words[1].empty() || words[1].find('/') != std::string_view::npos) return std::nullopt;
    return ProgramStore::Entry{std::string{words[1]}, std::string{words[2]}, std::string{words[3]}};
}

} // namespace

ProgramStore::State ProgramStore::load() const
{
    const auto text = read_file(state_file(), longest_state);
    if (!text) return {};
    State state;
    for (const auto line : split(*text, '\n')) {
        const auto words = split(line, ' ');
        if (words[0] == "current") {
            const auto entry = entry_of(words);
            if (!entry) return {};
            state.current = *entry;
        } else if (words[0] == "previous") {
            state.previous = entry_of(words);
        } else if (words[0] == "installed" && words.size() == 2) {
            state.installed = words[1];
        } else if (words[0] == "issued" && words.size() == 2) {
            state.issued = parse_int(words[1]).value_or(0);
        }
    }
    return state;
}

Result<void> ProgramStore::keep(const State& state)
{
    if (auto made = make_private_folder(folder_); !made) return made;
    auto text = line_of("current", state.current);
    if (state.previous) text += line_of("previous", *state.previous);
    if (!state.installed.empty()) text += "installed " + state.installed + "\n";
    text += "issued " + std::to_string(state.issued) + "\n";
    if (auto written = write_file_atomically(state_file(), text); !written) return written;
    const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(folder_.c_str()), &::closedir);
    std::vector<std::string> old;
    while (const auto* entry = open ? ::readdir(open.get()) : nullptr) {
        const std::string name = entry->d_name;
        const bool named = name == state.current.file || (state.previous && name == state.previous->file);
        if (name.rfind("sluice-", 0) == 0 && !named) old.push_back(name);
    }
    for (const auto& name : old) remove(name);
    return {};
}

Result<int> ProgramStore::create(const std::string& file)
{
    if (const auto made = make_private_folder(folder_); !made) return made.error();
    const auto path = folder_ + "/" + file;
    ::unlink(path.c_str()); // never written into: it may be what runs
    const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0755);
    if (descriptor < 0) return make_error(Errc::unavailable, "file", path + ": " + std::strerror(errno), {path});
    ::fchmod(descriptor, 0755);
    return descriptor;
}

void ProgramStore::remove(const std::string& file) { ::unlink((folder_ + "/" + file).c_str()); }

bool ProgramStore::usable(const Entry& entry) const
{
    const auto path = path_of(entry);
    struct stat info{};
    if (::lstat(path.c_str(), &info) != 0) return false;
    // What somebody else could write is not started: this may be root.
    const bool ours = S_ISREG(info.st_mode) && info.st_uid == ::geteuid() && (info.st_mode & (S_IWGRP | S_IWOTH)) == 0;
    const auto sum = ours ? net::sha256_of_file(path) : make_error(Errc::forbidden, "file");
    if (sum && *sum == entry.sha256) return true;
    log::error("the upgraded program is damaged or somebody else's; the installed one starts", {{"file", path}});
    return false;
}

std::optional<std::string> ProgramStore::to_start(std::string_view installed_version)
{
    const auto state = load();
    if (state.current.installed()) return std::nullopt;
    // A package or the install script brought another one since; the newer of both counts.
    if (state.installed != installed_version && plan::compare_versions(state.current.version, installed_version) <= 0) return std::nullopt;
    if (!usable(state.current)) return std::nullopt;
    const auto counted = read_file(starts_file(), 32);
    const auto starts = counted ? parse_int(trim(*counted)).value_or(0) : 0;
    if (starts >= most_starts) {
        log::error("the upgraded program did not come up; the installed one starts", {{"version", state.current.version}, {"starts", starts}});
        return std::nullopt;
    }
    if (const auto noted = write_file_atomically(starts_file(), std::to_string(starts + 1) + "\n"); !noted)
        log::warning("start not counted", {{"problem", describe(noted.error())}});
    return path_of(state.current);
}

void ProgramStore::came_up() { ::unlink(starts_file().c_str()); }

} // namespace sluice::agent
