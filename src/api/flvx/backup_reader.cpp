// From a backup object to rows (FLVX contract 5.11). The predecessor checked little: what this panel would refuse is replaced or left out, and said.
#include "api/flvx/backup_json.hpp"
#include "api/flvx/shapes.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <climits>
#include <utility>

namespace sluice::flvx {

using domain::Remark;
using domain::Section;

namespace {

// One object of a list, its fields by exact JSON type. A wrong type makes the whole file bad.
class Item {
public:
    Item(const Json& object, bool& bad) : object_(object), bad_(bad)
    {
        if (!object.is_object()) bad_ = true;
    }

    std::string text(const char* key) const
    {
        const auto* value = find(key);
        if (value == nullptr) return {};
        if (value->is_string()) return value->get<std::string>();
        bad_ = true;
        return {};
    }
    std::optional<std::string> optional_text(const char* key) const
    {
        auto value = text(key);
        if (value.empty()) return std::nullopt;
        return value;
    }
    std::int64_t integer(const char* key) const
    {
        const auto* value = find(key);
        if (value == nullptr) return 0;
        const auto number = exact_integer_of(*value);
        if (!number) bad_ = true;
        return number.value_or(0);
    }
    double number(const char* key) const
    {
        const auto* value = find(key);
        if (value == nullptr) return 0;
        if (value->is_number()) return value->get<double>();
        bad_ = true;
        return 0;
    }
    // A text in exports ("1"); a number is taken too.
    std::int64_t small_number(const char* key) const
    {
        const auto* value = find(key);
        return value != nullptr && value->is_string() ? parse_int(value->get<std::string>()).value_or(0) : integer(key);
    }
    std::vector<std::int64_t> integers(const char* key) const
    {
        std::vector<std::int64_t> out;
        for_each(key, [&](const Json& value) {
            const auto number = exact_integer_of(value);
            if (!number) bad_ = true;
            out.push_back(number.value_or(0));
        });
        return out;
    }
    template <class Use>
    void for_each(const char* key, Use use) const
    {
        const auto* list = find(key);
        if (list == nullptr) return;
        if (!list->is_array()) {
            bad_ = true;
            return;
        }
        for (const auto& value : *list) use(value);
    }
    bool has_list(const char* key) const { return find(key) != nullptr; }
    bool flag(const char* key) const { return integer(key) == 1; }
    WallTime time(const char* key) const { return from_epoch_ms(integer(key)); }
    std::optional<WallTime> optional_time(const char* key) const { return from_expiry(integer(key)); }

private:
    const Json* find(const char* key) const
    {
        if (!object_.is_object()) return nullptr;
        const auto found = object_.find(key);
        return found == object_.end() || found->is_null() ? nullptr : &*found;
    }

    const Json& object_;
    bool& bad_;
};

class Reader {
public:
    Result<ReadBackup> read(const Json& object)
    {
        auto& snapshot = out_.snapshot;
        section(object, Section::users, snapshot.users, &Reader::user);
        section(object, Section::nodes, snapshot.nodes, &Reader::node);
        section(object, Section::tunnels, snapshot.tunnels, &Reader::tunnel);
        section(object, Section::forwards, snapshot.forwards, &Reader::forward);
        section(object, Section::assignments, snapshot.assignments, &Reader::assignment);
        section(object, Section::speed_limits, snapshot.speed_limits, &Reader::speed_limit);
        section(object, Section::tunnel_groups, snapshot.tunnel_groups, &Reader::tunnel_group);
        section(object, Section::user_groups, snapshot.user_groups, &Reader::user_group);
        section(object, Section::permissions, snapshot.permissions, &Reader::permission);
        settings(object);
        if (bad_) return make_error(Errc::invalid, "body");
        return std::move(out_);
    }

private:
    template <class Row>
    void section(const Json& object, Section section, std::optional<std::vector<Row>>& rows, std::optional<Row> (Reader::*make)(const Item&))
    {
        section_ = section;
        const Item whole(object, bad_);
        const std::string key{section_name(section)};
        if (!whole.has_list(key.c_str())) return;
        rows.emplace();
        whole.for_each(key.c_str(), [&](const Json& value) {
            const Item item(value, bad_);
            id_ = item.integer("id");
            name_ = section == Section::users ? item.text("user") : item.text("name");
            auto row = (this->*make)(item);
            if (id_ <= 0)
                remark(Remark::unusable, {"id", std::to_string(id_)});
            else if (row)
                rows->push_back(std::move(*row));
        });
    }

    void remark(Remark what, std::vector<std::string> args) { out_.remarks.push_back({section_, id_, name_, what, std::move(args)}); }

    void settings(const Json& object)
    {
        const auto found = object.find("configs");
        if (found == object.end() || found->is_null()) return;
        out_.snapshot.settings.emplace();
        if (!found->is_object()) bad_ = true;
        for (const auto& [name, value] : found->items()) {
            if (value.is_string())
                out_.snapshot.settings->emplace(name, value.get<std::string>());
            else
                bad_ = true;
        }
    }

