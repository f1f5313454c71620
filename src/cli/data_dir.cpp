#include "cli/data_dir.hpp"

#include "base/file.hpp"
#include "base/text.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sluice::cli {

namespace {

Error unusable(const std::string& path, const std::string& why)
{
    return make_error(Errc::unavailable, "data_dir", why, {"data directory " + path + ": " + why});
}

} // namespace

Result<DataDir> DataDir::open(const std::string& path)
{
    if (const auto made = make_private_folder(path); !made) return unusable(path, made.error().detail);
    const auto lock_path = path + "/lock";
    const int lock = ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock < 0) return unusable(path, lock_path + ": " + std::strerror(errno));
    if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
        const int problem = errno;
        std::string owner(32, '\0');
        const auto length = ::pread(lock, owner.data(), owner.size(), 0);
        ::close(lock);
        if (problem != EWOULDBLOCK) return unusable(path, lock_path + ": " + std::strerror(problem));
        owner.resize(length > 0 ? static_cast<std::size_t>(length) : 0);
        const auto process = parse_int(trim(owner));
        auto words = "data directory " + path + " is in use" + (process ? " by process " + std::to_string(*process) : "");
        return make_error(Errc::conflict, "data_dir", words, {words});
    }
    return adopt(path, lock);
}

DataDir DataDir::adopt(const std::string& path, int lock)
{
    const auto process = std::to_string(::getpid()) + "\n";
    // The number is for people only, so a disk that is full does not keep the process from running.
    if (::ftruncate(lock, 0) == 0) [[maybe_unused]]
        const auto written = ::pwrite(lock, process.data(), process.size(), 0);
    return DataDir(path, lock);
}

DataDir::~DataDir()
{
    if (lock_ >= 0) ::close(lock_); // which unlocks; the file stays, since removing it would let two processes hold two locks
}

} // namespace sluice::cli
