// Fuzz target: chunked bodies. In whatever pieces the bytes arrive, the outcome is the same; no body is above its limit; and a body that
// is written in chunks is read back as it was.
#include "api/http/chunked.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

using namespace sluice::http;

namespace {

void must(bool holds)
{
    if (!holds) std::abort();
}

struct Outcome {
    std::string body;
    std::size_t consumed = 0;
    bool done = false;
    int refuse = 0;

    friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome decode(std::string_view bytes, std::size_t limit, std::size_t piece)
{
    ChunkedDecoder decoder(limit);
    Outcome outcome;
    while (!bytes.empty() && !outcome.done && outcome.refuse == 0) {
        const auto part = bytes.substr(0, piece);
        const auto progress = decoder.feed(part, outcome.body);
        must(progress.consumed <= part.size());
        must(progress.consumed == part.size() || progress.done || progress.refuse != 0);
        outcome.consumed += progress.consumed;
        outcome.done = progress.done;
        outcome.refuse = progress.refuse;
        bytes.remove_prefix(part.size());
    }
    must(outcome.body.size() <= limit);
    must(outcome.refuse == 0 || outcome.refuse == 400 || outcome.refuse == 413);
    return outcome;
}

std::string in_chunks(std::string_view body, std::size_t piece)
{
    std::string text;
    while (!body.empty()) {
        const auto part = body.substr(0, piece);
        char size[24];
        std::snprintf(size, sizeof size, "%zx\r\n", part.size());
        text.append(size).append(part).append("\r\n");
        body.remove_prefix(part.size());
    }
    return text + "0\r\n\r\n";
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size < 2) return 0;
    const std::size_t piece = 1 + data[0] % 64U;
    const std::size_t limit = data[1] * 16U;
    const std::string_view bytes{reinterpret_cast<const char*>(data + 2), size - 2};
    const auto whole = decode(bytes, limit, bytes.size());
    must(whole == decode(bytes, limit, piece));

    const auto text = in_chunks(bytes, piece) + "next";
    const auto back = decode(text, bytes.size(), piece);
    must(back.done && back.refuse == 0 && back.body == bytes && back.consumed == text.size() - 4);
    if (!bytes.empty()) must(decode(text, bytes.size() - 1, piece).refuse == 413);
    return 0;
}
