#include "agent/upgrader.hpp"

#include "agent/processes.hpp"
#include "base/file.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "net/sha256.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace sluice::agent {

namespace {

using plan::UpgradeStage;
using std::chrono::steady_clock;

constexpr std::chrono::seconds examination{20}; // per question
constexpr std::chrono::seconds farewell{5};
constexpr const char* unfinished = ".new";
constexpr const char* ended_early = "the new program ended before it worked";
constexpr std::string_view healthy = "healthy";
constexpr std::string_view taken = "taken";
constexpr std::string_view failed_word = "failed ";

Error trouble(std::string words) { return make_error(Errc::unavailable, "upgrade", words, {words}); }

std::string words_of(const Error& error) { return error.args.empty() ? describe(error) : error.args.front(); }

} // namespace

Upgrader::Upgrader(Agent& agent, Self self, const Fingerprint& panel, const Clock& clock, std::function<void()> wake)
    : agent_(agent), self_(std::move(self)), panel_(panel), clock_(clock), wake_(std::move(wake)), store_(self_.program_folder)
{
}

Upgrader::~Upgrader()
{
    stop();
    abandon_download();
}

void Upgrader::stop()
{
    stopping_ = true;
    const std::lock_guard lock(thread_mutex_);
    if (thread_.joinable()) thread_.join();
}

void Upgrader::say(std::uint64_t order, UpgradeStage stage, unsigned percent, const std::string& detail)
{
    plan::UpgradeState state{order, stage, percent, self_.entry.version, detail};
    {
        const std::lock_guard lock(mutex_);
        std::erase_if(words_, [](const link::Message& one) { return std::holds_alternative<plan::UpgradeState>(one); });
        words_.emplace_back(std::move(state));
    }
    wake_();
}

void Upgrader::fail(std::uint64_t order, const Error& error)
{
    const auto words = words_of(error);
    log::error("not upgraded; this program goes on", {{"version", self_.entry.version}, {"problem", words}});
    say(order, UpgradeStage::failed, 0, words);
}

std::vector<link::Message> Upgrader::words()
{
    const std::lock_guard lock(mutex_);
    for (const auto& one : words_) {
        const auto* state = std::get_if<plan::UpgradeState>(&one);
        if (state != nullptr && state->stage == UpgradeStage::failed && state->id == order_) order_ = 0;
    }
    return std::exchange(words_, {});
}

void Upgrader::ask()
{
    const std::lock_guard lock(mutex_);
    std::erase_if(words_, [](const link::Message& one) { return std::holds_alternative<link::UpgradeRead>(one); });
    words_.emplace_back(download_->wish());
}

void Upgrader::abandon_download()
{
    if (file_ >= 0) ::close(std::exchange(file_, -1));
    if (download_) store_.remove(ProgramStore::file_for(download_->release().sha256) + unfinished);
    download_.reset();
}

void Upgrader::take(const link::Upgrade& order)
{
    {
        const std::lock_guard lock(mutex_);
        if (running_ || stopping_) return; // the panel has forgotten the one that is under way; it hears the end of this one by its deadline
    }
    abandon_download();
    order_ = order.id;
    auto begun = Download::begin(order, {self_.entry.version, self_.architecture, panel_, store_.load().issued}, clock_.steady());
    if (!begun) return fail(order.id, begun.error());
    const auto name = ProgramStore::file_for(begun->release().sha256);
    if (name == self_.entry.file) return fail(order.id, trouble("this is the program that runs"));
    const auto file = store_.create(name + unfinished);
    if (!file) return fail(order.id, file.error());
    file_ = *file;
    download_ = std::move(*begun);
    log::info("upgrade begins", {{"version", download_->release().version}, {"size", download_->release().size}});
    // Room is taken at once: a full disk is said before anything was downloaded.
    if (const int problem = ::posix_fallocate(file_, 0, static_cast<off_t>(download_->release().size)); problem != 0) {
        fail(order.id, trouble(store_.path_of({name, {}, {}}) + ": " + std::strerror(problem)));
        return abandon_download();
    }
    say(order.id, UpgradeStage::downloading, 0);
    ask();
}

void Upgrader::take(const link::UpgradeData& data)
{
    if (!download_) return;
    const auto fail_download = [&](const Error& error) {
        fail(download_->id(), error);
        abandon_download();
    };
    const auto before = download_->percent();
    auto bytes = download_->take(data, clock_.steady());
    if (!bytes) return fail_download(bytes.error());
    for (auto left = *bytes; !left.empty();) {
        const auto wrote = ::write(file_, left.data(), left.size());
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) return fail_download(trouble(std::string{"program not stored: "} + std::strerror(errno)));
        left.remove_prefix(static_cast<std::size_t>(wrote));
    }
    if (!download_->whole()) {
        if (download_->percent() / 10 != before / 10) say(download_->id(), UpgradeStage::downloading, download_->percent());
        return ask();
    }
    if (::fsync(file_) != 0) return fail_download(trouble(std::string{"program not stored: "} + std::strerror(errno)));
    ::close(std::exchange(file_, -1));
    const auto release = download_->release();
    Candidate candidate;
    candidate.order = download_->id();
    candidate.entry = {ProgramStore::file_for(release.sha256), release.version, release.sha256};
    candidate.path = store_.path_of(candidate.entry);
    candidate.issued = release.issued;
    if (::rename((candidate.path + unfinished).c_str(), candidate.path.c_str()) != 0)
        return fail_download(trouble(std::string{"program not stored: "} + std::strerror(errno)));
    download_.reset();
    begin_run(std::move(candidate));
}

