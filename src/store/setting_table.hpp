// Settings, the announcement, and the history of changes.
#pragma once

#include "base/id.hpp"
#include "base/time.hpp"
#include "store/store.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sluice::store {

struct SettingRow {
    std::int64_t id = 0;
    std::string name;
    std::string value;
    WallTime changed;
};

class SettingTable {
public:
    explicit SettingTable(ReadTx& tx) : tx_(tx) {}
    std::optional<SettingRow> find(const std::string& name);
    std::map<std::string, std::string> all();
    void put(const std::string& name, const std::string& value, WallTime now);

private:
    ReadTx& tx_;
};

struct AnnouncementRow {
    std::string content;
    bool enabled = false;
};

class AnnouncementTable {
public:
    explicit AnnouncementTable(ReadTx& tx) : tx_(tx) {}
    std::optional<AnnouncementRow> get();
    void put(const AnnouncementRow& row, WallTime now);

private:
    ReadTx& tx_;
};

// One change: who, from where, what, and what mattered before and after. Bounded: the newest 100,000 stay.
struct AuditRow {
    WallTime happened;
    UserId user; // none: the program or the console
    std::string user_name;
    std::string address;
    std::string action;
    std::string object;
    std::string before;
    std::string after;
    std::int64_t id = 0; // filled when read
};

class AuditTable {
public:
    explicit AuditTable(ReadTx& tx) : tx_(tx) {}
    void add(const AuditRow& row);
    std::vector<AuditRow> newest(std::size_t limit);
    // Newest first, of those where any text contains `words` (ASCII letters of either case; empty: all).
    std::vector<AuditRow> part(const std::string& words, std::size_t skip, std::size_t count);
    std::size_t count(const std::string& words);
    void trim();

private:
    ReadTx& tx_;
};

} // namespace sluice::store
