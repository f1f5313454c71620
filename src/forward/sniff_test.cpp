#include "forward/sniff.hpp"

#include <doctest/doctest.h>
#include <string>

namespace sluice::forward {

using namespace std::string_view_literals;

TEST_CASE("protocols are recognised by their first bytes")
{
    CHECK(sniff("GET / HTTP/1.1") == Sniffed::http);
    CHECK(sniff("PRI * HTTP/2.0") == Sniffed::http);
    CHECK(sniff("OPTIONS *") == Sniffed::http);
    CHECK(sniff("\x16\x03\x01\x02"sv) == Sniffed::tls);
    CHECK(sniff("\x05\x01\x00"sv) == Sniffed::socks);
    CHECK(sniff("\x05\x01\x00\x05\x01\x00\x01"sv) == Sniffed::socks);
    CHECK(sniff("\x04\x01\x00\x50"sv) == Sniffed::socks);
    CHECK(sniff("SSH-2.0-OpenSSH") == Sniffed::other);
    CHECK(sniff("GETTING") == Sniffed::other);
    CHECK(sniff("\x16\x05\x01"sv) == Sniffed::other);
    CHECK(sniff("\x05\x00"sv) == Sniffed::other);
    CHECK(sniff("\x04\x07"sv) == Sniffed::other);
}

TEST_CASE("too few bytes decide nothing")
{
    for (const auto bytes : {""sv, "G"sv, "GET"sv, "P"sv, "\x16"sv, "\x16\x03"sv, "\x05"sv, "\x04"sv}) CHECK(sniff(bytes) == Sniffed::undecided);
}

TEST_CASE("only what may become a blocked protocol is waited for")
{
    const plan::ProtocolBlocks http{true, false, false};
    const plan::ProtocolBlocks tls{false, true, false};
    const plan::ProtocolBlocks socks{false, false, true};
    CHECK(judge(http, "G") == Verdict::wait);
    CHECK(judge(http, "GET ") == Verdict::block);
    CHECK(judge(http, "\x16") == Verdict::pass);
    CHECK(judge(http, "hello") == Verdict::pass);
    CHECK(judge(tls, "\x16") == Verdict::wait);
    CHECK(judge(tls, "\x16\x03\x03") == Verdict::block);
    CHECK(judge(tls, "G") == Verdict::pass);
    CHECK(judge(socks, "\x05") == Verdict::wait);
    CHECK(judge(socks, "\x05\x02") == Verdict::block);
    CHECK(judge(socks, "GET ") == Verdict::pass);
    CHECK(judge(http, "") == Verdict::wait);
}

} // namespace sluice::forward
