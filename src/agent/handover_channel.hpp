// What a process and its successor say to each other: texts of any size with descriptors, in order, over a socket between the two. The end of the socket
// is the end of the other process.
#pragma once

#include "base/result.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::agent {

class HandoverChannel {
public:
    using Deadline = std::chrono::steady_clock::time_point;

    explicit HandoverChannel(int socket) : socket_(socket) {}
    HandoverChannel(HandoverChannel&& other) noexcept : socket_(std::exchange(other.socket_, -1)) {}
    HandoverChannel& operator=(HandoverChannel&&) = delete;
    ~HandoverChannel();

    // Two ends. Errors: unavailable "handover".
    static Result<std::pair<HandoverChannel, HandoverChannel>> make();

    struct Parcel {
        std::string text;
        std::vector<int> descriptors; // owned by whoever received it
    };
    // Errors of both: unavailable "handover" (the other process is gone, or says nothing that makes sense), timeout "handover".
    Result<void> send(std::string_view text, const std::vector<int>& descriptors, Deadline until);
    Result<Parcel> receive(Deadline until);
    bool wait_end(Deadline until); // true: the other process is gone

    int descriptor() const { return socket_; }

private:
    Result<void> wait(short events, Deadline until) const;

    int socket_;
};

} // namespace sluice::agent
