#include "cli/options.hpp"

#include "base/file.hpp"
#include "base/text.hpp"
#include "cli/config_file.hpp"
#include "cli/option_table.hpp"

#include <algorithm>
#include <array>
#include <sys/stat.h>
#include <unistd.h>

namespace sluice::cli {

namespace {

constexpr std::size_t longest_file = 1024 * 1024;
constexpr std::size_t longest_password = 1024;
constexpr std::uint16_t default_port = 6365;
constexpr std::string_view password_variable = "SLUICE_ADMIN_PASSWORD";
constexpr std::string_view variable_prefix = "SLUICE_";
// SLUICE_ names that are not options: the program of a test or a script may carry them.
constexpr std::array<std::string_view, 3> other_variables{password_variable, "SLUICE_HANDOVER", "SLUICE_INSTALLED"}; // the last two: cli/programs.hpp

Error usage(std::string words) { return make_error(Errc::invalid, "option", words, {words}); }

struct Given {
    std::vector<std::string> texts;
    std::string origin; // "command line"
};
using GivenOptions = std::map<std::string, Given>;

struct CommandLine {
    GivenOptions options;
    std::vector<std::string> words; // verb and its arguments
    bool help = false;
    bool version = false;
};

std::string did_you_mean(std::string_view typed, std::span<const std::string_view> candidates, std::string_view prefix)
{
    const auto near = nearest(typed, candidates);
    return near.empty() ? "" : "; did you mean " + std::string{prefix} + near + "?";
}

std::string unknown_option(std::string_view name)
{
    std::vector<std::string_view> names{"help", "version"};
    for (const auto& row : option_table()) names.push_back(row.name);
    std::string words = "unknown option --" + std::string{name.substr(0, 60)};
    if (name == "admin-password")
        return words + ": a password on the command line is visible to everybody; use --admin-password-file or " + std::string{password_variable};
    return words + did_you_mean(name, names, "--");
}

Result<CommandLine> read_command_line(const std::vector<std::string>& arguments)
{
    CommandLine line;
    // Who asks for help gets it, whatever else he typed.
    const auto words_from = std::find(arguments.begin(), arguments.end(), "--");
    line.help = std::any_of(arguments.begin(), words_from, [](const std::string& word) { return word == "-h" || word == "--help"; });
    if (line.help) return line;
    bool only_words = false;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string_view word = arguments[i];
        if (only_words || word.size() < 2 || word.front() != '-') {
            line.words.emplace_back(word);
            continue;
        }
        if (word == "--") {
            only_words = true;
            continue;
        }
        if (word == "-V" || word == "--version") {
            line.version = true;
            continue;
        }
        if (word.rfind("--", 0) != 0)
            return usage("unknown option " + std::string{word.substr(0, 60)} + "; options begin with --, see sluice --help");
        const auto equals = word.find('=');
        const auto name = word.substr(2, equals == std::string_view::npos ? std::string_view::npos : equals - 2);
        const auto* row = find_option(name);
        if (row == nullptr) return usage(unknown_option(name));
        std::string value;
        if (row->takes == Takes::nothing) {
            value = equals == std::string_view::npos ? "true" : std::string{word.substr(equals + 1)};
        } else if (equals != std::string_view::npos) {
            value = word.substr(equals + 1);
        } else if (i + 1 < arguments.size()) {
            value = arguments[++i];
        } else {
            return usage("--" + std::string{name} + " needs a value: --" + std::string{name} + " " + std::string{row->metavar});
        }
        auto& given = line.options[std::string{name}];
        if (row->takes != Takes::list && !given.texts.empty()) return usage("--" + std::string{name} + " is given twice");
        given.texts.push_back(std::move(value));
        given.origin = "command line";
    }
    return line;
}

// Lists in a variable are separated by commas or blanks; a forward has commas of its own between targets, so there only blanks count.
std::vector<std::string> split_list(const OptionRow& row, std::string text)
{
    if (row.name != "forward") std::replace(text.begin(), text.end(), ',', ' ');
    std::replace_if(text.begin(), text.end(), [](char letter) { return letter == '\t' || letter == '\n'; }, ' ');
    std::vector<std::string> items;
    for (const auto item : split(text, ' ')) {
        if (!item.empty()) items.emplace_back(item);
    }
    return items;
}

GivenOptions read_variables(const Environment& environment, std::vector<std::string>& warnings)
{
    GivenOptions given;
    std::vector<std::string> names;
    for (const auto& row : option_table()) {
        if (!row.sources.environment) continue;
        auto name = environment_name(row);
        const auto found = environment.find(name);
        names.push_back(name);
        if (found == environment.end() || found->second.empty()) continue; // an empty variable is an absent one
        Given value{{found->second}, "environment " + name};
        if (row.takes == Takes::list) value.texts = split_list(row, found->second);
        if (!value.texts.empty()) given.emplace(row.name, std::move(value));
    }
    names.insert(names.end(), other_variables.begin(), other_variables.end());
    const std::vector<std::string_view> known(names.begin(), names.end());
    for (const auto& [name, value] : environment) {
        if (name.rfind(variable_prefix, 0) != 0 || std::find(known.begin(), known.end(), name) != known.end()) continue;
        const auto near = nearest(name, known);
        if (!near.empty()) warnings.push_back("unknown environment variable " + name + "; did you mean " + near + "?");
    }
    return given;
}

// The highest source that names a role decides: --agent on the command line beats SLUICE_PANEL.
void keep_highest_role(GivenOptions& higher, GivenOptions& lower)
{
    if (!higher.contains("panel") && !higher.contains("agent")) return;
    lower.erase("panel");
    lower.erase("agent");
}

std::string default_folder(const Environment& environment)
{
    if (::geteuid() == 0) return "/var/lib/sluice";
    const auto of = [&environment](const char* name) {
        const auto found = environment.find(name);
        return found == environment.end() ? std::string{} : found->second;
    };
    // XDG base directory specification: a relative path there counts as absent.
    if (const auto state = of("XDG_STATE_HOME"); !state.empty() && state.front() == '/') return state + "/sluice";
    const auto home = of("HOME");
    return home.empty() || home.front() != '/' ? "" : home + "/.local/state/sluice";
}

Result<void> apply(Options& options, const OptionRow& row, const Given& given)
{
    const auto applied = row.apply(options, given.texts);
    if (applied) {
        options.origins[std::string{row.name}] = given.origin;
        return {};
    }
    const auto& why = applied.error().args.empty() ? applied.error().field : applied.error().args.front();
    const auto subject = given.origin == "command line" ? "--" + std::string{row.name} : given.origin;
    return usage(subject + ": " + why);
}

std::string unreadable(const Error& problem, const std::string& path)
{
    return problem.code == Errc::not_found ? path + " does not exist" : problem.detail;
}

Result<GivenOptions> read_file_options(const std::string& path, bool must_exist)
{
    const auto text = read_file(path, longest_file);
    if (!text) {
        if (text.error().code == Errc::not_found && !must_exist) return GivenOptions{};
        return usage("configuration file " + unreadable(text.error(), path));
    }
    const auto values = parse_config(*text, path);
    if (!values) return values.error();
    GivenOptions given;
    for (const auto& [name, value] : *values) given[name] = {value.texts, path + ":" + std::to_string(value.line) + " (" + name + ")"};
    return given;
}

Result<Secret> read_password(const Options& options, const Environment& environment)
{
    if (const auto found = environment.find(std::string{password_variable}); found != environment.end() && !found->second.empty())
        return Secret{found->second};
    if (options.admin_password_file.empty()) return Secret{};
    const auto text = read_file(options.admin_password_file, longest_password);
    if (!text) return usage("admin-password-file: " + unreadable(text.error(), options.admin_password_file));
    auto line = *text;
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.pop_back();
    if (line.empty()) return usage("admin-password-file: " + options.admin_password_file + " is empty");
    return Secret{line};
}

Result<Secret> read_token(const std::string& path)
{
    const auto text = read_file(path, longest_password);
    if (!text) return usage("token-file: " + unreadable(text.error(), path));
    const auto token = trim(*text);
    if (token.empty()) return usage("token-file: " + path + " is empty");
    return Secret{std::string{token}};
}

Result<void> choose_verb(Options& options, CommandLine& line)
{
    if (line.help) {
        options.verb = Verb::help;
        return {};
    }
    if (line.version) {
        options.verb = Verb::version;
        return {};
    }
    if (line.words.empty()) return {};
    const auto verbs = verb_table();
    const auto found = std::find_if(verbs.begin(), verbs.end(), [&](const VerbRow& row) { return row.word == line.words.front(); });
    if (found == verbs.end()) {
        std::vector<std::string_view> words;
        for (const auto& row : verbs) words.push_back(row.word);
        return usage("unknown command '" + line.words.front().substr(0, 60) + "'" + did_you_mean(line.words.front(), words, ""));
    }
    options.verb = found->verb;
    options.arguments.assign(line.words.begin() + 1, line.words.end());
    if (options.arguments.size() < found->fewest || options.arguments.size() > found->most)
        return usage("usage: sluice " + std::string{found->word} + (found->arguments.empty() ? "" : " ") + std::string{found->arguments});
    return {};
}

// What only makes sense together.
Result<void> check_whole(const Options& options)
{
    for (const auto& row : option_table()) {
        if (row.verb != Verb::serve && row.verb != options.verb && options.origins.contains(std::string{row.name})) {
            const auto verbs = verb_table();
            const auto verb = std::find_if(verbs.begin(), verbs.end(), [&](const VerbRow& one) { return one.verb == row.verb; });
            return usage("--" + std::string{row.name} + " belongs to sluice " + std::string{verb->word});
        }
    }
    if (options.verb == Verb::enrol) {
        if (options.connect.empty() || !options.pin)
            return usage("enrol needs --connect URL and --pin sha256:HEX; take both from the panel's install command");
        if (options.token.empty() && options.token_file.empty()) return usage("enrol needs a token, in SLUICE_TOKEN or in --token-file FILE");
        return {};
    }
    if (options.verb != Verb::serve && options.verb != Verb::check_config) return {};
    const bool enrolled = file_exists(options.data_dir + "/agent/panel.json");
    if (enrolled && !options.forwards.empty())
        return usage("--forward: this data directory belongs to a node of a panel, which decides what it forwards; use another --data-dir");
    if (enrolled && options.role == Role::appliance && options.verb == Verb::serve)
        return usage("data directory " + options.data_dir + " belongs to a node of another panel; use --agent, or another --data-dir");
    if (options.role != Role::agent &&
        (!options.connect.empty() || options.pin || (options.origins.contains("token") && options.origins.at("token") == "command line")))
        return usage("--connect, --pin and --token go with --agent");
    if (!options.connect.empty() && !options.forwards.empty())
        return usage("--connect and --forward exclude each other: a panel decides what its nodes forward");
    if (!options.connect.empty() && !options.pin && !enrolled)
        return usage("--connect needs --pin sha256:HEX; take both from the panel's install command");
    if (options.role == Role::agent && options.forwards.empty() && options.connect.empty() && !enrolled)
        return usage("--agent needs a panel (--connect URL --pin sha256:HEX and a token) or at least one --forward LISTEN=TARGET, such as "
                     "--forward tcp://:8080=10.0.0.2:80");
    if (options.role != Role::agent && !options.forwards.empty())
        return usage("--forward goes with --agent; forwards of a panel are made in its page or API");
    return {};
}

} // namespace

