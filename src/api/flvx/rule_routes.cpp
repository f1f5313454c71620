// Rules of other programs as forwards, beyond the contract: a preview of each line, then all that was chosen or nothing.
#include "api/flvx/messages.hpp"
#include "api/flvx/route.hpp"
#include "api/flvx/shapes.hpp"

#include <utility>

namespace sluice::flvx {

namespace {

constexpr std::size_t largest_rules = std::size_t{4} * 1024 * 1024; // a text of 1 MiB, escaped as JSON

// `text` stays in the body. Errors: invalid "rules.format", "body".
Result<panel::RuleSource> read_source(Call& call, const std::string& text)
{
    panel::RuleSource source;
    source.text = text;
    const auto tunnel = id_of(call, "tunnelId");
    if (!tunnel) return make_error(Errc::invalid, "rules.tunnel");
    source.tunnel = TunnelId{*tunnel};
    const auto format = call.body.text("format");
    if (!format.empty() && format != "auto") {
        source.format = rules::format_named(format);
        if (!source.format) return make_error(Errc::invalid, "rules.format");
    }
    source.choose_taken_ports = call.body.text("choosePorts") == "true" || call.body.integer("choosePorts", 0) == 1;
    return source;
}

std::string protocol_of(const domain::ForwardOptions& options) { return options.tcp && options.udp ? "tcp+udp" : options.tcp ? "tcp" : "udp"; }

Json item_json(const panel::RulePreview& item)
{
    Json out{{"index", item.index}, {"line", item.line}, {"text", item.text}, {"possible", item.possible()}};
    if (!item.draft) {
        out["reason"] = rules::to_text(item.reason);
        out["args"] = item.args;
        return out;
    }
    const auto& draft = *item.draft;
    Json allow = Json::array();
    for (const auto& network : draft.options.allow) allow.push_back(network.to_text());
    out["rule"] = {{"name", draft.name},
                   {"listenIp", draft.options.bind_address ? draft.options.bind_address->to_text() : ""},
                   {"inPort", item.port    ? Json(*item.port)
                              : draft.port ? Json(*draft.port)
                                           : Json(nullptr)},
                   {"remoteAddr", targets_text(draft.targets)},
                   {"protocol", protocol_of(draft.options)},
                   {"strategy", strategy_name(draft.pick)},
                   {"allowIps", std::move(allow)}};
    if (item.problem) out["message"] = message_of(*item.problem);
    return out;
}

Reply preview_rules(Call& call)
{
    const auto text = call.body.exact_text("text");
    if (call.body.bad()) return fail(-1, "请求参数错误");
    const auto source = read_source(call, text);
    if (!source) return source.error().field == "rules.tunnel" ? fail(-1, "隧道ID不能为空") : fail(source.error());
    const auto previews = call.panel.rule_imports().preview(call.who(), *source);
    if (!previews) return fail(previews.error());
    Json items = Json::array();
    std::size_t possible = 0;
    for (const auto& item : previews->items) {
        if (item.possible()) ++possible;
        items.push_back(item_json(item));
    }
    return ok({{"format", rules::name_of(previews->format)}, {"possible", possible}, {"items", std::move(items)}});
}

Reply import_rules(Call& call)
{
    const auto text = call.body.exact_text("text");
    std::vector<std::size_t> chosen;
    if (call.body.is_list("indexes")) {
        for (const auto& index : call.body.json()["indexes"]) {
            const auto number = exact_integer_of(index).value_or(-1);
            if (number < 0)
                call.body.mark_bad();
            else
                chosen.push_back(static_cast<std::size_t>(number));
        }
    }
    if (call.body.bad()) return fail(-1, "请求参数错误");
    const auto source = read_source(call, text);
    if (!source) return source.error().field == "rules.tunnel" ? fail(-1, "隧道ID不能为空") : fail(source.error());
    const auto created = call.panel.rule_imports().create(call.who(), *source, chosen);
    if (!created) return fail(created.error());
    Json items = Json::array();
    for (const auto& one : *created) items.push_back({{"index", one.index}, {"id", one.id.value}, {"inPort", one.port}});
    return ok({{"created", items.size()}, {"items", std::move(items)}});
}

// clang-format off: a row of the table is a line
constexpr Route routes[] = {
    described({"/api/v1/forward/import/preview", Access::signed_in, Needs::object, preview_rules, -1, "请求参数错误", false, largest_rules}, "What rules of another program would become, line by line. Changes nothing.", &shapes::rules, gives(shapes::rule_preview), Reach::reading),
    described({"/api/v1/forward/import", Access::signed_in, Needs::object, import_rules, -1, "请求参数错误", false, largest_rules}, "Makes forwards of the chosen lines: all of them or none.", &shapes::rules, gives(shapes::made_rules), Reach::forwards),
};
// clang-format on

} // namespace

std::span<const Route> rule_routes() { return routes; }

} // namespace sluice::flvx
