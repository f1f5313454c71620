// A connected socket, with or without TLS on top, read and written under one deadline. For this room's sources.
#pragma once

#include "probe/tcp_ping.hpp"

#include <string>
#include <string_view>

struct ssl_st;

namespace sluice::probe {

// Waits until the socket is ready for `what` (POLLIN, POLLOUT); false at the deadline or on an error.
bool wait_for(int socket, short what, Deadline deadline);

// Owns neither the socket nor the session.
class Wire {
public:
    Wire(int socket, ssl_st* session, Deadline deadline) : socket_(socket), session_(session), deadline_(deadline) {}

    bool write(std::string_view bytes); // false: an error or the deadline
    std::string read();                 // at most 4 KiB; empty at the end, on an error or at the deadline

private:
    bool wait_again(int outcome, short plain_wait);

    int socket_;
    ssl_st* session_;
    Deadline deadline_;
};

} // namespace sluice::probe
