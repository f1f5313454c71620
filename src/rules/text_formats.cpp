// What people write by hand: arrows and tables.
#include "base/text.hpp"
#include "rules/formats.hpp"

#include <algorithm>
#include <array>

namespace sluice::rules {

namespace {

// "tcp://", "udp/", "tcp " in front of the rest; absent and unchanged when there is none.
std::optional<std::string> take_protocol(std::string_view& text)
{
    for (const std::string_view name : {"tcp+udp", "tcp", "udp"}) {
        if (to_lower(text.substr(0, name.size())) != name) continue;
        auto rest = text.substr(name.size());
        if (rest.rfind("://", 0) == 0)
            rest.remove_prefix(3);
        else if (!rest.empty() && (rest.front() == '/' || rest.front() == ' ' || rest.front() == '\t'))
            rest.remove_prefix(1);
        else
            continue;
        text = trim(rest);
        return std::string{name};
    }
    return std::nullopt;
}

Outcome plain_rule(std::string_view line)
{
    Rule rule;
    auto rest = line;
    if (const auto protocol = take_protocol(rest)) read_protocol(*protocol, rule);
    std::size_t at = std::string_view::npos;
    std::size_t width = 0;
    for (const std::string_view arrow : {"->", "=>", "\xE2\x86\x92", "=", " ", "\t"}) {
        at = rest.find(arrow);
        width = arrow.size();
        if (at != std::string_view::npos) break;
    }
    if (at == std::string_view::npos) return Failure{Reason::unreadable, {}};
    const auto listen = trim(rest.substr(0, at));
    auto targets = trim(rest.substr(at + width));
    if (const auto comment = targets.find(" #"); comment != std::string_view::npos) {
        rule.name = trim(targets.substr(comment + 2));
        targets = trim(targets.substr(0, comment));
    }
    if (const auto slash = targets.rfind('/'); slash != std::string_view::npos) { // "10.0.0.1:80/udp"
        if (!read_protocol(targets.substr(slash + 1), rule)) return Failure{Reason::unsupported_protocol, {std::string{targets.substr(slash + 1)}}};
        targets = targets.substr(0, slash);
    }
    if (!read_listen(listen, rule)) return Failure{Reason::bad_listen, {std::string{listen}}};
    if (auto failure = read_targets(targets, rule)) return std::move(*failure);
    return checked(std::move(rule));
}

enum class Column { name, listen, address, target, target_port, protocol, pick, none };

constexpr std::array<std::pair<std::string_view, Column>, 26> headings{{
    {"name", Column::name},
    {"remark", Column::name},
    {"comment", Column::name},
    {"listen", Column::listen},
    {"port", Column::listen},
    {"in_port", Column::listen},
    {"inport", Column::listen},
    {"listen_port", Column::listen},
    {"listenport", Column::listen},
    {"local_port", Column::listen},
    {"listen_address", Column::address},
    {"listen_ip", Column::address},
    {"target", Column::target},
    {"targets", Column::target},
    {"remote", Column::target},
    {"remote_addr", Column::target},
    {"remoteaddr", Column::target},
    {"dest", Column::target},
    {"target_host", Column::target},
    {"target_port", Column::target_port},
    {"remote_port", Column::target_port},
    {"protocol", Column::protocol},
    {"proto", Column::protocol},
    {"strategy", Column::pick},
    {"pick", Column::pick},
    {"balance", Column::pick},
}};

Column column_of(std::string_view heading)
{
    const auto name = to_lower(trim(heading));
    for (const auto& [known, column] : headings) {
        if (known == name) return column;
    }
    return Column::none;
}

// One record (RFC 4180, but on one line).
std::vector<std::string> fields_of(std::string_view line, char separator)
{
    std::vector<std::string> fields(1);
    bool quoted = false;
    for (std::size_t at = 0; at < line.size(); ++at) {
        const char c = line[at];
        if (quoted && c == '"' && at + 1 < line.size() && line[at + 1] == '"') {
            fields.back() += '"';
            ++at;
        } else if (c == '"') {
            quoted = !quoted;
        } else if (c == separator && !quoted) {
            fields.emplace_back();
        } else {
            fields.back() += c;
        }
    }
    return fields;
}

Outcome csv_rule(const std::vector<std::string>& fields, const std::vector<Column>& columns)
{
    Rule rule;
    std::string listen;
    std::string address;
    std::string target;
    std::string target_port;
    for (std::size_t i = 0; i < std::min(fields.size(), columns.size()); ++i) {
        const auto value = std::string{trim(fields[i])};
        switch (columns[i]) {
        case Column::name: rule.name = value; break;
        case Column::listen: listen = value; break;
        case Column::address: address = value; break;
        case Column::target: target = value; break;
        case Column::target_port: target_port = value; break;
        case Column::protocol:
            if (!read_protocol(value, rule)) return Failure{Reason::unsupported_protocol, {value}};
            break;
        case Column::pick: rule.pick = read_pick(value); break;
        case Column::none: break;
        }
    }
    if (!address.empty()) listen = (address.find(':') != std::string::npos && address.front() != '[' ? "[" + address + "]" : address) + ":" + listen;
    if (!target_port.empty()) target += ":" + target_port;
    if (!listen.empty() && !read_listen(listen, rule)) return Failure{Reason::bad_listen, {listen}};
    std::replace(target.begin(), target.end(), ' ', ','); // several targets in one field
    std::replace(target.begin(), target.end(), ';', ',');
    if (auto failure = read_targets(target, rule)) return std::move(*failure);
    return checked(std::move(rule));
}

} // namespace

Lines parse_plain(std::string_view text)
{
    Lines lines;
    for_each_line(text, [&](std::size_t number, std::string_view line) { lines.push_back(line_of(number, line, plain_rule(line))); });
    return lines;
}

Lines parse_csv(std::string_view text)
{
    Lines lines;
    char separator = 0;
    std::vector<Column> columns{Column::name, Column::listen, Column::target, Column::protocol, Column::pick};
    for_each_line(text, [&](std::size_t number, std::string_view line) {
        const bool first = separator == 0;
        if (first) separator = line.find('\t') != std::string_view::npos ? '\t' : line.find(';') != std::string_view::npos ? ';' : ',';
        const auto fields = fields_of(line, separator);
        if (first) {
            std::vector<Column> named;
            for (const auto& field : fields) named.push_back(column_of(field));
            if (std::find(named.begin(), named.end(), Column::target) != named.end()) {
                columns = std::move(named);
                return;
            }
        }
        lines.push_back(line_of(number, line, csv_rule(fields, columns)));
    });
    return lines;
}

} // namespace sluice::rules
