#include "cli/serve_agent.hpp"

#include "agent/agent.hpp"
#include "agent/connector.hpp"
#include "agent/enrolment.hpp"
#include "agent/forward_option.hpp"
#include "base/file.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "base/text.hpp"
#include "cli/data_dir.hpp"
#include "cli/programs.hpp"
#include "cli/serve_loop.hpp"
#include "cli/verbs.hpp"
#include "net/identity.hpp"

#include <cstdlib>
#include <iostream>
#include <optional>
#include <utility>

namespace sluice::cli {

namespace {

constexpr Milliseconds last_words{2'000}; // for the panel to book what was counted at the end

int failed(const Error& error) { return complain(error, error.code == Errc::invalid ? exit_usage : exit_failed); }

// Forwards of the new configuration: those that stay are not touched. One that cannot listen is said and tried again.
void reload_agent(agent::Agent& node, const Options& running, const Options& wanted, std::uint64_t revision)
{
    say_what_needs_a_restart(running, wanted);
    auto plan = agent::plan_of_options(wanted.forwards);
    if (!plan) return; // parse_options refused it already
    plan->revision = revision;
    for (const auto& result : node.apply(*plan).forwards) {
        if (!result.listening) log::error("forward does not listen", {{"problem", result.detail}});
    }
}

int serve_alone(const Options& options, const Clock& clock, SignalWaiter& signals, const Notifier& notifier, const Environment& environment,
                const RereadOptions& reread)
{
    const auto plan = agent::plan_of_options(options.forwards);
    if (!plan) return failed(plan.error());
    auto started = agent::Agent::start({options.data_dir + "/agent", options.workers, &clock});
    if (!started) return failed(started.error());
    auto& node = **started;
    const auto applied = node.apply(*plan);
    int code = exit_ok;
    for (const auto& result : applied.forwards) {
        if (result.listening) continue;
        code = complain(result.detail, exit_failed);
    }
    if (code != exit_ok) {
        node.stop(Milliseconds{0});
        return code;
    }
    log::info("ready", {{"forwards", applied.forwards.size()}});
    notifier.ready("forwarding");
    std::uint64_t revision = plan->revision;
    (void)until_stopped(signals, notifier, environment, reread, [&](const Options& wanted) { reload_agent(node, options, wanted, ++revision); });
    node.stop(drain_limit);
    log::info("stopped");
    return 0;
}

// Enrols and remembers it. Errors: those of agent::enrol and of the disk.
Result<agent::PanelPlace> become_node(const Options& options, const net::Identity& identity, agent::PanelPlace place, const Clock& clock)
{
    const auto welcome = agent::enrol(place, identity, options.token, clock);
    if (!welcome) return welcome.error();
    place.node = welcome->node;
    if (const auto settled = agent::settle(options.data_dir + "/agent", place); !settled) return settled.error();
    log::info("enrolled", {{"node", welcome->node.value}, {"name", welcome->name}});
    return place;
}

// Where the panel is: as asked for, else as remembered.
Result<agent::PanelPlace> find_panel(const Options& options)
{
    auto stored = agent::load_panel(options.data_dir + "/agent");
    if (!stored && stored.error().code != Errc::not_found) return stored.error();
    auto place = stored ? *stored : agent::PanelPlace{};
    if (options.pin && place.pin != *options.pin) place = {{}, *options.pin, {}};
    if (!options.connect.empty()) place.urls = options.connect;
    if (place.urls.empty())
        return make_error(Errc::invalid, "panel", "no address", {"--pin names another panel than before; it needs --connect, too"});
    return place;
}

// Enrols where that is needed, for as long as it takes. Absent: asked to stop.
Result<std::optional<agent::PanelPlace>> enrol_first(const Options& options, const net::Identity& identity, const Clock& clock, SignalWaiter& signals)
{
    auto place = find_panel(options);
    if (!place) return place.error();
    const bool enrolled = static_cast<bool>(place->node);
    if (enrolled && options.token.empty()) {
        if (const auto settled = agent::settle(options.data_dir + "/agent", *place); !settled) return settled.error();
        return std::optional{std::move(*place)};
    }
    for (unsigned attempt = 0;; ++attempt) {
        auto node = become_node(options, identity, *place, clock);
        if (node) return std::optional{std::move(*node)};
        const auto& problem = node.error();
        const auto words = problem.args.empty() ? describe(problem) : problem.args.front();
        if (enrolled) { // the token is an old one, or the panel is away: the node goes on as it is
            log::warning("not enrolled anew", {{"problem", words}});
            return std::optional{std::move(*place)};
        }
        if (problem.code == Errc::forbidden || problem.field == "file") return problem;
        log::warning("not enrolled yet", {{"problem", words}});
        const auto wish = signals.wait(agent::backoff(attempt, static_cast<double>(random_below(1000)) / 1000));
        if (wish == Wish::stop) return std::optional<agent::PanelPlace>{};
    }
}

// Of a node that is enrolled.
Result<std::optional<agent::PanelPlace>> known_panel(const std::string& folder)
{
    auto place = agent::load_panel(folder);
    if (!place) return place.error();
    return std::optional{std::move(*place)};
}

int serve_connected(const Options& options, const Clock& clock, SignalWaiter& signals, const Notifier& notifier, const Environment& environment,
                    const RereadOptions& reread, int lock, std::unique_ptr<agent::Succession> succession)
{
    const auto folder = options.data_dir + "/agent";
    auto identity = net::Identity::load_or_create(folder + "/node.key");
    if (!identity) return failed(identity.error());
    auto place = succession ? known_panel(folder) : enrol_first(options, *identity, clock, signals);
    if (!place) return complain(place.error().args.empty() ? describe(place.error()) : place.error().args.front(), exit_failed);
    if (!*place) return exit_ok;
    auto self = describe_self(options, notifier, lock, succession.get());
    agent::AgentOptions node_options{folder, options.workers, &clock};
    if (succession) {
        node_options.workers = succession->inheritance().workers;
        node_options.successor = true;
        node_options.listeners = std::move(succession->inheritance().listeners);
    }
    auto started = agent::Agent::start(node_options);
    if (!started) {
        if (succession) succession->failed(describe(started.error()));
        return failed(started.error());
    }
    auto& node = **started;
    const auto say_ready = [&node, &notifier, url = (*place)->urls.front()] {
        log::info("ready", {{"forwards", node.applied().forwards.size()}, {"panel", url}});
        notifier.ready("forwarding");
    };
    if (succession) {
        succession->when_over(say_ready);
    } else {
        say_ready();
        agent::ProgramStore(self.program_folder).came_up();
    }
    auto upgradable = can_be_upgraded(options) ? std::optional{std::move(self)} : std::nullopt;
    agent::Connector connector(node, std::move(*identity), **place, clock, std::move(upgradable), std::move(succession));
    (void)until_stopped(signals, notifier, environment, reread, [&](const Options& wanted) {
        say_what_needs_a_restart(options, wanted);
        if (wanted.connect != options.connect) log::warning("this option takes effect at the next start", {{"option", "connect"}});
    });
    connector.end_upgrades();
    node.stop(drain_limit);
    connector.stop(last_words);
    log::info("stopped");
    return exit_ok;
}

} // namespace

int serve_agent(const Options& options, const Clock& clock, SignalWaiter& signals, const Notifier& notifier, const Environment& environment,
                const RereadOptions& reread, int lock, std::unique_ptr<agent::Succession> succession)
{
    return options.forwards.empty() ? serve_connected(options, clock, signals, notifier, environment, reread, lock, std::move(succession))
                                    : serve_alone(options, clock, signals, notifier, environment, reread);
}

Result<std::unique_ptr<agent::Succession>> begin_succession(const Options& options)
{
    const char* text = std::getenv(agent::handover_variable);
    const auto descriptor = text != nullptr ? parse_int(text) : std::nullopt;
    ::unsetenv(agent::handover_variable);
    if (!descriptor || !can_be_upgraded(options)) return std::unique_ptr<agent::Succession>{};
    return agent::Succession::begin(static_cast<int>(*descriptor));
}

int run_enrol(const Options& options)
{
    auto folder = DataDir::open(options.data_dir);
    if (!folder) return complain(folder.error(), exit_failed);
    if (const auto made = make_private_folder(options.data_dir + "/agent"); !made) return failed(made.error());
    const SystemClock clock;
    auto identity = net::Identity::load_or_create(options.data_dir + "/agent/node.key");
    if (!identity) return failed(identity.error());
    const auto node = become_node(options, *identity, {options.connect, *options.pin, {}}, clock);
    if (!node) return complain(node.error().args.empty() ? describe(node.error()) : node.error().args.front(), exit_failed);
    std::cout << "this machine is node " << node->node.value << " of the panel at " << node->urls.front() << std::endl;
    return exit_ok;
}

} // namespace sluice::cli
