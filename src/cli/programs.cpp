#include "cli/programs.hpp"

#include "agent/program_store.hpp"
#include "base/log.hpp"
#include "base/machine.hpp"
#include "base/text.hpp"
#include "net/sha256.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace sluice::cli {

namespace {

constexpr const char* stand_in_variable = "SLUICE_STAND_IN"; // the process that took over
constexpr const char* own_program = "/proc/self/exe";

std::string program_folder(const Options& options) { return options.data_dir + "/program"; }

std::string own_path()
{
    std::array<char, 4096> path{};
    const auto length = ::readlink(own_program, path.data(), path.size());
    return length > 0 ? std::string(path.data(), static_cast<std::size_t>(length)) : own_program;
}

// Version and path of the installed program, when that one started this one.
std::optional<std::pair<std::string, std::string>> installed_program()
{
    const char* text = std::getenv(agent::installed_variable);
    if (text == nullptr) return std::nullopt;
    const std::string_view words{text};
    const auto gap = words.find(' ');
    if (gap == std::string_view::npos) return std::nullopt;
    return std::pair{std::string{words.substr(0, gap)}, std::string{words.substr(gap + 1)}};
}

// Does not return where it works.
void become_stand_in(pid_t successor)
{
    ::setenv(stand_in_variable, std::to_string(successor).c_str(), 1);
    std::array<char, 7> name{"sluice"};
    std::array<char*, 2> words{name.data(), nullptr};
    ::execv(own_program, words.data());
}

// Children of this process, the newest last.
std::vector<pid_t> children(pid_t known)
{
    std::vector<pid_t> all;
    std::ifstream file("/proc/self/task/" + std::to_string(::getpid()) + "/children");
    for (pid_t one = 0; file >> one;) all.push_back(one);
    if (all.empty()) all.push_back(known); // this kernel does not tell
    return all;
}

int code_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

} // namespace

bool can_be_upgraded(const Options& options) { return options.role == Role::agent && options.forwards.empty() && !options.no_upgrades; }

void start_upgraded(const Options& options, char** words)
{
    if (!can_be_upgraded(options) || std::getenv(agent::handover_variable) != nullptr || installed_program()) return;
    agent::ProgramStore store(program_folder(options));
    const auto program = store.to_start(SLUICE_VERSION);
    if (!program) return;
    ::setenv(agent::installed_variable, (std::string{SLUICE_VERSION " "} + own_path()).c_str(), 1);
    ::execv(program->c_str(), words);
    ::unsetenv(agent::installed_variable);
    log::error("the upgraded program does not start; the installed one goes on", {{"file", *program}, {"problem", std::strerror(errno)}});
}

agent::Self describe_self(const Options& options, const Notifier& notifier, int lock, const agent::Succession* succession)
{
    agent::Self self;
    self.program_folder = program_folder(options);
    self.arguments = options.command_line;
    self.architecture = std::string{architecture};
    self.lock = lock;
    const auto installed = installed_program();
    self.installed = installed ? installed->second : own_path();
    self.installed_version = installed ? installed->first : SLUICE_VERSION;
    self.entry.version = SLUICE_VERSION;
    if (const auto path = own_path(); path.rfind(self.program_folder + "/", 0) == 0) {
        self.entry.file = path.substr(self.program_folder.size() + 1);
        self.entry.sha256 = net::sha256_of_file(own_program).value_or("-");
    }
    const bool managed = notifier.heard() && ::getpid() != 1;
    self.stand_in = succession != nullptr && succession->inheritance().stand_in;
    self.sibling = managed || self.stand_in;
    self.leave = [managed, sibling = self.sibling, notifier](pid_t successor) {
        if (managed) notifier.main_process(successor);
        if (!sibling) become_stand_in(successor);
        ::_exit(0);
    };
    return self;
}

std::optional<int> stand_in()
{
    const char* text = std::getenv(stand_in_variable);
    const auto successor = text != nullptr ? parse_int(text) : std::nullopt;
    if (!successor) return std::nullopt;
    sigset_t wanted;
    sigemptyset(&wanted);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) sigaddset(&wanted, signal);
    ::sigprocmask(SIG_BLOCK, &wanted, nullptr);
    for (int code = 1;;) {
        int status = 0;
        pid_t ended = 0;
        while ((ended = ::waitpid(-1, &status, WNOHANG)) > 0) code = code_of(status);
        if (ended < 0 && errno == ECHILD) return code; // nobody is left
        int signal = 0;
        if (::sigwait(&wanted, &signal) != 0 || signal == SIGCHLD) continue;
        for (const auto child : children(static_cast<pid_t>(*successor))) ::kill(child, signal);
    }
}

} // namespace sluice::cli