Environment read_environment(const char* const* block)
{
    Environment environment;
    for (; block != nullptr && *block != nullptr; ++block) {
        const std::string_view entry = *block;
        const auto equals = entry.find('=');
        if (equals != std::string_view::npos) environment.emplace(entry.substr(0, equals), entry.substr(equals + 1));
    }
    return environment;
}

Result<Options> parse_options(const std::vector<std::string>& arguments, const Environment& environment)
{
    Options options;
    options.command_line = arguments;
    options.listen = {Endpoint{IpAddress::any_v6(), default_port}};
    options.data_dir = default_folder(environment);

    auto line = read_command_line(arguments);
    if (!line) return line.error();
    if (const auto chosen = choose_verb(options, *line); !chosen) return chosen.error();
    if (options.verb == Verb::help || options.verb == Verb::version) return options; // whatever else is wrong
    auto variables = read_variables(environment, options.warnings);

    // Where the file is depends on the two options that it cannot decide itself.
    for (const auto* name : {"data-dir", "config"}) {
        for (const auto* source : {&variables, &line->options}) {
            const auto found = source->find(name);
            if (found == source->end()) continue;
            if (const auto applied = apply(options, *find_option(name), found->second); !applied) return applied.error();
        }
    }
    const bool named = !options.config_file.empty();
    if (!named && !options.data_dir.empty()) options.config_file = options.data_dir + "/sluice.toml";
    GivenOptions in_file;
    if (!options.config_file.empty()) {
        auto read = read_file_options(options.config_file, named);
        if (!read) return read.error();
        in_file = std::move(*read);
        if (!named && !file_exists(options.config_file)) options.config_file.clear();
    }
    if (!named && in_file.contains("data-dir"))
        return usage(in_file.at("data-dir").origin + ": a file inside the data directory cannot move it; use --data-dir or --config");

    keep_highest_role(variables, in_file);
    keep_highest_role(line->options, variables);
    keep_highest_role(line->options, in_file);
    for (const auto& row : option_table()) {
        const std::string name{row.name};
        for (const auto* source : {&line->options, &variables, &in_file}) { // the highest first; it alone counts
            const auto found = source->find(name);
            if (found == source->end()) continue;
            if (const auto applied = apply(options, row, found->second); !applied) return applied.error();
            break;
        }
    }
    if (options.data_dir.empty()) return usage("no data directory: HOME is not set; use --data-dir DIR");
    if (const auto whole = check_whole(options); !whole) return whole.error();
    if (!options.token_file.empty() && options.token.empty()) {
        // A file that is gone after it was used is no mistake: the key that it enrolled counts.
        const bool must_exist = options.verb == Verb::enrol || !file_exists(options.data_dir + "/agent/panel.json");
        auto token = read_token(options.token_file);
        if (!token && must_exist) return token.error();
        if (token) options.token = std::move(*token);
    }
    if (options.verb == Verb::serve && options.role != Role::agent) {
        auto password = read_password(options, environment);
        if (!password) return password.error();
        options.admin_password = std::move(*password);
    }
    return options;
}

log::Settings log_settings(const Options& options, const Environment& environment)
{
    log::Settings settings;
    settings.level = options.log_level;
    settings.format = options.log_format;
    // systemd says which socket is the journal's; stderr may have been redirected since (systemd.exec(5)).
    if (const auto found = environment.find("JOURNAL_STREAM"); found != environment.end()) {
        struct stat info{};
        if (::fstat(STDERR_FILENO, &info) == 0) settings.journald = found->second == std::to_string(info.st_dev) + ":" + std::to_string(info.st_ino);
    }
    return settings;
}

} // namespace sluice::cli
