// What a machine needs to become a node: the script, and the program for its architecture with a checksum. Open to anybody; nothing here is secret, and
// the line that an administrator copies brings token and pins.
#pragma once

#include "api/http/router.hpp"

#include <string>
#include <string_view>

namespace sluice::install {

// The text of /install.sh. Defined by a generated source.
std::string_view script();

// Where programs for other machines may lie: FOLDER/sluice-linux-ARCH, or beside the running executable under the same name.
struct Places {
    std::string folder; // DIR/downloads
};

// GET /install.sh, /download/sluice-linux-{amd64,arm64} and the same with ".sha256".
void mount(http::Router& router, const Places& places);

} // namespace sluice::install
