#include "api/http/multipart.hpp"

#include <doctest/doctest.h>

using namespace sluice::http;

namespace {

std::string part(const std::string& head, const std::string& content) { return "--B\r\n" + head + "\r\n\r\n" + content + "\r\n"; }

const std::string named = "Content-Disposition: form-data; name=\"a\"";

} // namespace

TEST_CASE("a boundary comes from its parameter, quoted or not, and is checked")
{
    CHECK(multipart_boundary("multipart/form-data; boundary=abc") == "abc");
    CHECK(multipart_boundary("multipart/form-data; charset=utf-8; Boundary=\"a b\"") == "a b");
    CHECK(multipart_boundary("multipart/form-data;boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW") == "----WebKitFormBoundary7MA4YWxkTrZu0gW");
    for (const std::string bad : {"multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\"a",
                                  "multipart/form-data; boundary=a{b", "multipart/form-data; boundary=\"a \"", "multipart/form-data; boundary"})
        CHECK_MESSAGE(!multipart_boundary(bad), bad);
    CHECK_FALSE(multipart_boundary("multipart/form-data; boundary=" + std::string(71, 'a')));
}

TEST_CASE("parts arrive with name, file name, type and every byte of their content")
{
    const std::string binary("\r\n\0--\r\n-- \xff\r\n", 13);
    const auto parts = parse_multipart("preamble\r\n" + part(named + "; filename=\"C:\\dir\\a\\\".bin\"\r\nContent-Type: text/x", binary) +
                                           part("X-Other: y\r\ncontent-disposition:form-data;name=b", "") + "--B--\r\nepilogue",
                                       "B");
    REQUIRE(parts);
    REQUIRE(parts->size() == 2);
    CHECK((*parts)[0].name == "a");
    CHECK((*parts)[0].file_name == "C:\\dir\\a\".bin");
    CHECK((*parts)[0].content_type == "text/x");
    CHECK((*parts)[0].content == binary);
    CHECK((*parts)[1].name == "b");
    CHECK((*parts)[1].content.empty());
    CHECK(parse_multipart("--B--", "B")->empty());
    CHECK(parse_multipart("--B \t\r\n" + named + "\r\n\r\nx\r\n--B--", "B")->front().content == "x");
}

TEST_CASE("what is malformed, cut off or out of measure is refused")
{
    const auto good = part(named, "x") + "--B--";
    REQUIRE(parse_multipart(good, "B"));
    for (std::size_t size = 0; size < good.size(); ++size) CHECK_MESSAGE(!parse_multipart(good.substr(0, size), "B"), size);
    for (const std::string& head : {std::string{"Content-Disposition: form-data"}, std::string{"Content-Disposition: attachment; name=\"a\""},
                                    std::string{"Content-Type: text/plain"}, named + "\r\n" + named, named + "; name=\"b\"", named + "x",
                                    std::string{"no colon"}, named + "\nX: y", std::string{"Content-Disposition: form-data; name=\"a"}})
        CHECK_MESSAGE(!parse_multipart(part(head, "x") + "--B--", "B"), head);
    CHECK_FALSE(parse_multipart("--B\r\n\r\n\r\nx\r\n--B--", "B")); // no head
    CHECK_FALSE(parse_multipart(part(named, "x\r\n--Bogus") + "--B--", "B"));
    CHECK_FALSE(parse_multipart(part(named + "\r\nX: " + std::string(5'000, 'a'), "x") + "--B--", "B"));
    std::string many;
    for (int i = 0; i < 100; ++i) many += part(named, "x");
    CHECK(parse_multipart(many + "--B--", "B")->size() == 100);
    CHECK_FALSE(parse_multipart(many + part(named, "x") + "--B--", "B"));
}

TEST_CASE("heads that are built to be slow cost no more than others")
{
    // A regular expression with two lazy groups needs the cube of the number of these: this test would not end.
    std::string head = "Content-Disposition: form-data; name=\"";
    while (head.size() < 4'000) head += "\"; filename=\"";
    std::string body;
    for (int i = 0; i < 99; ++i) body += part(head, "x");
    CHECK_FALSE(parse_multipart(body + "--B--", "B"));
}
