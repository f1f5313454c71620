// Writes a snapshot's rows inside one transaction, section by section, and keeps account of what became of each. No access checks: the service made
// them.
#pragma once

#include "base/result.hpp"
#include "domain/snapshot.hpp"
#include "panel/context.hpp"
#include "panel/transfer.hpp"
#include "store/transfer_table.hpp"

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace sluice::panel {

// What a row meets here decides what happens to it.
enum class Merge {
    overwrite, // a row with its id is replaced
    move_in,   // only rows that are the same thing are, and only when the source changed
};

// SHA-256 over the values that a row's source says, counters apart.
std::string source_digest(const std::vector<std::string>& values);

class TransferWriter {
public:
    TransferWriter(store::WriteTx& tx, const Context& context, Merge merge, UserId actor, std::string keep_token_hash);

    // Errors: conflict "import" (args: section, words). With Merge::move_in conflicts are remarks and `possible` becomes false.
    Result<void> write(const domain::Snapshot& snapshot, const domain::Sections& sections);

    TransferReport& report() { return report_; }
    // Nodes whose wish may have changed, users whose rights may have.
    const std::set<NodeId>& nodes() const { return nodes_; }
    const std::set<UserId>& users() const { return users_; }
    const std::set<UserId>& new_passwords() const { return new_passwords_; }
    // The node of this process, when the file has its id for another machine.
    static std::optional<NodeId> local_node_in_the_way(store::ReadTx& tx, const domain::Snapshot& snapshot);

private:
    enum class Step { insert, overwrite, keep, leave_out };
    struct Met {
        bool exists = false;
        bool same = false;     // the thing that has this id here is the one of the file
        std::string what;      // for people: what has the id
        bool may_take = false; // it may be replaced though it is another
    };

    Result<void> write_users(const std::vector<domain::UserRow>& rows);
    Result<void> write_nodes(const std::vector<domain::NodeRow>& rows);
    Result<void> write_tunnels(const std::vector<domain::Tunnel>& rows);
    Result<void> write_speed_limits(const std::vector<domain::SpeedLimitRow>& rows);
    Result<void> write_assignments(const std::vector<domain::Assignment>& rows);
    Result<void> write_forwards(const std::vector<domain::ForwardRow>& rows);
    Result<void> write_ports(const std::vector<domain::ForwardRow>& rows, const std::set<ForwardId>& written);
    Result<void> write_groups(store::GroupKind kind, const std::vector<domain::Group>& rows);
    Result<void> write_permissions(const std::vector<domain::Permission>& rows);
    void write_grants(const domain::Permission& permission, const std::set<std::int64_t>& assignments);
    Result<void> write_settings(const std::map<std::string, std::string>& values);
    void make_room_for(NodeId taken, const std::vector<domain::NodeRow>& rows);
    bool adjust(domain::Node& node); // false: it cannot be used at all

    // Begins a row: later remarks are about it.
    void begin(std::int64_t id, const std::string& name);
    void remark(domain::Remark what, std::vector<std::string> args = {});
    void leave_out(domain::Remark why, std::vector<std::string> args = {});
    Step step(const Met& met, const std::string& source);
    void count(Step step);
    // A clash with another row: an error, or a remark that makes the move impossible.
    Result<void> clash(const std::string& words);

    store::WriteTx& tx_;
    const Context& context_;
    store::TransferTable table_;
    const Merge merge_;
    const UserId actor_;
    const std::string keep_token_hash_;
    const WallTime now_;
    TransferReport report_;
    domain::Section section_ = domain::Section::users;
    std::int64_t id_ = 0;
    std::string name_;
    std::set<NodeId> nodes_;
    std::set<UserId> users_;
    std::set<UserId> new_passwords_;
};

} // namespace sluice::panel
