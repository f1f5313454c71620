#include "agent/reporter.hpp"

#include <algorithm>
#include <utility>

namespace sluice::agent {

void Reporter::watch(SteadyTime now, Milliseconds sample_every)
{
    sample_every_ = sample_every;
    next_sample_ = std::min(next_sample_, now + sample_every);
    if (sample_every < std::chrono::seconds(10)) next_sample_ = now; // somebody opened the page and looks
}

void Reporter::booked(std::uint64_t sequence, const std::vector<ForwardId>& forgotten)
{
    if (sent_ != 0 && sequence >= sent_) {
        for (const auto& counter : std::exchange(in_report_, {})) confirmed_[counter.id] = counter;
        sent_ = 0;
    }
    if (forgotten.empty()) return;
    agent_.forget(forgotten);
    for (const auto id : forgotten) confirmed_.erase(id);
}

std::vector<plan::ForwardCounters> Reporter::changed() const
{
    auto counters = agent_.counters();
    std::erase_if(counters, [this](const plan::ForwardCounters& counter) {
        const auto known = confirmed_.find(counter.id);
        return known != confirmed_.end() && known->second == counter;
    });
    return counters;
}

plan::Report Reporter::next(std::vector<plan::ForwardCounters> counters)
{
    in_report_ = counters;
    sent_ = ++sequence_;
    return {sent_, std::move(counters), {}};
}

std::optional<plan::Report> Reporter::due(SteadyTime now)
{
    if (now < next_look_) return std::nullopt;
    next_look_ = now + look_every;
    if (sent_ != 0 && now - sent_at_ < repeat_after) return std::nullopt;
    auto counters = changed();
    const bool sample = now >= next_sample_;
    const bool moves = !counters.empty();
    if (!moves && !sample && !std::exchange(moved_, false)) return std::nullopt;
    moved_ = moves;
    sent_at_ = now;
    auto report = next(std::move(counters));
    if (sample) {
        next_sample_ = now + sample_every_;
        report.host = agent_.sample();
    }
    return report;
}

std::optional<plan::Report> Reporter::last()
{
    auto counters = changed();
    if (counters.empty()) return std::nullopt;
    return next(std::move(counters));
}

std::optional<plan::Applied> Reporter::news()
{
    if (!told_) return std::nullopt; // the panel hears the answer to its plan first
    auto answer = agent_.applied();
    if (answer == *told_) return std::nullopt;
    told_ = answer;
    return answer;
}

} // namespace sluice::agent
