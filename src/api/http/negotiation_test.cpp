#include "api/http/negotiation.hpp"

#include <doctest/doctest.h>

using namespace sluice::http;

namespace {

std::string chosen(const std::string& accept, bool gzip = true, bool brotli = true)
{
    Headers headers;
    headers.add("Accept-Encoding", accept);
    return std::string{to_text(choose_encoding(headers, gzip, brotli))};
}

Part part_of(const std::string& range, std::size_t size)
{
    Request request;
    request.method = "GET";
    request.headers.add("Range", range);
    return choose_part(request, size);
}

} // namespace

TEST_CASE("q-values are read strictly")
{
    CHECK(quality("") == 1000);
    CHECK(quality("q=1") == 1000);
    CHECK(quality(" Q=0.25 ") == 250);
    CHECK(quality("level=1;q=0.001") == 1);
    CHECK(quality("q=0.") == 0);
    CHECK(quality("q=1.000") == 1000);
    for (const std::string bad : {"q=", "q=2", "q=1.001", "q=-1", "q=0.1234", "q=.5", "q=0,5", "q=abc", "q=1e0"})
        CHECK_MESSAGE(quality(bad) == 0, bad);
}

TEST_CASE("an encoding is chosen among what we have and the client takes")
{
    CHECK(chosen("gzip, br") == "br");
    CHECK(chosen("gzip, br", true, false) == "gzip");
    CHECK(chosen("gzip, br", false, false).empty());
    CHECK(chosen("gzip;q=0.8, br;q=0.2") == "gzip");
    CHECK(chosen("identity, gzip;q=0.5").empty());
    CHECK(chosen("*;q=0.5, br;q=0") == "gzip");
    CHECK(chosen("").empty());
    CHECK(choose_encoding({}, true, true) == Encoding::identity);
}

TEST_CASE("a range is a part, outside, or as if it were not there")
{
    const auto is = [](const Part& part, std::size_t first, std::size_t size) {
        return part.kind == Part::Kind::part && part.first == first && part.size == size;
    };
    CHECK(is(part_of("bytes=0-0", 10), 0, 1));
    CHECK(is(part_of("Bytes=2-99", 10), 2, 8));
    CHECK(is(part_of("bytes=-3", 10), 7, 3));
    CHECK(is(part_of("bytes=-99", 10), 0, 10));
    CHECK(is(part_of("bytes=9-", 10), 9, 1));
    for (const std::string outside : {"bytes=10-", "bytes=10-12", "bytes=-0", "bytes=999999999999999-"})
        CHECK_MESSAGE(part_of(outside, 10).kind == Part::Kind::unsatisfiable, outside);
    CHECK(part_of("bytes=0-", 0).kind == Part::Kind::unsatisfiable);
    for (const std::string ignored : {"bytes=1-2,4-5", "bytes=3-2", "bytes=-", "bytes=", "items=0-1", "bytes=+1-2", "bytes=0x1-2", "bytes=1-2x",
                                      "bytes 1-2", "bytes=18446744073709551616-"})
        CHECK_MESSAGE(part_of(ignored, 10).kind == Part::Kind::whole, ignored);
}
