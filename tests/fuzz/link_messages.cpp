// Fuzz target: frames and messages of the link. What is accepted is written in a form that is accepted again and means the same; nothing that is
// accepted is larger than what came in.
#include "link/frames.hpp"
#include "link/messages.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

using namespace sluice;

namespace {

void must(bool holds)
{
    if (!holds) std::abort();
}

void check(std::string_view text)
{
    const auto message = link::decode(text);
    if (!message) {
        must(message.error().code == Errc::invalid && !message.error().args.empty());
        return;
    }
    const auto written = link::encode(*message);
    const auto again = link::decode(written);
    must(again && again->index() == message->index());
    must(link::encode(*again) == written);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view bytes{reinterpret_cast<const char*>(data), size};
    check(bytes);
    // The same bytes as frames, in two pieces: where they are cut must not matter.
    link::FrameReader whole(4096);
    link::FrameReader pieces(4096);
    whole.feed(bytes);
    pieces.feed(bytes.substr(0, size / 3));
    std::string one;
    std::string other;
    bool fed = false;
    for (;;) {
        const auto next = whole.next(one);
        auto same = pieces.next(other);
        if (same == link::FrameReader::Next::incomplete && !fed) {
            pieces.feed(bytes.substr(size / 3));
            fed = true;
            same = pieces.next(other);
        }
        must(next == same);
        if (next != link::FrameReader::Next::frame) break;
        must(one == other && !one.empty() && one.size() <= 4096);
        check(one);
    }
    return 0;
}
