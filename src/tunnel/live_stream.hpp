// A stream that passes this node, as its loop keeps it: by forward, so that what loses its right is cut, and with a look at its deadlines now and then.
#pragma once

#include "base/id.hpp"
#include "base/time.hpp"
#include "forward/client_book.hpp"
#include "tunnel/frames.hpp"

#include <memory>
#include <unordered_map>
#include <vector>

namespace sluice::tunnel {

class LiveStream : public std::enable_shared_from_this<LiveStream> {
public:
    LiveStream(TunnelId through, ForwardId of) : tunnel(through), forward(of) {}
    virtual ~LiveStream() = default;
    virtual void cut(Reason reason) = 0; // both sides hear it
    virtual void tick(SteadyTime now) = 0;
    // At an entry, where clients are counted: whether it is this one's; and counts one that was there before.
    virtual bool is_of(const forward::ClientPtr&) const { return false; }
    virtual void count_client() {}

    const TunnelId tunnel;
    const ForwardId forward;
};

class LiveStreams {
public:
    void add(std::shared_ptr<LiveStream> stream)
    {
        auto* key = stream.get();
        all_.emplace(key, std::move(stream));
    }
    // The stream is over. It is destroyed by sweep(), when nobody is in the middle of one of its functions.
    void remove(LiveStream& stream)
    {
        const auto found = all_.find(&stream);
        if (found == all_.end()) return;
        dead_.push_back(std::move(found->second));
        all_.erase(found);
    }
    void sweep()
    {
        const auto dying = std::move(dead_); // what ends in their destructors is for the next sweep
        dead_.clear();
    }

    template <class Which>
    void cut_if(Which which, Reason reason)
    {
        for (const auto& stream : snapshot()) {
            if (which(*stream)) stream->cut(reason);
        }
    }
    template <class Work>
    void each(Work work)
    {
        for (const auto& stream : snapshot()) work(*stream);
    }
    void tick(SteadyTime now)
    {
        for (const auto& stream : snapshot()) stream->tick(now);
    }

private:
    std::vector<std::shared_ptr<LiveStream>> snapshot() const
    {
        std::vector<std::shared_ptr<LiveStream>> streams;
        streams.reserve(all_.size());
        for (const auto& [key, stream] : all_) streams.push_back(stream);
        return streams;
    }

    std::unordered_map<LiveStream*, std::shared_ptr<LiveStream>> all_;
    std::vector<std::shared_ptr<LiveStream>> dead_;
};

} // namespace sluice::tunnel
