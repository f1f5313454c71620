#include "panel/summary.hpp"

#include "domain/calendar.hpp"

namespace sluice::panel {

namespace {

std::string text_of(const domain::Allowance& allowance)
{
    return "quota " + std::to_string(allowance.quota.value / bytes_per_gib) + " GiB, forwards " + std::to_string(allowance.max_forwards) +
           ", expires " + (allowance.expires ? domain::local_date(*allowance.expires) : "never") + ", reset day " +
           std::to_string(allowance.reset_day);
}

std::string on_or_off(bool enabled) { return enabled ? ", on" : ", off"; }

} // namespace

std::string summary(const domain::User& user) { return user.name + ": " + text_of(user.allowance) + on_or_off(user.enabled); }

std::string summary(const domain::Assignment& assignment)
{
    return "user " + std::to_string(assignment.user.value) + ", tunnel " + std::to_string(assignment.tunnel.value) + ": " +
           text_of(assignment.allowance) + (assignment.speed_limit ? ", speed limit " + std::to_string(assignment.speed_limit->value) : "") +
           on_or_off(assignment.enabled);
}

std::string summary(const domain::Node& node)
{
    return node.name + ": " + node.address + ", ports " + node.ports.to_text() + ", listens " + node.tcp_listen + " " + node.udp_listen +
           (node.blocks.http ? ", blocks http" : "") + (node.blocks.tls ? ", blocks tls" : "") + (node.blocks.socks ? ", blocks socks" : "");
}

std::string summary(const domain::Tunnel& tunnel)
{
    std::string nodes;
    for (const auto& hop : tunnel.hops) nodes += " " + std::to_string(hop.node.value);
    return tunnel.name + ": nodes" + nodes + ", factor " + std::to_string(tunnel.billing.factor) + ", ratio " + std::to_string(tunnel.billing.ratio) +
           on_or_off(tunnel.enabled);
}

std::string summary(const domain::SpeedLimit& limit)
{
    return limit.name + ": " + std::to_string(limit.megabits) + " Mbit/s" + (limit.tunnel ? ", tunnel " + std::to_string(limit.tunnel->value) : "") +
           on_or_off(limit.enabled);
}

std::string summary(const domain::Quota& quota)
{
    const auto& rule = quota.rule;
    return std::string{to_text(quota.subject.kind)} + " " + std::to_string(quota.subject.id) + ": " + std::to_string(rule.amount.value) +
           " bytes by " + std::string{to_text(rule.span)} +
           (rule.span == domain::QuotaSpan::month ? ", reset day " + std::to_string(rule.reset_day) : "") + ", counts " +
           std::string{to_text(rule.count)} + ", ratio " + std::to_string(rule.ratio) +
           (rule.action == domain::QuotaAction::stop ? ", then stops" : ", then " + std::to_string(rule.rate) + " bytes a second");
}

} // namespace sluice::panel
