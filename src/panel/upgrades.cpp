#include "panel/upgrades.hpp"

#include "base/text.hpp"
#include "panel/context.hpp"
#include "panel/vault.hpp"
#include "plan/release.hpp"
#include "store/event_table.hpp"
#include "store/node_table.hpp"

#include <algorithm>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>

namespace sluice::panel {

namespace {

constexpr std::size_t most_releases = 50;
constexpr std::size_t most_files = 1000;
constexpr std::string_view prefix = "sluice-";
constexpr std::string_view system_name = "-linux-";

std::vector<std::string> names_in(const std::string& folder)
{
    std::vector<std::string> names;
    const std::unique_ptr<DIR, int (*)(DIR*)> open(folder.empty() ? nullptr : ::opendir(folder.c_str()), &::closedir);
    if (!open) return names;
    while (const auto* entry = ::readdir(open.get())) {
        if (names.size() < most_files) names.emplace_back(entry->d_name);
    }
    return names;
}

bool is_program(const std::string& path, struct stat& info)
{
    return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0 &&
           static_cast<std::uint64_t>(info.st_size) <= plan::largest_program;
}

WallTime time_of(const struct stat& info) { return from_epoch_ms(static_cast<std::int64_t>(info.st_mtim.tv_sec) * 1000); }

} // namespace

std::vector<Upgrades::File> Upgrades::files() const
{
    std::vector<File> found;
    const auto add = [&](std::string version, std::string architecture, const std::string& path) {
        struct stat info{};
        if (!plan::is_version(version) || !is_program(path, info)) return;
        const bool known =
            std::any_of(found.begin(), found.end(), [&](const File& one) { return one.version == version && one.architecture == architecture; });
        if (!known) found.push_back({std::move(version), std::move(architecture), path, time_of(info), static_cast<std::uint64_t>(info.st_size)});
    };
    add(places_.version, places_.architecture, places_.program);
    for (const auto& name : names_in(places_.downloads)) {
        const auto whole = std::string{prefix} + std::string{system_name.substr(1)};
        if (name.rfind(whole, 0) == 0) add(places_.version, name.substr(whole.size()), places_.downloads + "/" + name);
    }
    for (const auto& name : names_in(places_.releases)) {
        const auto system = name.rfind(system_name);
        if (name.rfind(prefix, 0) != 0 || system == std::string::npos || system <= prefix.size()) continue;
        add(name.substr(prefix.size(), system - prefix.size()), name.substr(system + system_name.size()), places_.releases + "/" + name);
    }
    return found;
}

Result<std::vector<ReleaseView>> Upgrades::releases(const Actor& actor, Channel channel)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed.error();
    std::vector<ReleaseView> views;
    for (auto& file : files()) {
        const bool stable = plan::is_stable(file.version);
        if (stable != (channel == Channel::stable)) continue;
        const bool known = std::any_of(views.begin(), views.end(), [&](const ReleaseView& view) { return view.version == file.version; });
        if (!known) views.push_back({std::move(file.version), file.written, stable});
    }
    std::sort(views.begin(), views.end(),
              [](const ReleaseView& a, const ReleaseView& b) { return plan::compare_versions(a.version, b.version) > 0; });
    if (views.size() > most_releases) views.resize(most_releases);
    return views;
}

Result<std::string> Upgrades::choose(const Actor& actor, const std::string& version, Channel channel)
{
    if (!version.empty()) {
        if (const auto allowed = require_admin(actor); !allowed) return allowed.error();
        return version;
    }
    const auto offered = releases(actor, channel);
    if (!offered) return offered.error();
    if (offered->empty()) return make_error(Errc::not_found, channel == Channel::stable ? "release.stable" : "release.dev");
    return offered->front().version;
}

Result<std::string> Upgrades::checksum(const std::string& path)
{
    struct stat info{};
    if (::stat(path.c_str(), &info) != 0) return make_error(Errc::unavailable, "upgrade.file", path);
    const FileVersion version{static_cast<std::int64_t>(info.st_dev), static_cast<std::int64_t>(info.st_ino), info.st_size, info.st_mtim.tv_sec,
                              info.st_mtim.tv_nsec};
    const std::lock_guard lock(mutex_); // also: the same file is not read twice at a time
    if (const auto known = checksums_.find(path); known != checksums_.end() && known->second.first == version) return known->second.second;
    auto sum = sha256_of_file(path);
    if (sum) checksums_[path] = {version, *sum};
    return sum;
}

Result<NodeGateway::Offer> Upgrades::offer(const std::string& version, std::string_view architecture)
{
    const auto all = files();
    const bool offered = std::any_of(all.begin(), all.end(), [&](const File& file) { return file.version == version; });
    if (!offered) return make_error(Errc::not_found, "release", {}, {version});
    const auto file =
        std::find_if(all.begin(), all.end(), [&](const File& one) { return one.version == version && one.architecture == architecture; });
    if (file == all.end()) return make_error(Errc::not_found, "release.architecture", {}, {version, std::string{architecture}});
    const auto sum = checksum(file->path);
    if (!sum) return sum.error();
    plan::Release release{file->version, file->architecture, file->size, *sum, 0};
    {
        // Later than the one before, also within a millisecond.
        const std::lock_guard lock(mutex_);
        issued_ = std::max(issued_ + 1, to_epoch_ms(context_.clock->wall()));
        release.issued = issued_;
    }
    NodeGateway::Offer made;
    made.path = file->path;
    made.size = file->size;
    made.release = plan::to_text(release);
    made.key = places_.key;
    made.signature = places_.sign ? places_.sign(made.release) : std::string{};
    return made;
}

