// JSON of other panels: FLVX, nyanpass, Nginx Proxy Manager.
#include "base/text.hpp"
#include "rules/formats.hpp"
#include "rules/json.hpp"

namespace sluice::rules {

namespace {

// Top-level values one after another, with or without anything between them: offset and text.
std::vector<std::pair<std::size_t, std::string_view>> objects_in(std::string_view text)
{
    std::vector<std::pair<std::size_t, std::string_view>> objects;
    std::size_t depth = 0;
    std::size_t start = 0;
    bool in_string = false;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char c = text[at];
        if (in_string) {
            if (c == '\\')
                ++at;
            else if (c == '"')
                in_string = false;
        } else if (c == '"' && depth > 0) {
            in_string = true;
        } else if (c == '{') {
            if (depth++ == 0) start = at;
        } else if (c == '}' && depth > 0) {
            if (--depth == 0) objects.emplace_back(start, text.substr(start, at + 1 - start));
        }
    }
    if (depth > 0) objects.emplace_back(start, text.substr(start)); // cut off: said by whoever reads it
    return objects;
}

Outcome flvx_rule(const Json& object)
{
    Rule rule;
    rule.name = text_at(object, "name");
    const auto port = text_at(object, "inPort");
    if (!port.empty() && port != "0" && !read_listen(port, rule)) return Failure{Reason::bad_listen, {port}};
    rule.pick = read_pick(text_at(object, "strategy"));
    if (!read_protocol(text_at(object, "protocol"), rule)) return Failure{Reason::unsupported_protocol, {text_at(object, "protocol")}};
    if (auto failure = read_targets(text_at(object, "remoteAddr"), rule)) return std::move(*failure);
    return checked(std::move(rule));
}

Outcome nyanpass_rule(const Json& object)
{
    Rule rule;
    rule.name = text_at(object, "name");
    const auto port = text_at(object, "listen_port");
    if (port.empty()) return Failure{Reason::no_port, {}};
    if (!read_listen(port, rule)) return Failure{Reason::bad_listen, {port}};
    const auto targets = texts_at(object, "dest");
    if (targets.size() > 1) rule.pick = domain::Pick::round_robin;
    if (const auto policy = text_at(object, "dest_policy"); !policy.empty()) rule.pick = read_pick(policy);
    if (auto failure = read_targets(targets, rule)) return std::move(*failure);
    return checked(std::move(rule));
}

// "10.0.0.1:80|web|8080", several targets separated by commas.
Outcome piped_rule(std::string_view line)
{
    const auto fields = split(line, '|');
    if (fields.size() < 2) return Failure{Reason::unreadable, {}};
    Rule rule;
    rule.name = trim(fields[1]);
    if (fields.size() > 2 && !trim(fields[2]).empty() && !read_listen(fields[2], rule)) return Failure{Reason::bad_listen, {std::string{fields[2]}}};
    if (auto failure = read_targets(fields[0], rule)) return std::move(*failure);
    return checked(std::move(rule));
}

Outcome stream_rule(const Json& stream)
{
    Rule rule;
    if (stream.contains("enabled") && !truth_at(stream, "enabled")) return Failure{Reason::switched_off, {}};
    if (truth_at(stream, "is_deleted")) return Failure{Reason::switched_off, {}};
    if (integer_at(stream, "certificate_id") > 0) return Failure{Reason::unsupported_option, {"certificate_id"}};
    rule.tcp = truth_at(stream, "tcp_forwarding");
    rule.udp = truth_at(stream, "udp_forwarding");
    const auto port = text_at(stream, "incoming_port");
    if (port.empty()) return Failure{Reason::no_port, {}};
    if (!read_listen(port, rule)) return Failure{Reason::bad_listen, {port}};
    auto host = text_at(stream, "forwarding_host");
    if (host.empty()) host = text_at(stream, "forward_ip"); // its versions before 2.10
    if (host.find(':') != std::string::npos && host.front() != '[') host = "[" + host + "]";
    if (host.empty()) return Failure{Reason::no_target, {}};
    if (auto failure = read_targets(host + ":" + text_at(stream, "forwarding_port"), rule)) return std::move(*failure);
    return checked(std::move(rule));
}

} // namespace

std::string text_at(const Json& object, const char* key)
{
    const auto found = object.find(key);
    if (found == object.end()) return {};
    if (found->is_string()) return found->get<std::string>();
    return found->is_number_integer() ? found->dump() : std::string{};
}

std::int64_t integer_at(const Json& object, const char* key) { return parse_int(text_at(object, key)).value_or(0); }

bool truth_at(const Json& object, const char* key)
{
    const auto found = object.find(key);
    if (found == object.end()) return false;
    if (found->is_boolean()) return found->get<bool>();
    return text_at(object, key) == "1" || text_at(object, key) == "true";
}

std::vector<std::string> texts_at(const Json& object, const char* key)
{
    std::vector<std::string> texts;
    const auto found = object.find(key);
    if (found == object.end()) return texts;
    if (found->is_string()) return {found->get<std::string>()};
    if (!found->is_array()) return texts;
    for (const auto& item : *found) texts.push_back(item.is_string() ? item.get<std::string>() : item.dump());
    return texts;
}

std::optional<Json> parse_json(std::string_view text)
{
    // The depth is looked at before the parser recurses.
    std::size_t depth = 0;
    for (const char c : text) {
        if (c == '[' || c == '{') {
            if (++depth > 64) return std::nullopt;
        } else if ((c == ']' || c == '}') && depth > 0) {
            --depth;
        }
    }
    auto value = Json::parse(text, nullptr, false);
    if (value.is_discarded()) return std::nullopt;
    return value;
}

Lines parse_json_objects(std::string_view text, Format format)
{
    Lines lines;
    const auto objects = objects_in(text);
    for (const auto& [offset, part] : objects) {
        const auto number = line_number(text, offset);
        const auto object = parse_json(part);
        if (!object || !object->is_object())
            lines.push_back(line_of(number, part, Failure{Reason::unreadable, {}}));
        else
            lines.push_back(
                line_of(number, part, format == Format::nyanpass || object->contains("dest") ? nyanpass_rule(*object) : flvx_rule(*object)));
    }
    if (!objects.empty()) return lines;
    for_each_line(text, [&](std::size_t number, std::string_view line) { lines.push_back(line_of(number, line, piped_rule(line))); });
    return lines;
}

Result<Lines> parse_nginx_proxy_manager(std::string_view text)
{
    const auto whole = parse_json(text);
    if (!whole) return make_error(Errc::invalid, "rules.syntax", "not JSON", {"not JSON"});
    const auto* list = &*whole;
    for (const char* key : {"streams", "stream"}) { // an export of several tables
        if (whole->is_object() && whole->contains(key)) list = &(*whole)[key];
    }
    Lines lines;
    const auto add = [&](const Json& stream) {
        lines.push_back(line_of(lines.size() + 1, stream.dump(-1, ' ', false, Json::error_handler_t::replace),
                                stream.is_object() ? stream_rule(stream) : Outcome{Failure{Reason::unreadable, {}}}));
    };
    if (list->is_array())
        for (const auto& stream : *list) add(stream);
    else
        add(*list);
    return lines;
}

} // namespace sluice::rules
