// What bodies of this dialect hold, as data: names, types and units, once. Route tables refer to these; the API document is made from both.
#pragma once

#include <span>
#include <string_view>

namespace sluice::flvx {

enum class Kind { text, integer, number, boolean, any, object, list, texts, integers };

struct Shape;

struct Field {
    std::string_view name;
    Kind kind = Kind::text;
    std::string_view about;
    bool needed = false;
    const Shape* of = nullptr; // of an object or of a list's items
};

struct Shape {
    std::string_view name;
    std::span<const Field> fields;
    bool open = false; // may have fields that nobody can name: settings
};

// What `data` of an answer is.
struct Gives {
    Kind kind = Kind::any;
    const Shape* of = nullptr; // of an object or of a list's items
    bool nothing = true;
    bool bare = false; // without an envelope
    std::string_view media = "application/json";
};

constexpr Gives gives_nothing() { return {}; }
constexpr Gives gives(Kind kind) { return {kind, nullptr, false, false, "application/json"}; }
constexpr Gives gives(const Shape& shape) { return {Kind::object, &shape, false, false, "application/json"}; }
// A bare list; where a page is asked for, `list` and `total` instead.
constexpr Gives gives_list(const Shape& shape) { return {Kind::list, &shape, false, false, "application/json"}; }
constexpr Gives gives_bare(const Shape& shape) { return {Kind::object, &shape, false, true, "application/json"}; }
constexpr Gives gives_file(std::string_view media) { return {Kind::any, nullptr, false, true, media}; }

namespace shapes {

// clang-format off: tables
inline constexpr Field id_fields[] = {{"id", Kind::integer, "", true}};
inline constexpr Shape id{"Id", id_fields};
inline constexpr Field made_fields[] = {{"id", Kind::integer, ""}};
inline constexpr Shape made{"Made", made_fields};
inline constexpr Field ids_fields[] = {{"ids", Kind::integers, "at most 10,000", true}};
inline constexpr Shape ids{"Ids", ids_fields};
inline constexpr Field batch_failure_fields[] = {{"id", Kind::integer, ""}, {"reason", Kind::text, ""}};
inline constexpr Shape batch_failure{"BatchFailure", batch_failure_fields};
inline constexpr Field batch_fields[] = {{"successCount", Kind::integer, ""}, {"failCount", Kind::integer, ""}, {"failures", Kind::list, "", false, &batch_failure}};
inline constexpr Shape batch{"BatchResult", batch_fields};

inline constexpr Field page_fields[] = {{"page", Kind::integer, "from 1; with it or pageSize, data is {list, total}"}, {"pageSize", Kind::integer, "1 to 1000"}};
inline constexpr Shape page{"Page", page_fields};

inline constexpr Field order_item_fields[] = {{"id", Kind::integer, "", true}, {"inx", Kind::integer, "place in lists", true}};
inline constexpr Shape order_item{"OrderItem", order_item_fields};

inline constexpr Field captcha_answer_fields[] = {{"id", Kind::text, "chosen by the client; for captchaId of user/login", true}, {"data", Kind::text, "what the challenge gave", true}};
inline constexpr Shape captcha_answer{"CaptchaAnswer", captcha_answer_fields};
inline constexpr Field captcha_token_fields[] = {{"validToken", Kind::text, "the id, or empty"}};
inline constexpr Shape captcha_token{"CaptchaToken", captcha_token_fields};
inline constexpr Field captcha_verdict_fields[] = {{"success", Kind::boolean, ""}, {"data", Kind::object, "", false, &captcha_token}};
inline constexpr Shape captcha_verdict{"CaptchaVerdict", captcha_verdict_fields};

inline constexpr Field sign_in_fields[] = {{"username", Kind::text, "", true}, {"password", Kind::text, "", true}, {"code", Kind::text, "of the second factor, or a recovery code"}, {"captchaId", Kind::text, "where captcha/check says 1: an id that captcha/verify accepted, or what the challenge gave"}};
inline constexpr Shape sign_in{"SignIn", sign_in_fields};
inline constexpr Field signed_in_fields[] = {{"token", Kind::text, "for the Authorization field, as it is"}, {"name", Kind::text, ""},
                                             {"role_id", Kind::integer, "0 administrator, 1 regular"}, {"requirePasswordChange", Kind::boolean, ""}};
inline constexpr Shape signed_in{"SignedIn", signed_in_fields};
inline constexpr Field password_fields[] = {{"newUsername", Kind::text, ""}, {"currentPassword", Kind::text, ""}, {"newPassword", Kind::text, "", true},
                                            {"confirmPassword", Kind::text, ""}, {"oldPassword", Kind::text, "short form: with newPassword alone; the name stays"}};
inline constexpr Shape password{"PasswordChange", password_fields};

inline constexpr Field user_fields[] = {
    {"id", Kind::integer, ""}, {"user", Kind::text, "login name"}, {"name", Kind::text, "the same"}, {"roleId", Kind::integer, "0 administrator, 1 regular"},
    {"status", Kind::integer, "1 active, 0 disabled"}, {"flow", Kind::integer, "quota in GB"}, {"num", Kind::integer, "most forwards; 0 and 99999 are no limit"},
    {"expTime", Kind::integer, "ms since 1970; 0 is never"}, {"flowResetTime", Kind::integer, "day of month; 0 is never"}, {"createdTime", Kind::integer, "ms"},
    {"updatedTime", Kind::integer, "ms or null"}, {"inFlow", Kind::integer, "billed bytes, up"}, {"outFlow", Kind::integer, "billed bytes, down"},
    {"maxConnections", Kind::integer, "over all his forwards, on each node; 0 is no cap"}, {"maxClients", Kind::integer, "distinct client addresses of each of his forwards; 0 is no cap"},
    {"clientPolicy", Kind::text, "refuse replace"}};
inline constexpr Shape user{"User", user_fields};
inline constexpr Field user_list_fields[] = {{"keyword", Kind::text, "part of the name"}, {"page", Kind::integer, ""}, {"pageSize", Kind::integer, ""}};
inline constexpr Shape user_list{"UserList", user_list_fields};
inline constexpr Field user_draft_fields[] = {
    {"id", Kind::integer, "of the user to update"}, {"user", Kind::text, "login name", true}, {"pwd", Kind::text, "needed for a new user"},
    {"status", Kind::integer, "1"}, {"flow", Kind::integer, "GB; 100"}, {"num", Kind::integer, "10"}, {"expTime", Kind::integer, "ms; a year from now"},
    {"flowResetTime", Kind::integer, "0 to 31; 1"}, {"groupIds", Kind::integers, "groups of users that he is in; absent keeps them"},
    {"maxConnections", Kind::integer, "absent keeps it"}, {"maxClients", Kind::integer, "absent keeps it"}, {"clientPolicy", Kind::text, "refuse or replace; absent keeps it"}};
inline constexpr Shape user_draft{"UserDraft", user_draft_fields};
inline constexpr Field reset_fields[] = {{"id", Kind::integer, "of the user, or of the assignment", true}, {"type", Kind::any, "1 or user, 2 or tunnel", true}};
inline constexpr Shape reset{"TrafficReset", reset_fields};

inline constexpr Field hour_fields[] = {{"id", Kind::integer, ""}, {"userId", Kind::integer, ""}, {"flow", Kind::integer, "bytes in the hour"},
                                        {"totalFlow", Kind::integer, "bytes"}, {"time", Kind::text, "HH:MM"}};
inline constexpr Shape hour{"HourlyFlow", hour_fields};
inline constexpr Field assignment_fields[] = {
    {"id", Kind::integer, ""}, {"userId", Kind::integer, ""}, {"tunnelId", Kind::integer, ""}, {"tunnelName", Kind::text, ""},
    {"tunnelFlow", Kind::integer, "1 one direction, 2 both"}, {"flow", Kind::integer, "GB"}, {"inFlow", Kind::integer, "bytes"}, {"outFlow", Kind::integer, "bytes"},
    {"num", Kind::integer, ""}, {"flowResetTime", Kind::integer, ""}, {"expTime", Kind::integer, "ms"}, {"speedId", Kind::integer, "or null"},
    {"speedLimitName", Kind::text, "or null"}, {"status", Kind::integer, ""}, {"speed", Kind::integer, "Mbit/s or null; in a package"}};
inline constexpr Shape assignment{"UserTunnel", assignment_fields};
inline constexpr Field package_forward_fields[] = {
    {"id", Kind::integer, ""}, {"name", Kind::text, ""}, {"tunnelId", Kind::integer, ""}, {"tunnelName", Kind::text, ""}, {"inIp", Kind::text, ""},
    {"inPort", Kind::integer, "or null"}, {"remoteAddr", Kind::text, ""}, {"inFlow", Kind::integer, "bytes"}, {"outFlow", Kind::integer, "bytes"},
    {"status", Kind::integer, ""}, {"createdTime", Kind::integer, "ms"}};
inline constexpr Shape package_forward{"PackageForward", package_forward_fields};
inline constexpr Field traffic_fields[] = {{"up", Kind::integer, "bytes"}, {"down", Kind::integer, "bytes"}};
inline constexpr Shape traffic{"Traffic", traffic_fields};
inline constexpr Field package_fields[] = {
    {"userInfo", Kind::object, "", false, &user}, {"tunnelPermissions", Kind::list, "", false, &assignment}, {"forwards", Kind::list, "", false, &package_forward},
    {"statisticsFlows", Kind::list, "newest 24 hours", false, &hour}, {"flow", Kind::integer, "GB"}, {"inFlow", Kind::integer, "bytes"},
    {"outFlow", Kind::integer, "bytes"}, {"expTime", Kind::integer, "ms"}, {"today", Kind::object, "", false, &traffic},
    {"everyone", Kind::any, "for administrators: what all users used today and in each hour"}};
inline constexpr Shape package{"Package", package_fields};

inline constexpr Field node_fields[] = {
    {"id", Kind::integer, ""}, {"inx", Kind::integer, ""}, {"name", Kind::text, ""}, {"ip", Kind::text, ""}, {"serverIp", Kind::text, ""},
    {"serverIpV4", Kind::text, "or null"}, {"serverIpV6", Kind::text, "or null"}, {"port", Kind::text, "1000-2000,3000"}, {"tcpListenAddr", Kind::text, ""},
    {"udpListenAddr", Kind::text, ""}, {"interfaceName", Kind::text, "or null"}, {"version", Kind::text, "or null"}, {"http", Kind::integer, "1 blocks"},
    {"tls", Kind::integer, "1 blocks"}, {"socks", Kind::integer, "1 blocks"}, {"reachable", Kind::integer, "0: it dials the node before it"},
    {"publicPorts", Kind::text, "20000-20100=30000-30100: public = local"}, {"status", Kind::integer, "1 online"}, {"isRemote", Kind::integer, ""},
    {"remoteUrl", Kind::text, "or null"}, {"remoteToken", Kind::text, "or null"}, {"remoteConfig", Kind::text, "or null"}, {"createdTime", Kind::integer, "ms"},
    {"local", Kind::boolean, "the node of the panel's own process"}, {"syncError", Kind::text, "why another panel's node is not there; or empty"},
    {"tunnels", Kind::boolean, "it can be part of tunnels; false: the node of an FLVX panel"}};
inline constexpr Shape node{"Node", node_fields, true};
inline constexpr Field node_draft_fields[] = {
    {"id", Kind::integer, "of the node to update"}, {"name", Kind::text, "", true}, {"serverIp", Kind::text, "address or name", true}, {"serverIpV4", Kind::text, ""},
    {"serverIpV6", Kind::text, ""}, {"port", Kind::text, "1000-65535"}, {"interfaceName", Kind::text, ""}, {"tcpListenAddr", Kind::text, "[::]"},
    {"udpListenAddr", Kind::text, "[::]"}, {"http", Kind::integer, "1 blocks"}, {"tls", Kind::integer, ""}, {"socks", Kind::integer, ""},
    {"reachable", Kind::integer, "0: cannot be reached from outside"}, {"publicPorts", Kind::text, "20000-20100=30000-30100: public = local"}};
inline constexpr Shape node_draft{"NodeDraft", node_draft_fields};
inline constexpr Field made_node_fields[] = {{"id", Kind::integer, ""}, {"secret", Kind::text, "32 hex digits"}};
inline constexpr Shape made_node{"MadeNode", made_node_fields, true};
inline constexpr Field node_order_fields[] = {{"nodes", Kind::list, "", true, &order_item}};
inline constexpr Shape node_order{"NodeOrder", node_order_fields};
inline constexpr Field channel_fields[] = {{"channel", Kind::text, "stable or dev; anything else is stable"}};
inline constexpr Shape channel{"Channel", channel_fields};
inline constexpr Field upgrade_fields[] = {{"id", Kind::integer, "", true}, {"version", Kind::text, "empty: the newest of the channel"}, {"channel", Kind::text, "stable or dev"}};
inline constexpr Shape upgrade{"Upgrade", upgrade_fields};
inline constexpr Field upgrades_fields[] = {{"ids", Kind::integers, "at most 10,000", true}, {"version", Kind::text, "empty: the newest of the channel"}, {"channel", Kind::text, "stable or dev"}};
inline constexpr Shape upgrades{"Upgrades", upgrades_fields};
inline constexpr Field upgraded_fields[] = {{"version", Kind::text, ""}, {"message", Kind::text, ""}};
inline constexpr Shape upgraded{"Upgraded", upgraded_fields};
inline constexpr Field upgrade_result_fields[] = {{"id", Kind::integer, ""}, {"success", Kind::boolean, ""}, {"message", Kind::text, ""}};
inline constexpr Shape upgrade_result{"UpgradeResult", upgrade_result_fields};
inline constexpr Field upgrade_results_fields[] = {{"version", Kind::text, ""}, {"results", Kind::list, "in the order of ids", false, &upgrade_result}};
inline constexpr Shape upgrade_results{"UpgradeResults", upgrade_results_fields};
inline constexpr Field message_fields[] = {{"message", Kind::text, ""}};
inline constexpr Shape message{"Message", message_fields};
inline constexpr Field release_fields[] = {{"version", Kind::text, ""}, {"name", Kind::text, ""}, {"publishedAt", Kind::text, "ISO 8601"}, {"prerelease", Kind::boolean, ""}, {"channel", Kind::text, "stable or dev"}};
inline constexpr Shape release{"Release", release_fields};

inline constexpr Field hop_fields[] = {{"nodeId", Kind::integer, "", true}, {"chainType", Kind::integer, "1 entry, 2 hop, 3 exit"}, {"inx", Kind::integer, ""},
                                       {"protocol", Kind::text, "tcp tls wss mtcp mtls mwss"}, {"strategy", Kind::text, "fifo round rand"}, {"port", Kind::integer, ""},
                                       {"publicHost", Kind::text, "where the place before finds it"}, {"publicPort", Kind::integer, ""},
                                       {"serverName", Kind::text, "of tls, wss and their multiplexed forms"}, {"alpn", Kind::text, ""}, {"path", Kind::text, "of wss and mwss"}};
inline constexpr Shape hop{"TunnelNode", hop_fields};
inline constexpr Field tunnel_fields[] = {
    {"id", Kind::integer, ""}, {"inx", Kind::integer, ""}, {"name", Kind::text, ""}, {"type", Kind::integer, "1 direct, 2 chain"},
    {"flow", Kind::integer, "1 one direction, 2 both"}, {"trafficRatio", Kind::number, ""}, {"status", Kind::integer, ""}, {"createdTime", Kind::integer, "ms"},
    {"inIp", Kind::text, "or null"}, {"ipPreference", Kind::text, "v4, v6 or empty"}, {"inNodeId", Kind::list, "", false, &hop},
    {"outNodeId", Kind::list, "", false, &hop}, {"chainNodes", Kind::any, "a list of hops, each a list of nodes"}};
inline constexpr Shape tunnel{"Tunnel", tunnel_fields, true};
inline constexpr Field tunnel_draft_fields[] = {
    {"id", Kind::integer, "of the tunnel to update"}, {"name", Kind::text, "", true}, {"type", Kind::integer, "1"}, {"flow", Kind::integer, "1"},
    {"trafficRatio", Kind::number, "1.0"}, {"status", Kind::integer, "1"}, {"inIp", Kind::text, ""}, {"ipPreference", Kind::text, ""},
    {"inNodeId", Kind::any, "nodes or bare ids", true}, {"outNodeId", Kind::any, ""}, {"chainNodes", Kind::any, ""}};
inline constexpr Shape tunnel_draft{"TunnelDraft", tunnel_draft_fields};
inline constexpr Field tunnel_order_fields[] = {{"tunnels", Kind::list, "", true, &order_item}};
inline constexpr Shape tunnel_order{"TunnelOrder", tunnel_order_fields};
inline constexpr Field tunnel_id_fields[] = {{"tunnelId", Kind::integer, "", true}};
inline constexpr Shape tunnel_id{"TunnelId", tunnel_id_fields};
inline constexpr Field usable_fields[] = {{"id", Kind::integer, ""}, {"name", Kind::text, ""}, {"type", Kind::integer, ""}, {"status", Kind::integer, ""},
                                          {"portRangeMin", Kind::integer, ""}, {"portRangeMax", Kind::integer, ""}};
inline constexpr Shape usable{"UsableTunnel", usable_fields};
inline constexpr Field step_fields[] = {
    {"success", Kind::boolean, ""}, {"description", Kind::text, ""}, {"nodeName", Kind::text, ""}, {"nodeId", Kind::text, ""}, {"targetIp", Kind::text, ""},
    {"targetPort", Kind::integer, ""}, {"averageTime", Kind::number, "ms"}, {"packetLoss", Kind::number, "percent"}, {"message", Kind::text, ""},
    {"fromChainType", Kind::integer, ""}};
inline constexpr Shape step{"DiagnosisStep", step_fields, true};
inline constexpr Field tunnel_diagnosis_fields[] = {{"tunnelName", Kind::text, ""}, {"tunnelType", Kind::text, ""}, {"timestamp", Kind::integer, "ms"},
                                                    {"results", Kind::list, "", false, &step}};
inline constexpr Shape tunnel_diagnosis{"TunnelDiagnosis", tunnel_diagnosis_fields};

inline constexpr Field user_id_fields[] = {{"userId", Kind::integer, "", true}};
inline constexpr Shape user_id{"UserId", user_id_fields};
inline constexpr Field assign_fields[] = {
    {"userId", Kind::integer, "", true}, {"tunnelId", Kind::integer, "", true}, {"flow", Kind::integer, "GB"}, {"num", Kind::integer, ""},
    {"expTime", Kind::integer, "ms"}, {"flowResetTime", Kind::integer, ""}, {"speedId", Kind::integer, "null clears it"}, {"status", Kind::integer, ""}};
inline constexpr Shape assign{"Assign", assign_fields};
inline constexpr Field batch_assign_fields[] = {{"userId", Kind::integer, "", true}, {"tunnels", Kind::any, "[{tunnelId, speedId}]"}, {"tunnelIds", Kind::integers, "instead"}};
inline constexpr Shape batch_assign{"BatchAssign", batch_assign_fields};
inline constexpr Field assignment_update_fields[] = {
    {"id", Kind::integer, "of the assignment", true}, {"flow", Kind::integer, "0"}, {"num", Kind::integer, "0"}, {"expTime", Kind::integer, ""},
    {"flowResetTime", Kind::integer, "1"}, {"speedId", Kind::integer, "null"}, {"status", Kind::integer, "1"}};
inline constexpr Shape assignment_update{"UserTunnelUpdate", assignment_update_fields};
inline constexpr Field assignment_removal_fields[] = {{"id", Kind::integer, "of the assignment"}, {"userId", Kind::integer, "with tunnelId, instead"}, {"tunnelId", Kind::integer, ""}};
inline constexpr Shape assignment_removal{"UserTunnelRemoval", assignment_removal_fields};

inline constexpr Field forward_fields[] = {
    {"id", Kind::integer, ""}, {"userId", Kind::integer, ""}, {"userName", Kind::text, ""}, {"name", Kind::text, ""}, {"tunnelId", Kind::integer, ""},
    {"tunnelName", Kind::text, ""}, {"inIp", Kind::text, "or null"}, {"inPort", Kind::integer, "or null"}, {"remoteAddr", Kind::text, "targets, comma-separated"},
    {"strategy", Kind::text, "fifo round rand hash least"}, {"inFlow", Kind::integer, "billed bytes"}, {"outFlow", Kind::integer, ""},
    {"createdTime", Kind::integer, "ms"}, {"status", Kind::integer, "1 runs, 0 paused"}, {"inx", Kind::integer, ""},
    {"state", Kind::text, "listening failed paused waiting stopped"}, {"stateReason", Kind::text, ""}, {"stateDetail", Kind::text, ""}, {"upRate", Kind::number, "bytes/s"},
    {"downRate", Kind::number, "bytes/s"}, {"connections", Kind::integer, "now"}, {"listenIp", Kind::text, ""}, {"protocol", Kind::text, "tcp+udp tcp udp"},
    {"allowIps", Kind::text, ""}, {"denyIps", Kind::text, ""}, {"maxConnections", Kind::integer, "0 is no cap"},
    {"maxClients", Kind::integer, "distinct client addresses; 0 is no cap"}, {"clientPolicy", Kind::text, "refuse the newest, or replace the oldest"},
    {"quotaState", Kind::text, "empty, throttled or stopped"}, {"quotaReason", Kind::text, "subject and window: user day"}};
inline constexpr Shape forward{"Forward", forward_fields, true};
inline constexpr Field forward_draft_fields[] = {
    {"id", Kind::integer, "of the forward to update"}, {"tunnelId", Kind::integer, "needed for a new one"}, {"name", Kind::text, ""},
    {"remoteAddr", Kind::text, "host:port, comma-separated"}, {"strategy", Kind::text, "fifo"}, {"inPort", Kind::integer, "null or 0: chosen"},
    {"listenIp", Kind::text, ""}, {"protocol", Kind::text, "tcp+udp"}, {"allowIps", Kind::text, "networks, comma-separated"}, {"denyIps", Kind::text, ""},
    {"maxConnections", Kind::integer, "0"}, {"maxClients", Kind::integer, "0"}, {"clientPolicy", Kind::text, "refuse"}};
inline constexpr Shape forward_draft{"ForwardDraft", forward_draft_fields};
inline constexpr Field made_forward_fields[] = {{"id", Kind::integer, ""}, {"inPort", Kind::integer, ""}, {"in_port", Kind::integer, "the same"}};
inline constexpr Shape made_forward{"MadeForward", made_forward_fields};
inline constexpr Field forward_id_fields[] = {{"forwardId", Kind::integer, "", true}};
inline constexpr Shape forward_id{"ForwardId", forward_id_fields};
inline constexpr Field forward_order_fields[] = {{"forwards", Kind::list, "", true, &order_item}};
inline constexpr Shape forward_order{"ForwardOrder", forward_order_fields};
inline constexpr Field tunnel_change_fields[] = {{"forwardIds", Kind::integers, ""}, {"ids", Kind::integers, "instead"}, {"targetTunnelId", Kind::integer, ""},
                                                 {"tunnelId", Kind::integer, "instead"}};
inline constexpr Shape tunnel_change{"TunnelChange", tunnel_change_fields};
inline constexpr Field forward_diagnosis_fields[] = {{"forwardName", Kind::text, ""}, {"timestamp", Kind::integer, "ms"}, {"results", Kind::list, "", false, &step}};
inline constexpr Shape forward_diagnosis{"ForwardDiagnosis", forward_diagnosis_fields};

inline constexpr Field speed_limit_fields[] = {
    {"id", Kind::integer, ""}, {"name", Kind::text, ""}, {"speed", Kind::integer, "Mbit/s"}, {"tunnelId", Kind::integer, "0: any"},
    {"tunnelName", Kind::text, ""}, {"status", Kind::integer, ""}, {"createdTime", Kind::integer, "ms"}, {"updatedTime", Kind::integer, "ms or null"}};
inline constexpr Shape speed_limit{"SpeedLimit", speed_limit_fields};
inline constexpr Field speed_limit_draft_fields[] = {{"id", Kind::integer, "of the limit to update"}, {"name", Kind::text, "", true},
                                                     {"speed", Kind::integer, "Mbit/s; 100"}, {"tunnelId", Kind::integer, "absent or 0: any"}, {"status", Kind::integer, "1"}};
inline constexpr Shape speed_limit_draft{"SpeedLimitDraft", speed_limit_draft_fields};

inline constexpr Field quota_fields[] = {
    {"id", Kind::integer, ""}, {"subject", Kind::text, "user assignment forward node"}, {"subjectId", Kind::integer, ""}, {"subjectName", Kind::text, ""},
    {"userId", Kind::integer, "whom it concerns; 0 for a node"}, {"window", Kind::text, "day month total"}, {"limit", Kind::integer, "bytes"}, {"used", Kind::integer, "bytes"},
    {"resetDay", Kind::integer, "of a month"}, {"counts", Kind::text, "both up down larger"}, {"ratio", Kind::number, "used bytes of a counted byte"},
    {"action", Kind::text, "stop throttle"}, {"rate", Kind::integer, "of throttle, kB/s (1,000 bytes) in each direction"}, {"begins", Kind::text, "local date"},
    {"ends", Kind::text, "local date on which the next window begins, or empty"}, {"reached", Kind::boolean, "it stops or throttles now"}};
inline constexpr Shape quota{"Quota", quota_fields};
inline constexpr Field quota_wish_fields[] = {{"subject", Kind::text, "with subjectId: only its quotas"}, {"subjectId", Kind::integer, ""}, {"page", Kind::integer, ""}, {"pageSize", Kind::integer, ""}};
inline constexpr Shape quota_wish{"QuotaList", quota_wish_fields};
inline constexpr Field quota_draft_fields[] = {
    {"subject", Kind::text, "user, assignment, forward or node", true}, {"subjectId", Kind::integer, "", true}, {"window", Kind::text, "day, month or total", true},
    {"limit", Kind::integer, "bytes", true}, {"resetDay", Kind::integer, "of a month; 1"}, {"counts", Kind::text, "both"}, {"ratio", Kind::number, "1; up to 100"},
    {"action", Kind::text, "stop"}, {"rate", Kind::integer, "of throttle, kB/s"}};
inline constexpr Shape quota_draft{"QuotaDraft", quota_draft_fields};
inline constexpr Field quota_used_fields[] = {{"id", Kind::integer, "", true}, {"used", Kind::integer, "bytes", true}};
inline constexpr Shape quota_used{"QuotaUsed", quota_used_fields};
inline constexpr Field event_fields[] = {
    {"id", Kind::integer, "ascending"}, {"time", Kind::integer, "ms"}, {"severity", Kind::text, "info warning error"}, {"kind", Kind::text, "quota.used, expiry.near, node.online"},
    {"nodeId", Kind::integer, "0: none"}, {"forwardId", Kind::integer, "0: none"}, {"userId", Kind::integer, "0: none"}, {"details", Kind::any, "texts by name"}};
inline constexpr Shape event{"Event", event_fields};
inline constexpr Field events_fields[] = {{"list", Kind::list, "newest first", false, &event}, {"total", Kind::integer, ""}};
inline constexpr Shape events{"Events", events_fields};

inline constexpr Field group_draft_fields[] = {{"id", Kind::integer, "of the group to update"}, {"name", Kind::text, "", true}, {"status", Kind::integer, "1"}};
inline constexpr Shape group_draft{"GroupDraft", group_draft_fields};
inline constexpr Field tunnel_group_fields[] = {{"id", Kind::integer, ""}, {"name", Kind::text, ""}, {"status", Kind::integer, ""}, {"tunnelIds", Kind::integers, ""},
                                                {"tunnelNames", Kind::texts, ""}, {"createdTime", Kind::integer, "ms"}};
inline constexpr Shape tunnel_group{"TunnelGroup", tunnel_group_fields};
inline constexpr Field user_group_fields[] = {{"id", Kind::integer, ""}, {"name", Kind::text, ""}, {"status", Kind::integer, ""}, {"userIds", Kind::integers, ""},
                                              {"userNames", Kind::texts, ""}, {"createdTime", Kind::integer, "ms"}};
inline constexpr Shape user_group{"UserGroup", user_group_fields};
inline constexpr Field tunnel_members_fields[] = {{"groupId", Kind::integer, "", true}, {"tunnelIds", Kind::integers, "all that it shall hold"}};
inline constexpr Shape tunnel_members{"TunnelGroupMembers", tunnel_members_fields};
inline constexpr Field user_members_fields[] = {{"groupId", Kind::integer, "", true}, {"userIds", Kind::integers, "all that it shall hold"}};
inline constexpr Shape user_members{"UserGroupMembers", user_members_fields};
inline constexpr Field permission_fields[] = {{"id", Kind::integer, ""}, {"userGroupId", Kind::integer, ""}, {"userGroupName", Kind::text, ""},
                                              {"tunnelGroupId", Kind::integer, ""}, {"tunnelGroupName", Kind::text, ""}, {"createdTime", Kind::integer, "ms"}};
inline constexpr Shape permission{"GroupPermission", permission_fields};
inline constexpr Field permission_draft_fields[] = {{"userGroupId", Kind::integer, "", true}, {"tunnelGroupId", Kind::integer, "", true}};
inline constexpr Shape permission_draft{"GroupPermissionDraft", permission_draft_fields};

inline constexpr Field session_fields[] = {
    {"id", Kind::integer, ""}, {"createdTime", Kind::integer, "ms"}, {"lastUsed", Kind::integer, "ms, to the minute"}, {"expTime", Kind::integer, "ms"},
    {"address", Kind::text, "from where it was used last"}, {"client", Kind::text, "what it called itself"}, {"current", Kind::boolean, "the one that asks"}};
inline constexpr Shape session{"Session", session_fields};
inline constexpr Field session_end_fields[] = {{"id", Kind::integer, ""}, {"others", Kind::boolean, "instead: all but the one that asks"}};
inline constexpr Shape session_end{"SessionEnd", session_end_fields};
inline constexpr Field api_token_fields[] = {
    {"id", Kind::integer, ""}, {"name", Kind::text, ""}, {"scope", Kind::text, "read forwards nodes all"}, {"createdTime", Kind::integer, "ms"},
    {"expTime", Kind::integer, "ms or null"}, {"lastUsed", Kind::integer, "ms or null, to the minute"}, {"address", Kind::text, "from where it was used last"}};
inline constexpr Shape api_token{"ApiToken", api_token_fields};
inline constexpr Field token_draft_fields[] = {{"name", Kind::text, "", true}, {"scope", Kind::text, "read, forwards, nodes or all", true},
                                               {"expTime", Kind::integer, "ms; absent or 0: never"}};
inline constexpr Shape token_draft{"ApiTokenDraft", token_draft_fields};
inline constexpr Field made_token_fields[] = {{"id", Kind::integer, ""}, {"token", Kind::text, "for the Authorization field, with or without Bearer"}};
inline constexpr Shape made_token{"MadeApiToken", made_token_fields};
inline constexpr Field second_factor_fields[] = {{"enabled", Kind::boolean, ""}, {"recoveryCodes", Kind::integer, "that are left"}};
inline constexpr Shape second_factor{"SecondFactor", second_factor_fields};
inline constexpr Field own_password_fields[] = {{"password", Kind::text, "one's own", true}};
inline constexpr Shape own_password{"OwnPassword", own_password_fields};
inline constexpr Field second_factor_offer_fields[] = {{"secret", Kind::text, "base32"}, {"uri", Kind::text, "otpauth, for an application"}};
inline constexpr Shape second_factor_offer{"SecondFactorOffer", second_factor_offer_fields};
inline constexpr Field second_factor_code_fields[] = {{"code", Kind::text, "six digits", true}};
inline constexpr Shape second_factor_code{"SecondFactorCode", second_factor_code_fields};
inline constexpr Field second_factor_end_fields[] = {{"password", Kind::text, "one's own", true}, {"code", Kind::text, "six digits, or a recovery code", true}};
inline constexpr Shape second_factor_end{"SecondFactorEnd", second_factor_end_fields};
inline constexpr Field recovery_codes_fields[] = {{"recoveryCodes", Kind::texts, "each works once"}};
inline constexpr Shape recovery_codes{"RecoveryCodes", recovery_codes_fields};
inline constexpr Field change_list_fields[] = {{"keyword", Kind::text, "in any of the texts"}, {"page", Kind::integer, "from 1"}, {"pageSize", Kind::integer, "1 to 1000; 100"}};
inline constexpr Shape change_list{"ChangeList", change_list_fields};
inline constexpr Field change_fields[] = {
    {"id", Kind::integer, ""}, {"time", Kind::integer, "ms"}, {"userId", Kind::integer, "0: the program or the console"}, {"user", Kind::text, ""},
    {"address", Kind::text, ""}, {"action", Kind::text, "forward.update"}, {"object", Kind::text, "its id"}, {"before", Kind::text, ""}, {"after", Kind::text, ""}};
inline constexpr Shape change{"Change", change_fields};
inline constexpr Field changes_fields[] = {{"list", Kind::list, "newest first", false, &change}, {"total", Kind::integer, ""}};
inline constexpr Shape changes{"Changes", changes_fields};

inline constexpr Field setting_name_fields[] = {{"name", Kind::text, "", true}};
inline constexpr Shape setting_name{"SettingName", setting_name_fields};
inline constexpr Field setting_fields[] = {{"id", Kind::integer, ""}, {"name", Kind::text, ""}, {"value", Kind::text, ""}, {"time", Kind::integer, "ms"}};
inline constexpr Shape setting{"Setting", setting_fields};
inline constexpr Shape settings{"Settings", {}, true};
inline constexpr Field setting_draft_fields[] = {{"name", Kind::text, "", true}, {"value", Kind::text, "", true}};
inline constexpr Shape setting_draft{"SettingDraft", setting_draft_fields};
inline constexpr Field announcement_fields[] = {{"content", Kind::text, ""}, {"enabled", Kind::integer, "1 shown"}};
inline constexpr Shape announcement{"Announcement", announcement_fields};

inline constexpr Field export_wish_fields[] = {{"types", Kind::texts, "sections; empty is all: users nodes tunnels forwards userTunnels speedLimits tunnelGroups userGroups permissions configs"}};
inline constexpr Shape export_wish{"BackupWish", export_wish_fields};
inline constexpr Field backup_fields[] = {
    {"types", Kind::texts, "of an import: the sections to apply"}, {"version", Kind::text, "1.0"}, {"exportedAt", Kind::integer, "ms"}, {"users", Kind::any, ""},
    {"nodes", Kind::any, ""}, {"tunnels", Kind::any, ""}, {"forwards", Kind::any, ""}, {"userTunnels", Kind::any, ""}, {"speedLimits", Kind::any, ""},
    {"tunnelGroups", Kind::any, ""}, {"userGroups", Kind::any, ""}, {"permissions", Kind::any, ""}, {"configs", Kind::object, "names and values", false, &settings}};
inline constexpr Shape backup{"Backup", backup_fields, true};
inline constexpr Field remark_fields[] = {{"section", Kind::text, ""}, {"id", Kind::integer, ""}, {"name", Kind::text, ""}, {"remark", Kind::text, ""}, {"args", Kind::texts, ""}};
inline constexpr Shape remark{"Remark", remark_fields};
inline constexpr Field imported_fields[] = {
    {"usersImported", Kind::integer, ""}, {"nodesImported", Kind::integer, ""}, {"tunnelsImported", Kind::integer, ""}, {"forwardsImported", Kind::integer, ""},
    {"userTunnelsImported", Kind::integer, ""}, {"speedLimitsImported", Kind::integer, ""}, {"tunnelGroupsImported", Kind::integer, ""},
    {"userGroupsImported", Kind::integer, ""}, {"permissionsImported", Kind::integer, ""}, {"configsImported", Kind::integer, ""},
    {"autoBackup", Kind::object, "everything as it was before", false, &backup}, {"remarks", Kind::list, "what did not come over as it was", false, &remark}};
inline constexpr Shape imported{"Imported", imported_fields};
inline constexpr Field restored_fields[] = {{"madeBy", Kind::text, ""}, {"madeAt", Kind::text, "ISO 8601"}, {"users", Kind::integer, ""}, {"forwards", Kind::integer, ""},
                                            {"restarting", Kind::boolean, ""}};
inline constexpr Shape restored{"Restored", restored_fields};
inline constexpr Field left_behind_fields[] = {{"what", Kind::text, ""}, {"rows", Kind::integer, ""}, {"why", Kind::text, ""}};
inline constexpr Shape left_behind{"LeftBehind", left_behind_fields};
inline constexpr Field migration_fields[] = {{"form", Kind::text, "sqlite or json"}, {"possible", Kind::boolean, ""}, {"sections", Kind::any, "added, changed, unchanged, leftOut by name"},
                                             {"remarks", Kind::list, "", false, &remark}, {"leftBehind", Kind::list, "", false, &left_behind}};
inline constexpr Shape migration{"Migration", migration_fields};

inline constexpr Field rules_fields[] = {
    {"tunnelId", Kind::integer, "", true}, {"text", Kind::text, "rules of another program", true}, {"format", Kind::text, "absent: by its look"},
    {"choosePorts", Kind::boolean, "another port where the rule's is taken"}, {"indexes", Kind::integers, "of an import: the chosen items"}};
inline constexpr Shape rules{"Rules", rules_fields};
inline constexpr Field rule_fields[] = {{"name", Kind::text, ""}, {"listenIp", Kind::text, ""}, {"inPort", Kind::integer, "or null"}, {"remoteAddr", Kind::text, ""},
                                        {"protocol", Kind::text, ""}, {"strategy", Kind::text, ""}, {"allowIps", Kind::texts, ""}};
inline constexpr Shape rule{"Rule", rule_fields};
inline constexpr Field rule_item_fields[] = {
    {"index", Kind::integer, ""}, {"line", Kind::integer, ""}, {"text", Kind::text, ""}, {"possible", Kind::boolean, ""}, {"rule", Kind::object, "", false, &rule},
    {"message", Kind::text, "why this panel refuses it"}, {"reason", Kind::text, "why it is no rule"}, {"args", Kind::texts, ""}};
inline constexpr Shape rule_item{"RulePreview", rule_item_fields};
inline constexpr Field rule_preview_fields[] = {{"format", Kind::text, ""}, {"possible", Kind::integer, "how many"}, {"items", Kind::list, "", false, &rule_item}};
inline constexpr Shape rule_preview{"RulePreviews", rule_preview_fields};
inline constexpr Field made_rule_fields[] = {{"index", Kind::integer, ""}, {"id", Kind::integer, ""}, {"inPort", Kind::integer, ""}};
inline constexpr Shape made_rule{"ImportedRule", made_rule_fields};
inline constexpr Field made_rules_fields[] = {{"created", Kind::integer, ""}, {"items", Kind::list, "", false, &made_rule}};
inline constexpr Shape made_rules{"ImportedRules", made_rules_fields};

inline constexpr Field share_role_fields[] = {
    {"runtimeId", Kind::integer, ""}, {"port", Kind::integer, ""}, {"role", Kind::text, "middle exit entry, or empty"}, {"protocol", Kind::text, ""},
    {"resourceKey", Kind::text, "the other panel's word for it"}, {"applied", Kind::integer, "1: in use"}, {"updatedTime", Kind::integer, "ms"}};
inline constexpr Shape share_role{"ShareRole", share_role_fields};
inline constexpr Field share_fields[] = {
    {"id", Kind::integer, ""}, {"name", Kind::text, ""}, {"nodeId", Kind::integer, ""}, {"nodeName", Kind::text, ""}, {"token", Kind::text, "for the other panel"},
    {"maxBandwidth", Kind::integer, "bytes in all; 0: no limit"}, {"expiryTime", Kind::integer, "ms; 0: never"}, {"portRangeStart", Kind::integer, ""},
    {"portRangeEnd", Kind::integer, ""}, {"currentFlow", Kind::integer, "bytes, both directions"}, {"isActive", Kind::integer, ""}, {"createdTime", Kind::integer, "ms"},
    {"updatedTime", Kind::integer, "ms"}, {"allowedDomains", Kind::text, "comma-separated"}, {"allowedIps", Kind::text, "networks, comma-separated"},
    {"usedPorts", Kind::integers, ""}, {"usedPortDetails", Kind::list, "", false, &share_role}, {"activeRuntimeNum", Kind::integer, ""},
    {"stopped", Kind::text, "disabled expired used_up, or empty"}, {"pin", Kind::text, "of this panel's TLS key, where its certificate is its own"}};
inline constexpr Shape share{"Share", share_fields};
inline constexpr Field share_draft_fields[] = {
    {"id", Kind::integer, "of the share to update"}, {"name", Kind::text, "", true}, {"nodeId", Kind::integer, "needed for a new one"},
    {"maxBandwidth", Kind::integer, "bytes in all; 0: no limit"}, {"expiryTime", Kind::integer, "ms; 0: never"}, {"portRangeStart", Kind::integer, ""},
    {"portRangeEnd", Kind::integer, ""}, {"allowedDomains", Kind::text, "comma-separated"}, {"allowedIps", Kind::text, "addresses or networks, comma-separated"},
    {"isActive", Kind::integer, "of an update: 0 switches it off"}};
inline constexpr Shape share_draft{"ShareDraft", share_draft_fields};
inline constexpr Field made_share_fields[] = {{"id", Kind::integer, ""}, {"token", Kind::text, "64 hex digits"}, {"pin", Kind::text, ""}};
inline constexpr Shape made_share{"MadeShare", made_share_fields};
inline constexpr Field remote_role_fields[] = {
    {"bindingId", Kind::integer, ""}, {"tunnelId", Kind::integer, ""}, {"tunnelName", Kind::text, ""}, {"chainType", Kind::integer, "2 hop, 3 exit"},
    {"hopInx", Kind::integer, ""}, {"allocatedPort", Kind::integer, ""}, {"resourceKey", Kind::text, ""}, {"remoteBindingId", Kind::text, ""}, {"updatedTime", Kind::integer, "ms"}};
inline constexpr Shape remote_role{"RemoteRole", remote_role_fields};
inline constexpr Field remote_usage_fields[] = {
    {"nodeId", Kind::integer, ""}, {"nodeName", Kind::text, ""}, {"remoteUrl", Kind::text, ""}, {"shareId", Kind::integer, ""}, {"shareName", Kind::text, ""},
    {"portRangeStart", Kind::integer, ""}, {"portRangeEnd", Kind::integer, ""}, {"maxBandwidth", Kind::integer, "bytes"}, {"currentFlow", Kind::integer, "bytes"},
    {"expiryTime", Kind::integer, "ms; 0: never"}, {"usedPorts", Kind::integers, ""}, {"bindings", Kind::list, "", false, &remote_role},
    {"activeBindingNum", Kind::integer, ""}, {"syncError", Kind::text, "absent when the other panel answered"}, {"tunnels", Kind::boolean, "it can be part of tunnels"}};
inline constexpr Shape remote_usage{"RemoteUsage", remote_usage_fields};
inline constexpr Field remote_import_fields[] = {
    {"remoteUrl", Kind::text, "of the other panel", true}, {"token", Kind::text, "", true}, {"remoteToken", Kind::text, "instead"}, {"name", Kind::text, "absent: its name there"},
    {"pin", Kind::text, "sha256// and base64 of that panel's TLS key; absent: its certificate is verified"}};
inline constexpr Shape remote_import{"RemoteImport", remote_import_fields};
inline constexpr Field share_offer_fields[] = {
    {"shareId", Kind::integer, ""}, {"shareName", Kind::text, ""}, {"nodeId", Kind::integer, ""}, {"nodeName", Kind::text, ""}, {"serverIp", Kind::text, ""},
    {"status", Kind::integer, "1 online"}, {"maxBandwidth", Kind::integer, "bytes"}, {"currentFlow", Kind::integer, "bytes"}, {"expiryTime", Kind::integer, "ms"},
    {"portRangeStart", Kind::integer, ""}, {"portRangeEnd", Kind::integer, ""}, {"sluice", Kind::any, "for panels of this kind: key, addresses"},
    {"tunnels", Kind::boolean, "of a preview: it can be part of tunnels"}};
inline constexpr Shape share_offer{"ShareOffer", share_offer_fields};
inline constexpr Field peer_tunnel_fields[] = {{"protocol", Kind::text, "tcp, udp, else both"}, {"remotePort", Kind::integer, "", true}, {"target", Kind::text, "host:port", true}};
inline constexpr Shape peer_tunnel{"PeerTunnel", peer_tunnel_fields};
inline constexpr Field made_peer_tunnel_fields[] = {{"tunnelId", Kind::integer, ""}};
inline constexpr Shape made_peer_tunnel{"MadePeerTunnel", made_peer_tunnel_fields};
inline constexpr Field peer_reserve_fields[] = {{"resourceKey", Kind::text, "", true}, {"protocol", Kind::text, "tls"}, {"requestedPort", Kind::integer, "0: the lowest free one"}};
inline constexpr Shape peer_reserve{"PeerReserve", peer_reserve_fields};
inline constexpr Field peer_reservation_fields[] = {{"reservationId", Kind::text, ""}, {"allocatedPort", Kind::integer, ""}, {"bindingId", Kind::text, "empty until a role is applied"}};
inline constexpr Shape peer_reservation{"PeerReservation", peer_reservation_fields};
inline constexpr Field peer_target_fields[] = {{"host", Kind::text, ""}, {"port", Kind::integer, ""}, {"protocol", Kind::text, ""}};
inline constexpr Shape peer_target{"PeerTarget", peer_target_fields};
inline constexpr Field peer_role_fields[] = {
    {"reservationId", Kind::text, ""}, {"resourceKey", Kind::text, "instead"}, {"role", Kind::text, "middle or exit", true}, {"protocol", Kind::text, ""},
    {"strategy", Kind::text, "round"}, {"targets", Kind::list, "of a middle: the next place", false, &peer_target}, {"sluice", Kind::any, "the tunnel's number; without, a role is refused"}};
inline constexpr Shape peer_role{"PeerRole", peer_role_fields};
inline constexpr Field peer_release_fields[] = {{"bindingId", Kind::text, ""}, {"reservationId", Kind::text, "instead"}, {"resourceKey", Kind::text, "instead"}};
inline constexpr Shape peer_release{"PeerRelease", peer_release_fields};
inline constexpr Field peer_probe_fields[] = {{"ip", Kind::text, "", true}, {"port", Kind::integer, "", true}, {"count", Kind::integer, "4"}, {"timeout", Kind::integer, "ms; 5000"}};
inline constexpr Shape peer_probe{"PeerProbe", peer_probe_fields};
inline constexpr Field peer_probe_result_fields[] = {{"ip", Kind::text, ""}, {"port", Kind::integer, ""}, {"success", Kind::boolean, ""}, {"averageTime", Kind::number, "ms"},
                                                     {"packetLoss", Kind::number, "%"}, {"errorMessage", Kind::text, ""}};
inline constexpr Shape peer_probe_result{"PeerProbeResult", peer_probe_result_fields};
inline constexpr Field peer_command_fields[] = {{"commandType", Kind::text, "AddService UpdateService DeleteService PauseService ResumeService AddLimiters DeleteLimiters TcpPing reload", true},
                                                {"data", Kind::any, ""}};
inline constexpr Shape peer_command{"PeerCommand", peer_command_fields};
inline constexpr Field peer_command_result_fields[] = {{"type", Kind::text, ""}, {"success", Kind::boolean, ""}, {"message", Kind::text, ""}, {"data", Kind::any, ""}};
inline constexpr Shape peer_command_result{"PeerCommandResult", peer_command_result_fields};
inline constexpr Field peer_wish_fields[] = {{"version", Kind::integer, "1", true}, {"panel", Kind::text, "which panel asks", true}, {"revision", Kind::integer, "", true},
                                             {"plan", Kind::any, "as on the link; absent: as before"}, {"forgotten", Kind::integers, "forwards whose counters may go"}};
inline constexpr Shape peer_wish{"PeerWish", peer_wish_fields};
inline constexpr Field peer_state_fields[] = {{"version", Kind::integer, "1"}, {"share", Kind::object, "", false, &share_offer}, {"stopped", Kind::text, "why it carries nothing, or empty"},
                                              {"revision", Kind::integer, "of the wish that is kept"}, {"applied", Kind::any, "as on the link"}, {"report", Kind::any, "as on the link"}};
inline constexpr Shape peer_state{"PeerState", peer_state_fields};
// clang-format on

} // namespace shapes

} // namespace sluice::flvx
