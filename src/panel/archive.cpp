#include "panel/archive.hpp"

#include "base/file.hpp"
#include "base/random.hpp"

#include <minizip/unzip.h>
#include <minizip/zip.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sluice::panel {

namespace {

constexpr std::size_t chunk_size = std::size_t{256} * 1024;
constexpr int compression = 6;
constexpr uLong made_by_unix = 3U << 8U;        // so that the mode below counts
constexpr uLong private_file = 0100600U << 16U; // regular file, rw-------

Error of_system(const std::string& path, int problem) { return make_error(Errc::unavailable, "file", path + ": " + std::strerror(problem), {path}); }
Error damaged(const std::string& path, const std::string& why) { return make_error(Errc::invalid, "archive", path + ": " + why, {path, why}); }

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

zip_fileinfo now()
{
    zip_fileinfo info{};
    const std::time_t time = std::time(nullptr);
    std::tm parts{};
    ::gmtime_r(&time, &parts);
    info.tmz_date.tm_sec = static_cast<uInt>(parts.tm_sec);
    info.tmz_date.tm_min = static_cast<uInt>(parts.tm_min);
    info.tmz_date.tm_hour = static_cast<uInt>(parts.tm_hour);
    info.tmz_date.tm_mday = static_cast<uInt>(parts.tm_mday);
    info.tmz_date.tm_mon = static_cast<uInt>(parts.tm_mon);
    info.tmz_date.tm_year = static_cast<uInt>(parts.tm_year + 1900);
    info.external_fa = private_file;
    return info;
}

Result<void> add_part(zipFile archive, const ArchivePart& part, const std::string& path)
{
    const auto info = now();
    if (zipOpenNewFileInZip4_64(archive, part.name.c_str(), &info, nullptr, 0, nullptr, 0, nullptr, Z_DEFLATED, compression, 0, -MAX_WBITS,
                                DEF_MEM_LEVEL, Z_DEFAULT_STRATEGY, nullptr, 0, made_by_unix, 0, 1) != ZIP_OK)
        return of_system(path, errno);
    const auto write = [archive](const char* bytes, std::size_t count) {
        return zipWriteInFileInZip(archive, bytes, static_cast<unsigned>(count)) == ZIP_OK;
    };
    if (part.from_file.empty()) {
        if (!write(part.content.data(), part.content.size())) return of_system(path, errno);
    } else {
        const Descriptor source(::open(part.from_file.c_str(), O_RDONLY | O_CLOEXEC));
        if (source.get() < 0) return of_system(part.from_file, errno);
        std::vector<char> chunk(chunk_size);
        for (;;) {
            const auto got = ::read(source.get(), chunk.data(), chunk.size());
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) return of_system(part.from_file, errno);
            if (got == 0) break;
            if (!write(chunk.data(), static_cast<std::size_t>(got))) return of_system(path, errno);
        }
    }
    if (zipCloseFileInZip(archive) != ZIP_OK) return of_system(path, errno);
    return {};
}

Result<void> fill(const std::string& temporary, const std::vector<ArchivePart>& parts)
{
    zipFile archive = zipOpen64(temporary.c_str(), APPEND_STATUS_CREATE);
    if (archive == nullptr) return of_system(temporary, errno);
    Result<void> outcome;
    for (const auto& part : parts) {
        outcome = add_part(archive, part, temporary);
        if (!outcome) break;
    }
    errno = 0;
    if (zipClose(archive, nullptr) != ZIP_OK && outcome) outcome = of_system(temporary, errno == 0 ? EIO : errno);
    return outcome;
}