void Upgrader::take(const link::Rollback& order)
{
    {
        const std::lock_guard lock(mutex_);
        if (running_ || stopping_) return;
    }
    abandon_download();
    order_ = order.id;
    const auto state = store_.load();
    if (!state.previous || *state.previous == self_.entry) return fail(order.id, trouble("there is no version before this one here"));
    Candidate candidate;
    candidate.order = order.id;
    candidate.entry = *state.previous;
    candidate.path = candidate.entry.installed() ? self_.installed : store_.path_of(candidate.entry);
    begin_run(std::move(candidate));
}

void Upgrader::connected()
{
    if (download_) ask();
}

void Upgrader::tick()
{
    if (!download_ || !download_->stalled(clock_.steady())) return;
    fail(download_->id(), trouble("the panel stopped giving the program"));
    abandon_download();
}

void Upgrader::begin_run(Candidate candidate)
{
    const std::lock_guard handle(thread_mutex_);
    if (thread_.joinable()) thread_.join(); // it has ended, or is about to
    {
        const std::lock_guard lock(mutex_);
        if (stopping_) return;
        running_ = true;
    }
    thread_ = std::thread([this, candidate = std::move(candidate)] { run(candidate); });
}

void Upgrader::run(Candidate candidate)
{
    say(candidate.order, UpgradeStage::verifying, 0);
    auto done = examine(candidate);
    if (done) {
        say(candidate.order, UpgradeStage::installing, 0);
        done = hand_over(candidate);
    }
    const auto state = store_.load();
    if (candidate.issued != 0 && candidate.entry.file != state.current.file && (!state.previous || candidate.entry.file != state.previous->file))
        store_.remove(candidate.entry.file);
    {
        const std::lock_guard lock(mutex_);
        running_ = false; // before anybody hears of it: the next order may come at once
    }
    handing_over_ = false;
    if (!done) fail(candidate.order, done.error());
    wake_();
}

// Is it what was promised, and does it start here?
Result<void> Upgrader::examine(Candidate& candidate)
{
    if (!candidate.entry.installed()) {
        const auto sum = net::sha256_of_file(candidate.path);
        if (!sum) return sum.error();
        if (*sum != candidate.entry.sha256) return trouble("the program is not the one that was released: its hash differs");
    }
    const auto version = output_of(candidate.path, {"version"}, examination, stopping_);
    if (!version) return version.error();
    const auto said = trim(*version);
    if (candidate.entry.installed()) { // it may have been replaced since
        const auto words = split(said, ' ');
        if (words.size() == 3 && words[0] == "sluice" && plan::is_version(words[1])) candidate.entry.version = words[1];
    }
    if (said != "sluice " + candidate.entry.version + " linux-" + self_.architecture)
        return trouble("the program is not version " + candidate.entry.version + " for " + self_.architecture + ": it says \"" +
                       std::string{said.substr(0, 100)} + "\"");
    auto arguments = self_.arguments;
    arguments.insert(arguments.begin(), "check-config");
    if (const auto checked = output_of(candidate.path, arguments, examination, stopping_); !checked)
        return trouble("the program does not accept this node's configuration: " + words_of(checked.error()));
    return {};
}

void Upgrader::end(pid_t successor, HandoverChannel& channel) const
{
    ::kill(successor, SIGKILL);
    (void)channel.wait_end(steady_clock::now() + farewell); // a process that is being killed touches nothing any more once its descriptors are closed
    if (!self_.sibling) ::waitpid(successor, nullptr, 0);
}

