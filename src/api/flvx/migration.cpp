#include "api/flvx/migration.hpp"

#include "base/text.hpp"
#include "panel/foreign_file.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace sluice::flvx {

using domain::Section;

namespace {

Error unusable(const std::string& why) { return make_error(Errc::invalid, "migration.file", why, {why}); }

// "in_flow" as "inFlow": the columns of the database are the fields of the export in another spelling.
std::string camel(const std::string& snake)
{
    std::string out;
    bool upper = false;
    for (const char c : snake) {
        if (c == '_') {
            upper = true;
            continue;
        }
        out += upper && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        upper = false;
    }
    return out;
}

const std::set<std::string> text_fields{"user",       "pwd",         "name",          "secret",     "serverIp",      "serverIpV4",
                                        "serverIpV6", "port",        "interfaceName", "version",    "tcpListenAddr", "udpListenAddr",
                                        "remoteUrl",  "remoteToken", "remoteConfig",  "protocol",   "inIp",          "ipPreference",
                                        "strategy",   "userName",    "remoteAddr",    "tunnelName", "chainType"};

// SQLite does not hold a column to its type; the field does.
Json value_of(const std::string& field, const panel::ForeignValue& value, bool port_is_number)
{
    const bool text = text_fields.contains(field) && !(field == "port" && port_is_number);
    if (const auto* number = std::get_if<std::int64_t>(&value)) return text ? Json(std::to_string(*number)) : Json(*number);
    if (const auto* number = std::get_if<double>(&value)) {
        if (text) return Json(*number).dump();
        return field == "trafficRatio" ? Json(*number) : Json(static_cast<std::int64_t>(std::clamp(*number, -9e15, 9e15)));
    }
    if (const auto* words = std::get_if<std::string>(&value)) {
        if (text) return *words;
        if (const auto number = parse_int(trim(*words))) return *number;
        return nullptr;
    }
    return nullptr;
}

Json object_of(const panel::ForeignRow& row, bool port_is_number = false)
{
    Json object = Json::object();
    for (const auto& [column, value] : row) {
        auto field = camel(column);
        object[field] = value_of(field, value, port_is_number);
    }
    return object;
}

class DatabaseReader {
public:
    explicit DatabaseReader(const panel::ForeignFile& database) : database_(database) {}

    // The backup object that the panel would have exported.
    Result<Json> read()
    {
        Json out{{"version", "1.0"}};
        plain(out, "users", "user");
        plain(out, "nodes", "node");
        plain(out, "userTunnels", "user_tunnel");
        plain(out, "speedLimits", "speed_limit");
        with_parts(out, "tunnels", "tunnel", "chainTunnels", "chain_tunnel", "tunnelId");
        with_parts(out, "forwards", "forward", "forwardPorts", "forward_port", "forwardId");
        with_members(out, "tunnelGroups", "tunnel_group", "tunnels", "tunnel_group_tunnel", "tunnelGroupId", "tunnelId");
        with_members(out, "userGroups", "user_group", "users", "user_group_user", "userGroupId", "userId");
        permissions(out);
        settings(out);
        if (failure_) return *failure_;
        return out;
    }

private:
    std::vector<panel::ForeignRow> rows(const char* table)
    {
        auto rows = database_.rows(table);
        if (rows) return std::move(*rows);
        failure_ = rows.error();
        return {};
    }

    void plain(Json& out, const char* key, const char* table)
    {
        for (const auto& row : rows(table)) out[key].push_back(object_of(row));
    }

    // Parts by the id of what they belong to.
    std::map<std::int64_t, Json> parts_of(const char* table, const char* owner)
    {
        std::map<std::int64_t, Json> parts;
        for (const auto& row : rows(table)) {
            auto part = object_of(row, true);
            const auto id = exact_integer_of(part.value(owner, Json{})).value_or(0);
            parts[id].push_back(std::move(part));
        }
        return parts;
    }

    void with_parts(Json& out, const char* key, const char* table, const char* parts_key, const char* parts_table, const char* owner)
    {
        auto parts = parts_of(parts_table, owner);
        for (const auto& row : rows(table)) {
            auto item = object_of(row);
            const auto found = parts.find(exact_integer_of(item.value("id", Json{})).value_or(0));
            item[parts_key] = found == parts.end() ? Json::array() : std::move(found->second);
            out[key].push_back(std::move(item));
        }
    }

    void with_members(Json& out, const char* key, const char* table, const char* members_key, const char* members_table, const char* owner,
                      const char* member)
    {
        auto members = parts_of(members_table, owner);
        for (const auto& row : rows(table)) {
            auto item = object_of(row);
            item[members_key] = Json::array();
            for (const auto& one : members[exact_integer_of(item.value("id", Json{})).value_or(0)])
                item[members_key].push_back(one.value(member, Json{}));
            out[key].push_back(std::move(item));
        }
    }

    void permissions(Json& out)
    {
        std::map<std::pair<Json, Json>, Json> grants;
        for (const auto& row : rows("group_permission_grant")) {
            auto grant = object_of(row);
            auto& list = grants[{grant.value("userGroupId", Json{}), grant.value("tunnelGroupId", Json{})}];
            list.push_back(std::move(grant));
        }
        for (const auto& row : rows("group_permission")) {
            auto item = object_of(row);
            const auto found = grants.find({item.value("userGroupId", Json{}), item.value("tunnelGroupId", Json{})});
            item["grants"] = found == grants.end() ? Json::array() : found->second;
            out["permissions"].push_back(std::move(item));
        }
    }

