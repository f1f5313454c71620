#include "cli/serve.hpp"

#include "agent/agent.hpp"
#include "agent/forward_option.hpp"
#include "api/flvx/flvx.hpp"
#include "api/http/server.hpp"
#include "base/file.hpp"
#include "base/log.hpp"
#include "cli/data_dir.hpp"
#include "cli/first_boot.hpp"
#include "cli/local_node.hpp"
#include "cli/notify.hpp"
#include "cli/signals.hpp"
#include "cli/ticker.hpp"
#include "cli/verbs.hpp"
#include "hub/hub.hpp"
#include "net/host_names.hpp"
#include "net/tls_context.hpp"
#include "panel/backup.hpp"
#include "panel/panel.hpp"
#include "panel/vault.hpp"
#include "store/store.hpp"

#include <algorithm>
#include <functional>
#include <thread>
#include <unistd.h>

namespace sluice::cli {

namespace {

constexpr Milliseconds drain_limit{8'000};   // relays may end by themselves
constexpr Milliseconds local_node_patience{2'000};
constexpr Milliseconds request_limit{1'500}; // requests in flight may finish
constexpr std::size_t request_queue = 1'024;

int failed(const Error& error) { return complain(error, error.code == Errc::invalid ? exit_usage : exit_failed); }

// Until somebody asks to stop; SIGHUP reads the configuration again and runs `reload` with it. Configuration that is wrong is said and left out. The
// service manager hears that the process lives. True: begin again.
bool until_stopped(SignalWaiter& signals, const Notifier& notifier, const Environment& environment, const RereadOptions& reread,
                   const std::function<void(const Options&)>& reload)
{
    const auto patience = notifier.watchdog_every().value_or(std::chrono::hours(1));
    for (;;) {
        const auto wish = signals.wait(patience);
        if (!wish) {
            if (notifier.watchdog_every()) notifier.watchdog();
            continue;
        }
        if (*wish == Wish::restart) {
            log::info("starting again");
            notifier.reloading();
            return true;
        }
        if (*wish == Wish::stop) break;
        notifier.reloading();
        log::info("reloading");
        if (const auto options = reread(); options) {
            log::configure(log_settings(*options, environment));
            reload(*options);
        } else {
            log::error("configuration not reloaded; the old one stays", {{"problem", options.error().args.at(0)}});
        }
        notifier.ready("running");
    }
    log::info("stopping");
    notifier.stopping();
    return false;
}

// What a running process cannot change, with the words for the log.
void say_what_needs_a_restart(const Options& running, const Options& wanted)
{
    const auto needs = [](const char* option) { log::warning("this option takes effect at the next start", {{"option", option}}); };
    if (running.data_dir != wanted.data_dir) needs("data-dir");
    if (running.listen != wanted.listen) needs("listen");
    if (running.hsts != wanted.hsts) needs("hsts");
    if (running.role != wanted.role) needs("panel, agent");
    if (running.workers != wanted.workers) needs("workers");
}

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

int serve_agent(const Options& options, const Clock& clock, SignalWaiter& signals, const Notifier& notifier, const Environment& environment,
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
    until_stopped(signals, notifier, environment, reread, [&](const Options& wanted) { reload_agent(node, options, wanted, ++revision); });
    node.stop(drain_limit);
    log::info("stopped");
    return 0;
}

// What a panel consists of, in the order in which it is made; taken down in the reverse one.
class PanelProcess {
public:
    PanelProcess(const Options& options, const Clock& clock, std::function<void()> restart)
        : options_(options), clock_(clock), restart_(std::move(restart))
    {
    }

    Result<void> start();
    void reload(const Options& wanted);
    void stop();
    std::vector<Endpoint> endpoints() const { return server_->endpoints(); }
    std::string fingerprint() const { return tls_->info().fingerprint; }
    const std::optional<Secret>& first_password() const { return first_password_; }

private:
    Result<void> start_local_node();

    const Options& options_;
    const Clock& clock_;
    const std::function<void()> restart_;
    std::unique_ptr<store::Store> store_;
    panel::Live live_;
    std::unique_ptr<panel::Panel> panel_;
    std::unique_ptr<hub::Hub> hub_;
    std::unique_ptr<agent::Agent> agent_;
    std::shared_ptr<net::TlsContext> tls_;
    http::Router router_;
    std::unique_ptr<flvx::Dialect> flvx_;
    std::unique_ptr<http::WorkerPool> workers_;
    std::unique_ptr<http::Server> server_;
    std::unique_ptr<Ticker> ticker_;
    std::optional<Secret> first_password_;
};

Result<void> PanelProcess::start_local_node()
{
    const auto node = panel_->nodes().ensure_local(net::host_name(), host_address(), SLUICE_VERSION);
    if (!node) return node.error();
    auto started = agent::Agent::start({options_.data_dir + "/agent", options_.workers, &clock_});
    if (!started) return started.error();
    agent_ = std::move(*started);
    hub_->attach(*node, std::make_shared<LocalNode>(*agent_));
    // Ready means that the forwards listen, too; but a target's name that takes its time must not keep the page away.
    const auto plan = panel_->plans().compile(*node);
    if (!plan) return plan.error();
    if (const auto applied = hub_->converge(*node, plan->revision, local_node_patience); !applied)
        log::warning("local node not ready yet", {{"problem", describe(applied.error())}});
    return {};
}

Result<void> PanelProcess::start()
{
    auto key = panel::load_or_create_key(options_.data_dir + "/secret.key");
    if (!key) return key.error();
    auto store = store::Store::open({options_.data_dir + "/sluice.db"});
    if (!store) return store.error();
    store_ = std::move(*store);
    panel_ = std::make_unique<panel::Panel>(*store_, clock_, live_, std::move(*key));
    hub_ = std::make_unique<hub::Hub>(*panel_);
    panel_->connect(*hub_);
    panel_->live_in(options_.data_dir, restart_);
    auto password = first_boot(*panel_, options_);
    if (!password) return password.error();
    first_password_ = std::move(*password);
    panel_->accounts().when_credentials_change([path = initial_password_file(options_.data_dir)](UserId user) {
        if (user == UserId{1}) ::unlink(path.c_str());
    });
    auto tls = net::TlsContext::open(options_.data_dir + "/tls", clock_);
    if (!tls) return tls.error();
    tls_ = std::move(*tls);

    flvx_ = std::make_unique<flvx::Dialect>(*panel_);
    flvx_->mount(router_);
    const auto threads = std::clamp<std::size_t>(std::thread::hardware_concurrency() * 4, 8, 64);
    workers_ = std::make_unique<http::WorkerPool>("http", threads, request_queue);
    http::ServerOptions server_options;
    server_options.listen = options_.listen;
    server_options.trusted_proxies = options_.trusted_proxies;
    server_options.hsts = options_.hsts;
    server_options.clock = &clock_;
    server_ = std::make_unique<http::Server>(server_options, router_, *workers_, tls_, http::embedded_assets());
    // The address is taken before anything forwards: a second panel by mistake must not touch a port.
    if (auto listening = server_->listen(); !listening) return listening;
    if (options_.role == Role::appliance) {
        if (auto local = start_local_node(); !local) return local;
    }
    ticker_ = std::make_unique<Ticker>(clock_);
    ticker_->every(std::chrono::minutes(1), [this] {
        if (const auto kept = panel_->accounting().keep_up(); !kept) log::error("calendar chores failed", {{"problem", describe(kept.error())}});
    });
    ticker_->every(std::chrono::hours(12), [this] {
        const auto renewed = tls_->renew_if_due();
        if (!renewed) log::error("certificate not renewed", {{"problem", describe(renewed.error())}});
        if (renewed && *renewed) log::info("certificate renewed", {{"fingerprint", tls_->info().fingerprint}});
    });
    server_->start();
    return {};
}

void PanelProcess::reload(const Options& wanted)
{
    say_what_needs_a_restart(options_, wanted);
    server_->set_trusted_proxies(wanted.trusted_proxies);
    if (const auto reloaded = tls_->reload(); !reloaded)
        log::error("certificate not reloaded; the old one stays", {{"problem", describe(reloaded.error())}});
}

void PanelProcess::stop()
{
    ticker_.reset();
    if (agent_) agent_->stop(drain_limit);
    if (server_) server_->drain(request_limit);
    if (flvx_) flvx_->stop();
    // Sessions book what their nodes counted, so they end after the last byte and before the database.
    if (hub_) hub_->detach_all();
    if (server_) server_->stop();
    if (workers_) workers_->stop();
}

int serve_panel(const Options& options, const Clock& clock, SignalWaiter& signals, const Notifier& notifier, const Environment& environment,
                const RereadOptions& reread)
{
    PanelProcess process(options, clock, [&signals] { signals.request_restart(); });
    if (const auto started = process.start(); !started) {
        process.stop();
        return failed(started.error());
    }
    for (const auto& endpoint : process.endpoints()) log::info("listening", {{"address", endpoint.to_text()}});
    log::info("ready", {{"version", SLUICE_VERSION}, {"fingerprint", process.fingerprint()}});
    notifier.ready("running");
    greet(options, process.endpoints(), process.fingerprint(), process.first_password());
    const bool again = until_stopped(signals, notifier, environment, reread, [&process](const Options& wanted) { process.reload(wanted); });
    process.stop();
    log::info("stopped");
    return again ? restart_wanted : exit_ok;
}

} // namespace

int serve(const Options& options, const Environment& environment, const RereadOptions& reread)
{
    auto folder = DataDir::open(options.data_dir);
    if (!folder) return failed(folder.error());
    const SystemClock clock;
    if (const auto finished = panel::finish_restore(options.data_dir, clock.wall()); !finished) return failed(finished.error());
    for (const auto* part : {"/agent", "/tls"}) {
        if (const auto made = make_private_folder(options.data_dir + part); !made) return failed(made.error());
    }
    SignalWaiter signals; // before any thread, so that all of them leave signals to it
    const Notifier notifier(environment);
    return options.role == Role::agent ? serve_agent(options, clock, signals, notifier, environment, reread)
                                       : serve_panel(options, clock, signals, notifier, environment, reread);
}

} // namespace sluice::cli
