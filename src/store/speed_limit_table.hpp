// Speed limits, and which assignments use them.
#pragma once

#include "domain/speed_limit.hpp"
#include "domain/user.hpp"
#include "store/store.hpp"

#include <optional>
#include <vector>

namespace sluice::store {

class SpeedLimitTable {
public:
    explicit SpeedLimitTable(ReadTx& tx) : tx_(tx) {}

    std::optional<domain::SpeedLimit> find(SpeedLimitId id);
    std::vector<domain::SpeedLimit> all(); // by id
    SpeedLimitId insert(const domain::SpeedLimit& limit);
    void update(const domain::SpeedLimit& limit); // everything but id and created
    void remove(SpeedLimitId id);                 // assignments that used it have none afterwards

    // Who is slowed down by it: pairs of user and tunnel, by assignment id.
    std::vector<std::pair<UserId, TunnelId>> used_by(SpeedLimitId id);

private:
    ReadTx& tx_;
};

} // namespace sluice::store
