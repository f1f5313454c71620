// How a machine becomes a node, and how a node is known again: tokens for administrators to paste, keys for nodes to prove.
//
// A token is for one node, for one use, for a day. It binds the key that the machine proved on the link; from then on the key alone is who the node is.
// Enrolling a node once more replaces its key: the machine that had it before is no node any longer.
#pragma once

#include "base/fingerprint.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"
#include "panel/actor.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::panel {

struct Context;

// What an install command has to pin: whoever answers at the panel's address must have these keys.
struct PanelPins {
    std::string link;                 // "sha256:" and hex, of the panel's key on the link
    std::function<std::string()> tls; // "sha256//" and base64, of the key of the certificate that the front shows now
};

class Enrolment {
public:
    static constexpr std::chrono::hours token_life{24};

    explicit Enrolment(Context& context) : context_(context) {}

    void use_pins(PanelPins pins) { pins_ = std::move(pins); } // before the first request

    // The line that makes a machine this node: it carries a fresh token, in the environment of the command and not among its arguments. Errors: not_found
    // "node"; conflict "node.local" (it runs here); invalid "node.panel_address" (the setting `ip` is missing or no address).
    Result<std::string> install_line(const Actor& actor, NodeId node);

    std::string tls_pin() const { return pins_.tls ? pins_.tls() : std::string{}; } // of the panel's own certificate; empty where there is none

    struct Greeted {
        NodeId node;
        std::string name;
        std::uint64_t revision = 0;
        bool key_changed = false; // the node had another key until now: its session has to end
    };
    // A node shows its key (proven) and perhaps a token. A key that is enrolled is welcome whatever the token is, unless that is a good one
    // for another node. Errors, all unauthenticated: "node.key" (no token, and the key is nobody's), "node.token_unknown", "node.token_used",
    // "node.token_expired".
    Result<Greeted> greet(const Fingerprint& key, const Secret* token, const std::string& version);

private:
    Context& context_;
    PanelPins pins_;
};

// What the setting `ip` says about where nodes find the panel: "203.0.113.7:6365", "panel.example.org" (port 6365), "[2001:db8::1]:443", a bare IPv6 address, or
// with a scheme. "https://panel.example.org" is behind a proxy with a certificate that the world trusts; everything else is the panel's own port, whose
// certificate is pinned. Several are separated by commas. Errors: invalid "node.panel_address".
struct PanelAddress {
    std::string url; // "https://203.0.113.7:6365"
    bool pinned = true;
};
Result<std::vector<PanelAddress>> parse_panel_addresses(std::string_view text);

} // namespace sluice::panel
