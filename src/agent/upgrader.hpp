// A node that becomes another version of itself while it works: gets the program over the link, looks at it, starts it, and gives it everything when it has
// shown that it works. Until that moment this process goes on, and goes on alone when the other one fails.
//
//   downloading   the connection to the panel brings pieces
//   verifying     hash, then the program says its version and reads the configuration
//   installing    it starts with our listening sockets, reaches the panel with our key (which ends our own connection), applies the plan: only then do our
//                 loops stand still and give away every connection; it says that it has them; this process is no more
//
// What runs afterwards answers the panel (Succession).
#pragma once

#include "agent/agent.hpp"
#include "agent/download.hpp"
#include "agent/handover_text.hpp"
#include "agent/program_store.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "link/messages.hpp"

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <sys/types.h>
#include <thread>
#include <vector>

namespace sluice::agent {

inline constexpr const char* handover_variable = "SLUICE_HANDOVER";   // the number of a descriptor: this process is a successor
inline constexpr const char* installed_variable = "SLUICE_INSTALLED"; // "VERSION PATH" of the installed program that started this one

// What the process is, as far as its successor has to know. Filled by whoever wires it.
struct Self {
    std::string program_folder; // DIR/program
    std::string installed;      // path of the installed program
    std::string installed_version;
    std::vector<std::string> arguments;
    ProgramStore::Entry entry; // this program
    std::string architecture;
    int lock = -1;         // of the data directory; borrowed
    bool sibling = false;  // successors are children of our parent: it follows who we say is the main process, or waits for all its children
    bool stand_in = false; // it is a stand-in
    std::function<void(pid_t)> leave; // tells whoever has to know and ends this process, or becomes its stand-in; does not return
};

class Upgrader {
public:
    static constexpr std::chrono::seconds trial{30};    // for the successor to reach the panel and apply the plan
    static constexpr std::chrono::seconds standing{10}; // for it to take what we give, while nothing moves

    // `agent` and `clock` outlive this. `wake` is called when there is something to say, from any thread.
    Upgrader(Agent& agent, Self self, const Fingerprint& panel, const Clock& clock, std::function<void()> wake);
    ~Upgrader(); // stop()

    // From the connection's thread.
    void take(const link::Upgrade& order);
    void take(const link::Rollback& order);
    void take(const link::UpgradeData& data);
    void connected(); // anew: asks again for what did not come
    void tick();
    std::vector<link::Message> words();                 // what to say now; bounded: of states the newest counts
    std::uint64_t order() const { return order_; }      // that this node works on, or has not answered yet; 0: none
    bool handing_over() const { return handing_over_; } // whoever shows our key now is our successor

    void stop(); // a successor that has not taken over is ended

private:
    struct Candidate {
        std::uint64_t order = 0;
        std::string path;
        ProgramStore::Entry entry;
        std::int64_t issued = 0; // 0: back to an older one
    };
    void say(std::uint64_t order, plan::UpgradeStage stage, unsigned percent, const std::string& detail = {});
    void fail(std::uint64_t order, const Error& error);
    void ask();
    void abandon_download();
    void begin_run(Candidate candidate);
    void run(Candidate candidate);
    Result<void> examine(Candidate& candidate);
    Result<void> hand_over(const Candidate& candidate); // returns only when it failed
    Result<void> give_everything(HandoverChannel& channel, pid_t successor);
    void end(pid_t successor, HandoverChannel& channel) const;

    Agent& agent_;
    const Self self_;
    const Fingerprint panel_;
    const Clock& clock_;
    const std::function<void()> wake_;
    ProgramStore store_;

    std::optional<Download> download_; // of the connection's thread
    int file_ = -1;

    std::mutex mutex_; // guards the two below
    std::vector<link::Message> words_;
    bool running_ = false; // the thread is at work
    std::atomic<bool> stopping_{false};
    std::atomic<std::uint64_t> order_{0};
    std::atomic<bool> handing_over_{false};
    std::mutex thread_mutex_; // guards the one below: who asks us to stop may do so while a run begins
    std::thread thread_;
};

// The other side: a process that is to take over.
class Succession {
public:
    static constexpr std::chrono::seconds patience{15}; // for each answer of the process before us

    // Reads what we inherit. Errors: those of the channel and the text.
    static Result<std::unique_ptr<Succession>> begin(int descriptor);

    Inheritance& inheritance() { return inheritance_; }
    const Inheritance& inheritance() const { return inheritance_; }
    // We work: everything becomes ours. Errors: the process before us has changed its mind, or was lost; then nothing is ours and this process has to end
    // at once, without a word to anybody.
    Result<void> take_over(Agent& agent);
    void failed(const std::string& why); // we do not work
    // Remembers for later starts who runs, and what to tell the panel.
    plan::UpgradeState settle(const std::string& program_folder, const std::string& installed_version) const;
    void when_over(std::function<void()> what) { when_over_ = std::move(what); } // called by take_over() when this process is the one

private:
    Succession(HandoverChannel channel, Inheritance inheritance) : channel_(std::move(channel)), inheritance_(std::move(inheritance)) {}

    HandoverChannel channel_;
    Inheritance inheritance_;
    std::function<void()> when_over_;
};

} // namespace sluice::agent