    domain::Allowance allowance(const Item& item)
    {
        domain::Allowance allowance;
        const auto within = [&](const char* field, std::int64_t value, bool fine) {
            if (!fine) remark(Remark::adjusted, {field, std::to_string(value), "0"});
            return fine ? value : 0;
        };
        const auto quota = item.integer("flow");
        allowance.quota = from_gigabytes(within("flow", quota, from_gigabytes(quota).has_value())).value_or(ByteCount{});
        const auto count = item.integer("num");
        allowance.max_forwards = within("num", count, count >= 0);
        const auto day = item.integer("flowResetTime");
        allowance.reset_day = static_cast<int>(within("flowResetTime", day, day >= 0 && day <= 31));
        allowance.expires = item.optional_time("expTime");
        return allowance;
    }

    static Traffic traffic(const Item& item)
    {
        return {{std::max<std::int64_t>(0, item.integer("inFlow"))}, {std::max<std::int64_t>(0, item.integer("outFlow"))}};
    }

    std::optional<domain::UserRow> user(const Item& item)
    {
        domain::UserRow row;
        row.user.id = UserId{id_};
        row.user.name = name_;
        row.password = item.text("pwd");
        row.user.role = item.integer("roleId") == 0 ? domain::Role::admin : domain::Role::regular;
        row.user.allowance = allowance(item);
        row.user.used = traffic(item);
        row.user.created = item.time("createdTime");
        row.user.updated = item.optional_time("updatedTime");
        row.user.enabled = item.flag("status");
        return row;
    }

    // The predecessor swapped the ends of a reversed range and passed over what it could not read.
    PortSet ports(const std::string& text)
    {
        if (trim(text).empty()) return PortSet::range(1000, 65535);
        if (const auto strict = PortSet::parse(text)) return *strict;
        PortSet ports;
        for (const auto item : split(text, ',')) {
            const auto ends = split(trim(item), '-');
            const auto first = parse_int(trim(ends.front())).value_or(0);
            const auto last = parse_int(trim(ends.back())).value_or(0);
            if (ends.size() > 2 || std::min(first, last) < 1 || std::max(first, last) > 65535) continue;
            ports.insert(static_cast<std::uint16_t>(std::min(first, last)), static_cast<std::uint16_t>(std::max(first, last)));
        }
        if (ports.empty()) ports = PortSet::range(1000, 65535);
        remark(Remark::adjusted, {"port", text, ports.to_text()});
        return ports;
    }

    std::optional<domain::NodeRow> node(const Item& item)
    {
        if (item.integer("isRemote") == 1) {
            remark(Remark::remote_node, {});
            return std::nullopt;
        }
        domain::NodeRow row;
        auto& node = row.node;
        node.id = NodeId{id_};
        node.name = name_;
        row.secret = Secret{item.text("secret")};
        node.address = item.text("serverIp");
        node.address_v4 = item.optional_text("serverIpV4");
        node.address_v6 = item.optional_text("serverIpV6");
        node.ports = ports(item.text("port"));
        node.egress_interface = item.optional_text("interfaceName");
        node.version = item.optional_text("version");
        node.blocks = {item.flag("http"), item.flag("tls"), item.flag("socks")};
        node.created = item.time("createdTime");
        node.updated = item.optional_time("updatedTime");
        node.tcp_listen = item.optional_text("tcpListenAddr").value_or("[::]");
        node.udp_listen = item.optional_text("udpListenAddr").value_or("[::]");
        node.order = item.integer("inx");
        return row;
    }

    domain::HopNode hop(const Item& item)
    {
        domain::HopNode hop;
        hop.id = item.integer("id");
        hop.node = NodeId{item.integer("nodeId")};
        const auto role = item.small_number("chainType");
        hop.role = role == 2 ? domain::HopRole::middle : role == 3 ? domain::HopRole::exit : domain::HopRole::entry;
        const auto port = item.integer("port");
        if (port > 0 && port <= 65535 && hop.role != domain::HopRole::entry) hop.port = static_cast<std::uint16_t>(port);
        hop.strategy = hop_strategy_of(item.text("strategy"));
        hop.carrier = carrier_of(item.text("protocol"));
        hop.place = hop.role == domain::HopRole::middle ? static_cast<int>(std::clamp<std::int64_t>(item.integer("inx"), 0, 1000)) : 0;
        return hop;
    }

