// Fuzz target: who the client is behind proxies. The first byte picks the peer and the fields, each line of the rest is one field's value.
// An untrusted peer is always the client itself; else the answer is an address that the fields name, and no field of the client's own
// making can move it: what stands left of an untrusted address changes nothing.
#include "api/http/trusted_proxies.hpp"
#include "base/text.hpp"

#include <cstdlib>
#include <vector>

using namespace sluice;
using namespace sluice::http;

namespace {

void must(bool holds)
{
    if (!holds) std::abort();
}

bool is_field_value(std::string_view text) { return text.find_first_of(std::string_view{"\r\n\0", 3}) == std::string_view::npos; }

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size < 1) return 0;
    static const std::vector<Cidr> trusted{*Cidr::parse("10.0.0.0/8"), *Cidr::parse("fd00::/8")};
    static const Endpoint proxy{*IpAddress::parse("10.0.0.1"), 7};
    static const Endpoint stranger{*IpAddress::parse("192.0.2.1"), 7};
    constexpr std::string_view names[] = {"X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Forwarded-Proto"};
    Headers headers;
    std::size_t index = data[0];
    for (const auto line : split({reinterpret_cast<const char*>(data + 1), size - 1}, '\n')) {
        if (is_field_value(line)) headers.add(std::string{names[index % 4]}, std::string{line});
        ++index;
    }
    const auto far = resolve_client(stranger, true, headers, trusted);
    must(far.remote == stranger && far.secure);

    const auto client = resolve_client(proxy, false, headers, trusted);
    must(client.remote == proxy || client.remote.port == 0);
    if (headers.has("x-forwarded-for") && !is_trusted(client.remote.address, trusted)) {
        Headers forged; // the client sends a field of its own, the proxy appends
        forged.add("X-Forwarded-For", "6.6.6.6, 10.6.6.6");
        for (const auto& [name, value] : headers.all()) forged.add(name, value);
        must(resolve_client(proxy, false, forged, trusted).remote == client.remote);
    }
    return 0;
}
