// What an administrator can carry from one panel to another, as values: rows with the ids they have. Sections are absent where nobody asked
// for them. Knows no file format and no database.
#pragma once

#include "base/id.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"
#include "domain/forward.hpp"
#include "domain/node.hpp"
#include "domain/tunnel.hpp"
#include "domain/user.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::domain {

// In the order in which they are written: what is referred to comes first.
enum class Section { users, nodes, tunnels, speed_limits, assignments, forwards, tunnel_groups, user_groups, permissions, settings };

inline constexpr std::array all_sections{Section::users,    Section::nodes,         Section::tunnels,     Section::speed_limits, Section::assignments,
                                         Section::forwards, Section::tunnel_groups, Section::user_groups, Section::permissions,  Section::settings};

using Sections = std::set<Section>;

struct UserRow {
    User user;
    std::string password; // as stored: argon2id, or 32 hex digits of an MD5
};

struct NodeRow {
    Node node;
    Secret secret;
};

struct SpeedLimitRow {
    SpeedLimitId id;
    std::string name;
    std::int64_t mbit = 0;
    std::optional<TunnelId> tunnel; // absent: usable on any
    std::string tunnel_name;        // for readers; not stored
    bool enabled = true;
    WallTime created;
    std::optional<WallTime> updated;
};

struct ForwardRow {
    Forward forward;
    bool with_ports = true; // false: ports that are there stay
};

struct Group {
    std::int64_t id = 0;
    std::string name; // unique among its kind
    bool enabled = true;
    std::vector<std::int64_t> members; // ids of users or tunnels
    WallTime created;
    std::optional<WallTime> updated;
};

struct Grant {
    std::int64_t id = 0;
    std::int64_t user_group = 0;
    std::int64_t tunnel_group = 0;
    AssignmentId assignment;
    bool created_by_group = false;
    WallTime created;
};

struct Permission {
    std::int64_t id = 0;
    std::int64_t user_group = 0;
    std::int64_t tunnel_group = 0;
    WallTime created;
    std::vector<Grant> grants;
};

struct Snapshot {
    std::optional<std::vector<UserRow>> users;
    std::optional<std::vector<NodeRow>> nodes;
    std::optional<std::vector<Tunnel>> tunnels;
    std::optional<std::vector<SpeedLimitRow>> speed_limits;
    std::optional<std::vector<Assignment>> assignments;
    std::optional<std::vector<ForwardRow>> forwards;
    std::optional<std::vector<Group>> tunnel_groups;
    std::optional<std::vector<Group>> user_groups;
    std::optional<std::vector<Permission>> permissions;
    std::optional<std::map<std::string, std::string>> settings;
};

// What happens to a row of a file that does not come over as it is.
enum class Remark {
    adjusted,        // a value that has no meaning here was replaced; args: field, value in the file, value now
    unusable,        // left out: it lacks something, or this panel would refuse it; args: field, value
    remote_node,     // left out: a node of another panel
    missing_parent,  // left out: it refers to something that exists neither here nor in the file; args: what, id
    link_dropped,    // comes over without a reference to something that does not exist; args: what, id
    no_target,       // left out: a forward without a usable target
    target_dropped,  // one of several targets is no address; args: the target
    port_dropped,    // a port on a node that is not there; args: node, port
    renamed,         // args: name in the file, name now
    refused_setting, // left out: it belongs to the program, or could not be obeyed; args: why
    replaces,        // takes the place of what has this id here; args: what is there
    moved_local,     // the node inside the panel's process gets another id; args: old, new
    deleted_here,    // left out: it came over before and was deleted here since
    taken,           // cannot come over: its id or its name belongs to something else here; args: what is there
};

struct Remarked {
    Section section = Section::users;
    std::int64_t id = 0;
    std::string name;
    Remark remark = Remark::adjusted;
    std::vector<std::string> args;
};

} // namespace sluice::domain
