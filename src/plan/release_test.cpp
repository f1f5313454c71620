#include "plan/release.hpp"

#include <doctest/doctest.h>

using namespace sluice::plan;

namespace {

Release some() { return {"1.2.3", "amd64", 14'000'000, std::string(64, 'a'), 1'800'000'000'000}; }

} // namespace

TEST_CASE("a release is read from its text, and from no other text")
{
    const auto text = to_text(some());
    REQUIRE(parse_release(text));
    CHECK(*parse_release(text) == some());
    for (const std::string& other : {text + " ", text + "\n", text.substr(0, text.size() - 1), "x" + text, std::string{}, text + text})
        CHECK_FALSE(parse_release(other));
    const auto changed = [](auto change) {
        auto release = some();
        change(release);
        return static_cast<bool>(parse_release(to_text(release)));
    };
    CHECK_FALSE(changed([](Release& one) { one.version = ""; }));
    CHECK_FALSE(changed([](Release& one) { one.version = "1.0 x"; }));
    CHECK_FALSE(changed([](Release& one) { one.version = "../../1"; }));
    CHECK_FALSE(changed([](Release& one) { one.architecture = "amd64\nsize 3"; }));
    CHECK_FALSE(changed([](Release& one) { one.size = 0; }));
    CHECK_FALSE(changed([](Release& one) { one.size = largest_program + 1; }));
    CHECK_FALSE(changed([](Release& one) { one.sha256 = std::string(64, 'A'); }));
    CHECK_FALSE(changed([](Release& one) { one.issued = 0; }));
    auto odd = text;
    odd.replace(odd.find("size 1"), 6, "size 01");
    CHECK_FALSE(parse_release(odd));
}

TEST_CASE("versions are compared by their numbers, and what comes before a release is older")
{
    const std::string_view ascending[] = {"0.0.9", "0.1.0-alpha", "0.1.0-beta", "0.1.0-beta.2", "0.1.0-beta.10", "0.1.0-rc.1", "0.1.0", "0.1.1",
                                          "0.2",   "0.10.0",      "1",          "v1.0.1",       "2024.1"};
    for (std::size_t i = 0; i < std::size(ascending); ++i) {
        for (std::size_t j = 0; j < std::size(ascending); ++j) {
            CAPTURE(ascending[i]);
            CAPTURE(ascending[j]);
            CHECK((compare_versions(ascending[i], ascending[j]) <=> 0) == (i <=> j));
        }
    }
    CHECK(compare_versions("1.0", "v1.0.0") == 0);
    CHECK(compare_versions("1.0.0+debian1", "1.0.0") == 0);
    CHECK(compare_versions("1.00", "1.0") == 0);
}

TEST_CASE("the channel of a version is what the FLVX contract says")
{
    for (const auto* stable : {"2.1.4", "0.1.0", "1.0"}) CHECK(is_stable(stable));
    for (const auto* dev : {"2.1.4-beta", "v2.1.4", "nightly", "", "3", "2.1.4-RC1"}) CHECK_FALSE(is_stable(dev));
}
