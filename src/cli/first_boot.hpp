// The administrator of the first boot, and what is said about him.
#pragma once

#include "base/result.hpp"
#include "cli/options.hpp"
#include "panel/panel.hpp"

#include <optional>
#include <string>

namespace sluice::cli {

// Makes the administrator when there is no user yet. A password that nobody chose is written to DIR/initial-password (mode 0600)
// and returned, to be printed once.
Result<std::optional<Secret>> first_boot(panel::Panel& panel, const Options& options);

std::string initial_password_file(const std::string& data_dir);

// Addresses that a browser can open, best first: "http://192.0.2.1:6365".
std::vector<std::string> browser_addresses(const std::vector<Endpoint>& listening);

// The panel's words to the person who started it, on stdout. Without the password when stdout is the journal, which keeps things.
void greet(const Options& options, const std::vector<Endpoint>& listening, const std::string& fingerprint, const std::optional<Secret>& password);

// An address of this host that others may reach; 127.0.0.1 when it has none.
std::string host_address();

} // namespace sluice::cli
