// What every service shares. Owned by Panel; services keep a reference.
#pragma once

#include "base/result.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"
#include "panel/actor.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::store {
class Store;
class WriteTx;
struct EventRow;
} // namespace sluice::store

namespace sluice::panel {

class NodeGateway;
class PeerGateway;
class Live;

struct Context {
    store::Store* store = nullptr;
    const Clock* clock = nullptr;
    Live* live = nullptr;
    NodeGateway* gateway = nullptr; // set by Panel::connect before the first request
    Secret key;                     // 32 bytes
    std::string folder;             // the data directory; empty where there is none (tests)
    std::function<void()> restart;  // ends this process in order and starts it again on the same data directory; empty where nobody can
    PeerGateway* peers = nullptr;   // other panels; set by Panel::connect_peers before the first request, null where none is asked
};

// A node and the revision that a transaction gave it.
using Revisions = std::vector<std::pair<NodeId, std::uint64_t>>;

// Administrators only. Errors: forbidden "role".
Result<void> require_admin(const Actor& actor);

// Writes one line of history in the transaction of the change.
void audit(store::WriteTx& tx, const Context& context, const Actor& actor, const std::string& action, std::int64_t object,
           const std::string& before = {}, const std::string& after = {});

// Writes what the program saw or did by itself, in the transaction of the change. `event.happened` is filled in here.
void record(store::WriteTx& tx, const Context& context, store::EventRow event);

// After the commit: tells the nodes of these revisions.
void announce_plans(const Context& context, const Revisions& revisions);

} // namespace sluice::panel
