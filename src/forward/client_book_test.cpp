// Who may come when only so many addresses may.
#include "forward/client_book.hpp"

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::forward;

namespace {

IpAddress address(const char* text) { return *IpAddress::parse(text); }

} // namespace

TEST_CASE("an address counts once however many connections it has, and its place is free when the last one ends")
{
    ClientBook book;
    const auto first = book.enter(address("192.0.2.1"), 1, false).client;
    REQUIRE(first);
    const auto again = book.enter(address("192.0.2.1"), 1, false).client;
    CHECK(again == first);
    CHECK_FALSE(book.enter(address("192.0.2.2"), 1, false).client);
    book.leave(first);
    CHECK_FALSE(book.enter(address("192.0.2.2"), 1, false).client);
    book.leave(again);
    CHECK(book.enter(address("192.0.2.2"), 1, false).client);
}

TEST_CASE("where the oldest is replaced, it is the one that has been there longest, and it may come back as a newcomer")
{
    ClientBook book;
    const auto one = book.enter(address("192.0.2.1"), 2, true).client;
    const auto two = book.enter(address("192.0.2.2"), 2, true).client;
    const auto three = book.enter(address("192.0.2.3"), 2, true);
    CHECK(three.client);
    CHECK(three.replaced == one);
    const auto back = book.enter(address("192.0.2.1"), 2, true);
    CHECK(back.client != one);
    CHECK(back.replaced == two);
    book.leave(one); // the cut connection ends late: the newcomer keeps its place
    CHECK(book.enter(address("192.0.2.1"), 2, true).client == back.client);
}

TEST_CASE("IPv6 clients of one /64 are one")
{
    ClientBook book;
    REQUIRE(book.enter(address("2001:db8::1"), 1, false).client);
    CHECK(book.enter(address("2001:db8::ffff:1"), 1, false).client);
    CHECK_FALSE(book.enter(address("2001:db8:0:1::1"), 1, false).client);
}

TEST_CASE("who is there when a cap comes is counted, also above it")
{
    ClientBook book;
    const auto one = book.join(address("192.0.2.1"));
    const auto two = book.join(address("192.0.2.2"));
    CHECK_FALSE(book.enter(address("192.0.2.3"), 1, false).client);
    CHECK(book.enter(address("192.0.2.2"), 1, false).client == two);
    book.leave(nullptr);
    CHECK(one->open == 1);
}