    std::optional<domain::Tunnel> tunnel(const Item& item)
    {
        domain::Tunnel tunnel;
        tunnel.id = TunnelId{id_};
        tunnel.name = name_;
        tunnel.billing.ratio = item.number("trafficRatio");
        tunnel.billing.factor = static_cast<int>(std::clamp<std::int64_t>(item.integer("flow"), 0, 100));
        tunnel.type = item.integer("type") == 2 ? domain::TunnelType::chain : domain::TunnelType::direct;
        tunnel.created = item.time("createdTime");
        tunnel.updated = item.optional_time("updatedTime");
        tunnel.enabled = item.flag("status");
        tunnel.entry_addresses = item.optional_text("inIp");
        tunnel.order = item.integer("inx");
        tunnel.preference = preference_of(item.text("ipPreference")).value_or(domain::AddressFamily::automatic);
        item.for_each("chainTunnels", [&](const Json& value) { tunnel.hops.push_back(hop(Item(value, bad_))); });
        if (tunnel.type == domain::TunnelType::direct)
            std::erase_if(tunnel.hops, [](const auto& one) { return one.role != domain::HopRole::entry; }); // they mean nothing (contract 4.7)
        return tunnel;
    }

    std::optional<domain::ForwardRow> forward(const Item& item)
    {
        domain::ForwardRow row;
        auto& forward = row.forward;
        forward.id = ForwardId{id_};
        forward.owner = UserId{item.integer("userId")};
        forward.owner_name = item.text("userName");
        forward.name = name_;
        forward.tunnel = TunnelId{item.integer("tunnelId")};
        const auto targets = item.text("remoteAddr");
        for (const auto piece : split(targets, ',')) {
            if (trim(piece).empty()) continue;
            if (auto target = HostPort::parse(trim(piece)))
                forward.targets.push_back(std::move(*target));
            else
                remark(Remark::target_dropped, {std::string{trim(piece).substr(0, 200)}});
        }
        const auto strategy = item.text("strategy");
        const auto pick = strategy_of(strategy);
        if (!pick) remark(Remark::adjusted, {"strategy", strategy, "fifo"});
        forward.pick = pick.value_or(domain::Pick::first);
        forward.used = traffic(item);
        forward.created = item.time("createdTime");
        forward.updated = item.optional_time("updatedTime");
        forward.enabled = item.flag("status");
        forward.order = item.integer("inx");
        row.with_ports = item.has_list("forwardPorts");
        item.for_each("forwardPorts", [&](const Json& value) {
            const Item port(value, bad_);
            const auto number = port.integer("port");
            const auto node = port.integer("nodeId");
            if (number < 1 || number > 65535)
                remark(Remark::port_dropped, {std::to_string(node), std::to_string(number)});
            else
                forward.ports.push_back({NodeId{node}, static_cast<std::uint16_t>(number)});
        });
        return row;
    }

    std::optional<domain::Assignment> assignment(const Item& item)
    {
        domain::Assignment assignment;
        assignment.id = AssignmentId{id_};
        assignment.user = UserId{item.integer("userId")};
        assignment.tunnel = TunnelId{item.integer("tunnelId")};
        if (const auto limit = item.integer("speedId"); limit > 0) assignment.speed_limit = SpeedLimitId{limit};
        assignment.allowance = allowance(item);
        assignment.used = traffic(item);
        assignment.enabled = item.flag("status");
        return assignment;
    }

    std::optional<domain::SpeedLimitRow> speed_limit(const Item& item)
    {
        domain::SpeedLimitRow limit;
        limit.id = SpeedLimitId{id_};
        limit.name = name_;
        limit.mbit = item.integer("speed");
        if (const auto tunnel = item.integer("tunnelId"); tunnel > 0) limit.tunnel = TunnelId{tunnel};
        limit.created = item.time("createdTime");
        limit.updated = item.optional_time("updatedTime");
        limit.enabled = item.flag("status");
        return limit;
    }

    domain::Group group(const Item& item, const char* members)
    {
        domain::Group group;
        group.id = id_;
        group.name = name_;
        group.enabled = item.flag("status");
        group.created = item.time("createdTime");
        group.updated = item.optional_time("updatedTime");
        group.members = item.integers(members);
        return group;
    }
    std::optional<domain::Group> tunnel_group(const Item& item) { return group(item, "tunnels"); }
    std::optional<domain::Group> user_group(const Item& item) { return group(item, "users"); }

    std::optional<domain::Permission> permission(const Item& item)
    {
        domain::Permission permission;
        permission.id = id_;
        permission.user_group = item.integer("userGroupId");
        permission.tunnel_group = item.integer("tunnelGroupId");
        permission.created = item.time("createdTime");
        item.for_each("grants", [&](const Json& value) {
            const Item grant(value, bad_);
            permission.grants.push_back({grant.integer("id"), grant.integer("userGroupId"), grant.integer("tunnelGroupId"),
                                         AssignmentId{grant.integer("userTunnelId")}, grant.flag("createdByGroup"), grant.time("createdTime")});
        });
        return permission;
    }

    ReadBackup out_;
    bool bad_ = false;
    Section section_ = Section::users;
    std::int64_t id_ = 0;
    std::string name_;
};

} // namespace

Result<ReadBackup> read_backup(const Json& object)
{
    if (!object.is_object()) return make_error(Errc::invalid, "body");
    return Reader{}.read(object);
}

} // namespace sluice::flvx
