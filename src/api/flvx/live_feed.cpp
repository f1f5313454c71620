#include "api/flvx/live_feed.hpp"

#include "api/flvx/json_body.hpp"
#include "api/flvx/token.hpp"
#include "base/log.hpp"
#include "panel/panel.hpp"

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <mutex>
#include <set>
#include <vector>

namespace sluice::flvx {

namespace {

constexpr std::chrono::seconds rates_every{2};
constexpr std::chrono::seconds check_every{15};    // whether a session still counts; the design allows 30 s
constexpr std::size_t most_browsers = 64;          // of administrators, and as many of everybody else: neither keeps out the other
constexpr std::size_t most_browsers_of_a_user = 8; // nobody else's are kept out by one account
constexpr std::uint16_t session_ended = 4401;

struct Browser {
    http::WebSocketPtr socket;
    std::string token_hash;
    UserId user;
    bool admin = false; // as it was when it connected: it is disconnected when that changes
    SteadyTime check_at{};
    bool greeted = false; // it has the state of all that it may see
};
using BrowserPtr = std::shared_ptr<Browser>;

double tenth(double value) { return std::round(value * 10) / 10; }

// Contract 5.17: the id is a text here and a number in "info".
std::string status_message(NodeId node, bool online)
{
    return Json{{"id", std::to_string(node.value)}, {"type", "status"}, {"data", online ? 1 : 0}}.dump();
}

std::string info_message(NodeId node, const plan::HostSample& sample)
{
    const Json data{{"uptime", sample.uptime_seconds},
                    {"bytes_received", sample.received},
                    {"bytes_transmitted", sample.transmitted},
                    {"cpu_usage", tenth(sample.cpu_percent)},
                    {"memory_usage", tenth(sample.memory_percent)}};
    return Json{{"id", node.value}, {"type", "info"}, {"data", data.dump()}}.dump();
}

// Contract 5.17. The contract knows three stages; how it ends is said with the last one, for an answer of the request says it, too.
std::string upgrade_message(NodeId node, const plan::UpgradeState& state)
{
    const bool over = state.stage == plan::UpgradeStage::done || state.stage == plan::UpgradeStage::failed;
    const Json inner{{"type", "UpgradeProgress"},
                     {"success", state.stage != plan::UpgradeStage::failed},
                     {"message", state.stage == plan::UpgradeStage::failed ? state.detail : std::string{plan::to_text(state.stage)}},
                     {"data", {{"stage", over ? "installing" : std::string{plan::to_text(state.stage)}}, {"percent", state.percent}}}};
    return Json{{"id", node.value}, {"type", "upgrade_progress"}, {"data", inner.dump()}}.dump();
}

using Rates = std::unordered_map<ForwardId, panel::ForwardRates>;

// Ours, beyond the contract: bytes per second, in total and of every forward that is not idle.
std::string rates_message(const Rates& rates)
{
    double up = 0;
    double down = 0;
    std::uint64_t connections = 0;
    Json forwards = Json::array();
    for (const auto& [id, rate] : rates) {
        up += rate.up;
        down += rate.down;
        connections += rate.connections;
        if (rate.connections == 0 && rate.up <= 0 && rate.down <= 0) continue;
        forwards.push_back({{"id", id.value}, {"up", std::round(rate.up)}, {"down", std::round(rate.down)}, {"connections", rate.connections}});
    }
    const Json data{{"up", std::round(up)}, {"down", std::round(down)}, {"connections", connections}, {"forwards", std::move(forwards)}};
    return Json{{"type", "rates"}, {"data", data.dump()}}.dump();
}

} // namespace

struct LiveFeed::Core {
    explicit Core(panel::Panel& its_panel) : panel(its_panel) {}

    // `lock` guards mutex. The panel's events are wanted exactly while somebody watches.
    void follow_panel(const std::shared_ptr<Core>& self)
    {
        const bool wanted = !browsers.empty() && !stopping;
        if (wanted && subscription == 0) {
            subscription = panel.live().subscribe([weak = std::weak_ptr<Core>(self)](const panel::LiveEvent& event) {
                if (const auto core = weak.lock()) core->happened(event);
            });
        } else if (!wanted && subscription != 0) {
            panel.live().unsubscribe(subscription);
            subscription = 0;
        }
    }

