#include "cli/verbs.hpp"
#include "probe/checks.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <iostream>

namespace sluice::cli {

namespace {

using Json = nlohmann::ordered_json;

std::string milliseconds(double value)
{
    std::array<char, 40> text{};
    const int length = std::snprintf(text.data(), text.size(), "%.2f ms", value);
    return {text.data(), static_cast<std::size_t>(std::max(length, 0))};
}

std::string percent(double value) { return std::to_string(std::lround(value)) + " %"; }

void print_text(const probe::CheckReport& report)
{
    std::string out = report.target.text + "  " + (report.ok() ? "fine" : "FAILED") + "\n";
    const auto line = [&out](const std::string& name, const std::string& value) {
        out += "  " + name + std::string(10 - name.size(), ' ') + value + "\n";
    };
    if (report.addresses.empty()) {
        line("lookup", "no address for " + report.target.where.host);
    } else {
        std::string all;
        for (const auto& address : report.addresses) all += (all.empty() ? "" : ", ") + address;
        line("lookup", all + " in " + milliseconds(report.lookup_ms));
    }
    if (report.target.scheme != probe::Scheme::icmp) {
        const auto& tcp = report.tcp;
        if (tcp.success)
            line("connect", "min " + milliseconds(tcp.minimum_ms) + ", avg " + milliseconds(tcp.average_ms) + ", max " +
                                milliseconds(tcp.maximum_ms) + ", jitter " + milliseconds(tcp.jitter_ms) + ", loss " + percent(tcp.loss_percent));
        else
            line("connect", "loss 100 %: " + std::string{plan::to_text(tcp.fault)} + (tcp.detail.empty() ? "" : " (" + tcp.detail + ")"));
    }
    if (report.tls) {
        const auto& tls = *report.tls;
        if (!tls.success)
            line("tls", tls.problem);
        else {
            line("tls", tls.version + " " + tls.cipher + " in " + milliseconds(tls.handshake_ms));
            line("cert", tls.subject + ", issued by " + tls.issuer + ", expires " + tls.expires + " (" + std::to_string(tls.days_left) + " days)");
            if (!tls.trusted) line("trust", tls.problem);
        }
    }
    if (report.http)
        line("http", report.http->success
                         ? "status " + std::to_string(report.http->status) + ", first byte after " + milliseconds(report.http->first_byte_ms)
                         : report.http->problem);
    if (report.icmp) {
        const auto& icmp = *report.icmp;
        line("icmp", icmp.success ? "avg " + milliseconds(icmp.average_ms) + ", loss " + percent(icmp.loss_percent) : icmp.problem);
    }
    std::cout << out;
}

Json to_json(const probe::CheckReport& report)
{
    Json out{{"target", report.target.text}, {"ok", report.ok()}, {"addresses", report.addresses}, {"lookup_ms", report.lookup_ms}};
    if (report.target.scheme != probe::Scheme::icmp) {
        const auto& tcp = report.tcp;
        out["tcp"] = {
            {"success", tcp.success},     {"min_ms", tcp.minimum_ms},         {"avg_ms", tcp.average_ms},          {"max_ms", tcp.maximum_ms},
            {"jitter_ms", tcp.jitter_ms}, {"loss_percent", tcp.loss_percent}, {"fault", plan::to_text(tcp.fault)}, {"detail", tcp.detail}};
    }
    if (report.tls) {
        const auto& tls = *report.tls;
        out["tls"] = {{"success", tls.success},     {"trusted", tls.trusted},          {"problem", tls.problem}, {"version", tls.version},
                      {"cipher", tls.cipher},       {"subject", tls.subject},          {"issuer", tls.issuer},   {"expires", tls.expires},
                      {"days_left", tls.days_left}, {"handshake_ms", tls.handshake_ms}};
    }
    if (report.http)
        out["http"] = {{"success", report.http->success},
                       {"problem", report.http->problem},
                       {"status", report.http->status},
                       {"first_byte_ms", report.http->first_byte_ms}};
    if (report.icmp)
        out["icmp"] = {{"permitted", report.icmp->permitted},
                       {"success", report.icmp->success},
                       {"problem", report.icmp->problem},
                       {"avg_ms", report.icmp->average_ms},
                       {"loss_percent", report.icmp->loss_percent}};
    return out;
}

} // namespace

int run_diagnose(const Options& options)
{
    std::vector<probe::CheckTarget> targets;
    for (const auto& text : options.arguments) {
        auto target = probe::parse_target(text);
        if (!target)
            return complain("'" + text + "' is not a target: use tcp://host:port, tls://host, http://host/path, https://host/path or icmp://host",
                            exit_usage);
        targets.push_back(std::move(*target));
    }
    probe::CheckOptions limits;
    limits.count = options.count;
    limits.timeout = options.timeout;
    const auto reports = probe::check_all(targets, limits);
    Json all = Json::array();
    for (const auto& report : reports) {
        if (options.json)
            all.push_back(to_json(report));
        else
            print_text(report);
    }
    if (options.json) std::cout << all.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
    std::cout << std::flush;
    return std::all_of(reports.begin(), reports.end(), [](const auto& report) { return report.ok(); }) ? exit_ok : exit_failed;
}

} // namespace sluice::cli
