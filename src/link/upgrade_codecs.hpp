// Messages of an upgrade as JSON: a name and both ways each. For messages.cpp alone.
#pragma once

#include "base/text.hpp"
#include "link/json_fields.hpp"
#include "link/messages.hpp"

#include <array>
#include <string>
#include <string_view>

namespace sluice::link {

inline constexpr std::size_t longest_word = 256;
inline constexpr std::size_t longest_reason = 1024;

inline constexpr std::array upgrade_stages{plan::UpgradeStage::downloading, plan::UpgradeStage::verifying, plan::UpgradeStage::installing,
                                           plan::UpgradeStage::done, plan::UpgradeStage::failed};

// A stage that a newer version made up is `other`.
inline plan::UpgradeStage stage_of(std::string_view text)
{
    for (const auto stage : upgrade_stages) {
        if (plan::to_text(stage) == text) return stage;
    }
    return plan::UpgradeStage::other;
}

// Bytes travel as base64 in JSON.
inline std::string raw(const json& from, const char* field, std::size_t longest)
{
    const auto& text = from.at(field).get_ref<const std::string&>();
    auto bytes = from_base64(text);
    if (!bytes || bytes->size() > longest) throw Malformed{field};
    return std::move(*bytes);
}

inline std::uint64_t order_id(const json& from) { return number<std::uint64_t>(from, "id", 1, INT64_MAX); }

struct UpgradeCodec {
    static constexpr std::string_view name = "upgrade";
    static json write(const Upgrade& order)
    {
        return {{"id", order.id}, {"release", order.release}, {"key", to_base64(order.key)}, {"signature", to_base64(order.signature)}};
    }
    static Upgrade read(const json& from)
    {
        return {order_id(from), words(from, "release", plan::longest_release), raw(from, "key", longest_word), raw(from, "signature", longest_word)};
    }
};

struct RollbackCodec {
    static constexpr std::string_view name = "rollback";
    static json write(const Rollback& order) { return {{"id", order.id}}; }
    static Rollback read(const json& from) { return {order_id(from)}; }
};

struct UpgradeReadCodec {
    static constexpr std::string_view name = "upgrade_read";
    static json write(const UpgradeRead& wish) { return {{"id", wish.id}, {"offset", wish.offset}}; }
    static UpgradeRead read(const json& from) { return {order_id(from), number<std::uint64_t>(from, "offset", 0, plan::largest_program)}; }
};

struct UpgradeDataCodec {
    static constexpr std::string_view name = "upgrade_data";
    static json write(const UpgradeData& data) { return {{"id", data.id}, {"offset", data.offset}, {"bytes", to_base64(data.bytes)}}; }
    static UpgradeData read(const json& from)
    {
        return {order_id(from), number<std::uint64_t>(from, "offset", 0, plan::largest_program), raw(from, "bytes", upgrade_piece)};
    }
};

struct UpgradeStateCodec {
    static constexpr std::string_view name = "upgrade_state";
    static json write(const plan::UpgradeState& state)
    {
        return {{"id", state.id},
                {"stage", plan::to_text(state.stage)},
                {"percent", state.percent},
                {"version", state.version.substr(0, longest_word)},
                {"detail", state.detail.substr(0, longest_reason)}};
    }
    static plan::UpgradeState read(const json& from)
    {
        plan::UpgradeState state;
        state.id = order_id(from);
        state.stage = stage_of(from.at("stage").get_ref<const std::string&>());
        state.percent = number<std::uint32_t>(from, "percent", 0, 100);
        state.version = words(from, "version", longest_word);
        state.detail = words(from, "detail", longest_reason);
        return state;
    }
};

} // namespace sluice::link
