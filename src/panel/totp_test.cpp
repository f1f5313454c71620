// Codes of RFC 6238: its own test vectors, and that each works once.
#include "panel/totp.hpp"

#include <doctest/doctest.h>

#include <utility>
#include <vector>

using namespace sluice;
using namespace sluice::panel;

namespace {

const Secret vectors_secret{"12345678901234567890"}; // RFC 6238 appendix B, SHA-1

WallTime at(std::int64_t seconds) { return from_epoch_ms(seconds * 1000); }

} // namespace

TEST_CASE("codes are those of the RFC")
{
    const std::vector<std::pair<std::int64_t, std::string>> vectors{{59, "94287082"},
                                                                    {1'111'111'109, "07081804"},
                                                                    {1'111'111'111, "14050471"},
                                                                    {1'234'567'890, "89005924"},
                                                                    {2'000'000'000, "69279037"},
                                                                    {20'000'000'000, "65353130"}};
    for (const auto& [seconds, code] : vectors) CHECK(totp_code(vectors_secret, totp_step(at(seconds)), 8) == code);
    CHECK(totp_code(vectors_secret, totp_step(at(59))) == "287082");
}

TEST_CASE("a code fits its half minute and the neighbours, and nothing that was used")
{
    const auto now = at(1'800'000'010);
    const auto present = totp_step(now);
    for (const auto step : {present - 1, present, present + 1}) CHECK(matching_step(vectors_secret, totp_code(vectors_secret, step), now, 0) == step);
    for (const auto step : {present - 2, present + 2}) CHECK_FALSE(matching_step(vectors_secret, totp_code(vectors_secret, step), now, 0));
    CHECK_FALSE(matching_step(vectors_secret, totp_code(vectors_secret, present), now, present));
    CHECK_FALSE(matching_step(vectors_secret, totp_code(vectors_secret, present - 1), now, present));
    CHECK(matching_step(vectors_secret, totp_code(vectors_secret, present + 1), now, present) == present + 1);
    for (const auto* code : {"", "1", "000000000000"}) CHECK_FALSE(matching_step(vectors_secret, code, now, 0));
}

TEST_CASE("base32 is that of RFC 4648, without padding")
{
    const std::vector<std::pair<std::string, std::string>> vectors{
        {"", ""}, {"f", "MY"}, {"fo", "MZXQ"}, {"foo", "MZXW6"}, {"foob", "MZXW6YQ"}, {"fooba", "MZXW6YTB"}, {"foobar", "MZXW6YTBOI"}};
    for (const auto& [bytes, text] : vectors) CHECK(base32(bytes) == text);
}

TEST_CASE("the address for an application holds nothing that it could misread")
{
    CHECK(totp_uri(Secret{"fooba"}, "My panel: 1&2", "a@b?c") ==
          "otpauth://totp/My%20panel%3A%201%262:a%40b%3Fc?secret=MZXW6YTB&issuer=My%20panel%3A%201%262&algorithm=SHA1&digits=6&period=30");
}
