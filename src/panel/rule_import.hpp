// Other programs' forwarding rules become the actor's own forwards on a tunnel that he may use: first a preview of each, then all that he chose or
// nothing.
#pragma once

#include "base/result.hpp"
#include "domain/forward.hpp"
#include "panel/actor.hpp"
#include "rules/rule.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::panel {

struct Context;

struct RuleSource {
    TunnelId tunnel;
    std::string_view text;
    std::optional<rules::Format> format; // absent: by its look
    bool choose_taken_ports = false;     // another port where the rule's own is not allowed or taken
};

// What one forward would be, or why there is none. A rule for a range of ports is as many of them.
struct RulePreview {
    std::size_t index = 0; // what is chosen by
    std::size_t line = 0;
    std::string text; // as written
    std::optional<domain::ForwardDraft> draft;
    std::optional<std::uint16_t> port;                // it would get
    rules::Reason reason = rules::Reason::unreadable; // of the text, when there is no draft
    std::vector<std::string> args;
    std::optional<Error> problem; // of this panel, when there is one
    bool possible() const { return draft && !problem; }
};

struct RulePreviews {
    rules::Format format = rules::Format::plain;
    std::vector<RulePreview> items;
};

class RuleImports {
public:
    static constexpr std::size_t most_forwards = 2'000; // of one import

    explicit RuleImports(Context& context) : context_(context) {}

    // The same work as create(), taken back. Every item is tried on top of those before it, so that two rules for one port are seen. Errors: forbidden,
    // not_found, conflict of the tunnel; those of rules::parse; invalid "rules.count".
    Result<RulePreviews> preview(const Actor& actor, const RuleSource& source);

    struct Created {
        std::size_t index = 0;
        ForwardId id;
        std::uint16_t port = 0;
    };
    // `chosen` are indexes of the preview of the same source. One transaction; then the nodes are waited for, and when one cannot listen on one of the
    // ports, all of it is taken back. Errors: those of preview; invalid "rules.chosen" (nothing, or an index that has no draft); what is wrong with an item
    // (its index, as text, is the last of the args).
    Result<std::vector<Created>> create(const Actor& actor, const RuleSource& source, const std::vector<std::size_t>& chosen);

private:
    Context& context_;
};

} // namespace sluice::panel
