// What happened to nodes, forwards and people, for whoever looks back. Bounded: the newest 100,000 stay. Changes that somebody made are
// in the audit table (setting_table.hpp); events are what the program saw or did by itself.
#pragma once

#include "base/id.hpp"
#include "base/time.hpp"
#include "store/store.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::store {

enum class Severity { info, warning, error };

struct EventRow {
    std::int64_t id = 0; // filled when read
    WallTime happened;
    Severity severity = Severity::info;
    std::string kind; // "node.online", "forward.failed"
    NodeId node;      // none: not about one
    ForwardId forward;
    UserId user;                                              // none: not about one; else he may read it, too
    std::vector<std::pair<std::string, std::string>> details; // written as a JSON object of texts; never a secret
    std::string details_json;                                 // filled when read
};

class EventTable {
public:
    explicit EventTable(ReadTx& tx) : tx_(tx) {}
    void add(const EventRow& row);
    std::vector<EventRow> newest(std::size_t limit); // newest first
    // Those about one user, or all, without the newest `skip`; newest first.
    std::vector<EventRow> part(std::optional<UserId> about, std::size_t skip, std::size_t limit);
    std::size_t count(std::optional<UserId> about);
    void trim();

private:
    ReadTx& tx_;
};

} // namespace sluice::store
