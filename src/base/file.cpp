#include "base/file.hpp"

#include "base/random.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sluice {

namespace {

class Descriptor {
public:
    explicit Descriptor(int value) : value_(value) {}
    ~Descriptor()
    {
        if (value_ >= 0) ::close(value_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int get() const { return value_; }

private:
    int value_;
};

Error failed(std::string_view field, const std::string& path, int problem)
{
    return make_error(Errc::unavailable, std::string{field}, path + ": " + std::strerror(problem), {path});
}

std::string folder_of(const std::string& path)
{
    const auto slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

} // namespace

Result<void> write_file_atomically(const std::string& path, std::string_view content, unsigned mode)
{
    const std::string temporary = path + ".new-" + random_hex(4);
    const auto abandon = [&](int problem) {
        ::unlink(temporary.c_str());
        return failed("file", path, problem);
    };
    {
        const Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
        if (file.get() < 0) return failed("file", path, errno);
        if (::fchmod(file.get(), mode) != 0) return abandon(errno);
        while (!content.empty()) {
            const auto wrote = ::write(file.get(), content.data(), content.size());
            if (wrote < 0 && errno == EINTR) continue;
            if (wrote < 0) return abandon(errno);
            content.remove_prefix(static_cast<std::size_t>(wrote));
        }
        if (::fsync(file.get()) != 0) return abandon(errno);
    }
    if (::rename(temporary.c_str(), path.c_str()) != 0) return abandon(errno);
    const Descriptor folder(::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (folder.get() >= 0) ::fsync(folder.get()); // some file systems refuse to sync a folder; the rename stands either way
    return {};
}

Result<std::string> read_file(const std::string& path, std::size_t limit)
{
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0) {
        if (errno == ENOENT) return make_error(Errc::not_found, "file", path, {path});
        return failed("file", path, errno);
    }
    std::string content;
    std::array<char, 16 * 1024> chunk{};
    for (;;) {
        const auto got = ::read(file.get(), chunk.data(), chunk.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return failed("file", path, errno);
        if (got == 0) return content;
        content.append(chunk.data(), static_cast<std::size_t>(got));
        if (content.size() > limit) return failed("file", path, EFBIG);
    }
}

Result<void> make_private_folder(const std::string& path)
{
    for (std::size_t at = 1; at <= path.size(); ++at) {
        if (at != path.size() && path[at] != '/') continue;
        const auto part = path.substr(0, at);
        if (::mkdir(part.c_str(), 0700) != 0 && errno != EEXIST) return failed("folder", part, errno);
    }
    struct stat info{};
    if (::stat(path.c_str(), &info) != 0) return failed("folder", path, errno);
    if (!S_ISDIR(info.st_mode)) return failed("folder", path, ENOTDIR);
    return {};
}

bool file_exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

} // namespace sluice
