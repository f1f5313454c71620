#include "cli/option_table.hpp"

#include "agent/forward_option.hpp"
#include "base/text.hpp"
#include "net/ws_client.hpp"

#include <algorithm>
#include <array>

namespace sluice::cli {

namespace {

using Values = std::vector<std::string>;

Error bad(std::string why) { return make_error(Errc::invalid, "option", why, {why}); }

Result<bool> truth(const std::string& text)
{
    for (const auto* yes : {"true", "1", "yes", "on"}) {
        if (equals_ignoring_case(text, yes)) return true;
    }
    for (const auto* no : {"false", "0", "no", "off"}) {
        if (equals_ignoring_case(text, no)) return false;
    }
    return bad("'" + text + "' is neither true nor false");
}

Result<std::int64_t> whole_number(const std::string& text, std::int64_t least, std::int64_t most)
{
    const auto number = parse_int(text);
    if (!number || *number < least || *number > most)
        return bad("'" + text + "' is not a whole number from " + std::to_string(least) + " to " + std::to_string(most));
    return *number;
}

template <class T, std::size_t N>
Result<T> one_of(const std::string& text, const std::array<std::pair<std::string_view, T>, N>& choices)
{
    std::vector<std::string_view> names;
    std::string all;
    for (const auto& [name, value] : choices) {
        if (text == name) return value;
        names.push_back(name);
        all += (all.empty() ? "" : ", ") + std::string{name};
    }
    const auto near = nearest(text, names);
    return bad("'" + text + "' is none of " + all + (near.empty() ? "" : "; did you mean " + near + "?"));
}

Result<void> set_role(Options& options, const Values& values, Role role)
{
    const auto wanted = truth(values.front());
    if (!wanted) return wanted.error();
    if (!*wanted) return {};
    if (options.role != Role::appliance && options.role != role) return bad("--panel and --agent exclude each other; without either one, both run");
    options.role = role;
    return {};
}

constexpr std::array<std::pair<std::string_view, log::Level>, 4> levels{
    {{"debug", log::Level::debug}, {"info", log::Level::info}, {"warning", log::Level::warning}, {"error", log::Level::error}}};
constexpr std::array<std::pair<std::string_view, log::Format>, 2> formats{{{"text", log::Format::text}, {"json", log::Format::json}}};

Result<void> set_folder(Options& options, const Values& values)
{
    if (values.front().empty()) return bad("is empty");
    options.data_dir = values.front();
    while (options.data_dir.size() > 1 && options.data_dir.back() == '/') options.data_dir.pop_back();
    return {};
}

Result<void> set_listen(Options& options, const Values& values)
{
    options.listen.clear();
    for (const auto& text : values) {
        const auto endpoint = Endpoint::parse(text.rfind(':', 0) == 0 ? "[::]" + text : text);
        if (!endpoint) return bad("'" + text + "' is not ADDRESS:PORT, such as [::]:6365 or 127.0.0.1:6365");
        if (std::find(options.listen.begin(), options.listen.end(), *endpoint) == options.listen.end()) options.listen.push_back(*endpoint);
    }
    if (options.listen.empty()) return bad("needs at least one ADDRESS:PORT");
    return {};
}

Result<void> set_proxies(Options& options, const Values& values)
{
    options.trusted_proxies.clear();
    for (const auto& text : values) {
        const auto network = Cidr::parse(text);
        if (!network) return bad("'" + text + "' is neither an address nor a network such as 10.0.0.0/8");
        options.trusted_proxies.push_back(*network);
    }
    return {};
}

Result<void> set_forwards(Options& options, const Values& values)
{
    for (const auto& text : values) {
        if (const auto forward = agent::parse_forward_option(text); !forward) return bad("'" + text + "': " + forward.error().args.at(0));
    }
    if (const auto plan = agent::plan_of_options(values); !plan) return bad(plan.error().args.at(0));
    options.forwards = values;
    return {};
}

Result<void> set_connect(Options& options, const Values& values)
{
    options.connect.clear();
    for (const auto& text : values) {
        const auto url = net::WebUrl::parse(text);
        if (!url) return bad(url.error().args.at(0));
        options.connect.push_back(url->to_text());
    }
    return {};
}

Result<void> set_token(Options& options, const Values& values)
{
    const auto token = std::string{trim(values.front())};
    if (token.empty() || token.size() > 256) return bad("is not a token");
    options.token = Secret{token};
    return {};
}

Result<void> set_pin(Options& options, const Values& values)
{
    const auto pin = Fingerprint::parse(values.front());
    if (!pin) return bad("'" + values.front() + "' is not sha256: and 64 hexadecimal digits");
    options.pin = *pin;
    return {};
}

Result<void> set_admin_user(Options& options, const Values& values)
{
    const auto name = std::string{trim(values.front())};
    if (name.empty() || name.size() > 100 || !is_utf8(name)) return bad("is not a name of 1 to 100 characters");
    options.admin_user = name;
    return {};
}

std::string joined(const Values& values)
{
    std::string out;
    for (const auto& value : values) out += (out.empty() ? "\"" : ", \"") + value + "\"";
    return "[" + out + "]";
}

template <class T>
std::string joined_texts(const std::vector<T>& values)
{
    Values texts;
    for (const auto& value : values) texts.push_back(value.to_text());
    return joined(texts);
}

std::string quoted(const std::string& text) { return "\"" + text + "\""; }
std::string yes_no(bool value) { return value ? "true" : "false"; }

constexpr Sources everywhere{};
constexpr Sources command_line_only{false, false};

const std::array rows{
    OptionRow{"panel", "", "panel only", "", Group::role, Takes::nothing, everywhere, Verb::serve,
              [](Options& o, const Values& v) { return set_role(o, v, Role::panel); },
              [](const Options& o) { return yes_no(o.role == Role::panel); }},
    OptionRow{"agent", "", "node only, forwarding what its panel or --forward says", "", Group::role, Takes::nothing, everywhere, Verb::serve,
              [](Options& o, const Values& v) { return set_role(o, v, Role::agent); },
              [](const Options& o) { return yes_no(o.role == Role::agent); }},
    OptionRow{"data-dir", "DIR", "everything that is stored", "/var/lib/sluice as root, else ~/.local/state/sluice", Group::general, Takes::value,
              everywhere, Verb::serve, set_folder, [](const Options& o) { return quoted(o.data_dir); }},
    OptionRow{"config",
              "FILE",
              "TOML file with these names as keys",
              "DIR/sluice.toml if present",
              Group::general,
              Takes::value,
              {true, false},
              Verb::serve,
              [](Options& o, const Values& v) -> Result<void> {
                  if (v.front().empty()) return bad("is empty");
                  o.config_file = v.front();
                  return {};
              },
              [](const Options& o) { return quoted(o.config_file); }},
    OptionRow{"log-level", "LEVEL", "debug, info, warning or error", "info", Group::general, Takes::value, everywhere, Verb::serve,
              [](Options& o, const Values& v) -> Result<void> {
                  const auto level = one_of(v.front(), levels);
                  if (!level) return level.error();
                  o.log_level = *level;
                  return {};
              },
              [](const Options& o) { return quoted(std::string{log::to_text(o.log_level)}); }},
    OptionRow{"log-format", "FORMAT", "text or json", "text", Group::general, Takes::value, everywhere, Verb::serve,
              [](Options& o, const Values& v) -> Result<void> {
                  const auto format = one_of(v.front(), formats);
                  if (!format) return format.error();
                  o.log_format = *format;
                  return {};
              },
              [](const Options& o) { return quoted(o.log_format == log::Format::json ? "json" : "text"); }},
    OptionRow{"listen", "ADDR:PORT", "HTTP and HTTPS on one port; repeatable", "[::]:6365", Group::panel, Takes::list, everywhere, Verb::serve,
              set_listen, [](const Options& o) { return joined_texts(o.listen); }},
    OptionRow{"trusted-proxy", "NET", "whose X-Forwarded-For counts; repeatable", "none", Group::panel, Takes::list, everywhere, Verb::serve,
              set_proxies, [](const Options& o) { return joined_texts(o.trusted_proxies); }},
    OptionRow{"hsts", "", "browsers shall insist on HTTPS; needs a certificate that they trust", "", Group::panel, Takes::nothing, everywhere,
              Verb::serve,
              [](Options& o, const Values& v) -> Result<void> {
                  const auto wanted = truth(v.front());
                  if (!wanted) return wanted.error();
                  o.hsts = *wanted;
                  return {};
              },
              [](const Options& o) { return yes_no(o.hsts); }},
    OptionRow{"admin-user", "NAME", "administrator made at first boot", "admin_user", Group::panel, Takes::value, everywhere, Verb::serve,
              set_admin_user, [](const Options& o) { return quoted(o.admin_user); }},
    OptionRow{"admin-password-file", "FILE", "his password's file", "a random one, printed once", Group::panel, Takes::value, everywhere, Verb::serve,
              [](Options& o, const Values& v) -> Result<void> {
                  o.admin_password_file = v.front();
                  return {};
              },
              [](const Options& o) { return quoted(o.admin_password_file); }},
    OptionRow{"connect", "URL", "the panel's address, https://host:6365; repeatable", "as before", Group::node, Takes::list, everywhere, Verb::serve,
              set_connect, [](const Options& o) { return joined(o.connect); }},
    OptionRow{"pin", "sha256:HEX", "the panel's key, from its install command", "as before", Group::node, Takes::value, everywhere, Verb::serve,
              set_pin, [](const Options& o) { return quoted(o.pin ? o.pin->to_text() : ""); }},
    OptionRow{"token",
              "TOKEN",
              "enrols this machine, once; better SLUICE_TOKEN",
              "",
              Group::node,
              Takes::value,
              {true, false},
              Verb::serve,
              set_token,
              [](const Options& o) { return quoted(o.token.empty() ? "" : to_text(o.token)); }},
    OptionRow{"token-file", "FILE", "the token's file", "", Group::node, Takes::value, everywhere, Verb::serve,
              [](Options& o, const Values& v) -> Result<void> {
                  if (v.front().empty()) return bad("is empty");
                  o.token_file = v.front();
                  return {};
              },
              [](const Options& o) { return quoted(o.token_file); }},
    OptionRow{"forward", "LISTEN=TARGET", "tcp://:8080=10.0.0.2:80; repeatable", "", Group::node, Takes::list, everywhere, Verb::serve, set_forwards,
              [](const Options& o) { return joined(o.forwards); }},
    OptionRow{"workers", "N", "loops of the data plane", "one per core", Group::node, Takes::value, everywhere, Verb::serve,
              [](Options& o, const Values& v) -> Result<void> {
                  const auto number = whole_number(v.front(), 0, 256);
                  if (!number) return number.error();
                  o.workers = static_cast<std::uint32_t>(*number);
                  return {};
              },
              [](const Options& o) { return std::to_string(o.workers); }},
    OptionRow{"no-upgrades", "", "the panel cannot give this node another program", "", Group::node, Takes::nothing, everywhere, Verb::serve,
              [](Options& o, const Values& v) -> Result<void> {
                  const auto wanted = truth(v.front());
                  if (!wanted) return wanted.error();
                  o.no_upgrades = *wanted;
                  return {};
              },
              [](const Options& o) { return yes_no(o.no_upgrades); }},
    OptionRow{"count", "N", "diagnose: connects per target", "4", Group::of_verbs, Takes::value, command_line_only, Verb::diagnose,
              [](Options& o, const Values& v) -> Result<void> {
                  const auto number = whole_number(v.front(), 1, 20);
                  if (!number) return number.error();
                  o.count = static_cast<std::uint32_t>(*number);
                  return {};
              },
              [](const Options& o) { return std::to_string(o.count); }},
    OptionRow{"timeout", "MS", "diagnose: per connect", "5000", Group::of_verbs, Takes::value, command_line_only, Verb::diagnose,
              [](Options& o, const Values& v) -> Result<void> {
                  const auto number = whole_number(v.front(), 1, 60'000);
                  if (!number) return number.error();
                  o.timeout = Milliseconds{*number};
                  return {};
              },
              [](const Options& o) { return std::to_string(o.timeout.count()); }},
    OptionRow{"json", "", "diagnose: answer as JSON", "", Group::of_verbs, Takes::nothing, command_line_only, Verb::diagnose,
              [](Options& o, const Values& v) -> Result<void> {
                  const auto wanted = truth(v.front());
                  if (!wanted) return wanted.error();
                  o.json = *wanted;
                  return {};
              },
              [](const Options& o) { return yes_no(o.json); }},
    OptionRow{"yes", "", "import-flvx: do it, without asking", "", Group::of_verbs, Takes::nothing, command_line_only, Verb::import_flvx,
              [](Options& o, const Values& v) -> Result<void> {
                  const auto wanted = truth(v.front());
                  if (!wanted) return wanted.error();
                  o.yes = *wanted;
                  return {};
              },
              [](const Options& o) { return yes_no(o.yes); }},
    OptionRow{"password-file", "FILE", "reset-password: the new one; - is standard input", "a random one", Group::of_verbs, Takes::value,
              command_line_only, Verb::reset_password,
              [](Options& o, const Values& v) -> Result<void> {
                  if (v.front().empty()) return bad("is empty");
                  o.password_file = v.front();
                  return {};
              },
              [](const Options& o) { return quoted(o.password_file); }},
};

constexpr std::array verbs{
    VerbRow{Verb::diagnose, "diagnose", "TARGET...", "does it answer, and how fast: tcp://h:p tls://h http://h/p icmp://h", 1, 64},
    VerbRow{Verb::backup, "backup", "FILE", "everything that is stored, in one file, also while the panel runs", 1, 1},
    VerbRow{Verb::restore, "restore", "FILE", "put a backup in place; what was there is kept beside it", 1, 1},
    VerbRow{Verb::reset_password, "reset-password", "USER", "a new password from the console; ends his sessions and tokens", 1, 1},
    VerbRow{Verb::unlock, "unlock", "[USER]", "let people in again: no captcha, no list of administrators' addresses, no second factor of USER", 0,
            1},
    VerbRow{Verb::enrol, "enrol", "", "become a node of a panel: --connect --pin, and SLUICE_TOKEN or --token-file", 0, 0},
    VerbRow{Verb::import_flvx, "import-flvx", "FILE", "move an FLVX panel in: its JSON export or its gost.db; says first what will come over", 1, 1},
    VerbRow{Verb::check_config, "check-config", "", "say what is in effect and where it comes from", 0, 0},
    VerbRow{Verb::version, "version", "", "", 0, 0},
    VerbRow{Verb::help, "help", "", "", 0, 0},
};

} // namespace

std::string_view to_text(Group group)
{
    switch (group) {
    case Group::role: return "What runs";
    case Group::general: return "General";
    case Group::panel: return "Panel";
    case Group::node: return "Node";
    case Group::of_verbs: return "Of commands";
    }
    return "";
}

std::span<const OptionRow> option_table() { return rows; }
std::span<const VerbRow> verb_table() { return verbs; }

const OptionRow* find_option(std::string_view name)
{
    const auto found = std::find_if(rows.begin(), rows.end(), [name](const OptionRow& row) { return row.name == name; });
    return found == rows.end() ? nullptr : &*found;
}

std::string environment_name(const OptionRow& row)
{
    std::string name = "SLUICE_";
    for (const char letter : row.name) {
        if (letter == '-')
            name += '_';
        else
            name += static_cast<char>(letter >= 'a' && letter <= 'z' ? letter - 'a' + 'A' : letter);
    }
    return name;
}

} // namespace sluice::cli
