#include "link/messages.hpp"

#include "link/json_fields.hpp"
#include "link/plan_json.hpp"
#include "link/upgrade_codecs.hpp"

#include <array>
#include <utility>

namespace sluice::link {

namespace {

constexpr std::size_t longest_name = 256;
constexpr std::size_t longest_detail = 1024;
constexpr std::size_t most_capabilities = 64;
constexpr std::size_t most_forwards = 200'000; // ports of both protocols, with room for those that are being forgotten
constexpr std::size_t most_probes = 1024;

template <class T, std::size_t N>
using Words = std::array<std::pair<T, std::string_view>, N>;

template <class T, std::size_t N>
std::string_view word_of(const Words<T, N>& words, T value)
{
    for (const auto& [one, word] : words) {
        if (one == value) return word;
    }
    return "other";
}

// A word that a newer version made up is `other`.
template <class T, std::size_t N>
T value_of(const Words<T, N>& words, const json& from, const char* field)
{
    const auto& text = from.at(field).get_ref<const std::string&>();
    for (const auto& [one, word] : words) {
        if (word == text) return one;
    }
    return T::other;
}

constexpr Words<Refusal, 7> refusals{{{Refusal::protocol, "protocol"},
                                      {Refusal::unknown_key, "unknown_key"},
                                      {Refusal::token_unknown, "token_unknown"},
                                      {Refusal::token_used, "token_used"},
                                      {Refusal::token_expired, "token_expired"},
                                      {Refusal::busy, "busy"},
                                      {Refusal::other, "other"}}};
constexpr Words<Farewell, 5> farewells{{{Farewell::stopping, "stopping"},
                                        {Farewell::replaced, "replaced"},
                                        {Farewell::removed, "removed"},
                                        {Farewell::revoked, "revoked"},
                                        {Farewell::other, "other"}}};

// The text forms of these are the ones that logs show.
constexpr std::array faults{plan::Fault::none,
                            plan::Fault::address_in_use,
                            plan::Fault::address_not_local,
                            plan::Fault::permission_denied,
                            plan::Fault::family_unsupported,
                            plan::Fault::no_descriptors,
                            plan::Fault::target_unresolved};
constexpr std::array probe_faults{plan::ProbeFault::none,         plan::ProbeFault::bad_target,   plan::ProbeFault::name_not_found,
                                  plan::ProbeFault::refused,      plan::ProbeFault::timed_out,    plan::ProbeFault::unreachable,
                                  plan::ProbeFault::closed_early, plan::ProbeFault::not_permitted};

template <class T, std::size_t N>
T fault_of(const std::array<T, N>& known, const json& from, const char* field)
{
    const auto& text = from.at(field).get_ref<const std::string&>();
    for (const auto fault : known) {
        if (plan::to_text(fault) == text) return fault;
    }
    return T::other;
}

double amount(const json& from, const char* field)
{
    const auto& at = from.at(field);
    if (!at.is_number()) throw Malformed{field};
    return at.get<double>();
}

ByteCount bytes(const json& from, const char* field) { return {number<std::int64_t>(from, field, 0, INT64_MAX)}; }
ForwardId forward_id(const json& from, const char* field) { return ForwardId{number<std::int64_t>(from, field, 1, INT64_MAX)}; }

// One struct of these per message: its name, and both ways.

struct HelloCodec {
    static constexpr std::string_view name = "hello";
    static json write(const Hello& hello)
    {
        json to{{"major", hello.major},
                {"minor", hello.minor},
                {"program", hello.program_version},
                {"architecture", hello.architecture},
                {"capabilities", hello.capabilities}};
        if (hello.order != 0) to["order"] = hello.order;
        if (hello.token) to["token"] = hello.token->reveal();
        return to;
    }
    static Hello read(const json& from)
    {
        Hello hello;
        hello.major = number<std::uint32_t>(from, "major", 0, UINT32_MAX);
        hello.minor = number<std::uint32_t>(from, "minor", 0, UINT32_MAX);
        hello.program_version = words(from, "program", longest_name);
        hello.architecture = words(from, "architecture", longest_name);
        for (const auto& item : list(from, "capabilities", most_capabilities)) hello.capabilities.push_back(item.get<std::string>());
        if (from.contains("order")) hello.order = number<std::uint64_t>(from, "order", 1, INT64_MAX);
        if (from.contains("token")) hello.token = Secret{words(from, "token", longest_name)};
        return hello;
    }
};

struct WelcomeCodec {
    static constexpr std::string_view name = "welcome";
    static json write(const Welcome& welcome)
    {
        return {
            {"major", welcome.major}, {"minor", welcome.minor}, {"node", welcome.node.value}, {"name", welcome.name}, {"revision", welcome.revision}};
    }
    static Welcome read(const json& from)
    {
        Welcome welcome;
        welcome.major = number<std::uint32_t>(from, "major", 0, UINT32_MAX);
        welcome.minor = number<std::uint32_t>(from, "minor", 0, UINT32_MAX);
        welcome.node = NodeId{number<std::int64_t>(from, "node", 1, INT64_MAX)};
        welcome.name = words(from, "name", longest_detail);
        welcome.revision = number<std::uint64_t>(from, "revision", 0, INT64_MAX);
        return welcome;
    }
};

struct RefusedCodec {
    static constexpr std::string_view name = "refused";
    static json write(const Refused& refused) { return {{"reason", to_text(refused.reason)}}; }
    static Refused read(const json& from) { return {value_of(refusals, from, "reason")}; }
};

struct PlanCodec {
    static constexpr std::string_view name = "plan";
    static json write(const plan::Plan& plan) { return plan_to_json(plan); }
    static plan::Plan read(const json& from) { return plan_from_json(from); }
};

struct AppliedCodec {
    static constexpr std::string_view name = "applied";
    static json write(const plan::Applied& applied)
    {
        const auto write_all = [](const auto& results) {
            json written = json::array();
            for (const auto& result : results) {
                json one{{"id", result.id.value}, {"listening", result.listening}};
                if (result.fault != plan::Fault::none) one["fault"] = plan::to_text(result.fault);
                if (!result.detail.empty()) one["detail"] = result.detail.substr(0, longest_detail);
                written.push_back(std::move(one));
            }
            return written;
        };
        json written{{"revision", applied.revision}, {"forwards", write_all(applied.forwards)}};
        if (!applied.tunnels.empty()) written["tunnels"] = write_all(applied.tunnels);
        return written;
    }
    static plan::Applied read(const json& from)
    {
        plan::Applied applied;
        applied.revision = number<std::uint64_t>(from, "revision", 0, INT64_MAX);
        for (const auto& item : list(from, "forwards", most_forwards)) {
            plan::ForwardResult result;
            result.id = forward_id(item, "id");
            result.listening = item.at("listening").get<bool>();
            if (item.contains("fault")) result.fault = fault_of(faults, item, "fault");
            if (item.contains("detail")) result.detail = words(item, "detail", longest_detail);
            applied.forwards.push_back(std::move(result));
        }
        if (!from.contains("tunnels")) return applied;
        for (const auto& item : list(from, "tunnels", most_forwards)) {
            plan::TunnelResult result;
            result.id = TunnelId{number<std::int64_t>(item, "id", 1, INT64_MAX)};
            result.listening = item.at("listening").get<bool>();
            if (item.contains("fault")) result.fault = fault_of(faults, item, "fault");
            if (item.contains("detail")) result.detail = words(item, "detail", longest_detail);
            applied.tunnels.push_back(std::move(result));
        }
        return applied;
    }
};

json write_host(const plan::HostSample& host)
{
    return {{"taken", to_epoch_ms(host.taken)},
            {"uptime", host.uptime_seconds},
            {"cpu", host.cpu_percent},
            {"memory", host.memory_percent},
            {"memory_total", host.memory_total},
            {"memory_used", host.memory_used},
            {"received", host.received},
            {"transmitted", host.transmitted},
            {"load", host.load_1},
            {"connections", host.open_connections},
            {"descriptors", host.open_descriptors},
            {"descriptor_limit", host.descriptor_limit}};
}

plan::HostSample read_host(const json& from)
{
    plan::HostSample host;
    host.taken = from_epoch_ms(number<std::int64_t>(from, "taken", 0, INT64_MAX / 1'000'000));
    host.uptime_seconds = any_unsigned(from, "uptime");
    host.cpu_percent = amount(from, "cpu");
    host.memory_percent = amount(from, "memory");
    host.memory_total = any_unsigned(from, "memory_total");
    host.memory_used = any_unsigned(from, "memory_used");
    host.received = any_unsigned(from, "received");
    host.transmitted = any_unsigned(from, "transmitted");
    host.load_1 = amount(from, "load");
    host.open_connections = number<std::uint32_t>(from, "connections", 0, UINT32_MAX);
    host.open_descriptors = any_unsigned(from, "descriptors");
    host.descriptor_limit = any_unsigned(from, "descriptor_limit");
    return host;
}

struct ReportCodec {
    static constexpr std::string_view name = "report";
    static json write(const plan::Report& report)
    {
        json counters = json::array();
        for (const auto& counter : report.counters) {
            counters.push_back({{"id", counter.id.value},
                                {"epoch", counter.epoch},
                                {"up", counter.traffic.up.value},
                                {"down", counter.traffic.down.value},
                                {"connections", counter.connections},
                                {"open", counter.open_connections}});
            if (counter.carried == Traffic{}) continue;
            counters.back()["carried_up"] = counter.carried.up.value;
            counters.back()["carried_down"] = counter.carried.down.value;
        }
        json to{{"sequence", report.sequence}, {"counters", std::move(counters)}};
        if (report.host) to["host"] = write_host(*report.host);
        return to;
    }
    static plan::Report read(const json& from)
    {
        plan::Report report;
        report.sequence = number<std::uint64_t>(from, "sequence", 1, INT64_MAX);
        for (const auto& item : list(from, "counters", most_forwards)) {
            plan::ForwardCounters counter;
            counter.id = forward_id(item, "id");
            counter.epoch = any_unsigned(item, "epoch");
            counter.traffic = {bytes(item, "up"), bytes(item, "down")};
            counter.connections = number<std::uint64_t>(item, "connections", 0, INT64_MAX);
            counter.open_connections = number<std::uint32_t>(item, "open", 0, UINT32_MAX);
            if (item.contains("carried_up")) counter.carried = {bytes(item, "carried_up"), bytes(item, "carried_down")};
            report.counters.push_back(counter);
        }
        if (from.contains("host")) report.host = read_host(from.at("host"));
        return report;
    }
};

struct BookedCodec {
    static constexpr std::string_view name = "booked";
    static json write(const Booked& booked)
    {
        json ids = json::array();
        for (const auto id : booked.forgotten) ids.push_back(id.value);
        return {{"sequence", booked.sequence}, {"forgotten", std::move(ids)}};
    }
    static Booked read(const json& from)
    {
        Booked booked;
        booked.sequence = number<std::uint64_t>(from, "sequence", 0, INT64_MAX);
        for (const auto& item : list(from, "forgotten", most_forwards)) {
            if (!item.is_number_integer() || item.get<std::int64_t>() < 1) throw Malformed{"forgotten"};
            booked.forgotten.push_back(ForwardId{item.get<std::int64_t>()});
        }
        return booked;
    }
};

struct WatchCodec {
    static constexpr std::string_view name = "watch";
    static json write(const Watch& watch) { return {{"sample_every_ms", watch.sample_every.count()}}; }
    static Watch read(const json& from) { return {Milliseconds{number<std::int64_t>(from, "sample_every_ms", 500, 3'600'000)}}; }
};

struct ProbeCodec {
    static constexpr std::string_view name = "probe";
    static json write(const Probe& probe)
    {
        json requests = json::array();
        for (const auto& request : probe.requests) {
            requests.push_back({{"target", request.target.to_text()},
                                {"count", request.count},
                                {"connect_timeout_ms", request.connect_timeout.count()},
                                {"pause_ms", request.pause.count()},
                                {"egress_interface", request.egress_interface},
                                {"through_listener", request.through_listener}});
        }
        return {{"id", probe.id}, {"deadline_ms", probe.deadline.count()}, {"requests", std::move(requests)}};
    }
    static Probe read(const json& from)
    {
        Probe probe;
        probe.id = number<std::uint64_t>(from, "id", 0, INT64_MAX);
        probe.deadline = Milliseconds{number<std::int64_t>(from, "deadline_ms", 1, 120'000)};
        for (const auto& item : list(from, "requests", most_probes)) {
            plan::TcpPingRequest request;
            auto target = HostPort::parse(item.at("target").get<std::string>());
            if (!target) throw Malformed{"target"};
            request.target = std::move(*target);
            request.count = number<std::uint32_t>(item, "count", 1, 20);
            request.connect_timeout = Milliseconds{number<std::int64_t>(item, "connect_timeout_ms", 1, 60'000)};
            request.pause = Milliseconds{number<std::int64_t>(item, "pause_ms", 0, 60'000)};
            request.egress_interface = words(item, "egress_interface", longest_name);
            request.through_listener = item.at("through_listener").get<bool>();
            probe.requests.push_back(std::move(request));
        }
        return probe;
    }
};

struct ProbeResultCodec {
    static constexpr std::string_view name = "probe_result";
    static json write(const ProbeResult& answer)
    {
        json results = json::array();
        for (const auto& result : answer.results) {
            results.push_back({{"target", result.target.to_text()},
                               {"success", result.success},
                               {"average_ms", result.average_ms},
                               {"minimum_ms", result.minimum_ms},
                               {"maximum_ms", result.maximum_ms},
                               {"jitter_ms", result.jitter_ms},
                               {"loss_percent", result.loss_percent},
                               {"resolved", result.resolved},
                               {"fault", plan::to_text(result.fault)},
                               {"detail", result.detail.substr(0, longest_detail)}});
        }
        return {{"id", answer.id}, {"results", std::move(results)}};
    }
    static ProbeResult read(const json& from)
    {
        ProbeResult answer;
        answer.id = number<std::uint64_t>(from, "id", 0, INT64_MAX);
        for (const auto& item : list(from, "results", most_probes)) {
            plan::TcpPingResult result;
            auto target = HostPort::parse(item.at("target").get<std::string>());
            if (!target) throw Malformed{"target"};
            result.target = std::move(*target);
            result.success = item.at("success").get<bool>();
            result.average_ms = amount(item, "average_ms");
            result.minimum_ms = amount(item, "minimum_ms");
            result.maximum_ms = amount(item, "maximum_ms");
            result.jitter_ms = amount(item, "jitter_ms");
            result.loss_percent = amount(item, "loss_percent");
            result.resolved = words(item, "resolved", longest_name);
            result.fault = fault_of(probe_faults, item, "fault");
            result.detail = words(item, "detail", longest_detail);
            answer.results.push_back(std::move(result));
        }
        return answer;
    }
};

struct PingCodec {
    static constexpr std::string_view name = "ping";
    static json write(const Ping& ping) { return {{"id", ping.id}}; }
    static Ping read(const json& from) { return {number<std::uint64_t>(from, "id", 0, INT64_MAX)}; }
};

struct PongCodec {
    static constexpr std::string_view name = "pong";
    static json write(const Pong& pong) { return {{"id", pong.id}}; }
    static Pong read(const json& from) { return {number<std::uint64_t>(from, "id", 0, INT64_MAX)}; }
};

struct GoodbyeCodec {
    static constexpr std::string_view name = "goodbye";
    static json write(const Goodbye& goodbye) { return {{"reason", to_text(goodbye.reason)}}; }
    static Goodbye read(const json& from) { return {value_of(farewells, from, "reason")}; }
};

template <class... Each>
struct Codecs {
    // In the order of Message, so that a message that nobody taught a codec does not compile.
    static std::string_view name(std::size_t index)
    {
        static constexpr std::array names{Each::name...};
        return names.at(index);
    }
    template <std::size_t... I>
    static json write(const Message& message, std::index_sequence<I...>)
    {
        json out;
        ((message.index() == I ? (out = Each::write(std::get<I>(message)), 0) : 0), ...);
        out["type"] = name(message.index());
        return out;
    }
    static Message read(const json& from)
    {
        const auto& type = from.at("type").get_ref<const std::string&>();
        std::optional<Message> out;
        ((type == Each::name ? (out.emplace(Each::read(from)), 0) : 0), ...);
        if (!out) throw Malformed{"type"};
        return std::move(*out);
    }
};

using AllCodecs =
    Codecs<HelloCodec, WelcomeCodec, RefusedCodec, PlanCodec, AppliedCodec, ReportCodec, BookedCodec, WatchCodec, ProbeCodec, ProbeResultCodec,
           UpgradeCodec, RollbackCodec, UpgradeReadCodec, UpgradeDataCodec, UpgradeStateCodec, PingCodec, PongCodec, GoodbyeCodec>;

} // namespace

std::string_view to_text(Refusal refusal) { return word_of(refusals, refusal); }
std::string_view to_text(Farewell farewell) { return word_of(farewells, farewell); }

std::string_view name_of(const Message& message) { return AllCodecs::name(message.index()); }

std::string encode(const Message& message)
{
    // A text that came from the system and is not UTF-8 must not become an exception.
    return AllCodecs::write(message, std::make_index_sequence<std::variant_size_v<Message>>{}).dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<Message> decode(std::string_view text)
{
    try {
        return AllCodecs::read(json::parse(text));
    } catch (const Malformed& problem) {
        return make_error(Errc::invalid, "message", "field " + problem.field, {problem.field});
    } catch (const json::exception& problem) {
        return make_error(Errc::invalid, "message", problem.what(), {"json"});
    }
}

} // namespace sluice::link
