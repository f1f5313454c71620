// Many of the same at once: each by the single use case, and one failure does not hide the others (FLVX contract 1.10).
#pragma once

#include "api/flvx/route.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace sluice::flvx {

inline constexpr std::size_t most_in_batch = 10'000;

using BatchStep = std::function<Result<void>(std::int64_t id)>;

// data: successCount, failCount, and beyond the contract failures: [{id, reason}].
Reply run_batch(const std::vector<std::int64_t>& ids, const BatchStep& step);

// {"ids":[3,1]}: ascending, duplicates kept; ids that are not positive are dropped.
Reply batch_of_ids(const Call& call, const BatchStep& step);

} // namespace sluice::flvx
