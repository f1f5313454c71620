// The texts under which enumerations are stored. Stable for ever: databases hold them.
#pragma once

#include "domain/forward.hpp"
#include "domain/tunnel.hpp"

#include <array>
#include <cstddef>
#include <string_view>
#include <utility>

namespace sluice::store {

template <class Enum, std::size_t N>
struct Names {
    std::array<std::pair<Enum, std::string_view>, N> rows;

    constexpr std::string_view name(Enum value) const
    {
        for (const auto& [candidate, text] : rows) {
            if (candidate == value) return text;
        }
        return rows.front().second;
    }
    constexpr Enum value(std::string_view text, Enum fallback) const
    {
        for (const auto& [candidate, name] : rows) {
            if (name == text) return candidate;
        }
        return fallback;
    }
};

inline constexpr Names<domain::HopStrategy, 3> hop_strategies{{{
    {domain::HopStrategy::first, "first"},
    {domain::HopStrategy::round_robin, "round_robin"},
    {domain::HopStrategy::random, "random"},
}}};

inline constexpr Names<domain::Carrier, 6> carriers{{{
    {domain::Carrier::tcp, "tcp"},
    {domain::Carrier::tls, "tls"},
    {domain::Carrier::wss, "wss"},
    {domain::Carrier::mtcp, "mtcp"},
    {domain::Carrier::mtls, "mtls"},
    {domain::Carrier::mwss, "mwss"},
}}};

inline constexpr Names<domain::Pick, 5> picks{{{
    {domain::Pick::first, "first"},
    {domain::Pick::round_robin, "round_robin"},
    {domain::Pick::random, "random"},
    {domain::Pick::source_hash, "source_hash"},
    {domain::Pick::least_connections, "least_connections"},
}}};

} // namespace sluice::store
