// A partial update: absent means "keep". One way to apply it, so no caller invents a sentinel.
#pragma once

#include <optional>
#include <utility>

namespace sluice::domain {

template <class T>
using Patch = std::optional<T>;

template <class T, class U>
void apply(const Patch<T>& patch, U& field)
{
    if (patch) field = *patch;
}

} // namespace sluice::domain
