// Carries rows between panels (FLVX contract 5.11, and the move from an FLVX panel): administrators only, one transaction, all or nothing. What a
// file format is called and looks like is the dialect's business.
#pragma once

#include "base/result.hpp"
#include "domain/snapshot.hpp"
#include "panel/actor.hpp"
#include "panel/foreign_file.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::panel {

struct Context;
class Accounts;

struct TransferTally {
    std::int64_t added = 0;
    std::int64_t changed = 0;
    std::int64_t unchanged = 0;
    std::int64_t left_out = 0;
};

struct TransferReport {
    std::map<domain::Section, TransferTally> sections; // those of the file
    std::vector<domain::Remarked> remarks;             // in the order of the file
    bool possible = true;                              // false: something is taken, and a move would be refused
};

class Transfers {
public:
    Transfers(Context& context, Accounts& accounts) : context_(context), accounts_(accounts) {}

    // Secrets of nodes in the clear and password hashes included: whoever may ask for this may read everything.
    Result<domain::Snapshot> take(const Actor& actor, const domain::Sections& sections);

    // Rows replace those with the same id, other rows stay (contract 5.11). What refers to nothing is left out and said. Sessions of users
    // whose password changed or who are disabled end, but the one of `keep_token_hash`. Nodes are told. Errors: forbidden "role"; conflict "import"
    // (args: section, words) when a name, a secret or a port belongs to another row, or no administrator would be left. Nothing is changed then.
    Result<TransferReport> restore(const Actor& actor, const domain::Snapshot& snapshot, const domain::Sections& sections,
                                   const std::string& keep_token_hash);

    // The move of a whole panel to this one. Rows keep their ids, but what is here and came from elsewhere is never overwritten: then nothing happens and
    // conflict "import.taken" is the answer. Repeatable: what did not change at the source stays as it is here, counters never go down, what was
    // deleted here stays deleted. The exceptions: administrator 1 takes the place of ours, and the node of this process makes room.
    Result<TransferReport> move_in(const Actor& actor, const domain::Snapshot& snapshot, const std::string& keep_token_hash);
    // The same work, taken back before anybody sees it.
    Result<TransferReport> preview(const Actor& actor, const domain::Snapshot& snapshot);

    // A file that was handed in, to be read by whoever knows its format. Errors: forbidden "role", unavailable "backup.folder", those of ForeignFile.
    Result<ForeignFile> hand_in(const Actor& actor, std::string_view bytes);

private:
    Context& context_;
    Accounts& accounts_;
};

} // namespace sluice::panel
