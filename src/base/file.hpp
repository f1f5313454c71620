// Files that must be whole or absent, and private.
#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace sluice {

// Replaces `path` by a file with this content and mode (0600 unless told): written beside it, synced, renamed, and the folder
// synced, so a crash leaves the old file or the new one. Errors: unavailable "file" with the system's words.
Result<void> write_file_atomically(const std::string& path, std::string_view content, unsigned mode = 0600);

// The whole file. Errors: not_found "file", unavailable "file" (unreadable, or longer than `limit` bytes).
Result<std::string> read_file(const std::string& path, std::size_t limit = 64U * 1024 * 1024);

// Creates a folder and its parents with mode 0700 where missing. Errors: unavailable "folder".
Result<void> make_private_folder(const std::string& path);

bool file_exists(const std::string& path);

} // namespace sluice
