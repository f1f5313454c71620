#include "api/flvx/json_body.hpp"

#include <doctest/doctest.h>

using namespace sluice::flvx;

namespace {

Body body(const char* text) { return Body::parse(text).value(); }

} // namespace

TEST_CASE("a body is its first JSON value, an object of valid UTF-8 that is not too deep")
{
    for (const char* fine : {"{}", " \t\r\n{}", "{} trailing", "{}{", R"({"a":"}"})", R"({"a":"\"}"})", R"({"a":{"b":[{}]}})"}) {
        CAPTURE(fine);
        CHECK(Body::parse(fine));
    }
    for (const char* bad : {"", "  ", "[]", "5", "\"x\"", "null", "{", "{\"a\":1", "}", "{\"a\":\xff}", "{\"a\":\"\xc3\x28\"}", "{'a':1}",
                            "{\"a\":01}", "{\"a\":1e999}"}) {
        CAPTURE(bad);
        CHECK_FALSE(Body::parse(bad));
    }
    const std::string deep = R"({"a":)";
    std::string text;
    for (int i = 0; i < 63; ++i) text += deep;
    CHECK(Body::parse(text + "{}" + std::string(63, '}')));
    CHECK_FALSE(Body::parse(text + deep + "{}" + std::string(64, '}')));
}

TEST_CASE("texts are trimmed, numbers become texts, and what is neither is empty")
{
    const auto b = body(
        R"({"text":"  a b ","int":12,"neg":-3,"big":18446744073709551615,"whole":5.0,"float":1.5,"true":true,"null":null,"list":[1],"object":{}})");
    CHECK(b.text("text") == "a b");
    CHECK(b.text("int") == "12");
    CHECK(b.text("neg") == "-3");
    CHECK(b.text("big") == "18446744073709551615");
    CHECK(b.text("whole") == "5");
    CHECK(b.text("float") == "1.5");
    CHECK(b.text("true") == "true");
    for (const char* key : {"null", "list", "object", "absent"}) CHECK(b.text(key).empty());
}

TEST_CASE("integers may be numbers or texts; anything else is the default")
{
    const auto b = body(
        R"({"n":5,"t":" 5 ","neg":"-7","whole":5.0,"exp":1e3,"half":1.5,"thalf":"1.5","plus":"+5","hex":"0x5","true":true,"null":null,"empty":"","big":18446744073709551615,"huge":1e300})");
    CHECK(b.integer("n", 9) == 5);
    CHECK(b.integer("t", 9) == 5);
    CHECK(b.integer("neg", 9) == -7);
    CHECK(b.integer("whole", 9) == 5);
    CHECK(b.integer("exp", 9) == 1000);
    for (const char* key : {"half", "thalf", "plus", "hex", "true", "null", "empty", "big", "huge", "absent"}) {
        CAPTURE(key);
        CHECK(b.integer(key, 9) == 9);
    }
    CHECK(b.id("n") == 5);
    CHECK_FALSE(b.id("neg"));
    CHECK_FALSE(b.id("absent"));
}

TEST_CASE("floats may be numbers or texts, and are finite")
{
    const auto b = body(R"({"n":1.5,"t":" .5 ","i":2,"ti":"3","nan":"nan","inf":"inf","half":"1.5x","true":true})");
    CHECK(b.number("n", 9) == 1.5);
    CHECK(b.number("t", 9) == 0.5);
    CHECK(b.number("i", 9) == 2);
    CHECK(b.number("ti", 9) == 3);
    for (const char* key : {"nan", "inf", "half", "true", "absent"}) {
        CAPTURE(key);
        CHECK(b.number(key, 9) == 9);
    }
}

TEST_CASE("a list of ids drops what is not positive, and what is no list is empty")
{
    const auto b = body(R"({"ids":[3,"2",0,-1,"x",null,2.0,3],"no":"1,2"})");
    CHECK(b.ids("ids") == std::vector<std::int64_t>{3, 2, 2, 3});
    CHECK(b.ids("no").empty());
    CHECK(b.ids("absent").empty());
}

TEST_CASE("strict reading takes the exact type or marks the whole body bad; absent and null are empty")
{
    auto fine = body(R"({"t":" a ","n":-5,"null":null})");
    CHECK(fine.exact_text("t") == " a ");
    CHECK(fine.exact_integer("n") == -5);
    CHECK(fine.exact_text("null").empty());
    CHECK(fine.exact_integer("absent") == 0);
    CHECK_FALSE(fine.bad());
    for (const char* text : {R"({"n":"5"})", R"({"n":1.5})", R"({"n":true})", R"({"n":18446744073709551615})", R"({"n":[]})"}) {
        CAPTURE(text);
        auto wrong = body(text);
        CHECK(wrong.exact_integer("n") == 0);
        CHECK(wrong.bad());
    }
    auto wrong = body(R"({"t":5})");
    CHECK(wrong.exact_text("t").empty());
    CHECK(wrong.bad());
}

TEST_CASE("of two names the dialect's own wins")
{
    const auto b = body(R"({"a":1,"b":2,"c":3})");
    CHECK(std::string{b.either("a", "b")} == "a");
    CHECK(std::string{b.either("x", "c")} == "c");
    CHECK(std::string{b.either("x", "y")} == "x");
}
