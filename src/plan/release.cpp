#include "plan/release.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace sluice::plan {

namespace {

constexpr std::string_view first_line = "sluice release 1";

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_word(std::string_view text)
{
    return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
        return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == '+' || c == '_';
    });
}

bool is_sha256(std::string_view text)
{
    return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
}

// The next number or other text of a version, without what separates it.
std::string_view next_piece(std::string_view& text)
{
    while (!text.empty() && (text.front() == '.' || text.front() == '-' || text.front() == '_')) text.remove_prefix(1);
    const bool number = !text.empty() && is_digit(text.front());
    std::size_t end = 0;
    while (end < text.size() && text[end] != '.' && text[end] != '-' && text[end] != '_' && is_digit(text[end]) == number) ++end;
    const auto piece = text.substr(0, end);
    text.remove_prefix(end);
    return piece;
}

std::strong_ordering compare_numbers(std::string_view a, std::string_view b)
{
    const auto trimmed = [](std::string_view text) {
        while (text.size() > 1 && text.front() == '0') text.remove_prefix(1);
        return text;
    };
    a = trimmed(a);
    b = trimmed(b);
    return a.size() != b.size() ? a.size() <=> b.size() : a.compare(b) <=> 0;
}

std::strong_ordering compare_pieces(std::string_view a, std::string_view b)
{
    const bool number_a = !a.empty() && is_digit(a.front());
    const bool number_b = !b.empty() && is_digit(b.front());
    if (number_a && number_b) return compare_numbers(a, b);
    if (a.empty() || b.empty()) {
        // "1.0" and "1.0.0" are the same; a word after the end makes it older than the end.
        const auto& more = a.empty() ? b : a;
        if (more.empty()) return std::strong_ordering::equal;
        const bool newer = is_digit(more.front());
        if (newer && compare_numbers(more, "0") == 0) return std::strong_ordering::equal;
        return (a.empty() == newer) ? std::strong_ordering::less : std::strong_ordering::greater;
    }
    if (number_a != number_b) return number_a ? std::strong_ordering::greater : std::strong_ordering::less;
    return a.compare(b) <=> 0;
}

std::string_view without_v(std::string_view version)
{
    if (version.size() > 1 && (version.front() == 'v' || version.front() == 'V') && is_digit(version[1])) version.remove_prefix(1);
    return version.substr(0, version.find('+')); // what follows a plus says how it was built
}

} // namespace

std::string to_text(const Release& release)
{
    return std::string{first_line} + "\nversion " + release.version + "\narchitecture " + release.architecture + "\nsize " +
           std::to_string(release.size) + "\nsha256 " + release.sha256 + "\nissued " + std::to_string(release.issued) + "\n";
}

Result<Release> parse_release(std::string_view text)
{
    const auto wrong = [](const char* why) { return make_error(Errc::invalid, "release", why); };
    if (text.size() > longest_release) return wrong("too long");
    const auto lines = split(text, '\n');
    constexpr std::array<std::string_view, 5> names{"version ", "architecture ", "size ", "sha256 ", "issued "};
    if (lines.size() != names.size() + 2 || lines.front() != first_line) return wrong("another form");
    std::array<std::string_view, names.size()> values;
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (lines[i + 1].rfind(names[i], 0) != 0) return wrong("another form");
        values[i] = lines[i + 1].substr(names[i].size());
    }
    Release release;
    release.version = values[0];
    release.architecture = values[1];
    release.sha256 = values[3];
    const auto size = parse_int(values[2]);
    const auto issued = parse_int(values[4]);
    if (!is_version(release.version) || !is_word(release.architecture) || !is_sha256(release.sha256)) return wrong("version, architecture or hash");
    if (!size || *size <= 0 || static_cast<std::uint64_t>(*size) > largest_program || !issued || *issued <= 0) return wrong("size or time");
    release.size = static_cast<std::uint64_t>(*size);
    release.issued = *issued;
    if (to_text(release) != text) return wrong("another form"); // "+7", "007": one meaning has one text
    return release;
}

bool is_version(std::string_view text) { return is_word(text) && std::any_of(text.begin(), text.end(), is_digit); }

std::strong_ordering compare_versions(std::string_view a, std::string_view b)
{
    a = without_v(a);
    b = without_v(b);
    while (!a.empty() || !b.empty()) {
        // "1.0" against "1.0-beta": the word does not stand where a number could.
        const auto piece_a = next_piece(a);
        const auto piece_b = next_piece(b);
        if (piece_a.empty() && piece_b.empty()) break;
        if (const auto order = compare_pieces(piece_a, piece_b); order != 0) return order;
    }
    return std::strong_ordering::equal;
}

bool is_stable(std::string_view version)
{
    return !version.empty() && version.find('.') != std::string_view::npos &&
           std::all_of(version.begin(), version.end(), [](char c) { return is_digit(c) || c == '.'; });
}

std::string_view to_text(UpgradeStage stage)
{
    switch (stage) {
    case UpgradeStage::downloading: return "downloading";
    case UpgradeStage::verifying: return "verifying";
    case UpgradeStage::installing: return "installing";
    case UpgradeStage::done: return "done";
    case UpgradeStage::failed: return "failed";
    case UpgradeStage::other: return "other";
    }
    return "other";
}

} // namespace sluice::plan
