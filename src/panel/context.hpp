// What every service shares. Owned by Panel; services keep a reference.
#pragma once

#include "base/secret.hpp"
#include "base/time.hpp"

namespace sluice::store {
class Store;
}

namespace sluice::panel {

class NodeGateway;
class Live;

struct Context {
    store::Store* store = nullptr;
    const Clock* clock = nullptr;
    Live* live = nullptr;
    NodeGateway* gateway = nullptr; // set by Panel::connect before the first request
    Secret key;                     // 32 bytes
};

} // namespace sluice::panel
