// What must hold for every text, whatever format it is read as: a rule that comes out can be made, and reading it again gives the same.
#pragma once

#include "rules/rule.hpp"

#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <string_view>

namespace sluice::rules {

inline void must(bool holds)
{
    if (!holds) std::abort();
}

inline void must_hold(std::string_view text, std::initializer_list<Format> formats)
{
    detect(text);
    for (const auto format : formats) {
        const auto lines = parse(text, format);
        if (!lines) continue;
        const auto again = parse(text, format);
        must(again && again->size() == lines->size());
        for (std::size_t i = 0; i < lines->size(); ++i) {
            const auto& line = (*lines)[i];
            must(line.rule == (*again)[i].rule && line.text.size() <= 200);
            if (!line.rule) continue;
            const auto& rule = *line.rule;
            must(!rule.name.empty() && rule.name.size() <= 100 && !rule.targets.empty() && rule.targets.size() <= most_targets);
            must((rule.tcp || rule.udp) && rule.first_port <= rule.last_port);
            for (const auto& target : rule.targets)
                must(target.port > 0 && (!rule.ports_move_along || target.port + (rule.last_port - rule.first_port) <= 65535));
        }
    }
}

} // namespace sluice::rules
