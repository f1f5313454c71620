// The folder with everything that is stored, and the lock that keeps two processes from using it at once.
#pragma once

#include "base/result.hpp"

#include <string>
#include <utility>

namespace sluice::cli {

// Held as long as the process uses the folder as its owner. The lock is flock(2) on DIR/lock, so it ends with the process however that
// dies; the file says the owner's process id.
class DataDir {
public:
    // Makes the folder (mode 0700) where missing and takes the lock. Errors: conflict "data_dir" (in use: args[0] is a line that names
    // the process), unavailable "data_dir" (args[0] is a line with the system's words).
    static Result<DataDir> open(const std::string& path);

    // With the lock of a process that gives the folder to this one; `lock` is owned from here on.
    static DataDir adopt(const std::string& path, int lock);
    int lock() const { return lock_; } // for a successor

    DataDir(DataDir&& other) noexcept : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}
    DataDir& operator=(DataDir&& other) noexcept
    {
        std::swap(path_, other.path_);
        std::swap(lock_, other.lock_);
        return *this;
    }
    ~DataDir();

    const std::string& path() const { return path_; }
    std::string file(const std::string& name) const { return path_ + "/" + name; }

private:
    DataDir(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}

    std::string path_;
    int lock_ = -1;
};

} // namespace sluice::cli
