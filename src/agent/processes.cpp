#include "agent/processes.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <poll.h>
#include <sched.h>
#include <string_view>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

extern char** environ;

// ThreadSanitizer takes every clone() for a fork, and dies of one that shares memory; glibc's other name for it passes by.
#if defined(__has_feature)
    #if __has_feature(thread_sanitizer)
extern "C" int __clone(int (*function)(void*), void* stack, int flags, void* argument, ...); // NOLINT(bugprone-reserved-identifier)
        #define SLUICE_UNSEEN_CLONE
    #endif
#endif

namespace sluice::agent {

namespace {

constexpr std::size_t longest_output = 64 * 1024;
constexpr std::size_t stack_size = 256 * 1024;

#ifdef SLUICE_UNSEEN_CLONE
constexpr auto begin_process = &__clone;
#else
constexpr auto begin_process = &::clone;
#endif

Error failed(std::string words) { return make_error(Errc::unavailable, "program", words, {words}); }

std::vector<std::string> environment_of(const Start& start)
{
    std::vector<std::string> all;
    for (char** one = environ; one != nullptr && *one != nullptr; ++one) {
        const std::string_view entry{*one};
        const bool changed = std::any_of(start.variables.begin(), start.variables.end(), [&](const auto& variable) {
            return entry.size() > variable.first.size() && entry.rfind(variable.first, 0) == 0 && entry[variable.first.size()] == '=';
        });
        if (!changed) all.emplace_back(entry);
    }
    for (const auto& [name, value] : start.variables) {
        if (!value.empty()) all.push_back(name + "=" + value);
    }
    return all;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts)
{
    std::vector<char*> pointers;
    for (auto& text : texts) pointers.push_back(text.data());
    pointers.push_back(nullptr);
    return pointers;
}

// Runs in the new process, on memory that it shares with the old one, whose thread waits: nothing here may allocate or lock.
struct Child {
    const char* program;
    char* const* arguments;
    char* const* variables;
    int keep = -1;
    int output = -1; // becomes its standard output
    int problem = 0;

    __attribute__((no_sanitize("thread"))) static int run(void* given)
    {
        auto& self = *static_cast<Child*>(given);
        if (self.keep >= 0) ::fcntl(self.keep, F_SETFD, 0);
        if (self.output >= 0) ::dup2(self.output, STDOUT_FILENO);
        ::execve(self.program, self.arguments, self.variables);
        self.problem = errno;
        ::_exit(127);
    }
};

// As posix_spawn does it; that one cannot make a sibling.
Result<pid_t> begin(const Start& start, int output)
{
    auto words = start.arguments;
    words.insert(words.begin(), start.program);
    auto variables = environment_of(start);
    const auto arguments = pointers_to(words);
    const auto environment = pointers_to(variables);
    const auto stack = std::make_unique<char[]>(stack_size);
    for (int attempt = 0;; ++attempt) {
        Child child{start.program.c_str(), arguments.data(), environment.data(), start.descriptor, output};
        const int flags = CLONE_VM | CLONE_VFORK | SIGCHLD | (start.sibling ? CLONE_PARENT : 0);
        const auto top = (reinterpret_cast<std::uintptr_t>(stack.get()) + stack_size) & ~std::uintptr_t{15};
        const pid_t pid = begin_process(&Child::run, reinterpret_cast<void*>(top), flags, &child);
        if (pid < 0) return failed(start.program + ": " + std::strerror(errno));
        if (child.problem == 0) return pid;
        if (!start.sibling) ::waitpid(pid, nullptr, 0);
        // Another thread that started a process a moment ago may hold the file open for writing.
        if (child.problem != ETXTBSY || attempt == 20) return failed(start.program + ": " + std::strerror(child.problem));
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
}

} // namespace

Result<std::string> output_of(const std::string& program, const std::vector<std::string>& arguments, std::chrono::milliseconds within,
                              const std::atomic<bool>& give_up)
{
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) != 0) return failed(std::string{"pipe: "} + std::strerror(errno));
    const auto pid = begin({program, arguments, {}, -1, false}, ends[1]);
    ::close(ends[1]);
    std::string output;
    const auto until = std::chrono::steady_clock::now() + within;
    bool late = false;
    while (pid && output.size() <= longest_output) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
        pollfd one{ends[0], POLLIN, 0};
        late = left <= 0 || give_up;
        if (late) break;
        if (::poll(&one, 1, static_cast<int>(std::min<std::int64_t>(left, 200))) == 0) continue;
        std::array<char, 4096> chunk{};
        const auto got = ::read(ends[0], chunk.data(), chunk.size());
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        output.append(chunk.data(), static_cast<std::size_t>(got));
    }
    ::close(ends[0]);
    if (!pid) return pid.error();
    if (late || output.size() > longest_output) ::kill(*pid, SIGKILL);
    int status = 0;
    while (::waitpid(*pid, &status, 0) < 0 && errno == EINTR) {}
    const auto what = program + (arguments.empty() ? "" : " " + arguments.front());
    if (late) return make_error(Errc::timeout, "program", what, {what + " does not end"});
    if (WIFSIGNALED(status)) return failed(what + " ended by signal " + std::to_string(WTERMSIG(status)));
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return failed(what + " ended with code " + std::to_string(WEXITSTATUS(status)));
    return output;
}

Result<pid_t> start_process(const Start& start) { return begin(start, -1); }

} // namespace sluice::agent