    void happened(const panel::LiveEvent& event)
    {
        {
            const std::lock_guard lock(mutex);
            switch (event.kind) {
            case panel::LiveEvent::Kind::node_online:
            case panel::LiveEvent::Kind::node_offline: changed.insert(event.node); break;
            case panel::LiveEvent::Kind::upgrade: upgrading.insert(event.node); break;
            case panel::LiveEvent::Kind::host_sample: sampled.insert(event.node); break;
            case panel::LiveEvent::Kind::rates: return; // sent at their own pace, for all nodes together
            }
        }
        wake.notify_one();
    }

    // `lock` guards mutex.
    bool has_room_for(const panel::Actor& actor) const
    {
        const auto count = [this](const auto& which) { return static_cast<std::size_t>(std::ranges::count_if(browsers, which)); };
        if (actor.is_admin()) return count([](const BrowserPtr& one) { return one->admin; }) < most_browsers;
        return count([](const BrowserPtr& one) { return !one->admin; }) < most_browsers &&
               count([&](const BrowserPtr& one) { return one->user == actor.user; }) < most_browsers_of_a_user;
    }

    void opened(const std::shared_ptr<Core>& self, const http::WebSocketPtr& socket, std::string token_hash, const panel::Actor& actor)
    {
        bool taken = false;
        {
            const std::lock_guard lock(mutex);
            if (!stopping && has_room_for(actor)) {
                auto browser = std::make_shared<Browser>(Browser{socket, std::move(token_hash), actor.user, actor.is_admin()});
                taken = true;
                browser->check_at = panel.clock().steady() + check_every;
                browsers.push_back(std::move(browser));
                newcomers = true;
                follow_panel(self);
            }
        }
        if (!taken) socket->close(http::close_code::try_later, "too many viewers");
        wake.notify_one();
    }

    void closed(const std::shared_ptr<Core>& self, const http::WebSocketPtr& socket)
    {
        const std::lock_guard lock(mutex);
        std::erase_if(browsers, [&](const BrowserPtr& browser) { return browser->socket == socket; });
        follow_panel(self);
    }

    void run();
    void greet(Browser& browser, const Rates& rates);
    std::string rates_for(const Browser& browser, const Rates& rates);
    void check(Browser& browser);

