// A text that must not reach a log: it prints as dots, and says so when it is read.
#pragma once

#include <string>
#include <utility>

namespace sluice {

class Secret {
public:
    Secret() = default;
    explicit Secret(std::string value) : value_(std::move(value)) {}

    const std::string& reveal() const { return value_; }
    bool empty() const { return value_.empty(); }

private:
    std::string value_;
};

inline std::string to_text(const Secret&) { return "\u2022\u2022\u2022\u2022"; }

} // namespace sluice
