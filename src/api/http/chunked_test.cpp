#include "api/http/chunked.hpp"

#include <doctest/doctest.h>
#include <random>
#include <string>

using namespace sluice::http;

namespace {

int refusal_of(const std::string& bytes, std::size_t limit = 1'000)
{
    ChunkedDecoder decoder(limit);
    std::string body;
    return decoder.feed(bytes, body).refuse;
}

} // namespace

TEST_CASE("chunks become a body, and what follows stays")
{
    const std::string bytes = "5\r\nhello\r\n6;name=value\r\n world\r\n0\r\nTrailer: x\r\n\r\nGET /";
    ChunkedDecoder decoder(100);
    std::string body;
    const auto progress = decoder.feed(bytes, body);
    CHECK(progress.done);
    CHECK(body == "hello world");
    CHECK(bytes.substr(progress.consumed) == "GET /");
}

TEST_CASE("chunks may arrive in any pieces")
{
    const std::string bytes = "A\r\n0123456789\r\n1\r\n\n\r\n0\r\n\r\n";
    ChunkedDecoder decoder(100);
    std::string body;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        const auto progress = decoder.feed(bytes.substr(i, 1), body);
        CHECK(progress.refuse == 0);
        CHECK(progress.consumed == 1);
        CHECK(progress.done == (i + 1 == bytes.size()));
    }
    CHECK(body == "0123456789\n");
}

TEST_CASE("malformed chunks are refused")
{
    for (const std::string bytes : {"x\r\n", "\r\n", "-1\r\n", "+1\r\n", " 1\r\n", "1 \r\n", "0x1\r\n", "1\n", "1\r\nab", "1\r\na\n", "1\r\na\rb",
                                    "123456789\r\n", ";x\r\n", "1;\x01\r\n", "0\r\nA: \x01\r\n", "0\r\n\rx"})
        CHECK_MESSAGE(refusal_of(bytes) == 400, bytes);
    CHECK(refusal_of("1;" + std::string(600, 'x')) == 400);
    CHECK(refusal_of("0\r\n" + std::string(9'000, 'x')) == 400);
    std::string wasteful;
    for (int i = 0; i < 50; ++i) wasteful += "1;" + std::string(400, 'x') + "\r\na\r\n";
    CHECK(refusal_of(wasteful) == 400); // each chunk is within bounds, all of them together are not
}

TEST_CASE("a chunk beyond the limit is refused by its size alone")
{
    CHECK(refusal_of("3e8\r\n") == 0);
    CHECK(refusal_of("3e9\r\n") == 413);
    CHECK(refusal_of("ffffffff\r\n") == 413);
    CHECK(refusal_of("5\r\nhello\r\n5\r\n", 9) == 413);
    CHECK(refusal_of("5\r\nhello\r\n4\r\n", 9) == 0);
}

TEST_CASE("random bytes neither crash the decoder nor exceed the limit")
{
    std::mt19937 random(7);
    for (int round = 0; round < 20'000; ++round) {
        ChunkedDecoder decoder(32);
        std::string body;
        std::string bytes;
        const auto length = random() % 50;
        constexpr std::string_view alphabet = "0123af\r\n;x";
        for (unsigned i = 0; i < length; ++i) bytes += alphabet[random() % alphabet.size()];
        const auto progress = decoder.feed(bytes, body);
        REQUIRE(progress.consumed <= bytes.size());
        REQUIRE(body.size() <= 32);
    }
}