    void settings(Json& out)
    {
        for (const auto& row : rows("vite_config")) {
            const auto name = row.find("name");
            const auto value = row.find("value");
            if (name == row.end() || value == row.end()) continue;
            const auto key = value_of("name", name->second, false);
            const auto text = value_of("name", value->second, false);
            if (key.is_string()) out["configs"][key.get<std::string>()] = text.is_string() ? text : Json("");
        }
    }

    const panel::ForeignFile& database_;
    std::optional<Error> failure_;
};

struct NotTaken {
    const char* table;
    std::string_view why;
};

constexpr NotTaken not_taken[] = {
    {"statistics_flow", "hourly figures; they begin anew, the counters of users, assignments and forwards come over"},
    {"announcement", "write it again in the settings"},
    {"peer_share", "nodes shared with other panels; share them again"},
    {"peer_share_runtime", "reservations of other panels; they reserve again"},
    {"federation_tunnel_binding", "hops on nodes of other panels; import those nodes again"},
};

Result<Migration> read_database(const panel::ForeignFile& database)
{
    if (!database.has("user") || !database.has("forward") || !database.has("tunnel")) return unusable("it is not the database of an FLVX panel");
    const auto object = DatabaseReader(database).read();
    if (!object) return object.error();
    auto read = read_backup(*object);
    if (!read) return unusable("its tables are not those of an FLVX panel");
    Migration migration{"sqlite", std::move(read->snapshot), std::move(read->remarks), {}};
    for (const auto& [table, why] : not_taken) {
        if (const auto count = database.count(table); count > 0) migration.left_behind.push_back({table, count, why});
    }
    return migration;
}

Result<Migration> read_export(const panel::ForeignFile& file)
{
    const auto content = file.text();
    if (!content) return content.error();
    const auto value = first_value(*content);
    const auto object = value ? Json::parse(*value, nullptr, false) : Json(Json::value_t::discarded);
    if (!object.is_object()) return unusable("it is neither JSON nor an SQLite database");
    bool anything = object.contains("version");
    for (const auto section : domain::all_sections) anything = anything || object.contains(section_name(section));
    if (!anything) return unusable("it is JSON, but not the export of an FLVX panel");
    auto read = read_backup(object);
    if (!read) return unusable("it is an export, but a field has the wrong type");
    return Migration{"json", std::move(read->snapshot), std::move(read->remarks), {}};
}

std::string words_of(const Json& remark)
{
    std::string args;
    for (const auto& arg : remark.at("args")) args += (args.empty() ? "" : ", ") + arg.get<std::string>();
    const auto id = remark.at("id").get<std::int64_t>();
    return remark.at("section").get<std::string>() + (id > 0 ? " " + std::to_string(id) : "") + " '" + remark.at("name").get<std::string>() +
           "': " + remark.at("remark").get<std::string>() + (args.empty() ? "" : " (" + args + ")");
}

} // namespace

Result<Migration> read_migration(const panel::ForeignFile& file) { return file.is_database() ? read_database(file) : read_export(file); }

Json migration_json(const Migration& migration, const panel::TransferReport& report)
{
    Json sections = Json::object();
    for (const auto& [section, tally] : report.sections) {
        std::int64_t unread = 0;
        for (const auto& remark : migration.remarks)
            unread +=
                remark.section == section && (remark.remark == domain::Remark::remote_node || remark.remark == domain::Remark::unusable) ? 1 : 0;
        sections[std::string{section_name(section)}] = {
            {"added", tally.added}, {"changed", tally.changed}, {"unchanged", tally.unchanged}, {"leftOut", tally.left_out + unread}};
    }
    Json remarks = Json::array();
    for (const auto* list : {&migration.remarks, &report.remarks}) {
        for (const auto& remark : *list) remarks.push_back(remark_json(remark));
    }
    Json behind = Json::array();
    for (const auto& one : migration.left_behind) behind.push_back({{"what", one.what}, {"rows", one.rows}, {"why", one.why}});
    return {{"form", migration.form},
            {"possible", report.possible},
            {"sections", std::move(sections)},
            {"remarks", std::move(remarks)},
            {"leftBehind", std::move(behind)}};
}

std::vector<std::string> migration_lines(const Migration& migration, const panel::TransferReport& report)
{
    const auto json = migration_json(migration, report);
    std::vector<std::string> lines;
    for (const auto& [name, tally] : json.at("sections").items()) {
        std::string line = name + ": " + tally.at("added").dump() + " new, " + tally.at("changed").dump() + " changed, " +
                           tally.at("unchanged").dump() + " as they are";
        if (tally.at("leftOut") != 0) line += ", " + tally.at("leftOut").dump() + " left out";
        lines.push_back(std::move(line));
    }
    for (const auto& remark : json.at("remarks")) lines.push_back("  " + words_of(remark));
    for (const auto& one : json.at("leftBehind"))
        lines.push_back("stays behind: " + one.at("what").get<std::string>() + ", " + one.at("rows").dump() +
                        " rows: " + one.at("why").get<std::string>());
    return lines;
}

} // namespace sluice::flvx
