// New programs for nodes: which ones this panel can give, and getting nodes to become them. Administrators only.
//
// The panel gives what it has: the program that it runs itself, the same for other architectures (downloads/), and what an administrator put into
// releases/. It asks nobody on the network. It vouches for each with the key that its nodes pinned.
#pragma once

#include "base/result.hpp"
#include "base/time.hpp"
#include "domain/node.hpp"
#include "panel/actor.hpp"
#include "panel/node_gateway.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::panel {

struct Context;

// Where programs are, and who vouches for them.
struct ReleasePlaces {
    std::string version;      // of this process
    std::string architecture; // and of its program
    std::string program;      // that program, as a file
    std::string downloads;    // FOLDER/sluice-linux-ARCH: the same version for other machines
    std::string releases;     // FOLDER/sluice-VERSION-linux-ARCH
    std::string key;          // the public key that nodes pinned
    std::function<std::string(std::string_view)> sign;
};

enum class Channel { stable, dev };

struct ReleaseView {
    std::string version;
    WallTime published; // when the file was written
    bool stable = true;
};

class Upgrades {
public:
    static constexpr std::chrono::minutes one_deadline{5};
    static constexpr std::chrono::minutes batch_deadline{15};
    static constexpr std::chrono::seconds rollback_deadline{90};
    static constexpr std::size_t most_in_wave = 5;

    explicit Upgrades(Context& context) : context_(context) {}

    void use(ReleasePlaces places) { places_ = std::move(places); } // before the first request

    // Newest first, at most 50. Errors: forbidden "role".
    Result<std::vector<ReleaseView>> releases(const Actor& actor, Channel channel);

    // The version that a request means: itself, or the newest of the channel when it says none. Errors: forbidden "role", not_found "release.stable" or
    // "release.dev" (there is none).
    Result<std::string> choose(const Actor& actor, const std::string& version, Channel channel);

    // Waits until the node runs that version, or runs as before. Errors: forbidden "role", not_found "node", conflict "upgrade.local" (it is this process),
    // not_found "release" (not offered; args[0] version), not_found "release.architecture" (args: version, architecture), conflict "upgrade.older" (args: what
    // runs), and those of NodeGateway::upgrade.
    Result<void> upgrade(const Actor& actor, NodeId node, const std::string& version);

    struct Outcome {
        NodeId node;
        Result<void> result;
    };
    // In waves of 1, 2, 4 and then 5 nodes; a wave with a failure is the last one. Those that were not tried: conflict "upgrade.skipped". In the order of `nodes`.
    std::vector<Outcome> upgrade_all(const Actor& actor, const std::vector<NodeId>& nodes, const std::string& version);

    // Back to what the node was before its last upgrade. Errors: as upgrade().
    Result<void> roll_back(const Actor& actor, NodeId node);

private:
    struct File {
        std::string version;
        std::string architecture;
        std::string path;
        WallTime written;
        std::uint64_t size = 0;
    };
    std::vector<File> files() const;
    Result<NodeGateway::Offer> offer(const std::string& version, std::string_view architecture);
    Result<std::string> checksum(const std::string& path);
    Result<domain::Node> check(const Actor& actor, NodeId node, const std::string* version); // errors as of upgrade()
    std::vector<Result<void>> run(const Actor& actor, const std::vector<NodeId>& nodes, const std::string* version, Milliseconds deadline);
    void note(const Actor& actor, NodeId node, const char* action, const Result<std::string>& outcome);

    Context& context_;
    ReleasePlaces places_;

    using FileVersion = std::array<std::int64_t, 5>;
    std::mutex mutex_; // guards the two below
    std::map<std::string, std::pair<FileVersion, std::string>> checksums_;
    std::int64_t issued_ = 0; // of the newest offer
};

} // namespace sluice::panel
