#include "cli/serve.hpp"

#include "agent/agent.hpp"
#include "api/flvx/flvx.hpp"
#include "api/http/server.hpp"
#include "api/install/install.hpp"
#include "base/file.hpp"
#include "base/log.hpp"
#include "base/machine.hpp"
#include "cli/data_dir.hpp"
#include "cli/first_boot.hpp"
#include "cli/link_route.hpp"
#include "cli/local_node.hpp"
#include "cli/notify.hpp"
#include "cli/serve_agent.hpp"
#include "cli/serve_loop.hpp"
#include "cli/signals.hpp"
#include "cli/ticker.hpp"
#include "cli/verbs.hpp"
#include "federation/peers.hpp"
#include "hub/hub.hpp"
#include "hub/link_acceptor.hpp"
#include "net/host_names.hpp"
#include "net/identity.hpp"
#include "net/tls_context.hpp"
#include "panel/backup.hpp"
#include "panel/panel.hpp"
#include "panel/vault.hpp"
#include "probe/turnstile.hpp"
#include "store/store.hpp"

#include <algorithm>
#include <functional>
#include <thread>
#include <unistd.h>

namespace sluice::cli {

namespace {

constexpr Milliseconds local_node_patience{2'000};
constexpr Milliseconds request_limit{1'500}; // requests in flight may finish
constexpr Seconds captcha_limit{10};
constexpr const char* captcha_origin = "https://challenges.cloudflare.com"; // of its widget
constexpr std::size_t request_queue = 1'024;
constexpr std::size_t link_threads = 4; // they take what nodes say and hand it on

int failed(const Error& error) { return complain(error, error.code == Errc::invalid ? exit_usage : exit_failed); }

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
    std::unique_ptr<federation::Peers> peers_;
    std::optional<net::Identity> identity_;
    std::unique_ptr<hub::LinkAcceptor> acceptor_;
    std::unique_ptr<agent::Agent> agent_;
    std::shared_ptr<LocalNode> local_node_;
    std::shared_ptr<net::TlsContext> tls_;
    http::Router router_;
    std::unique_ptr<flvx::Dialect> flvx_;
    std::unique_ptr<http::WorkerPool> workers_;
    std::unique_ptr<http::WorkerPool> link_workers_;
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
    // Neighbours in tunnels know this node by its key.
    if (auto noted = panel_->nodes().note_key(*node, agent_->fingerprint()); !noted) return noted;
    local_node_ = std::make_shared<LocalNode>(*agent_, clock_);
    local_node_->start(*hub_, *node);
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
    peers_ = std::make_unique<federation::Peers>(*panel_, *hub_);
    panel_->connect_peers(*peers_);
    panel_->live_in(options_.data_dir, restart_);
    auto identity = net::Identity::load_or_create(options_.data_dir + "/link.key");
    if (!identity) return identity.error();
    identity_ = std::move(*identity);
    acceptor_ = std::make_unique<hub::LinkAcceptor>(*panel_, *hub_, *identity_);
    panel_->captcha().verify_by([](const std::string& url, const Secret& secret, const std::string& response, const IpAddress& from) {
        return probe::verify_turnstile(url, secret, response, from, std::chrono::steady_clock::now() + captcha_limit);
    });
    auto password = first_boot(*panel_, options_);
    if (!password) return password.error();
    first_password_ = std::move(*password);
    panel_->accounts().when_credentials_change([path = initial_password_file(options_.data_dir)](UserId user) {
        if (user == UserId{1}) ::unlink(path.c_str());
    });
    auto tls = net::TlsContext::open(options_.data_dir + "/tls", clock_);
    if (!tls) return tls.error();
    tls_ = std::move(*tls);
    panel_->upgrades().use({SLUICE_VERSION, std::string{architecture}, "/proc/self/exe", options_.data_dir + "/downloads",
                            options_.data_dir + "/releases", identity_->public_key(),
                            [this](std::string_view text) { return identity_->sign(text); }});
    panel_->enrolment().use_pins({identity_->fingerprint().to_text(), [this] { return tls_->info().key_pin; }});

    flvx_ = std::make_unique<flvx::Dialect>(*panel_);
    flvx_->mount(router_);
    const auto threads = std::clamp<std::size_t>(std::thread::hardware_concurrency() * 4, 8, 64);
    workers_ = std::make_unique<http::WorkerPool>("http", threads, request_queue);
    link_workers_ = std::make_unique<http::WorkerPool>("link", link_threads, request_queue);
    mount_link(router_, *acceptor_, *link_workers_);
    install::mount(router_, {options_.data_dir + "/downloads"});
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
        if (const auto kept = panel_->quotas().keep_up(); !kept) log::error("quotas not looked at", {{"problem", describe(kept.error())}});
    });
    ticker_->every(std::chrono::seconds(1), [this] {
        if (const auto kept = panel_->shares().keep_up(); !kept) log::error("shares not kept up", {{"problem", describe(kept.error())}});
    });
    ticker_->every(std::chrono::hours(12), [this] {
        const auto renewed = tls_->renew_if_due();
        if (!renewed) log::error("certificate not renewed", {{"problem", describe(renewed.error())}});
        if (renewed && *renewed) log::info("certificate renewed", {{"fingerprint", tls_->info().fingerprint}});
    });
    const auto allow_captcha = [this] { server_->set_page_origin(panel_->captcha().has_widget() ? captcha_origin : ""); };
    allow_captcha();
    panel_->settings().when_changed(allow_captcha);
    server_->start();
    peers_->start();
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
    if (peers_) peers_->stop();
    if (agent_) agent_->stop(drain_limit);
    if (server_) server_->drain(request_limit);
    if (flvx_) flvx_->stop();
    // Sessions book what their nodes counted, so they end after the last byte and before the database.
    if (hub_) hub_->detach_all();
    if (server_) server_->stop();
    if (workers_) workers_->stop();
    if (link_workers_) link_workers_->stop();
    if (acceptor_) acceptor_->stop();
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
    auto succession = begin_succession(options);
    if (!succession) return failed(succession.error());
    auto folder =
        *succession ? Result<DataDir>{DataDir::adopt(options.data_dir, (*succession)->inheritance().lock)} : DataDir::open(options.data_dir);
    if (!folder) return failed(folder.error());
    const SystemClock clock;
    // What another process of this node still uses is not moved.
    if (!*succession) {
        if (const auto finished = panel::finish_restore(options.data_dir, clock.wall()); !finished) return failed(finished.error());
    }
    for (const auto* part : {"/agent", "/tls"}) {
        if (const auto made = make_private_folder(options.data_dir + part); !made) return failed(made.error());
    }
    SignalWaiter signals; // before any thread, so that all of them leave signals to it
    const Notifier notifier(environment);
    return options.role == Role::agent ? serve_agent(options, clock, signals, notifier, environment, reread, folder->lock(), std::move(*succession))
                                       : serve_panel(options, clock, signals, notifier, environment, reread);
}

} // namespace sluice::cli
