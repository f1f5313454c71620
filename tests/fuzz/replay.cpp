// Stands in for libFuzzer where a corpus is only replayed: runs every file of the given folders, and every file's prefixes and
// single-byte changes, through the target. An empty corpus is a failure: a check that looks at nothing proves nothing.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

constexpr std::uint8_t interesting[] = {0x00, 0x0A, 0x20, 0x2C, 0x30, 0x7F, 0x80, 0xFF};
constexpr std::size_t neighbours_limit = 512; // longer inputs are replayed as they are, and not byte by byte

void run(const std::vector<std::uint8_t>& bytes)
{
    // A copy of exactly this size, so that the address sanitizer sees a read past the end.
    const std::unique_ptr<std::uint8_t[]> exact(new std::uint8_t[bytes.size()]);
    std::copy(bytes.begin(), bytes.end(), exact.get());
    LLVMFuzzerTestOneInput(exact.get(), bytes.size());
}

void run_neighbours(const std::vector<std::uint8_t>& bytes)
{
    for (std::size_t length = 0; length < bytes.size(); ++length) run({bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length)});
    auto changed = bytes;
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        for (const std::uint8_t with : interesting) {
            changed[at] = with;
            run(changed);
        }
        changed[at] = bytes[at];
    }
}

} // namespace

int main(int count, char** words)
{
    std::size_t files = 0;
    for (int i = 1; i < count; ++i) {
        std::error_code problem;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(words[i], problem)) {
            if (!entry.is_regular_file()) continue;
            std::ifstream file(entry.path(), std::ios::binary);
            const std::vector<std::uint8_t> bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
            run(bytes);
            if (bytes.size() <= neighbours_limit) run_neighbours(bytes);
            ++files;
        }
        if (problem) {
            std::cerr << words[i] << ": " << problem.message() << '\n';
            return 1;
        }
    }
    std::cout << files << " inputs\n";
    return files == 0 ? 1 : 0;
}
