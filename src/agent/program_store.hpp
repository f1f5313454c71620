// Programs that a node got from its panel, in DIR/program: the one that runs, the one before it, and which of them to start. What was installed on the machine
// (by a package, or the install script) is never touched; it starts the newer one from here.
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::agent {

class ProgramStore {
public:
    explicit ProgramStore(std::string folder) : folder_(std::move(folder)) {}

    struct Entry {
        std::string file = "-"; // in the folder; "-": the installed program
        std::string version;
        std::string sha256 = "-";
        bool installed() const { return file == "-"; }
        friend bool operator==(const Entry&, const Entry&) = default;
    };
    struct State {
        Entry current;
        std::optional<Entry> previous;
        std::string installed;   // version of the installed program when `current` was chosen
        std::int64_t issued = 0; // of the newest release that was taken: older ones are refused
        friend bool operator==(const State&, const State&) = default;
    };
    State load() const; // the installed program when there is nothing, or nothing that can be read
    // Makes it so that a later start begins with `state.current`; programs that it does not name are removed. Errors: unavailable "file".
    Result<void> keep(const State& state);

    std::string path_of(const Entry& entry) const { return folder_ + "/" + entry.file; }
    static std::string file_for(std::string_view sha256) { return "sluice-" + std::string{sha256.substr(0, 16)}; }
    // Errors: unavailable "file" (the folder cannot be written).
    Result<int> create(const std::string& file); // a descriptor for writing
    void remove(const std::string& file);

    // What to start instead of the installed program of that version: absent when there is nothing, when the installed program was replaced by a newer one since,
    // when the file is damaged or somebody else's, or when it did not come up three times in a row. Counts as a start.
    std::optional<std::string> to_start(std::string_view installed_version);
    void came_up(); // the start was a good one

private:
    std::string state_file() const { return folder_ + "/programs"; }
    std::string starts_file() const { return folder_ + "/starts"; }
    bool usable(const Entry& entry) const;

    std::string folder_;
};

} // namespace sluice::agent
