// What mattered about a row, in one readable line for the audit table. Never a secret.
#pragma once

#include "domain/node.hpp"
#include "domain/quota.hpp"
#include "domain/speed_limit.hpp"
#include "domain/tunnel.hpp"
#include "domain/user.hpp"

#include <string>

namespace sluice::panel {

std::string summary(const domain::User& user);
std::string summary(const domain::Assignment& assignment);
std::string summary(const domain::Node& node);
std::string summary(const domain::Tunnel& tunnel);
std::string summary(const domain::Quota& quota);
std::string summary(const domain::SpeedLimit& limit);

} // namespace sluice::panel
