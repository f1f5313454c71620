#include "api/http/negotiation.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <optional>

namespace sluice::http {

namespace {

constexpr std::size_t range_limit = 64; // longer than any range of a body that fits into memory

// How much a client wants an encoding, in thousandths; -1 when it says nothing about it.
int wish(const Headers& headers, std::string_view encoding)
{
    int star = -1;
    for (const auto& [name, value] : headers.all()) {
        if (!equals_ignoring_case(name, "accept-encoding")) continue;
        for (const auto item : split(value, ',')) {
            const auto semicolon = item.find(';');
            const auto wanted = trim(item.substr(0, semicolon));
            const auto parameters = semicolon == std::string_view::npos ? std::string_view{} : item.substr(semicolon + 1);
            if (equals_ignoring_case(wanted, encoding)) return quality(parameters);
            if (wanted == "*") star = quality(parameters);
        }
    }
    return star;
}

// Digits only; absent also when it is above every size.
std::optional<std::size_t> offset(std::string_view text)
{
    if (text.empty() || text.size() > 15 || text.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
    return static_cast<std::size_t>(*parse_int(text));
}

} // namespace

int quality(std::string_view parameters)
{
    for (const auto parameter : split(parameters, ';')) {
        const auto text = trim(parameter);
        if (text.size() < 2 || (text[0] != 'q' && text[0] != 'Q') || text[1] != '=') continue;
        const auto number = text.substr(2);
        if (number.empty() || number.size() > 5 || (number[0] != '0' && number[0] != '1') || (number.size() > 1 && number[1] != '.')) return 0;
        int value = number[0] == '1' ? 1000 : 0;
        int scale = 100;
        for (const char c : number.substr(std::min<std::size_t>(2, number.size()))) {
            if (c < '0' || c > '9') return 0;
            value += (c - '0') * scale;
            scale /= 10;
        }
        return value <= 1000 ? value : 0;
    }
    return 1000;
}

Encoding choose_encoding(const Headers& headers, bool have_gzip, bool have_brotli)
{
    if (!headers.has("accept-encoding")) return Encoding::identity; // it may take anything, but old programs that say nothing do not
    const int plain = std::max(wish(headers, "identity"), 0);       // unless wished for, the last choice
    const int brotli = have_brotli ? wish(headers, "br") : 0;
    const int gzip = have_gzip ? wish(headers, "gzip") : 0;
    if (brotli > 0 && brotli >= gzip && brotli >= plain) return Encoding::brotli;
    if (gzip > 0 && gzip >= plain) return Encoding::gzip;
    return Encoding::identity;
}

std::string_view to_text(Encoding encoding)
{
    switch (encoding) {
    case Encoding::identity: return {};
    case Encoding::gzip: return "gzip";
    case Encoding::brotli: return "br";
    }
    return {};
}

Part choose_part(const Request& request, std::size_t body_size, std::string_view etag)
{
    constexpr std::string_view unit = "bytes=";
    const auto range = request.header("range");
    if (request.method != "GET" || request.headers.count("range") != 1 || range.size() > range_limit) return {};
    if (request.headers.has("if-range") && (etag.empty() || request.header("if-range") != etag)) return {};
    if (range.size() < unit.size() || !equals_ignoring_case(range.substr(0, unit.size()), unit)) return {};
    const auto set = trim(range.substr(unit.size()));
    const auto dash = set.find('-');
    if (dash == std::string_view::npos) return {};
    const auto from = set.substr(0, dash);
    const auto to = set.substr(dash + 1);
    const Part outside{Part::Kind::unsatisfiable, 0, 0};
    if (from.empty()) { // the last bytes
        const auto count = offset(to);
        if (!count) return {};
        const auto size = std::min(*count, body_size);
        return size == 0 ? outside : Part{Part::Kind::part, body_size - size, size};
    }
    const auto first = offset(from);
    const auto last = to.empty() ? std::optional{body_size} : offset(to);
    if (!first || !last || (!to.empty() && *last < *first)) return {}; // malformed: as if it were not there
    if (*first >= body_size) return outside;
    return {Part::Kind::part, *first, std::min(*last, body_size - 1) - *first + 1};
}

std::string content_range(const Part& part, std::size_t body_size)
{
    const auto total = '/' + std::to_string(body_size);
    if (part.kind == Part::Kind::unsatisfiable) return "bytes *" + total;
    return "bytes " + std::to_string(part.first) + '-' + std::to_string(part.first + part.size - 1) + total;
}

} // namespace sluice::http
