#include "store/event_table.hpp"

#include "store/names.hpp"
#include "store/statement.hpp"

#include <array>
#include <cstdio>

namespace sluice::store {

namespace {

constexpr Names<Severity, 3> severities{{{
    {Severity::info, "info"},
    {Severity::warning, "warning"},
    {Severity::error, "error"},
}}};

// RFC 8259: quotes, backslashes and control characters are escaped, everything else stands for itself.
std::string quoted(const std::string& text)
{
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (static_cast<unsigned char>(c) < 0x20) {
            std::array<char, 8> code{};
            std::snprintf(code.data(), code.size(), "\\u%04x", static_cast<unsigned>(static_cast<unsigned char>(c)));
            out += code.data();
        } else {
            out += c;
        }
    }
    return out + '"';
}

std::string object_of(const std::vector<std::pair<std::string, std::string>>& details)
{
    std::string out = "{";
    for (const auto& [name, value] : details) out += (out.size() > 1 ? "," : "") + quoted(name) + ":" + quoted(value);
    return out + "}";
}

} // namespace

void EventTable::add(const EventRow& row)
{
    Statement(tx_,
              "INSERT INTO events (happened, severity, kind, node_id, forward_id, user_id, details) "
              "VALUES (?, ?, ?, (SELECT id FROM nodes WHERE id = ?), ?, (SELECT id FROM users WHERE id = ?), ?)",
              row.happened, severities.name(row.severity), row.kind, row.node, row.forward ? std::optional{row.forward} : std::nullopt, row.user,
              object_of(row.details))
        .run();
}

std::vector<EventRow> EventTable::newest(std::size_t limit) { return part(std::nullopt, 0, limit); }

std::size_t EventTable::count(std::optional<UserId> about)
{
    Statement query(tx_, about ? "SELECT count(*) FROM events WHERE user_id = ?" : "SELECT count(*) FROM events WHERE id > ?",
                    about.value_or(UserId{}));
    query.next();
    return static_cast<std::size_t>(query.integer());
}

std::vector<EventRow> EventTable::part(std::optional<UserId> about, std::size_t skip, std::size_t limit)
{
    std::vector<EventRow> rows;
    const std::string whose = about ? "user_id = ?" : "id > ?";
    Statement query(tx_,
                    ("SELECT id, happened, severity, kind, node_id, forward_id, user_id, details FROM events WHERE " + whose +
                     " ORDER BY id DESC LIMIT ? OFFSET ?")
                        .c_str(),
                    about.value_or(UserId{}), static_cast<std::int64_t>(limit), static_cast<std::int64_t>(skip));
    while (query.next()) {
        EventRow row;
        row.id = query.integer();
        row.happened = query.time();
        row.severity = severities.value(query.text(), Severity::info);
        row.kind = query.text();
        row.node = NodeId{query.optional_integer().value_or(0)};
        row.forward = ForwardId{query.optional_integer().value_or(0)};
        row.user = UserId{query.optional_integer().value_or(0)};
        row.details_json = query.text();
        rows.push_back(std::move(row));
    }
    return rows;
}

void EventTable::trim() { Statement(tx_, "DELETE FROM events WHERE id <= (SELECT max(id) FROM events) - 100000").run(); }

} // namespace sluice::store
