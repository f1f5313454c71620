#include "agent/forward_option.hpp"

#include "base/text.hpp"

namespace sluice::agent {

Result<plan::Forward> parse_forward_option(std::string_view text)
{
    const auto bad = [](const std::string& what) { return make_error(Errc::invalid, "forward", what, {what}); };
    plan::Forward forward;
    if (text.rfind("tcp://", 0) == 0) {
        forward.udp = false;
        text.remove_prefix(6);
    } else if (text.rfind("udp://", 0) == 0) {
        forward.tcp = false;
        text.remove_prefix(6);
    }
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) return bad("needs LISTEN=TARGET, such as tcp://:8080=10.0.0.2:80");
    const auto listen = text.substr(0, equals);
    const auto wildcard = !listen.empty() && listen.front() == ':' ? "[::]" + std::string{listen} : std::string{listen};
    const auto endpoint = Endpoint::parse(wildcard);
    if (!endpoint || endpoint->port == 0) return bad("not a listen address: " + std::string{listen.substr(0, 60)});
    forward.tcp_address = forward.udp_address = endpoint->address;
    forward.port = endpoint->port;
    for (const auto item : split(text.substr(equals + 1), ',')) {
        auto target = HostPort::parse(item);
        if (!target) return bad("not a target: " + std::string{item.substr(0, 60)});
        forward.targets.push_back(std::move(*target));
    }
    return forward;
}

Result<plan::Plan> plan_of_options(const std::vector<std::string>& texts)
{
    plan::Plan plan;
    plan.revision = 1;
    for (const auto& text : texts) {
        auto forward = parse_forward_option(text);
        if (!forward) return forward.error();
        for (const auto& other : plan.forwards) {
            const bool same_protocol = (other.tcp && forward->tcp) || (other.udp && forward->udp);
            if (other.port == forward->port && same_protocol && other.tcp_address == forward->tcp_address)
                return make_error(Errc::conflict, "forward", text, {"two forwards on port " + std::to_string(other.port)});
        }
        forward->id = ForwardId{static_cast<std::int64_t>(plan.forwards.size()) + 1};
        plan.forwards.push_back(std::move(*forward));
    }
    return plan;
}

} // namespace sluice::agent
