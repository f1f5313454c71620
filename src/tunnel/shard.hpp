// One loop of the engine: its thread, and the parts and entries of tunnels that live on it.
#pragma once

#include "tunnel/engine.hpp"
#include "tunnel/entry.hpp"
#include "tunnel/part.hpp"

#include <atomic>
#include <future>
#include <map>
#include <memory>
#include <pthread.h>
#include <string>
#include <thread>

namespace sluice::tunnel {

struct Shard {
    Shard(unsigned index, unsigned count, const EngineOptions& options, const WireContexts& contexts, forward::Keeper& keeper,
          std::atomic<std::uint64_t>& streams_seen)
        : tick(options.tick), timer(loop.io), work(asio::make_work_guard(loop.io))
    {
        loop.index = index;
        loop.count = count;
        loop.clock = options.clock;
        loop.contexts = &contexts;
        loop.budget = options.budget;
        loop.keeper = &keeper;
        loop.streams_seen = &streams_seen;
        loop.carried = [counters = options.counters, worker = forward::first_carried_slot + index](ForwardId forward) -> forward::Slot* {
            const auto slot = counters->slot(forward, worker);
            return slot ? *slot : nullptr;
        };
        thread = std::thread([this] {
            ::pthread_setname_np(::pthread_self(), ("tunnel-" + std::to_string(loop.index)).substr(0, 15).c_str());
            next_tick();
            loop.io.run();
        });
    }
    ~Shard()
    {
        call([this] {
            entries.clear();
            parts.clear();
            loop.streams.cut_if([](const LiveStream&) { return true; }, Reason::cut);
            loop.streams.sweep();
            timer.cancel();
            work.reset();
        });
        loop.io.stop();
        thread.join();
    }

    // Runs it on the loop and waits.
    template <class Work>
    void call(Work work_to_do)
    {
        const auto done = std::make_shared<std::promise<void>>(); // shared: the waiting thread is gone before set_value() has returned
        auto finished = done->get_future();
        asio::post(loop.io, [&work_to_do, done] {
            work_to_do();
            done->set_value();
        });
        finished.wait();
    }

    void next_tick()
    {
        timer.expires_after(tick);
        timer.async_wait([this](const error_code& cancelled) {
            if (cancelled) return;
            const auto now = loop.clock->steady();
            for (auto& [id, part] : parts) part->tick(now);
            for (auto& [id, entry] : entries) entry->tick();
            loop.streams.tick(now);
            loop.streams.sweep();
            next_tick();
        });
    }

    using error_code = net::error_code;
    Loop loop;
    const Milliseconds tick;
    asio::steady_timer timer;
    asio::executor_work_guard<asio::io_context::executor_type> work;
    std::map<TunnelId, std::unique_ptr<Part>> parts;
    std::map<ForwardId, std::unique_ptr<Entry>> entries;
    std::thread thread; // last
};

} // namespace sluice::tunnel