    panel::Panel& panel;
    std::mutex mutex; // guards everything below; a Browser's own fields belong to the thread once it is listed
    std::condition_variable wake;
    std::vector<BrowserPtr> browsers;
    std::set<NodeId> changed; // bounded by the number of nodes
    std::set<NodeId> sampled;
    std::set<NodeId> upgrading;
    int subscription = 0;
    bool newcomers = false;
    bool stopping = false;
};

// What a browser may see of the rates: an administrator everything, everybody else his own forwards, with their sum as the total.
std::string LiveFeed::Core::rates_for(const Browser& browser, const Rates& rates)
{
    if (browser.admin) return rates_message(rates);
    Rates own;
    if (const auto ids = panel.forwards().own(browser.user)) {
        for (const auto id : *ids) {
            if (const auto found = rates.find(id); found != rates.end()) own.insert(*found);
        }
    }
    return rates_message(own);
}

// Everything a browser needs to begin with: it need not wait for the next change. Nodes are for administrators alone.
void LiveFeed::Core::greet(Browser& browser, const Rates& rates)
{
    browser.greeted = true;
    if (browser.admin) {
        panel::Actor reader;
        reader.role = domain::Role::admin; // the socket's own right was checked when it was accepted
        const auto nodes = panel.nodes().list(reader);
        if (!nodes) return;
        for (const auto& view : *nodes) {
            browser.socket->send(status_message(view.node.id, view.online));
            const auto sample = panel.live().sample(view.node.id);
            if (view.online && sample) browser.socket->send(info_message(view.node.id, *sample));
        }
    }
    browser.socket->send(rates_for(browser, rates));
}

void LiveFeed::Core::check(Browser& browser)
{
    if (panel.clock().steady() < browser.check_at) return;
    browser.check_at = panel.clock().steady() + check_every;
    const auto actor = panel.accounts().resolve_session(browser.token_hash, browser.socket->remote().address);
    // A database that cannot answer now does not end a session.
    const bool ended =
        actor ? actor->is_admin() != browser.admin : actor.error().code == Errc::unauthenticated || actor.error().code == Errc::forbidden;
    if (ended) browser.socket->close(session_ended, "session ended");
}

void LiveFeed::Core::run()
{
    auto due = std::chrono::steady_clock::now();
    std::unique_lock lock(mutex);
    for (;;) {
        const auto something = [this] { return stopping || newcomers || !changed.empty() || !sampled.empty() || !upgrading.empty(); };
        if (browsers.empty())
            wake.wait(lock, something);
        else
            wake.wait_until(lock, due, something);
        if (stopping) return;
        const auto watching = browsers;
        const auto states = std::exchange(changed, {});
        const auto samples = std::exchange(sampled, {});
        const auto upgrades = std::exchange(upgrading, {});
        newcomers = false;
        lock.unlock();

        std::vector<std::string> of_nodes;
        of_nodes.reserve(states.size() + samples.size());
        for (const auto node : states) of_nodes.push_back(status_message(node, panel.live().online(node)));
        for (const auto node : samples) {
            if (const auto sample = panel.live().sample(node)) of_nodes.push_back(info_message(node, *sample));
        }
        for (const auto node : upgrades) {
            if (const auto state = panel.live().upgrade(node)) of_nodes.push_back(upgrade_message(node, *state));
        }
        const auto now = std::chrono::steady_clock::now();
        const bool rates_due = now >= due;
        if (rates_due) due = now + rates_every;
        const auto rates = panel.live().all_rates();
        for (const auto& browser : watching) {
            try {
                if (!browser->greeted) {
                    greet(*browser, rates);
                } else {
                    for (const auto& message : of_nodes) {
                        if (browser->admin) browser->socket->send(message);
                    }
                    if (rates_due) browser->socket->send(rates_for(*browser, rates));
                }
                check(*browser);
            } catch (const std::exception& problem) {
                log::error("live feed failed", {{"problem", problem.what()}});
                browser->socket->close(http::close_code::internal);
            }
        }
        lock.lock();
    }
}

LiveFeed::LiveFeed(panel::Panel& panel) : core_(std::make_shared<Core>(panel))
{
    thread_ = std::thread([core = core_] { core->run(); });
}

LiveFeed::~LiveFeed() { stop(); }

void LiveFeed::stop()
{
    std::vector<BrowserPtr> left;
    {
        const std::lock_guard lock(core_->mutex);
        core_->stopping = true;
        core_->follow_panel(core_);
        left = std::exchange(core_->browsers, {});
    }
    core_->wake.notify_one();
    if (thread_.joinable()) thread_.join();
    for (const auto& browser : left) browser->socket->close(http::close_code::going_away, "shutting down");
}

std::variant<http::Response, http::WebSocketHandler> LiveFeed::accept(const http::Request& request)
{
    const auto type = request.query.get("type");
    if (type != "0" && type != "1") return http::Response::text(400, "bad request");
    const auto forbidden = [] { return http::Response::text(403, "forbidden"); };
    if (type == "1") return forbidden();
    auto& panel = core_->panel;
    auto hash = check_token(panel.accounts().signing_key(), request.query.get("secret"), panel.clock().wall());
    if (!hash) return forbidden();
    const auto actor = panel.accounts().resolve_session(*hash, request.remote.address);
    if (!actor) return forbidden();

    http::WebSocketHandler handler;
    handler.on_open = [core = core_, hash = std::move(*hash), who = *actor](const http::WebSocketPtr& socket) {
        core->opened(core, socket, hash, who);
    };
    handler.on_close = [core = core_](const http::WebSocketPtr& socket, std::uint16_t) { core->closed(core, socket); };
    return handler;
}

void LiveFeed::mount(http::Router& router)
{
    router.websocket("/system-info", [this](const http::Request& request) { return accept(request); });
}

} // namespace sluice::flvx
