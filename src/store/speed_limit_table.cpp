#include "store/speed_limit_table.hpp"

#include "store/statement.hpp"

namespace sluice::store {

namespace {

constexpr const char* columns = "SELECT id, name, mbit, tunnel_id, enabled, created, updated FROM speed_limits ";

domain::SpeedLimit row(Statement& from)
{
    domain::SpeedLimit limit;
    limit.id = from.id<SpeedLimitId>();
    limit.name = from.text();
    limit.megabits = from.integer();
    if (const auto tunnel = from.optional_integer()) limit.tunnel = TunnelId{*tunnel};
    limit.enabled = from.flag();
    limit.created = from.time();
    limit.updated = from.optional_time();
    return limit;
}

} // namespace

std::optional<domain::SpeedLimit> SpeedLimitTable::find(SpeedLimitId id)
{
    Statement query(tx_, (std::string{columns} + "WHERE id = ?").c_str(), id);
    if (!query.next()) return std::nullopt;
    return row(query);
}

std::vector<domain::SpeedLimit> SpeedLimitTable::all()
{
    std::vector<domain::SpeedLimit> limits;
    Statement query(tx_, (std::string{columns} + "ORDER BY id").c_str());
    while (query.next()) limits.push_back(row(query));
    return limits;
}

SpeedLimitId SpeedLimitTable::insert(const domain::SpeedLimit& limit)
{
    Statement(tx_, "INSERT INTO speed_limits (name, mbit, tunnel_id, enabled, created) VALUES (?, ?, ?, ?, ?)", limit.name, limit.megabits,
              limit.tunnel, limit.enabled, limit.created)
        .run();
    return SpeedLimitId{last_id(tx_)};
}

void SpeedLimitTable::update(const domain::SpeedLimit& limit)
{
    Statement(tx_, "UPDATE speed_limits SET name = ?, mbit = ?, tunnel_id = ?, enabled = ?, updated = ? WHERE id = ?", limit.name, limit.megabits,
              limit.tunnel, limit.enabled, limit.updated, limit.id)
        .run();
}

void SpeedLimitTable::remove(SpeedLimitId id) { Statement(tx_, "DELETE FROM speed_limits WHERE id = ?", id).run(); }

std::vector<std::pair<UserId, TunnelId>> SpeedLimitTable::used_by(SpeedLimitId id)
{
    std::vector<std::pair<UserId, TunnelId>> users;
    Statement query(tx_, "SELECT user_id, tunnel_id FROM assignments WHERE speed_limit_id = ? ORDER BY id", id);
    while (query.next()) {
        const auto user = query.id<UserId>();
        users.emplace_back(user, query.id<TunnelId>());
    }
    return users;
}

} // namespace sluice::store