Result<domain::Node> Upgrades::check(const Actor& actor, NodeId id, const std::string* version)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed.error();
    auto node = context_.store->read([&](store::ReadTx& tx) -> Result<domain::Node> {
        auto found = store::NodeTable(tx).find(id);
        if (!found) return make_error(Errc::not_found, "node");
        return std::move(*found);
    });
    if (!node) return node;
    if (node->local) return make_error(Errc::conflict, "upgrade.local");
    if (version == nullptr) return node;
    const auto all = files();
    if (std::none_of(all.begin(), all.end(), [&](const File& file) { return file.version == *version; }))
        return make_error(Errc::not_found, "release", {}, {*version});
    if (node->version && plan::compare_versions(*version, *node->version) < 0)
        return make_error(Errc::conflict, "upgrade.older", {}, {*node->version});
    return node;
}

// What became of it; who wanted it was written before. The node has changed already, and a history that cannot be written does not change it back.
void Upgrades::note(const Actor& actor, NodeId id, const char* action, const Result<std::string>& outcome)
{
    (void)context_.store->write([&](store::WriteTx& tx) -> Result<void> {
        if (!store::NodeTable(tx).find(id)) return {}; // deleted meanwhile
        if (!outcome) audit(tx, context_, actor, std::string{action} + "_failed", id.value, {}, describe(outcome.error()));
        store::EventRow event;
        event.kind = outcome ? "node.upgraded" : "node.upgrade_failed";
        event.severity = outcome ? store::Severity::info : store::Severity::error;
        event.node = id;
        event.details = {{outcome ? "version" : "problem", outcome ? *outcome : describe(outcome.error())}};
        record(tx, context_, std::move(event));
        return {};
    });
}

// Without a version: back.
std::vector<Result<void>> Upgrades::run(const Actor& actor, const std::vector<NodeId>& nodes, const std::string* version, Milliseconds deadline)
{
    std::vector<Result<void>> results(nodes.size());
    std::vector<NodeId> asked;
    std::vector<std::size_t> places;
    const char* action = version != nullptr ? "node.upgrade" : "node.rollback";
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        const auto node = check(actor, nodes[i], version);
        if (!node) results[i] = node.error();
        if (!node) continue;
        if (version != nullptr && node->version == *version && context_.gateway->online(nodes[i])) continue; // it is that already
        const auto noted = context_.store->write([&](store::WriteTx& tx) -> Result<void> {
            audit(tx, context_, actor, action, nodes[i].value, node->version.value_or(""), version != nullptr ? *version : "");
            return {};
        });
        if (!noted) results[i] = noted.error();
        if (!noted) continue;
        asked.push_back(nodes[i]);
        places.push_back(i);
    }
    if (asked.empty()) return results;
    NodeGateway::OfferFor offers;
    if (version != nullptr) offers = [&](std::string_view architecture) { return offer(*version, architecture); };
    const auto outcomes = context_.gateway->upgrade(asked, offers, deadline);
    for (std::size_t i = 0; i < asked.size(); ++i) {
        const auto& outcome = outcomes[i];
        if (!outcome) results[places[i]] = outcome.error();
        note(actor, asked[i], action, outcome);
    }
    return results;
}

Result<void> Upgrades::upgrade(const Actor& actor, NodeId node, const std::string& version)
{
    return run(actor, {node}, &version, one_deadline).front();
}

Result<void> Upgrades::roll_back(const Actor& actor, NodeId node) { return run(actor, {node}, nullptr, rollback_deadline).front(); }

std::vector<Upgrades::Outcome> Upgrades::upgrade_all(const Actor& actor, const std::vector<NodeId>& nodes, const std::string& version)
{
    const auto until = context_.clock->steady() + batch_deadline;
    std::vector<Outcome> outcomes;
    bool failed = false;
    for (std::size_t wave = 1; outcomes.size() < nodes.size(); wave = std::min(wave * 2, most_in_wave)) {
        const auto first = outcomes.size();
        const auto last = std::min(first + wave, nodes.size());
        const std::vector<NodeId> now(nodes.begin() + static_cast<std::ptrdiff_t>(first), nodes.begin() + static_cast<std::ptrdiff_t>(last));
        const auto left = std::chrono::duration_cast<Milliseconds>(until - context_.clock->steady());
        if (failed || left <= Milliseconds{0}) {
            for (const auto node : now) outcomes.push_back({node, make_error(Errc::conflict, "upgrade.skipped")});
            continue;
        }
        const auto results = run(actor, now, &version, std::min<Milliseconds>(left, one_deadline));
        for (std::size_t i = 0; i < now.size(); ++i) {
            failed = failed || !results[i];
            outcomes.push_back({now[i], results[i]});
        }
    }
    return outcomes;
}

} // namespace sluice::panel
