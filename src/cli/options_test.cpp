#include "cli/options.hpp"

#include "base/file.hpp"
#include "base/random.hpp"
#include "cli/option_table.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

using namespace sluice;
using namespace sluice::cli;

namespace {

class Folder {
public:
    Folder() { std::filesystem::create_directories(path_); }
    ~Folder() { std::filesystem::remove_all(path_); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    const std::string& path() const { return path_; }
    std::string write(const std::string& name, const std::string& text) const
    {
        std::ofstream(path_ + "/" + name) << text;
        return path_ + "/" + name;
    }

private:
    std::string path_ = std::filesystem::temp_directory_path().string() + "/sluice-options-" + random_hex(8);
};

const Environment nobody{{"HOME", "/nonexistent"}, {"XDG_STATE_HOME", "/nonexistent/state"}};

std::string refusal(const std::vector<std::string>& arguments, const Environment& environment = nobody)
{
    const auto options = parse_options(arguments, environment);
    if (options) return "accepted";
    CHECK(options.error().code == Errc::invalid);
    REQUIRE(!options.error().args.empty());
    CHECK(options.error().args.front().find('\n') == std::string::npos);
    return options.error().args.front();
}

Options accepted(const std::vector<std::string>& arguments, const Environment& environment = nobody)
{
    auto options = parse_options(arguments, environment);
    INFO((options ? std::string{} : options.error().args.at(0)));
    REQUIRE(options);
    return *options;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

} // namespace

TEST_CASE("without arguments it is the appliance on port 6365")
{
    const auto options = accepted({});
    CHECK(options.verb == Verb::serve);
    CHECK(options.role == Role::appliance);
    REQUIRE(options.listen.size() == 1);
    CHECK(options.listen[0].to_text() == "[::]:6365");
    CHECK(options.origins.empty());
}

TEST_CASE("the command line counts before the environment and that before the file")
{
    const Folder folder;
    folder.write("sluice.toml", "log-level = \"error\"\nlog-format = \"json\"\nlisten = [\"127.0.0.1:1\", \"127.0.0.1:2\"]\nworkers = 3\n");
    const Environment environment{{"SLUICE_LOG_LEVEL", "warning"}, {"SLUICE_LISTEN", "127.0.0.1:3, [::1]:4"}};
    const auto options = accepted({"--data-dir", folder.path(), "--log-level", "debug"}, environment);
    CHECK(options.log_level == log::Level::debug);
    CHECK(options.log_format == log::Format::json);
    CHECK(options.workers == 3);
    REQUIRE(options.listen.size() == 2); // a list is replaced, not joined
    CHECK(options.listen[0].to_text() == "127.0.0.1:3");
    CHECK(options.listen[1].to_text() == "[::1]:4");
    CHECK(options.origins.at("log-level") == "command line");
    CHECK(options.origins.at("listen") == "environment SLUICE_LISTEN");
    CHECK(contains(options.origins.at("workers"), "sluice.toml:4"));
    CHECK(options.config_file == folder.path() + "/sluice.toml");
}

TEST_CASE("a repeated list grows, a repeated value is refused")
{
    CHECK(accepted({"--listen", "127.0.0.1:1", "--listen=:2"}).listen.size() == 2);
    CHECK(refusal({"--log-level", "info", "--log-level", "debug"}) == "--log-level is given twice");
}

TEST_CASE("a mistyped name is answered with the nearest right one")
{
    CHECK(refusal({"--lisen", "x"}) == "unknown option --lisen; did you mean --listen?");
    CHECK(refusal({"bakcup"}) == "unknown command 'bakcup'; did you mean backup?");
    CHECK(contains(refusal({"--log-level", "inf"}), "did you mean info?"));
    CHECK(contains(refusal({"-x"}), "--help"));
    const auto options = accepted({}, {{"SLUICE_LISTN", "x"}, {"HOME", "/nonexistent"}});
    REQUIRE(options.warnings.size() == 1);
    CHECK(contains(options.warnings[0], "SLUICE_LISTEN"));
}

TEST_CASE("a wrong value names its option, its source and the reason")
{
    CHECK(contains(refusal({"--listen", "8080"}), "--listen: '8080' is not ADDRESS:PORT"));
    CHECK(contains(refusal({"--trusted-proxy", "10.0.0.0/33"}), "--trusted-proxy: '10.0.0.0/33'"));
    CHECK(contains(refusal({"--workers", "-1"}), "from 0 to 256"));
    CHECK(contains(refusal({"--count", "21", "diagnose", "x:1"}), "from 1 to 20"));
    CHECK(contains(refusal({"--panel=perhaps"}), "neither true nor false"));
    CHECK(contains(refusal({}, {{"SLUICE_WORKERS", "many"}, {"HOME", "/nonexistent"}}), "environment SLUICE_WORKERS: 'many'"));
    CHECK(contains(refusal({"--listen"}), "--listen needs a value"));
}

TEST_CASE("a password on the command line is refused with the way that is private")
{
    const auto words = refusal({"--admin-password", "hunter2"});
    CHECK(contains(words, "--admin-password-file"));
    CHECK_FALSE(contains(words, "hunter2"));
}

TEST_CASE("the first password comes from the environment or a file, and never shows")
{
    const Folder folder;
    const auto file = folder.write("password", "from file\n");
    CHECK(accepted({"--admin-password-file", file}).admin_password.reveal() == "from file");
    auto environment = nobody;
    environment["SLUICE_ADMIN_PASSWORD"] = "from environment";
    CHECK(accepted({"--admin-password-file", file}, environment).admin_password.reveal() == "from environment");
    CHECK(contains(refusal({"--admin-password-file", folder.path() + "/none"}), "does not exist"));
    CHECK(contains(refusal({"--admin-password-file", folder.write("empty", "\n")}), "is empty"));
    for (const auto& row : option_table()) CHECK_FALSE(contains(row.show(accepted({}, environment)), "from environment"));
}

TEST_CASE("roles exclude each other, and the highest source that names one decides")
{
    CHECK(accepted({"--panel"}).role == Role::panel);
    CHECK(contains(refusal({"--panel", "--agent"}), "exclude each other"));
    const auto options = accepted({"--agent", "--forward", ":1=h:2"}, {{"SLUICE_PANEL", "true"}, {"HOME", "/nonexistent"}});
    CHECK(options.role == Role::agent);
    CHECK(contains(refusal({"--agent"}), "--forward"));
    CHECK(contains(refusal({"--forward", ":1=h:2"}), "--agent"));
    const std::string pin = "sha256:" + std::string(64, 'a');
    CHECK(contains(refusal({"--agent", "--connect", "https://h:1"}), "--pin"));
    CHECK(contains(refusal({"--agent", "--connect", "h:1", "--pin", pin}), "https://"));
    CHECK(contains(refusal({"--agent", "--connect", "https://h:1", "--pin", "sha256:12"}), "64 hexadecimal"));
    CHECK(contains(refusal({"--agent", "--connect", "https://h:1", "--pin", pin, "--forward", ":1=h:2"}), "exclude"));
    CHECK(contains(refusal({"--connect", "https://h:1", "--pin", pin}), "--agent"));
    CHECK(contains(refusal({"enrol", "--connect", "https://h:1", "--pin", pin}), "token"));
    const auto node = accepted({"--agent", "--connect", "https://h:1/p/", "--connect", "http://[::1]", "--pin", pin},
                               {{"SLUICE_TOKEN", "secret"}, {"HOME", "/nonexistent"}});
    CHECK(node.connect == std::vector<std::string>{"https://h:1/p", "http://[::1]:80"});
    CHECK(node.token.reveal() == "secret");
    CHECK(contains(refusal({"--agent", "--forward", "udp://:1=h:2", "--forward", ":1=h:3"}), "two forwards on port 1"));
    CHECK(contains(refusal({"--agent", "--forward", "x"}), "LISTEN=TARGET"));
}

TEST_CASE("verbs take what they need and nothing else")
{
    CHECK(accepted({"backup", "a.zip"}).arguments == std::vector<std::string>{"a.zip"});
    CHECK(refusal({"backup"}) == "usage: sluice backup FILE");
    CHECK(refusal({"restore", "a", "b"}) == "usage: sluice restore FILE");
    CHECK(accepted({"diagnose", "tcp://a:1", "b:2"}).arguments.size() == 2);
    CHECK(contains(refusal({"--json", "backup", "x"}), "--json belongs to sluice diagnose"));
    CHECK(accepted({"reset-password", "--", "-odd-"}).arguments == std::vector<std::string>{"-odd-"});
    CHECK(accepted({"--help", "--whatever-else", "--listen"}, nobody).verb == Verb::help);
}

TEST_CASE("a configuration file that is named has to exist, the usual one need not")
{
    const Folder folder;
    CHECK(accepted({"--data-dir", folder.path()}).config_file.empty());
    CHECK(contains(refusal({"--config", folder.path() + "/none.toml"}), "does not exist"));
    const auto file = folder.write("other.toml", "data-dir = \"" + folder.path() + "/data\"\n");
    CHECK(accepted({"--config", file}).data_dir == folder.path() + "/data");
    folder.write("sluice.toml", "data-dir = \"/elsewhere\"\n");
    CHECK(contains(refusal({"--data-dir", folder.path()}), "cannot move it"));
}

TEST_CASE("without any place for data it says so")
{
    if (::geteuid() != 0) CHECK(contains(refusal({}, {}), "--data-dir"));
    CHECK(accepted({"--data-dir", "/x//"}, {}).data_dir == "/x");
}

TEST_CASE("a switch is off until it is asked for")
{
    CHECK_FALSE(accepted({}).hsts);
    CHECK(accepted({"--hsts"}).hsts);
    CHECK_FALSE(accepted({"--hsts=no"}).hsts);
    CHECK(accepted({"--agent", "--forward", "tcp://:8080=10.0.0.2:80", "--no-upgrades"}).no_upgrades);
    CHECK(accepted({}, {{"SLUICE_HSTS", "on"}, {"HOME", "/nonexistent"}}).hsts);
}

TEST_CASE("every option has a variable of its own and shows its value")
{
    const auto options = accepted({});
    for (const auto& row : option_table()) {
        CHECK(find_option(row.name) == &row);
        CHECK_FALSE(row.help.empty());
        CHECK((row.takes == Takes::nothing) == row.metavar.empty());
        CHECK_FALSE(row.show(options).empty());
    }
    CHECK(environment_name(*find_option("data-dir")) == "SLUICE_DATA_DIR");
}
