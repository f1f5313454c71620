#include "tunnel/mux.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <vector>

namespace sluice::tunnel {

namespace {

constexpr std::size_t least_room = 1024; // a data frame into less is not worth its header
constexpr unsigned urgent_in_a_row = 8;  // small frames go first, but bulk is never starved by them

} // namespace

Mux::Mux(bool opens, const Hello& hello, CarrierEvents& events, MuxLimits limits)
    : opens_(opens), events_(events), limits_(limits), growth_left_(limits.growth)
{
    append(queue_, hello);
}

Mux::~Mux() = default;

bool Mux::broke(std::string_view why)
{
    if (problem_.empty()) problem_ = why;
    return false;
}

void Mux::said() { events_.output_waits(); }

bool Mux::received(SteadyTime now, std::span<const char> bytes)
{
    now_ = now;
    heard_ = now;
    while (!bytes.empty() && !over_) {
        if (!problem_.empty()) return false;
        if (!partial_.empty() || bytes.size() < header_size) {
            // A frame that came in pieces is put together; all others are used where they are.
            const auto fill = [&](std::size_t until) {
                const auto missing = until > partial_.size() ? until - partial_.size() : 0;
                const auto take = std::min(missing, bytes.size());
                partial_.append(bytes.data(), take);
                bytes = bytes.subspan(take);
                return partial_.size() >= until;
            };
            if (!fill(header_size)) return true;
            const auto header = decode_header(partial_);
            if (!header) return broke("malformed frame");
            if (!fill(header_size + header->length)) return true;
            const auto frame = std::move(partial_);
            partial_.clear();
            if (!handle(*header, std::span{frame}.subspan(header_size))) return false;
            continue;
        }
        const auto header = decode_header(bytes);
        if (!header) return broke("malformed frame");
        if (bytes.size() < header_size + header->length) {
            partial_.assign(bytes.data(), bytes.size());
            return true;
        }
        const auto payload = bytes.subspan(header_size, header->length);
        bytes = bytes.subspan(header_size + header->length);
        if (!handle(*header, payload)) return false;
    }
    return problem_.empty();
}

bool Mux::handle(const Header& header, std::span<const char> payload)
{
    if (!greeted_ && header.type != FrameType::hello) return broke("no hello");
    switch (header.type) {
    case FrameType::hello: {
        const auto hello = decode_hello(payload);
        if (!hello || greeted_) return broke("malformed hello");
        if (hello->version != protocol_version) return broke("another protocol version");
        greeted_ = true;
        events_.on_hello(*hello);
        return problem_.empty();
    }
    case FrameType::ping: {
        // Pings of a peer that does not read pile up here; nobody needs that many.
        if (queue_.size() - queue_at_ > limits_.queued) return broke("the peer does not read");
        std::uint64_t token = 0;
        for (const char c : payload) token = token << 8U | static_cast<unsigned char>(c);
        append_ping(queue_, token, true);
        said();
        return true;
    }
    case FrameType::pong: {
        std::uint64_t token = 0;
        for (const char c : payload) token = token << 8U | static_cast<unsigned char>(c);
        if (ping_waits_ && token == ping_token_) {
            ping_waits_ = false;
            round_trip_ = now_ - pinged_;
        }
        return true;
    }
    case FrameType::want: {
        const auto carriers = static_cast<std::uint16_t>(static_cast<unsigned char>(payload[0]) << 8U | static_cast<unsigned char>(payload[1]));
        events_.on_want(carriers);
        return true;
    }
    case FrameType::open: return handle_open(header.stream, payload);
    default: break;
    }

    const auto found = streams_.find(header.stream);
    if (found == streams_.end()) {
        // Late words for a stream that we ended; anything else is nonsense.
        if (header.stream > last_id_) return broke("a stream that was never opened");
        return true;
    }
    auto& stream = found->second;
    switch (header.type) {
    case FrameType::opened:
        if (!opens_) return broke("opened by the wrong side");
        stream.end->on_opened();
        return true;
    case FrameType::data:
        if (stream.got_finish) return broke("bytes after the end");
        if (payload.size() > stream.allowed) return broke("bytes without credit");
        stream.allowed -= static_cast<std::uint32_t>(payload.size());
        stream.end->on_data(payload);
        return true;
    case FrameType::credit: {
        const auto bytes = decode_credit(payload);
        if (!bytes || stream.credit + *bytes > (1ULL << 40U)) return broke("malformed credit");
        stream.credit += *bytes;
        if (stream.wants) enqueue(header.stream, stream);
        return true;
    }
    case FrameType::finish:
        if (stream.got_finish) return broke("two ends of a stream");
        stream.got_finish = true;
        stream.end->on_finish();
        finish_if_done(header.stream);
        return true;
    case FrameType::reset: {
        auto* end = stream.end;
        const auto reason = decode_reset(payload).value_or(Reason::closed);
        remove(found);
        end->on_end(reason);
        return true;
    }
    case FrameType::datagram: stream.end->on_datagram(payload); return true;
    default: return broke("malformed frame");
    }
}

bool Mux::handle_open(StreamId id, std::span<const char> payload)
{
    if (opens_) return broke("open by the wrong side");
    auto open = decode_open(payload);
    if (!open || id <= last_id_) return broke("malformed open");
    last_id_ = id;
    if (streams_.size() >= limits_.streams) {
        if (queue_.size() - queue_at_ > limits_.queued) return broke("the peer does not read");
        append_reset(queue_, id, Reason::overloaded);
        said();
        return true;
    }
    auto& stream = streams_[id];
    stream.credit = limits_.first_window;
    stream.window = limits_.first_window;
    stream.allowed = limits_.first_window;
    stream.credited = now_;
    // First bytes are paid like all others.
    stream.allowed -= static_cast<std::uint32_t>(open->first_bytes.size());
    events_.on_open(id, *open);
    const auto found = streams_.find(id);
    assert(found == streams_.end() || found->second.end != nullptr);
    if (found != streams_.end() && found->second.end == nullptr) reset(id, Reason::closed);
    if (queue_.size() - queue_at_ > 4 * limits_.queued) return broke("the peer does not read"); // opens and their refusals
    return true;
}

void Mux::remove(Streams::iterator at)
{
    growth_left_ += at->second.window - limits_.first_window;
    streams_.erase(at);
    events_.stream_gone();
}

void Mux::finish_if_done(StreamId id)
{
    const auto found = streams_.find(id);
    if (found == streams_.end() || !found->second.got_finish || !found->second.sent_finish) return;
    auto* end = found->second.end;
    remove(found);
    end->on_end(Reason::closed);
}

void Mux::lost(Reason reason)
{
    over_ = true;
    while (!streams_.empty()) {
        const auto first = streams_.begin();
        auto* end = first->second.end;
        streams_.erase(first);
        if (end != nullptr) end->on_end(reason);
    }
    urgent_.clear();
    bulk_.clear();
}

StreamId Mux::open(const Open& open, StreamEnd& end)
{
    assert(opens_);
    if (over_ || streams_.size() >= limits_.streams || last_id_ == UINT32_MAX) return 0;
    const auto id = ++last_id_;
    auto& stream = streams_[id];
    stream.end = &end;
    stream.credit = limits_.first_window - std::min<std::size_t>(open.first_bytes.size(), most_first_bytes);
    stream.window = limits_.first_window;
    stream.allowed = limits_.first_window;
    stream.credited = now_;
    append(queue_, id, open);
    said();
    return id;
}

void Mux::attach(StreamId id, StreamEnd& end)
{
    const auto found = streams_.find(id);
    assert(found != streams_.end());
    found->second.end = &end;
}

void Mux::opened(StreamId id)
{
    if (over_ || !streams_.contains(id)) return;
    append_opened(queue_, id);
    said();
}

void Mux::ready(StreamId id)
{
    const auto found = streams_.find(id);
    if (over_ || found == streams_.end() || found->second.sent_finish) return;
    found->second.wants = true;
    enqueue(id, found->second);
}

// A stream without credit waits outside the queues; credit brings it back. An end of file needs none, but only its end knows of it: a stream with
// nothing left but that has to wait as well, which costs at most one credit.
void Mux::enqueue(StreamId id, Stream& stream)
{
    if (stream.queued || stream.credit == 0) return;
    stream.queued = true;
    (stream.bulk ? bulk_ : urgent_).push_back(id);
    said();
}

void Mux::consumed(StreamId id, std::size_t bytes)
{
    const auto found = streams_.find(id);
    if (over_ || found == streams_.end()) return;
    auto& stream = found->second;
    stream.owed += static_cast<std::uint32_t>(bytes);
    assert(stream.owed + stream.allowed <= stream.window);
    if (stream.owed >= stream.window / 2 && !stream.got_finish) give_credit(id, stream);
}

// Half a window consumed within two round trips: the window is what limits the stream, so it doubles.
void Mux::give_credit(StreamId id, Stream& stream)
{
    auto bytes = stream.owed;
    if (now_ - stream.credited < 2 * round_trip_ && stream.window < limits_.largest_window && growth_left_ >= stream.window) {
        growth_left_ -= stream.window;
        bytes += stream.window;
        stream.window *= 2;
    }
    stream.credited = now_;
    stream.owed = 0;
    stream.allowed += bytes;
    append_credit(queue_, id, bytes);
    said();
}

bool Mux::datagram(StreamId id, std::span<const char> bytes)
{
    const auto found = streams_.find(id);
    if (over_ || found == streams_.end() || bytes.size() > most_datagram || queue_.size() - queue_at_ > limits_.queued) return false;
    auto& stream = found->second;
    if (stream.datagram_round != queue_round_) {
        stream.datagram_round = queue_round_;
        stream.datagrams = 0;
    }
    if (stream.datagrams > limits_.datagrams_of_stream) return false; // the others have a right to the queue, too
    stream.datagrams += bytes.size() + header_size;
    append_datagram(queue_, id, bytes);
    said();
    return true;
}

void Mux::reset(StreamId id, Reason reason)
{
    const auto found = streams_.find(id);
    if (over_ || found == streams_.end()) return;
    remove(found);
    append_reset(queue_, id, reason);
    said();
}

void Mux::want(std::uint16_t carriers)
{
    if (over_) return;
    append_want(queue_, carriers);
    said();
}

std::size_t Mux::produce(SteadyTime now, std::span<char> room)
{
    now_ = now;
    std::size_t used = 0;
    while (!over_) {
        if (queue_at_ < queue_.size()) {
            const auto take = std::min(queue_.size() - queue_at_, room.size() - used);
            std::memcpy(room.data() + used, queue_.data() + queue_at_, take);
            used += take;
            queue_at_ += take;
            if (queue_at_ < queue_.size()) {
                if (queue_at_ > limits_.queued) {
                    queue_.erase(0, queue_at_);
                    queue_at_ = 0;
                }
                return used; // the room is full
            }
            queue_.clear();
            if (queue_.capacity() > limits_.queued) queue_.shrink_to_fit();
            queue_at_ = 0;
            ++queue_round_;
        }
        if (room.size() - used < header_size + least_room) return used;
        if (urgent_.empty() && bulk_.empty()) return used;
        const bool bulk = urgent_.empty() || (!bulk_.empty() && urgent_run_ >= urgent_in_a_row);
        urgent_run_ = bulk ? 0 : urgent_run_ + 1;
        auto& from = bulk ? bulk_ : urgent_;
        used += produce_data(from, room.subspan(used));
    }
    return used;
}

// One frame of the stream in front.
std::size_t Mux::produce_data(std::deque<StreamId>& from, std::span<char> room)
{
    const auto id = from.front();
    from.pop_front();
    auto found = streams_.find(id);
    if (found == streams_.end()) return 0; // reset while it waited
    auto* stream = &found->second;
    stream->queued = false;
    const auto most = std::min<std::size_t>({most_data, room.size() - header_size, stream->credit});
    const auto taken = stream->end->take(room.subspan(header_size, most));
    found = streams_.find(id); // the end may have reset it
    if (found == streams_.end()) return 0;
    stream = &found->second;
    assert(taken.size <= most);
    std::size_t used = 0;
    if (taken.size > 0) {
        write_header(room.data(), {id, FrameType::data, static_cast<std::uint32_t>(taken.size)});
        used = header_size + taken.size;
        stream->credit -= taken.size;
    }
    if (taken.finished) {
        stream->wants = false;
        stream->sent_finish = true;
        append_finish(queue_, id);
        finish_if_done(id);
    } else if (taken.size == most) {
        stream->bulk = most == most_data || stream->bulk;
        enqueue(id, *stream);
    } else {
        stream->wants = false;
        stream->bulk = false;
    }
    return used;
}

bool Mux::tick(SteadyTime now)
{
    now_ = now;
    if (heard_ == SteadyTime{}) heard_ = now;
    if (ping_waits_) return now - std::max(heard_, pinged_) < limits_.silence;
    if (now - pinged_ < limits_.ping_every && pinged_ != SteadyTime{}) return true;
    pinged_ = now;
    ping_waits_ = true;
    append_ping(queue_, ++ping_token_, false);
    said();
    return true;
}

} // namespace sluice::tunnel
