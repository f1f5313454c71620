// Sockets as the data plane wants them: non-blocking, close-on-exec, with the system's error turned into a Fault.
#pragma once

#include "base/address.hpp"
#include "plan/report.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace sluice::forward {

// Owns a descriptor.
class Descriptor {
public:
    Descriptor() = default;
    explicit Descriptor(int value) : value_(value) {}
    ~Descriptor() { reset(); }
    Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept
    {
        if (this != &other) {
            reset();
            value_ = std::exchange(other.value_, -1);
        }
        return *this;
    }
    int get() const { return value_; }
    explicit operator bool() const { return value_ >= 0; }
    int release() { return std::exchange(value_, -1); }
    void reset();

private:
    int value_ = -1;
};

enum class Transport { tcp, udp };

struct ListenFailure {
    plan::Fault fault = plan::Fault::other;
    std::string detail; // "tcp [::]:80: Address already in use"
};

// One socket per worker on the same address (SO_REUSEPORT), or none and a failure. First makes sure that nobody else has the port:
// SO_REUSEPORT alone would silently share it with another process of the same user.
std::vector<Descriptor> open_listeners(Transport transport, const Endpoint& at, unsigned count, ListenFailure& failure);

// A non-blocking socket that is connecting (TCP) or connected (UDP). `egress` empty, an interface name, or a local address. On failure
// an empty descriptor, `problem` is the errno.
Descriptor open_upstream(Transport transport, const Endpoint& to, const std::string& egress, int& problem);

plan::Fault fault_of(int problem);

void set_option(int socket, int level, int name, int value); // failure is harmless for what it is used for
// What both ends of a relay want: no delay for small writes, dead peers found within two minutes. Accepted sockets inherit it from their
// listener.
void prepare_stream(int socket);
void close_with_reset(Descriptor& socket); // the peer sees RST, not an orderly end

} // namespace sluice::forward
