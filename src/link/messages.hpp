// What panel and node say to each other, as types. A message that is not here does not exist: there is none that names a file, an address to load from or a
// command. The one program that a panel can bring is a newer Sluice: signed with its key, and refused by the node for any other reason that it finds.
//
// A message is one JSON object with its name in "type"; docs/LINK.md is the reference. Decoding is strict about what it knows and ignores fields that
// it does not know, which a newer minor version may have added. An unknown message is an error: a new one needs a new major version, or a capability that
// its receiver has announced.
#pragma once

#include "base/id.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"
#include "plan/plan.hpp"
#include "plan/probe.hpp"
#include "plan/release.hpp"
#include "plan/report.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sluice::link {

// Both ends must have the same major version.
inline constexpr std::uint32_t protocol_major = 1;
inline constexpr std::uint32_t protocol_minor = 0;

// A message's size as it travels. A plan of 20,000 forwards fits; who has not been welcomed yet may say little.
inline constexpr std::size_t message_limit = std::size_t{16} * 1024 * 1024;
inline constexpr std::size_t greeting_limit = std::size_t{8} * 1024;

// The node's first words.
struct Hello {
    std::uint32_t major = protocol_major;
    std::uint32_t minor = protocol_minor;
    std::string program_version;
    std::string architecture; // "amd64", "arm64"
    std::vector<std::string> capabilities;
    std::uint64_t order = 0;     // the upgrade that this node works on, also as its successor; 0: none, whatever it was told before
    std::optional<Secret> token; // enrols the key that this session proves
};

struct Welcome {
    std::uint32_t major = protocol_major;
    std::uint32_t minor = protocol_minor;
    NodeId node;
    std::string name;
    std::uint64_t revision = 0; // of the node's newest wish; its plan follows when the node has an older one, or was never asked
};

// Why the panel does not want this node. Each one is final until somebody acts, except `busy`.
enum class Refusal {
    protocol,      // another major version
    unknown_key,   // this key belongs to no node (any more)
    token_unknown, // never issued, or withdrawn
    token_used,
    token_expired,
    busy,
    other, // from a newer version
};
std::string_view to_text(Refusal refusal);

struct Refused {
    Refusal reason = Refusal::other;
};

// The panel has stored the report of this number and all before it; counters of `forgotten` forwards may go.
struct Booked {
    std::uint64_t sequence = 0;
    std::vector<ForwardId> forgotten;
};

// How often the host is measured from now on.
struct Watch {
    Milliseconds sample_every{60'000};
};

struct Probe {
    std::uint64_t id = 0;
    Milliseconds deadline{0};
    std::vector<plan::TcpPingRequest> requests;
};

struct ProbeResult {
    std::uint64_t id = 0;
    std::vector<plan::TcpPingResult> results; // in the order of the requests
};

// A node that understands Upgrade and Rollback says so in Hello::capabilities; no other one is sent any.
inline constexpr std::string_view can_upgrade = "upgrade";

// Become this release. The node asks for the program piece by piece, here and nowhere else.
struct Upgrade {
    std::uint64_t id = 0;
    std::string release;   // the text of a plan::Release
    std::string key;       // the panel's public key (net::Identity::public_key)
    std::string signature; // of `release`, by that key
};

// Panel to node: become what you were before the last upgrade.
struct Rollback {
    std::uint64_t id = 0;
};

inline constexpr std::size_t upgrade_piece = std::size_t{128} * 1024;

// The node wants bytes from here on; the panel answers with at most upgrade_piece of them.
struct UpgradeRead {
    std::uint64_t id = 0;
    std::uint64_t offset = 0;
};
struct UpgradeData {
    std::uint64_t id = 0;
    std::uint64_t offset = 0;
    std::string bytes; // none: the panel cannot give it any more
};

struct Ping {
    std::uint64_t id = 0;
};
struct Pong {
    std::uint64_t id = 0;
};

// Last words. `removed` and `revoked` tell the node to stop forwarding: the panel no longer answers for what it does.
enum class Farewell {
    stopping, // this process ends; come back
    replaced, // the same key connected once more
    removed,  // the node was deleted
    revoked,  // the node was enrolled anew with another key
    other,
};
std::string_view to_text(Farewell farewell);

struct Goodbye {
    Farewell reason = Farewell::other;
};

using Message = std::variant<Hello, Welcome, Refused, plan::Plan, plan::Applied, plan::Report, Booked, Watch, Probe, ProbeResult, Upgrade, Rollback,
                             UpgradeRead, UpgradeData, plan::UpgradeState, Ping, Pong, Goodbye>;

std::string_view name_of(const Message& message); // for logs: "hello"

std::string encode(const Message& message);
// Errors: invalid "message" and, in args, the field that is wrong.
Result<Message> decode(std::string_view text);

} // namespace sluice::link
