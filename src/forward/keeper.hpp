// Looks after targets on threads of its own: resolves names now and then, and tries those that are down until they answer again. Blocking calls
// (getaddrinfo, connect with a deadline) happen here and nowhere else.
#pragma once

#include "base/time.hpp"
#include "forward/targets.hpp"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace sluice::forward {

// The addresses of a name, in the order of the preference, at most 8. "localhost" is answered without a resolver. Blocks.
std::vector<Endpoint> resolve(const HostPort& name, plan::IpPreference preference);

class Keeper {
public:
    Keeper(const Clock& clock, Milliseconds resolve_every);
    ~Keeper();

    // Replaces the targets to look after. Expired ones are dropped by themselves.
    void watch(const std::vector<TargetPtr>& targets);
    // Waits until resolving each of these was tried once, at most `deadline`.
    void wait_resolved(const std::vector<TargetPtr>& targets, Milliseconds deadline);
    void look_now(); // somebody marked a target as down

private:
    void run();
    void resolver_run();
    TargetPtr next_to_resolve(); // with the lock held
    void probe_down(const std::vector<TargetPtr>& targets);

    const Clock& clock_;
    const Milliseconds resolve_every_;
    std::mutex mutex_;                              // guards the fields below
    static constexpr unsigned resolver_threads = 4; // a name that nobody answers for must not keep the others waiting

    std::condition_variable wake_;
    std::condition_variable resolved_;
    std::vector<std::weak_ptr<Target>> targets_;
    bool stopping_ = false;
    std::thread health_;
    std::vector<std::thread> resolvers_;
};

} // namespace sluice::forward
