// Result and Error: a value or a reason, moved and copied without loss.
#include "base/id.hpp"
#include "base/result.hpp"

#include <doctest/doctest.h>
#include <memory>
#include <string>
#include <type_traits>

using namespace sluice;

namespace {

Result<std::string> answer(bool good)
{
    if (good) return std::string{"forty-two"};
    return make_error(Errc::conflict, "forward.port", "taken by 7", {"8080"});
}

Result<std::unique_ptr<int>> owned() { return std::make_unique<int>(7); }

Result<void> done(bool good)
{
    if (good) return {};
    return make_error(Errc::timeout, "node");
}

} // namespace

TEST_CASE("a result has a value or an error")
{
    const auto good = answer(true);
    REQUIRE(good);
    CHECK(*good == "forty-two");
    CHECK(good->size() == 9);
    const auto bad = answer(false);
    REQUIRE_FALSE(bad);
    CHECK(bad.error().code == Errc::conflict);
    CHECK(bad.error().args == std::vector<std::string>{"8080"});
    CHECK(bad.value_or("other") == "other");
    CHECK(good.value_or("other") == "forty-two");
}

TEST_CASE("a value that cannot be copied is moved out")
{
    auto result = owned();
    REQUIRE(result);
    const auto pointer = *std::move(result);
    CHECK(*pointer == 7);
}

TEST_CASE("a result of nothing says whether it happened")
{
    CHECK(done(true));
    const auto bad = done(false);
    REQUIRE_FALSE(bad);
    CHECK(bad.error().code == Errc::timeout);
}

TEST_CASE("an error is described in one line with code, field, arguments and detail")
{
    CHECK(describe(answer(false).error()) == "conflict field=forward.port arg=8080: taken by 7");
    CHECK(describe(make_error(Errc::internal, "")) == "internal");
}

TEST_CASE("every code has a name of its own")
{
    std::vector<std::string_view> names;
    for (int code = 0; code <= static_cast<int>(Errc::internal); ++code) {
        const auto name = to_text(static_cast<Errc>(code));
        for (const auto seen : names) CHECK(seen != name);
        names.push_back(name);
    }
    CHECK(names.back() == "internal");
}

TEST_CASE("identifiers of different nouns are different types")
{
    static_assert(!std::is_convertible_v<UserId, NodeId>);
    static_assert(!std::is_convertible_v<std::int64_t, UserId>);
    CHECK_FALSE(UserId{});
    CHECK(UserId{1});
    CHECK_FALSE(UserId{-1});
    CHECK(UserId{1} < UserId{2});
}