// The current part of `archive` into a new file.
Result<void> extract(unzFile archive, const std::string& to, const std::string& path, std::uint64_t most)
{
    if (const auto slash = to.rfind('/'); slash != std::string::npos) {
        if (const auto made = make_private_folder(to.substr(0, slash)); !made) return made;
    }
    if (unzOpenCurrentFile(archive) != UNZ_OK) return damaged(path, "a part cannot be read");
    const auto read_all = [&]() -> Result<void> {
        const Descriptor target(::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
        if (target.get() < 0) return errno == EEXIST ? damaged(path, "a part is there twice") : of_system(to, errno);
        std::vector<char> chunk(chunk_size);
        std::uint64_t total = 0;
        for (;;) {
            const int got = unzReadCurrentFile(archive, chunk.data(), static_cast<unsigned>(chunk.size()));
            if (got < 0) return damaged(path, "a part is damaged");
            if (got == 0) break;
            total += static_cast<std::uint64_t>(got);
            if (total > most) return damaged(path, "a part is longer than it says");
            for (std::size_t done = 0; done < static_cast<std::size_t>(got);) {
                const auto wrote = ::write(target.get(), chunk.data() + done, static_cast<std::size_t>(got) - done);
                if (wrote < 0 && errno == EINTR) continue;
                if (wrote < 0) return of_system(to, errno);
                done += static_cast<std::size_t>(wrote);
            }
        }
        if (::fsync(target.get()) != 0) return of_system(to, errno);
        return {};
    };
    auto outcome = read_all();
    // Closing checks the CRC of what was read to its end.
    if (unzCloseCurrentFile(archive) != UNZ_OK && outcome) outcome = damaged(path, "a part is damaged");
    return outcome;
}

Result<std::vector<std::string>> unpack(unzFile archive, const std::string& path, const std::string& folder,
                                        const std::vector<std::string_view>& wanted, const ArchiveLimits& limits)
{
    unz_global_info64 about{};
    if (unzGetGlobalInfo64(archive, &about) != UNZ_OK) return damaged(path, "its directory is damaged");
    if (about.number_entry > limits.parts) return damaged(path, "it has too many parts");
    std::vector<std::string> found;
    for (int step = unzGoToFirstFile(archive); step == UNZ_OK; step = unzGoToNextFile(archive)) {
        unz_file_info64 info{};
        std::array<char, 256> name{};
        if (unzGetCurrentFileInfo64(archive, &info, name.data(), name.size() - 1, nullptr, 0, nullptr, 0) != UNZ_OK)
            return damaged(path, "its directory is damaged");
        const std::string part = name.data();
        if (std::find(wanted.begin(), wanted.end(), part) == wanted.end()) continue;
        if (info.uncompressed_size > limits.bytes_of_part || info.uncompressed_size / (info.compressed_size + 1) > limits.most_growth)
            return damaged(path, "part '" + part + "' is too large");
        if (const auto extracted = extract(archive, folder + "/" + part, path, info.uncompressed_size); !extracted) return extracted.error();
        found.push_back(part);
    }
    return found;
}

} // namespace

Result<void> write_archive(const std::string& path, const std::vector<ArchivePart>& parts)
{
    struct stat known{};
    if (::lstat(path.c_str(), &known) == 0) return make_error(Errc::conflict, "file", path + " exists already", {path});
    const std::string temporary = path + ".new-" + random_hex(4);
    // Made private and empty before minizip fills it by its own means.
    const Descriptor file(::open(temporary.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (file.get() < 0) return of_system(path, errno);
    auto outcome = fill(temporary, parts);
    if (outcome && ::fsync(file.get()) != 0) outcome = of_system(path, errno);
    // link(2) instead of rename(2): a file that came up meanwhile is not replaced.
    if (outcome && ::link(temporary.c_str(), path.c_str()) != 0)
        outcome = errno == EEXIST ? make_error(Errc::conflict, "file", path + " exists already", {path}) : of_system(path, errno);
    ::unlink(temporary.c_str());
    return outcome;
}

Result<std::vector<std::string>> unpack_archive(const std::string& path, const std::string& folder, const std::vector<std::string_view>& wanted,
                                                const ArchiveLimits& limits)
{
    if (::access(path.c_str(), R_OK) != 0) {
        if (errno == ENOENT) return make_error(Errc::not_found, "file", path + " does not exist", {path});
        return of_system(path, errno);
    }
    unzFile archive = unzOpen64(path.c_str());
    if (archive == nullptr) return damaged(path, "it is not a ZIP file");
    auto outcome = unpack(archive, path, folder, wanted, limits);
    unzClose(archive);
    return outcome;
}

} // namespace sluice::panel
