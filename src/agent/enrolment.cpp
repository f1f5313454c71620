#include "agent/enrolment.hpp"

#include "agent/panel_wire.hpp"
#include "base/file.hpp"
#include "base/machine.hpp"

#include <nlohmann/json.hpp>

#include <cerrno>
#include <cstring>
#include <optional>
#include <sys/eventfd.h>
#include <unistd.h>

namespace sluice::agent {

namespace {

using nlohmann::json;

constexpr std::chrono::seconds greeting_within{15};

std::string panel_file(const std::string& folder) { return folder + "/panel.json"; }

// Nobody wakes an enrolment; a wire wants something to be woken by.
struct Wake {
    Wake() : descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
    ~Wake() { ::close(descriptor); }
    Wake(const Wake&) = delete;
    Wake& operator=(const Wake&) = delete;
    int descriptor;
};

Result<link::Welcome> greet(PanelWire& wire, const std::string& url, const Clock& clock)
{
    const auto until = clock.steady() + greeting_within;
    while (clock.steady() < until) {
        for (const auto& event : wire.wait(until)) {
            if (const auto* message = std::get_if<link::Message>(&event)) {
                if (const auto* welcome = std::get_if<link::Welcome>(message)) return *welcome;
                continue;
            }
            const auto& ended = std::get<link::Ended>(event);
            if (ended.refusal == link::Refusal::busy) return make_error(Errc::unavailable, "panel", "busy", {url + ": " + explain(*ended.refusal)});
            if (ended.refusal) return make_error(Errc::forbidden, "panel.refused", url, {explain(*ended.refusal)});
            if (ended.reason == link::EndReason::wrong_peer)
                return make_error(Errc::forbidden, "panel.pin", ended.detail, {url + " is not the panel that --pin names (" + ended.detail + ")"});
            const auto words = url + ": " + std::string{to_text(ended.reason)} + (ended.detail.empty() ? "" : ", " + ended.detail);
            return make_error(Errc::unavailable, "panel", words, {words});
        }
    }
    return make_error(Errc::unavailable, "panel", url, {url + " does not answer in time"});
}

} // namespace

Result<PanelPlace> load_panel(const std::string& folder)
{
    const auto text = read_file(panel_file(folder), 64 * 1024);
    if (!text) return text.error();
    const auto damaged = [&] { return make_error(Errc::invalid, "panel", panel_file(folder) + " is damaged", {panel_file(folder) + " is damaged"}); };
    try {
        const auto from = json::parse(*text);
        PanelPlace panel;
        const auto pin = Fingerprint::parse(from.at("pin").get<std::string>());
        if (!pin) return damaged();
        panel.pin = *pin;
        for (const auto& url : from.at("urls")) {
            if (!net::WebUrl::parse(url.get<std::string>())) return damaged();
            panel.urls.push_back(url.get<std::string>());
        }
        panel.node = NodeId{from.at("node").get<std::int64_t>()};
        if (panel.urls.empty() || !panel.node) return damaged();
        return panel;
    } catch (const json::exception&) {
        return damaged();
    }
}

Result<void> settle(const std::string& folder, const PanelPlace& panel)
{
    const auto before = load_panel(folder);
    if (before && *before == panel) return {};
    if (!before || before->pin != panel.pin || before->node != panel.node) {
        // Before the new name: a crash in between is a machine that enrols once more.
        for (const auto* name : {"/plan.json", "/counters.bin"}) {
            const auto path = folder + name;
            if (::unlink(path.c_str()) != 0 && errno != ENOENT)
                return make_error(Errc::unavailable, "file", path + ": " + std::strerror(errno), {path});
        }
    }
    const json to{{"urls", panel.urls}, {"pin", panel.pin.to_text()}, {"node", panel.node.value}};
    return write_file_atomically(panel_file(folder), to.dump(2) + "\n");
}

link::Hello make_hello()
{
    link::Hello hello;
    hello.program_version = SLUICE_VERSION;
    hello.architecture = std::string{architecture};
    return hello;
}

std::string explain(link::Refusal refusal)
{
    switch (refusal) {
    case link::Refusal::protocol: return "the panel speaks another version of the link; install the panel's version here";
    case link::Refusal::unknown_key: return "the panel does not know this node (any more); enrol it with a fresh install command";
    case link::Refusal::token_unknown: return "the token is unknown or was withdrawn; make a fresh install command in the panel";
    case link::Refusal::token_used: return "the token was used already; make a fresh install command in the panel";
    case link::Refusal::token_expired: return "the token has expired; make a fresh install command in the panel";
    case link::Refusal::busy: return "the panel is busy";
    case link::Refusal::other: return "the panel refuses this node, for a reason that this version does not know";
    }
    return "the panel refuses this node";
}

Result<link::Welcome> enrol(const PanelPlace& panel, const net::Identity& identity, const Secret& token, const Clock& clock)
{
    const Wake wake;
    std::optional<Error> worst;
    for (const auto& url : panel.urls) {
        auto hello = make_hello();
        if (!token.empty()) hello.token = token;
        auto wire = PanelWire::dial(url, identity, panel.pin, std::move(hello), clock, wake.descriptor);
        auto welcome = wire ? greet(**wire, url, clock) : Result<link::Welcome>{wire.error()};
        if (welcome) {
            (*wire)->leave();
            (*wire)->flush(clock.steady() + Seconds{1});
            return welcome;
        }
        auto problem = welcome.error();
        if (!wire && !problem.args.empty()) problem.args.front() = url + ": " + problem.args.front();
        if (problem.field == "panel.refused") return problem; // it is the panel, and it has spoken
        if (!worst || worst->code != Errc::forbidden) worst = std::move(problem);
    }
    return *worst;
}

} // namespace sluice::agent