Result<void> Upgrader::hand_over(const Candidate& candidate)
{
    auto ends = HandoverChannel::make();
    if (!ends) return ends.error();
    HandoverChannel channel(std::move(ends->first));
    pid_t successor = 0;
    agent_.hold_still(true);
    handing_over_ = true; // before anybody shows our key
    {
        const HandoverChannel theirs(std::move(ends->second));
        Start start;
        start.program = candidate.path;
        start.arguments = self_.arguments;
        start.descriptor = theirs.descriptor();
        start.sibling = self_.sibling;
        start.variables = {{handover_variable, std::to_string(theirs.descriptor())},
                           {installed_variable, self_.installed_version + " " + self_.installed},
                           {"SLUICE_TOKEN", ""},
                           {"WATCHDOG_PID", ""}};
        const auto started = start_process(start);
        if (!started) {
            agent_.hold_still(false);
            return started.error();
        }
        successor = *started;
    }
    log::info("successor started", {{"version", candidate.entry.version}, {"process", successor}});

    const auto attempt = [&]() -> Result<void> {
        Inheritance inheritance;
        inheritance.order = candidate.order;
        inheritance.workers = agent_.workers();
        inheritance.sibling = self_.sibling;
        inheritance.stand_in = self_.stand_in || !self_.sibling;
        inheritance.previous_file = self_.entry.file;
        inheritance.previous_version = self_.entry.version;
        inheritance.previous_sha256 = self_.entry.sha256;
        inheritance.current_file = candidate.entry.file;
        inheritance.current_version = candidate.entry.version;
        inheritance.current_sha256 = candidate.entry.sha256;
        inheritance.issued = candidate.issued;
        inheritance.lock = self_.lock;
        inheritance.listeners = agent_.listeners();
        const auto parcel = write_inheritance(inheritance);
        if (!channel.send(parcel.text, parcel.descriptors, steady_clock::now() + standing)) return trouble(ended_early);
        const auto until = steady_clock::now() + trial;
        for (;;) {
            // In small steps, so that somebody who wants this process to stop need not wait for the trial.
            const auto answer = channel.receive(std::min(until, steady_clock::now() + std::chrono::milliseconds(200)));
            if (answer) {
                if (answer->text == healthy) break;
                return trouble("the new program says: " + answer->text.substr(0, 500));
            }
            if (answer.error().code != Errc::timeout) return trouble(ended_early);
            if (stopping_) return trouble("this process was told to stop");
            if (steady_clock::now() >= until)
                return trouble("the new program did not reach the panel and apply the plan within " + std::to_string(trial.count()) + " seconds");
        }
        return give_everything(channel, successor);
    };
    const auto outcome = attempt();
    end(successor, channel);
    agent_.thaw();
    agent_.hold_still(false);
    return outcome;
}

Result<void> Upgrader::give_everything(HandoverChannel& channel, pid_t successor)
{
    const auto until = steady_clock::now() + standing;
    const auto parcel = write_traffic(agent_.freeze());
    if (const auto sent = channel.send(parcel.text, parcel.descriptors, until); !sent)
        return trouble("the new program does not take over: " + sent.error().detail);
    const auto answer = channel.receive(until);
    if (!answer) return trouble("the new program does not take over: " + answer.error().detail);
    if (answer->text != taken) return trouble("the new program says: " + answer->text.substr(0, 500));
    // From here on everything is the other process's: not one byte may move here any more.
    self_.leave(successor);
    ::_exit(0);
}

Result<std::unique_ptr<Succession>> Succession::begin(int descriptor)
{
    ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    HandoverChannel channel(descriptor);
    auto parcel = channel.receive(steady_clock::now() + patience);
    if (!parcel) return parcel.error();
    auto inheritance = read_inheritance(std::move(*parcel));
    if (!inheritance) {
        (void)channel.send(std::string{failed_word} + describe(inheritance.error()), {}, steady_clock::now() + farewell);
        return inheritance.error();
    }
    return std::unique_ptr<Succession>(new Succession(std::move(channel), std::move(*inheritance)));
}

void Succession::failed(const std::string& why) { (void)channel_.send(std::string{failed_word} + why, {}, steady_clock::now() + farewell); }

Result<void> Succession::take_over(Agent& agent)
{
    if (auto sent = channel_.send(healthy, {}, steady_clock::now() + patience); !sent) return sent;
    auto parcel = channel_.receive(steady_clock::now() + patience);
    if (!parcel) return parcel.error();
    auto traffic = read_traffic(std::move(*parcel));
    if (!traffic) {
        failed(describe(traffic.error()));
        return traffic.error();
    }
    log::info("taking over", {{"connections", traffic->relays.size()}, {"sessions", traffic->sessions.size()}});
    if (auto sent = channel_.send(taken, {}, steady_clock::now() + patience); !sent) return sent;
    if (!channel_.wait_end(steady_clock::now() + patience)) return trouble("the process before this one does not end");
    if (inheritance_.stand_in) ::prctl(PR_SET_PDEATHSIG, SIGTERM); // who kills the stand-in means us
    agent.resume(std::move(*traffic));
    if (when_over_) when_over_();
    return {};
}

plan::UpgradeState Succession::settle(const std::string& program_folder, const std::string& installed_version) const
{
    ProgramStore store(program_folder);
    auto state = store.load();
    state.current = {inheritance_.current_file, inheritance_.current_version, inheritance_.current_sha256};
    state.previous = ProgramStore::Entry{inheritance_.previous_file, inheritance_.previous_version, inheritance_.previous_sha256};
    state.installed = installed_version;
    state.issued = std::max(state.issued, inheritance_.issued);
    store.came_up();
    plan::UpgradeState said{inheritance_.order, UpgradeStage::done, 100, inheritance_.current_version, {}};
    if (const auto kept = store.keep(state); !kept) {
        // It runs; but a later start would be the old one again, and who asked has to know.
        said.stage = UpgradeStage::failed;
        said.detail = "version " + inheritance_.current_version + " runs, but could not be kept for later starts: " + words_of(kept.error());
        log::error(said.detail);
    }
    return said;
}

} // namespace sluice::agent
