// What a process gives its successor, as text beside a list of descriptors. Both may be of different versions: whoever does not understand a line refuses,
// and the process that was there before goes on.
#pragma once

#include "agent/handover_channel.hpp"
#include "base/result.hpp"
#include "forward/handover.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::agent {

// The beginning: who the successor is to be, and what it listens with.
struct Inheritance {
    std::uint64_t order = 0; // the panel's, to be answered
    unsigned workers = 0;
    bool stand_in = false;           // the process before it stays and waits for it, for whoever started that one
    bool sibling = false;            // it was started as a child of our parent; so are its own successors
    std::string previous_file = "-"; // what ran before it: ProgramStore::Entry
    std::string previous_version;
    std::string previous_sha256 = "-";
    std::string current_file = "-"; // what it is itself
    std::string current_version;
    std::string current_sha256 = "-";
    std::int64_t issued = 0; // of its release; 0: it is an old one
    int lock = -1;           // of the data directory
    std::vector<forward::HeldListener> listeners;
};

// Descriptors are borrowed in a parcel that is written, and owned by what was read.
HandoverChannel::Parcel write_inheritance(const Inheritance& what);
Result<Inheritance> read_inheritance(HandoverChannel::Parcel parcel); // invalid "handover"; everything is closed then
HandoverChannel::Parcel write_traffic(const forward::HeldTraffic& traffic);
Result<forward::HeldTraffic> read_traffic(HandoverChannel::Parcel parcel);

} // namespace sluice::agent
