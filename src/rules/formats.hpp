// One function per family of formats, and the words that they share. Only parse.cpp and these functions themselves include this.
#pragma once

#include "rules/rule.hpp"

#include <functional>
#include <span>
#include <utility>
#include <variant>

namespace sluice::rules {

using Lines = std::vector<Line>;

Lines parse_plain(std::string_view text);
Lines parse_csv(std::string_view text);
Lines parse_json_objects(std::string_view text, Format format); // flvx, nyanpass
Result<Lines> parse_nginx_proxy_manager(std::string_view text);
Lines parse_gost_urls(std::string_view text);
Result<Lines> parse_gost_yaml(std::string_view text);
Result<Lines> parse_realm(std::string_view text);
Result<Lines> parse_frp(std::string_view text);
Lines parse_iptables(std::string_view text);
Lines parse_nftables(std::string_view text);

struct Failure {
    Reason reason = Reason::unreadable;
    std::vector<std::string> args;
};
// A rule, or why there is none.
using Outcome = std::variant<Rule, Failure>;

Line line_of(std::size_t number, std::string_view text, Outcome outcome);
// Calls `use(number, line)` for every line that is neither empty nor a comment.
void for_each_line(std::string_view text, const std::function<void(std::size_t, std::string_view)>& use);
std::size_t line_number(std::string_view whole, std::size_t offset);

struct Ports {
    std::uint16_t first = 0;
    std::uint16_t last = 0;
};
std::optional<Ports> parse_ports(std::string_view text, std::string_view separators = "-:"); // "80", "1000-1010"

// "8080", ":8080", "0.0.0.0:8080", "[::]:8080", "*:8080", "1000-1010", ":1000-1010"; unspecified addresses mean any. Empty optional: neither.
bool read_listen(std::string_view text, Rule& rule);
// "h:p,h:p", also "h:1000-1010" as long as the listening range. The failure says which.
std::optional<Failure> read_targets(std::span<const std::string> texts, Rule& rule);
std::optional<Failure> read_targets(std::string_view comma_separated, Rule& rule);
bool read_protocol(std::string_view text, Rule& rule); // "tcp", "udp", "tcp+udp", "tcp,udp", "both", "all", ""
domain::Pick read_pick(std::string_view text);         // round, roundrobin, rand, random, hash, iphash, least...; else first
// What every rule must have; gives it a name when it has none.
Outcome checked(Rule rule);

// Words of a line, quotes taken away ("a b", 'a b').
std::vector<std::string> words_of(std::string_view line);

} // namespace sluice::rules
