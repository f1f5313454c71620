#include "forward/counters.hpp"

#include "base/log.hpp"
#include "base/random.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace sluice::forward {

namespace {

constexpr std::size_t header_size = 4096;
constexpr std::size_t slots_per_chunk = 1024;
constexpr std::size_t chunk_size = slots_per_chunk * sizeof(Slot);
constexpr std::uint32_t file_version = 1;

struct Header {
    char magic[8];
    std::uint32_t version;
    std::uint32_t slot_size;
    std::uint64_t epoch;
};

Error failed(const std::string& what) { return make_error(Errc::unavailable, "counters", what + ": " + std::strerror(errno)); }

bool usable(const Header& header)
{
    return std::memcmp(header.magic, "SLUICECT", 8) == 0 && header.version == file_version && header.slot_size == sizeof(Slot) && header.epoch != 0;
}

std::uint64_t new_epoch()
{
    // 63 bits: databases keep it as a signed number.
    return random_below((std::uint64_t{1} << 62U) - 1) + 1;
}

} // namespace

Result<std::unique_ptr<CounterFile>> CounterFile::open(const std::string& path, bool shared)
{
    std::unique_ptr<CounterFile> counters(new CounterFile());
    counters->shared_ = shared;
    for (int attempt = 0; attempt < 2; ++attempt) {
        counters->file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (counters->file_ < 0) return failed(path);
        struct stat info{};
        if (::fstat(counters->file_, &info) != 0) return failed(path);
        Header header{};
        if (info.st_size == 0) {
            std::memcpy(header.magic, "SLUICECT", 8);
            header.version = file_version;
            header.slot_size = sizeof(Slot);
            header.epoch = new_epoch();
            // Space is reserved, not only promised: a full disk must fail here and not as SIGBUS while counting.
            if (const int problem = ::posix_fallocate(counters->file_, 0, static_cast<off_t>(header_size + chunk_size)); problem != 0) {
                errno = problem;
                const auto error = failed(path);
                ::unlink(path.c_str());
                return error;
            }
            if (::pwrite(counters->file_, &header, sizeof header, 0) != sizeof header || ::fsync(counters->file_) != 0) return failed(path);
            info.st_size = static_cast<off_t>(header_size + chunk_size);
        }
        const auto size = static_cast<std::size_t>(info.st_size);
        if (size < header_size + chunk_size || ::pread(counters->file_, &header, sizeof header, 0) != sizeof header || !usable(header)) {
            ::close(counters->file_);
            counters->file_ = -1;
            const auto aside = path + ".damaged-" + random_hex(3);
            if (::rename(path.c_str(), aside.c_str()) != 0) return failed(path);
            log::error("counter file was damaged; counting starts a new epoch", {{"file", path}, {"kept_as", aside}});
            continue;
        }
        counters->epoch_ = header.epoch;
        const std::size_t chunks = (size - header_size) / chunk_size;
        for (std::size_t index = 0; index < chunks; ++index) {
            if (const auto mapped = counters->map_chunk(index); !mapped) return mapped.error();
        }
        return counters;
    }
    return make_error(Errc::unavailable, "counters", path + " cannot be made anew");
}

CounterFile::~CounterFile()
{
    for (auto* chunk : chunks_) ::munmap(chunk, chunk_size);
    if (file_ >= 0) ::close(file_);
}

Result<void> CounterFile::map_chunk(std::size_t index)
{
    void* memory = ::mmap(nullptr, chunk_size, PROT_READ | PROT_WRITE, MAP_SHARED, file_, static_cast<off_t>(header_size + index * chunk_size));
    if (memory == MAP_FAILED) return failed("mmap");
    chunks_.push_back(static_cast<Slot*>(memory));
    index_chunk(index);
    return {};
}

void CounterFile::index_chunk(std::size_t index)
{
    Slot* slots = chunks_[index];
    for (std::size_t i = slots_per_chunk; i > 0; --i) {
        Slot& slot = slots[i - 1];
        if (slot.forward <= 0) {
            free_.push_back(&slot);
            continue;
        }
        // The process before this one was killed while it sent these.
        if (!shared_) count_what_was_being_sent(slot);
        by_forward_[ForwardId{slot.forward}].push_back(&slot);
    }
}

void CounterFile::count_what_was_being_sent(Slot& slot)
{
    Slot::add(slot.up, std::exchange(slot.sending_up, 0));
    Slot::add(slot.down, std::exchange(slot.sending_down, 0));
}

void CounterFile::settle()
{
    const std::lock_guard lock(mutex_);
    shared_ = false;
    for (auto& [id, slots] : by_forward_) {
        for (auto* slot : slots) count_what_was_being_sent(*slot);
    }
}

Result<void> CounterFile::grow()
{
    const auto size = static_cast<off_t>(header_size + (chunks_.size() + 1) * chunk_size);
    if (const int problem = ::posix_fallocate(file_, 0, size); problem != 0) {
        errno = problem;
        return failed("counter file");
    }
    return map_chunk(chunks_.size());
}

Result<Slot*> CounterFile::slot(ForwardId forward, unsigned worker)
{
    const std::lock_guard lock(mutex_);
    auto& slots = by_forward_[forward];
    for (auto* slot : slots) {
        if (slot->worker == worker) return slot;
    }
    if (free_.empty()) {
        if (const auto grown = grow(); !grown) return grown.error();
    }
    Slot* slot = free_.back();
    free_.pop_back();
    *slot = Slot{};
    slot->worker = worker;
    // The id last: a slot with an id is complete, also for a process that finds it after a crash.
    std::atomic_ref<std::int64_t>(slot->forward).store(forward.value, std::memory_order_release);
    by_forward_[forward].push_back(slot);
    return slot;
}

void CounterFile::forget(ForwardId forward)
{
    const std::lock_guard lock(mutex_);
    const auto found = by_forward_.find(forward);
    if (found == by_forward_.end()) return;
    for (auto* slot : found->second) {
        std::atomic_ref<std::int64_t>(slot->forward).store(0, std::memory_order_release);
        free_.push_back(slot);
    }
    by_forward_.erase(found);
}

std::vector<plan::ForwardCounters> CounterFile::snapshot() const
{
    const auto read = [](std::uint64_t& field) { return std::atomic_ref<std::uint64_t>(field).load(std::memory_order_relaxed); };
    std::vector<plan::ForwardCounters> all;
    const std::lock_guard lock(mutex_);
    for (const auto& [id, slots] : by_forward_) {
        if (slots.empty()) continue;
        plan::ForwardCounters counters;
        counters.id = id;
        counters.epoch = epoch_;
        for (auto* slot : slots) {
            auto& sum = slot->worker >= first_carried_slot ? counters.carried : counters.traffic;
            sum.up += ByteCount{static_cast<std::int64_t>(read(slot->up))};
            sum.down += ByteCount{static_cast<std::int64_t>(read(slot->down))};
            counters.connections += read(slot->connections);
        }
        all.push_back(counters);
    }
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    return all;
}

} // namespace sluice::forward
