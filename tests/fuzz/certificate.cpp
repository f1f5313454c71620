// Fuzz target: certificates and keys as PEM, as an administrator may upload them. The input is the certificates, then, after a line of
// dashes and "KEY", the key. What is accepted can be served, and its description holds.
#include "net/certificate.hpp"

#include <cstdint>
#include <cstdlib>

using namespace sluice;
using namespace sluice::net;

namespace {

void must(bool holds)
{
    if (!holds) std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    constexpr std::string_view mark = "---KEY\n";
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    const auto cut = text.find(mark);
    const auto certificates = text.substr(0, cut);
    const auto key = cut == std::string_view::npos ? std::string_view{} : text.substr(cut + mark.size());
    const auto credentials = parse_credentials(certificates, Secret{std::string{key}});
    if (!credentials) {
        must(credentials.error().code == Errc::invalid);
        must(credentials.error().field == "tls.cert" || credentials.error().field == "tls.key");
        return 0;
    }
    const auto& info = credentials->info;
    must(!credentials->chain.empty() && credentials->chain.size() <= 10 && credentials->key != nullptr);
    must(info.fingerprint.size() == 7 + 64 && (info.self_signed || !info.self_made));
    for (const auto now : {info.not_before, info.not_after, WallTime{}}) static_cast<void>(check_validity(info, now));
    const auto context = make_server_context(*credentials); // may refuse what is too weak
    must(context ? *context != nullptr : context.error().code == Errc::invalid);
    return 0;
}
