#include "domain/share.hpp"

namespace sluice::domain {

ShareStop stop_of(const Share& share, WallTime now)
{
    if (!share.enabled) return ShareStop::disabled;
    if (share.expires && *share.expires < now) return ShareStop::expired;
    if (share.quota.value > 0 && share.used >= share.quota) return ShareStop::used_up;
    return ShareStop::none;
}

} // namespace sluice::domain
