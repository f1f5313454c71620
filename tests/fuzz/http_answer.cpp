// What a verifying server answers: the body never holds more than was sent.
#include "probe/http_post.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const auto answer = sluice::probe::parse_answer({reinterpret_cast<const char*>(data), size});
    if (answer && (answer->body.size() > size || answer->status < 100 || answer->status > 599)) std::abort();
    return 0;
}
