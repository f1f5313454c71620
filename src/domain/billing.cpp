#include "domain/billing.hpp"

#include <cmath>
#include <cstdint>

namespace sluice::domain {

namespace {

ByteCount one_direction(const Billing& billing, ByteCount passed)
{
    if (passed.value <= 0) return {};
    const long double ratio = billing.ratio > 0 && std::isfinite(billing.ratio) ? static_cast<long double>(billing.ratio) : 1.0L;
    const std::int64_t factor = billing.factor > 0 ? billing.factor : 1;
    const long double scaled = std::trunc(static_cast<long double>(passed.value) * ratio);
    const long double limit = static_cast<long double>(INT64_MAX / 4) / static_cast<long double>(factor);
    return {static_cast<std::int64_t>(scaled < limit ? scaled : limit) * factor};
}

} // namespace

Traffic billed(const Billing& billing, const Traffic& passed) { return {one_direction(billing, passed.up), one_direction(billing, passed.down)}; }

} // namespace sluice::domain
