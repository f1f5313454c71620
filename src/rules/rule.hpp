// Forwarding rules as other programs write them down. Each line (or block) of a text becomes a rule, or the reason why it cannot. Knows no user, tunnel
// or node, and reads nothing but the text.
#pragma once

#include "base/address.hpp"
#include "base/result.hpp"
#include "domain/forward.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::rules {

enum class Format {
    flvx,                // JSON lines {"name","inPort","remoteAddr","strategy"}, or target|name|port
    nyanpass,            // JSON, one after another: {"dest":["h:p"],"listen_port":1,"name":"x"}
    gost_yaml,           // gost v3: services with forwarders
    gost_url,            // gost -L tcp://:8080/10.0.0.1:80
    realm,               // TOML or JSON: [[endpoints]] listen, remote
    frp,                 // client, TOML or INI: proxies with remotePort
    iptables,            // iptables-save: -j DNAT, -j REDIRECT
    nftables,            // nft list ruleset: dnat to, redirect to
    nginx_proxy_manager, // JSON of its streams
    csv,                 // with or without a heading
    plain,               // [tcp/]8080 -> 10.0.0.1:80
};

struct Rule {
    std::string name;                        // never empty: made from port and target where the text has none
    std::optional<IpAddress> listen_address; // absent: any
    std::uint16_t first_port = 0;            // 0: to be chosen
    std::uint16_t last_port = 0;             // of a range, else first_port
    bool tcp = true;
    bool udp = true;
    std::vector<HostPort> targets; // of the first port
    bool ports_move_along = false; // in a range the target's port grows with the listening one
    domain::Pick pick = domain::Pick::first;
    std::vector<Cidr> allow; // sources; empty: everybody
    friend bool operator==(const Rule&, const Rule&) = default;
};

enum class Reason {
    unreadable,           // not of this format at all
    no_port,              // nothing says where it listens
    bad_listen,           // args: the text
    no_target,            // a proxy or a server without a fixed target
    bad_target,           // args: the text
    too_many_targets,     // args: how many
    unsupported_protocol, // args: its name
    unsupported_option,   // something that this program cannot do and that changes what is forwarded; args: its name
    chained,              // goes through another proxy first; args: through what
    switched_off,         // the text itself says that it is not in use
    not_a_forward,        // a line of that program that forwards nothing
    ranges_differ,        // as many ports listen as targets have, or one
};
std::string_view to_text(Reason reason); // "bad_target"

struct Line {
    std::size_t number = 0; // of the line on which it begins, from 1
    std::string text;       // as written, cut to 200 bytes
    std::optional<Rule> rule;
    Reason reason = Reason::unreadable; // when there is no rule
    std::vector<std::string> args;
};

inline constexpr std::size_t longest_text = std::size_t{1024} * 1024;
inline constexpr std::size_t most_lines = 20'000;
inline constexpr std::size_t most_targets = 64;

std::optional<Format> format_named(std::string_view name); // "gost", "gost-url", "npm", ...
std::string_view name_of(Format format);

// The format of a text, by its look. Every text is some format: the last guess is plain.
Format detect(std::string_view text);

// Errors: invalid "rules.text" (longer than longest_text, not UTF-8, or more than most_lines), invalid "rules.syntax" (args: why) when the text as a whole
// cannot be read as this format.
Result<std::vector<Line>> parse(std::string_view text, Format format);

} // namespace sluice::rules
