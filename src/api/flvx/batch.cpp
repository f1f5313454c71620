#include "api/flvx/batch.hpp"

#include "api/flvx/messages.hpp"

#include <algorithm>

namespace sluice::flvx {

Reply run_batch(const std::vector<std::int64_t>& ids, const BatchStep& step)
{
    if (ids.size() > most_in_batch) return fail(make_error(Errc::invalid, "body"));
    std::size_t successes = 0;
    Json failures = Json::array();
    for (const auto id : ids) {
        const auto done = step(id);
        if (done)
            ++successes;
        else
            failures.push_back({{"id", id}, {"reason", fail(done.error()).message}});
    }
    const auto failed = failures.size();
    return ok({{"successCount", successes}, {"failCount", failed}, {"failures", std::move(failures)}});
}

Reply batch_of_ids(const Call& call, const BatchStep& step)
{
    if (!call.body.is_list("ids") || call.body.json()["ids"].empty()) return fail(-1, "ids不能为空");
    auto ids = call.body.ids("ids");
    std::sort(ids.begin(), ids.end());
    return run_batch(ids, step);
}

} // namespace sluice::flvx
