// The panel: every use case, behind one object. Dialects decode, call one of these, render.
#pragma once

#include "panel/accounting.hpp"
#include "panel/accounts.hpp"
#include "panel/api_tokens.hpp"
#include "panel/assignments.hpp"
#include "panel/captcha.hpp"
#include "panel/context.hpp"
#include "panel/enrolment.hpp"
#include "panel/events.hpp"
#include "panel/forwards.hpp"
#include "panel/full_backups.hpp"
#include "panel/groups.hpp"
#include "panel/history.hpp"
#include "panel/live.hpp"
#include "panel/nodes.hpp"
#include "panel/plans.hpp"
#include "panel/quotas.hpp"
#include "panel/remote_nodes.hpp"
#include "panel/rule_import.hpp"
#include "panel/second_factors.hpp"
#include "panel/settings.hpp"
#include "panel/share_peers.hpp"
#include "panel/shares.hpp"
#include "panel/speed_limits.hpp"
#include "panel/transfer.hpp"
#include "panel/tunnels.hpp"
#include "panel/upgrades.hpp"
#include "panel/users.hpp"

namespace sluice::panel {

class Panel {
public:
    // `store`, `clock`, `live` and the gateway outlive the panel. Throws when the database or the key is broken. `key` encrypts secrets that must be shown again (32 bytes, DIR/secret.key).
    Panel(store::Store& store, const Clock& clock, Live& live, Secret key);
    ~Panel();

    // Before the first request; the hub needs the panel's plans and the panel needs the hub.
    void connect(NodeGateway& gateway);
    // The same for other panels; without, none is asked.
    void connect_peers(PeerGateway& peers);

    // Before the first request: the data directory, and how the process starts anew (may be empty: then nothing can be restored while it runs).
    void live_in(std::string folder, std::function<void()> restart);

    Accounts& accounts() { return accounts_; }
    ApiTokens& api_tokens() { return api_tokens_; }
    SecondFactors& second_factors() { return second_factors_; }
    History& history() { return history_; }
    Captcha& captcha() { return captcha_; }
    Users& users() { return users_; }
    Nodes& nodes() { return nodes_; }
    Tunnels& tunnels() { return tunnels_; }
    Assignments& assignments() { return assignments_; }
    Forwards& forwards() { return forwards_; }
    Groups& groups() { return groups_; }
    Settings& settings() { return settings_; }
    SpeedLimits& speed_limits() { return speed_limits_; }
    Enrolment& enrolment() { return enrolment_; }
    Upgrades& upgrades() { return upgrades_; }
    Accounting& accounting() { return accounting_; }
    Plans& plans() { return plans_; }
    Quotas& quotas() { return quotas_; }
    Events& events() { return events_; }
    Transfers& transfers() { return transfers_; }
    RuleImports& rule_imports() { return rule_imports_; }
    Shares& shares() { return shares_; }
    SharePeers& share_peers() { return share_peers_; }
    RemoteNodes& remote_nodes() { return remote_nodes_; }
    FullBackups& full_backups() { return full_backups_; }
    Live& live() { return *context_.live; }
    const Clock& clock() const { return *context_.clock; }

private:
    Context context_;
    Accounts accounts_;
    ApiTokens api_tokens_;
    SecondFactors second_factors_;
    History history_;
    Captcha captcha_;
    Users users_;
    Nodes nodes_;
    Tunnels tunnels_;
    Assignments assignments_;
    Forwards forwards_;
    Groups groups_;
    Settings settings_;
    SpeedLimits speed_limits_;
    Enrolment enrolment_;
    Upgrades upgrades_;
    Accounting accounting_;
    Plans plans_;
    Quotas quotas_;
    Events events_;
    Transfers transfers_;
    FullBackups full_backups_;
    RuleImports rule_imports_;
    Shares shares_;
    SharePeers share_peers_;
    RemoteNodes remote_nodes_;
};

} // namespace sluice::panel
