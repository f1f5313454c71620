// Fuzz target: JSON bodies of the FLVX dialect. What follows the first value changes nothing; what is accepted is an object that, written
// again, is read the same way by every reader; and no reader throws.
#include "api/flvx/json_body.hpp"
#include "base/text.hpp"

#include <cmath>
#include <cstdlib>

using namespace sluice;
using namespace sluice::flvx;

namespace {

void must(bool holds)
{
    if (!holds) std::abort();
}

void check_same(const Body& a, const Body& b, const char* key)
{
    must(a.has(key) == b.has(key) && a.is_null(key) == b.is_null(key) && a.is_list(key) == b.is_list(key));
    must(a.text(key) == b.text(key) && a.integer(key, -7) == b.integer(key, -7));
    must(a.id(key) == b.id(key) && a.ids(key) == b.ids(key));
    must(a.number(key, 0.5) == b.number(key, 0.5) && std::isfinite(a.number(key, 0.5)));
    if (const auto id = a.id(key)) must(*id > 0);
    for (const auto id : a.ids(key)) must(id > 0);
    must(is_utf8(a.text(key)));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    if (const auto value = first_value(text)) must(value->data() >= text.data() && value->data() + value->size() <= text.data() + text.size());
    auto body = Body::parse(text);
    if (!body) {
        must(body.error().code == Errc::invalid);
        return 0;
    }
    must(body->json().is_object());
    const auto again = Body::parse(body->json().dump());
    must(again.has_value());
    for (const char* key : {"a", "id", "ids", "name"}) check_same(*body, *again, key);
    const auto followed = Body::parse(std::string{text} + " {\"id\":1} trailing");
    must(followed.has_value() && followed->json() == body->json());
    auto strict = *body;
    static_cast<void>(strict.exact_text("name"));
    static_cast<void>(strict.exact_integer("id"));
    if (body->has("id") && body->json()["id"].is_string()) must(strict.bad());
    return 0;
}
