// What a node knows about its panel, kept in DIR/agent/panel.json, and how it becomes one of the panel's nodes.
#pragma once

#include "base/id.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"
#include "link/messages.hpp"
#include "net/identity.hpp"

#include <string>
#include <vector>

namespace sluice::agent {

struct PanelPlace {
    std::vector<std::string> urls; // tried in turn; at least one
    Fingerprint pin;               // of the panel's key
    NodeId node;                   // who this machine is there; none: not enrolled yet
    friend bool operator==(const PanelPlace&, const PanelPlace&) = default;
};

// Errors: not_found "file" (never enrolled), unavailable "file", invalid "panel" (damaged).
Result<PanelPlace> load_panel(const std::string& folder);
// Remembers the panel. A machine that becomes another node, or was none, starts afresh: its plan is another's, and counters of other forwards that have
// the same numbers must not be billed here. So only while no agent runs on the folder, or when the node is the same.
Result<void> settle(const std::string& folder, const PanelPlace& panel);

// Shows the node's key and the token at each URL until one answers. Blocks for at most some seconds per URL. Errors, words for people in args[0]:
// forbidden "panel.refused" (final), forbidden "panel.pin" (another key answers there), unavailable "panel".
Result<link::Welcome> enrol(const PanelPlace& panel, const net::Identity& identity, const Secret& token, const Clock& clock);

link::Hello make_hello(); // without a token, for a node that cannot be upgraded

// Why the panel refuses, for a person who can do something about it.
std::string explain(link::Refusal refusal);

} // namespace sluice::agent
