// ZIP files (APPNOTE 6.3) of a handful of named parts, through minizip. Knows nothing of what the parts mean.
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::panel {

struct ArchivePart {
    std::string name;      // "tls/cert.pem": relative, forward slashes
    std::string from_file; // taken from this file ...
    std::string content;   // ... or, when that is empty, this text
};

// Writes the archive beside `path`, syncs it and renames it into place: it appears whole or not at all, mode 0600. Errors: conflict "file"
// (exists already), unavailable "file" with the system's words in detail and the path in args[0].
Result<void> write_archive(const std::string& path, const std::vector<ArchivePart>& parts);

// What an archive may unpack to; a small file that claims to be huge is refused before it fills the disk.
struct ArchiveLimits {
    std::size_t parts = 64;
    std::uint64_t bytes_of_part = std::uint64_t{64} * 1024 * 1024 * 1024;
    std::uint64_t most_growth = 2'000; // unpacked bytes per packed byte
};

// Unpacks the parts whose names are in `wanted` into `folder` (existing; parts in sub-folders are created there, mode 0600); others are skipped. Names are
// compared whole, so no name can point outside. Returns the names found. Errors: not_found "file", invalid "archive" (not a ZIP
// file, damaged, over a limit, a part twice), unavailable "file".
Result<std::vector<std::string>> unpack_archive(const std::string& path, const std::string& folder, const std::vector<std::string_view>& wanted,
                                                const ArchiveLimits& limits = {});

} // namespace sluice::panel
