#include "store/setting_table.hpp"

#include "store/statement.hpp"

namespace sluice::store {

namespace {

// ?1 is what is looked for. Percent signs and underscores in it mean themselves.
constexpr const char* audit_filter = "WHERE ?1 = '' OR instr(lower(user_name || ' ' || address || ' ' || action || ' ' || object || ' ' || before || "
                                     "' ' || after), lower(?1)) > 0 ";

} // namespace

std::optional<SettingRow> SettingTable::find(const std::string& name)
{
    Statement query(tx_, "SELECT id, name, value, changed FROM settings WHERE name = ?", name);
    if (!query.next()) return std::nullopt;
    SettingRow row;
    row.id = query.integer();
    row.name = query.text();
    row.value = query.text();
    row.changed = query.time();
    return row;
}

std::map<std::string, std::string> SettingTable::all()
{
    std::map<std::string, std::string> values;
    Statement query(tx_, "SELECT name, value FROM settings");
    while (query.next()) {
        auto name = query.text();
        values[std::move(name)] = query.text();
    }
    return values;
}

void SettingTable::put(const std::string& name, const std::string& value, WallTime now)
{
    Statement(tx_,
              "INSERT INTO settings (name, value, changed) VALUES (?, ?, ?) "
              "ON CONFLICT (name) DO UPDATE SET value = excluded.value, changed = excluded.changed",
              name, value, now)
        .run();
}

std::optional<AnnouncementRow> AnnouncementTable::get()
{
    Statement query(tx_, "SELECT content, enabled FROM announcement WHERE id = 1");
    if (!query.next()) return std::nullopt;
    AnnouncementRow row;
    row.content = query.text();
    row.enabled = query.flag();
    return row;
}

void AnnouncementTable::put(const AnnouncementRow& row, WallTime now)
{
    Statement(tx_,
              "INSERT INTO announcement (id, content, enabled, created, updated) VALUES (1, ?, ?, ?, ?) "
              "ON CONFLICT (id) DO UPDATE SET content = excluded.content, enabled = excluded.enabled, updated = excluded.updated",
              row.content, row.enabled, now, now)
        .run();
}

void AuditTable::add(const AuditRow& row)
{
    Statement(tx_, "INSERT INTO audit (happened, user_id, user_name, address, action, object, before, after) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
              row.happened, row.user ? std::optional{row.user} : std::nullopt, row.user_name, row.address, row.action, row.object, row.before,
              row.after)
        .run();
}

std::vector<AuditRow> AuditTable::newest(std::size_t limit) { return part({}, 0, limit); }

std::vector<AuditRow> AuditTable::part(const std::string& words, std::size_t skip, std::size_t count)
{
    std::vector<AuditRow> rows;
    Statement query(tx_,
                    (std::string{"SELECT id, happened, user_id, user_name, address, action, object, before, after FROM audit "} + audit_filter +
                     "ORDER BY id DESC LIMIT ?2 OFFSET ?3")
                        .c_str(),
                    words, static_cast<std::int64_t>(count), static_cast<std::int64_t>(skip));
    while (query.next()) {
        AuditRow row;
        row.id = query.integer();
        row.happened = query.time();
        row.user = UserId{query.optional_integer().value_or(0)};
        row.user_name = query.text();
        row.address = query.text();
        row.action = query.text();
        row.object = query.text();
        row.before = query.text();
        row.after = query.text();
        rows.push_back(std::move(row));
    }
    return rows;
}

std::size_t AuditTable::count(const std::string& words)
{
    Statement query(tx_, (std::string{"SELECT count(*) FROM audit "} + audit_filter).c_str(), words);
    query.next();
    return static_cast<std::size_t>(query.integer());
}

void AuditTable::trim() { Statement(tx_, "DELETE FROM audit WHERE id <= (SELECT max(id) FROM audit) - 100000").run(); }

} // namespace sluice::store
