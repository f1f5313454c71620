#include "agent/connector.hpp"

#include "base/log.hpp"
#include "base/random.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <poll.h>
#include <sys/eventfd.h>
#include <system_error>
#include <unistd.h>

namespace sluice::agent {

namespace {

constexpr unsigned most_probes = 8; // jobs at a time, each with its own bounded threads
constexpr std::chrono::seconds step{1};

double chance() { return static_cast<double>(random_below(1'000'000)) / 1e6; }

void drain(int descriptor)
{
    std::uint64_t count = 0;
    while (::read(descriptor, &count, sizeof count) > 0) {}
}

} // namespace

Milliseconds backoff(unsigned attempt, double chance)
{
    const auto longest = static_cast<double>(Connector::longest_backoff.count());
    const auto full = std::min(longest, 1000.0 * std::pow(2.0, std::min(attempt, 10U)));
    return Milliseconds{static_cast<std::int64_t>(full * (0.25 + 0.75 * chance))};
}

Connector::Connector(Agent& agent, net::Identity identity, PanelPlace panel, const Clock& clock, std::optional<Self> self,
                     std::unique_ptr<Succession> succession)
    : agent_(agent),
      identity_(std::move(identity)),
      panel_(std::move(panel)),
      clock_(clock),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      program_folder_(self ? self->program_folder : std::string{}),
      installed_version_(self ? self->installed_version : std::string{}),
      succession_(std::move(succession))
{
    if (wake_ < 0) throw std::system_error(errno, std::system_category(), "eventfd");
    if (self) upgrader_ = std::make_unique<Upgrader>(agent_, std::move(*self), panel_.pin, clock_, [this] { ::eventfd_write(wake_, 1); });
    thread_ = std::thread([this] { run(); });
}

Connector::~Connector()
{
    stop(Milliseconds{0});
    ::close(wake_);
}

void Connector::stop(Milliseconds last_words)
{
    end_upgrades();
    last_words_ms_ = last_words.count();
    stopping_ = true;
    ::eventfd_write(wake_, 1);
    if (thread_.joinable()) thread_.join();
    std::unique_lock lock(probes_mutex_);
    probes_changed_.wait(lock, [this] { return probes_running_ == 0; }); // each has a deadline
}

bool Connector::pause(Milliseconds how_long)
{
    const auto until = clock_.steady() + how_long;
    while (!stopping_ && clock_.steady() < until) {
        const auto left = std::chrono::ceil<Milliseconds>(until - clock_.steady());
        pollfd one{wake_, POLLIN, 0};
        ::poll(&one, 1, static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 10'000)));
        drain(wake_);
    }
    return !stopping_;
}

void Connector::run()
{
    std::size_t next_url = 0;
    while (!stopping_) {
        const auto& url = panel_.urls[next_url % panel_.urls.size()];
        Milliseconds wait{0};
        auto wire = PanelWire::dial(url, identity_, panel_.pin, hello(), clock_, wake_);
        drain(wake_);
        if (wire) {
            wait = converse(**wire);
        } else if (!stopping_) {
            const auto words = wire.error().args.empty() ? describe(wire.error()) : wire.error().args.front();
            if (words != last_problem_) log::warning("panel not reached", {{"url", url}, {"problem", words}});
            last_problem_ = words;
        }
        if (attempts_ > 0 || !wire) ++next_url; // a panel that spoke is asked again first
        // All addresses are tried before there is a pause.
        if (wait == Milliseconds{0}) {
            ++attempts_;
            const bool more = !wire && next_url % panel_.urls.size() != 0;
            if (!more) wait = backoff(attempts_ / static_cast<unsigned>(panel_.urls.size()), chance());
        }
        if (!pause(wait)) return;
    }
}

Milliseconds Connector::converse(PanelWire& wire)
{
    Reporter reporter(agent_, clock_.steady());
    bool was_open = false;
    for (;;) {
        if (stopping_) {
            say_last_words(wire, reporter);
            return Milliseconds{0};
        }
        const auto until = wire.open() ? std::min(reporter.wake_at(), clock_.steady() + step) : clock_.steady() + step;
        auto events = wire.wait(until);
        drain(wake_);
        for (auto& event : events) {
            if (const auto* ended = std::get_if<link::Ended>(&event)) return after(*ended, was_open);
            take(wire, reporter, std::move(std::get<link::Message>(event)));
        }
        if (!wire.open()) continue;
        if (!was_open) {
            was_open = true;
            attempts_ = 0;
            last_problem_.clear();
            if (upgrader_) upgrader_->connected();
        }
        if (succession_) continue; // reports and words are the other process's
        if (auto report = reporter.due(clock_.steady())) wire.send(std::move(*report));
        if (auto news = reporter.news()) wire.send(std::move(*news));
        std::vector<link::ProbeResult> probed;
        {
            const std::lock_guard lock(probes_mutex_);
            probed.swap(probed_);
        }
        for (auto& result : probed) wire.send(std::move(result));
        say_about_upgrades(wire);
    }
}

link::Hello Connector::hello() const
{
    auto words = make_hello();
    if (upgrader_) words.capabilities.emplace_back(link::can_upgrade);
    words.order = succession_ ? succession_->inheritance().order : became_ ? became_->id : upgrader_ ? upgrader_->order() : 0;
    return words;
}

void Connector::say_about_upgrades(PanelWire& wire)
{
    if (became_) wire.send(*std::exchange(became_, std::nullopt));
    if (!upgrader_) return;
    upgrader_->tick();
    for (auto& one : upgrader_->words()) wire.send(one);
}

// The plan is applied with sockets that somebody else still accepts from: this program works. Now everything becomes its own, or nothing.
void Connector::take_over()
{
    const auto done = succession_->take_over(agent_);
    if (!done) {
        log::error("not taken over", {{"problem", describe(done.error())}});
        ::_exit(1); // nothing here is ours: not a connection to end, not a byte to report
    }
    became_ = succession_->settle(program_folder_, installed_version_);
    succession_.reset();
    log::info("taken over");
}

void Connector::take(PanelWire& wire, Reporter& reporter, link::Message message)
{
    if (const auto* welcome = std::get_if<link::Welcome>(&message)) {
        if (welcome->node != panel_.node) {
            // Its counters and its plan are another node's; only enrolling sorts that out.
            log::error("the panel knows this key as another node; run sluice enrol", {{"here", panel_.node.value}, {"there", welcome->node.value}});
            unwanted_ = true;
            wire.leave();
            return;
        }
        log::info("connected to the panel", {{"node", welcome->node.value}, {"name", welcome->name}});
    } else if (const auto* plan = std::get_if<plan::Plan>(&message)) {
        auto applied = agent_.apply(*plan);
        if (succession_) {
            take_over();
            applied = agent_.apply(*plan);
        }
        reporter.told(applied);
        wire.send(std::move(applied));
    } else if (const auto* booked = std::get_if<link::Booked>(&message)) {
        reporter.booked(booked->sequence, booked->forgotten);
    } else if (const auto* watch = std::get_if<link::Watch>(&message)) {
        reporter.watch(clock_.steady(), watch->sample_every);
    } else if (const auto* probe = std::get_if<link::Probe>(&message)) {
        start_probe(*probe);
    } else if (upgrader_) {
        if (const auto* order = std::get_if<link::Upgrade>(&message)) upgrader_->take(*order);
        if (const auto* order = std::get_if<link::Rollback>(&message)) upgrader_->take(*order);
        if (const auto* data = std::get_if<link::UpgradeData>(&message)) upgrader_->take(*data);
    }
}

// Our successor is on trial: it shows our key. Where it fails, we are the node again.
Milliseconds Connector::wait_for_successor()
{
    while (!stopping_ && upgrader_->handing_over()) {
        pollfd one{wake_, POLLIN, 0};
        ::poll(&one, 1, 1000);
        drain(wake_);
    }
    return Milliseconds{1};
}

void Connector::start_probe(const link::Probe& probe)
{
    {
        const std::lock_guard lock(probes_mutex_);
        if (probes_running_ >= most_probes) return; // its asker hears "timeout"
        ++probes_running_;
    }
    std::thread([this, probe] {
        link::ProbeResult result{probe.id, agent_.probe(probe.requests, probe.deadline)};
        const std::lock_guard lock(probes_mutex_);
        probed_.push_back(std::move(result));
        --probes_running_;
        ::eventfd_write(wake_, 1);
        probes_changed_.notify_all(); // under the lock: the connector may be gone right after
    }).detach();
}

void Connector::stop_forwarding(const std::string& why)
{
    log::error("this machine is no node of the panel any longer; forwarding stops", {{"reason", why}});
    agent_.apply(plan::Plan{});
}

Milliseconds Connector::after(const link::Ended& ended, bool was_open)
{
    if (std::exchange(unwanted_, false)) return when_unwanted;
    if (ended.refusal) {
        if (*ended.refusal == link::Refusal::busy) return Milliseconds{0};
        const auto words = explain(*ended.refusal);
        if (succession_) {
            succession_->failed(words);
            ::_exit(1);
        }
        if (*ended.refusal == link::Refusal::unknown_key)
            stop_forwarding(words);
        else
            log::error("the panel refuses this node", {{"reason", words}});
        return when_unwanted;
    }
    if (ended.farewell == link::Farewell::removed || ended.farewell == link::Farewell::revoked) {
        stop_forwarding(std::string{to_text(*ended.farewell)});
        return when_unwanted;
    }
    if (ended.farewell == link::Farewell::replaced) {
        if (upgrader_ && upgrader_->handing_over()) return wait_for_successor();
        log::warning("another machine shows this node's key; is it a copy?");
        return when_replaced;
    }
    const auto words = std::string{to_text(ended.reason)} + (ended.detail.empty() ? "" : ": " + ended.detail);
    if (was_open || words != last_problem_) {
        const auto level = ended.reason == link::EndReason::wrong_peer ? log::Level::error : log::Level::warning;
        log::write(level, was_open ? "connection to the panel lost" : "panel not usable", {{"problem", words}});
    }
    last_problem_ = words;
    return Milliseconds{0};
}

void Connector::say_last_words(PanelWire& wire, Reporter& reporter)
{
    if (!wire.open()) return;
    const auto until = clock_.steady() + Milliseconds{last_words_ms_};
    if (clock_.steady() < until) {
        if (auto report = reporter.last()) wire.send(std::move(*report));
        while (!reporter.confirmed() && clock_.steady() < until) {
            drain(wake_);
            for (auto& event : wire.wait(until)) {
                if (std::holds_alternative<link::Ended>(event)) return;
                const auto& message = std::get<link::Message>(event);
                if (const auto* booked = std::get_if<link::Booked>(&message)) reporter.booked(booked->sequence, booked->forgotten);
            }
        }
    }
    wire.leave();
    wire.flush(clock_.steady() + Seconds{1});
}

} // namespace sluice::agent
