// What a person asked for: verb and options, from the command line, the environment and a TOML file, in this order of precedence.
// One table (option_table.hpp) drives parsing, the environment's names, the file's keys, --help and check-config. Opens no socket
// and changes nothing on disk.
#pragma once

#include "base/address.hpp"
#include "base/fingerprint.hpp"
#include "base/log.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sluice::cli {

enum class Verb { serve, help, version, check_config, diagnose, backup, restore, reset_password, unlock, enrol, import_flvx };

// What this process does when it serves.
enum class Role { appliance, panel, agent };

struct Options {
    Verb verb = Verb::serve;
    std::vector<std::string> command_line; // as given, without the program's name
    Role role = Role::appliance;

    std::string data_dir;         // never empty; absolute as typed or from the defaults
    std::string config_file;      // the file that was read; empty when there is none
    std::vector<Endpoint> listen; // at least one; port 0 lets the system choose
    std::vector<Cidr> trusted_proxies;
    bool hsts = false;
    std::vector<std::string> forwards; // each one accepted by agent::parse_forward_option; only with Role::agent and without a panel
    std::vector<std::string> connect;  // the panel's addresses, each one accepted by net::WebUrl; empty: those of the enrolment before
    Secret token;                      // enrols this machine
    std::string token_file;            // read into token
    std::optional<Fingerprint> pin;    // the panel's key
    bool no_upgrades = false;          // the panel cannot give this node another program
    std::uint32_t workers = 0;         // loops of the data plane; 0 is one per core
    std::string admin_user = "admin_user";
    std::string admin_password_file; // read into admin_password
    Secret admin_password;           // empty: make a random one
    log::Level log_level = log::Level::info;
    log::Format log_format = log::Format::text;

    // Of verbs.
    std::vector<std::string> arguments; // TARGET..., FILE, USER
    bool json = false;
    bool yes = false; // act without asking
    std::uint32_t count = 4;
    Milliseconds timeout{5000};
    std::string password_file; // "-" is standard input; empty: make a random one

    // Where each option's value came from, by option name ("listen": "environment SLUICE_LISTEN"); absent is the default.
    std::map<std::string, std::string> origins;
    // Said once at start: for example an environment variable that looks mistyped.
    std::vector<std::string> warnings;
};

using Environment = std::map<std::string, std::string>;

// `block` as environ(7) has it.
Environment read_environment(const char* const* block);

// `arguments` without the program's name. Reads the TOML file and password files that are named. Every error is invalid "option", with
// one clear line for people in args[0].
Result<Options> parse_options(const std::vector<std::string>& arguments, const Environment& environment);

// Settings for log::configure(): level and format, and the journal's prefix when stderr goes to the journal (JOURNAL_STREAM).
log::Settings log_settings(const Options& options, const Environment& environment);

} // namespace sluice::cli
