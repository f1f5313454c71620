#include "agent/panel_wire.hpp"

#include "probe/tcp_ping.hpp"

#include <algorithm>
#include <utility>

namespace sluice::agent {

namespace {

constexpr std::chrono::seconds lookup_within{3};
constexpr std::chrono::seconds open_within{5}; // per address
constexpr std::size_t most_addresses = 8;

} // namespace

Result<std::unique_ptr<PanelWire>> PanelWire::dial(const std::string& text, const net::Identity& identity, const Fingerprint& pin, link::Hello hello,
                                                   const Clock& clock, int wake)
{
    const auto url = net::WebUrl::parse(text);
    if (!url) return url.error();
    auto addresses = probe::lookup(url->where, clock.steady() + lookup_within);
    if (addresses.empty()) return make_error(Errc::unavailable, "panel", "no address", {"no address for " + url->where.host});
    if (addresses.size() > most_addresses) addresses.resize(most_addresses);
    Error problem;
    for (const auto& address : addresses) {
        auto socket = net::WsClient::open(address, *url, "/link", clock.steady() + open_within, wake);
        if (socket) {
            auto session = link::Session::agent(identity, pin, std::move(hello), {}, clock.steady());
            return std::unique_ptr<PanelWire>(new PanelWire(std::move(*socket), std::move(session), clock, wake));
        }
        problem = socket.error();
        if (problem.code == Errc::conflict) break;
    }
    return problem;
}

std::vector<link::Event> PanelWire::wait(SteadyTime until)
{
    socket_->send(session_.take_output());
    const bool alive = socket_->wait(std::min(until, session_.wake_at()), wake_);
    const auto now = clock_.steady();
    session_.received(now, socket_->take_received());
    session_.tick(now);
    if (!alive) session_.lost(socket_->why());
    socket_->send(session_.take_output());
    auto events = session_.take_events();
    if (session_.ended()) flush(now + std::chrono::seconds(1)); // last words
    return events;
}

void PanelWire::flush(SteadyTime until)
{
    socket_->send(session_.take_output());
    while (socket_->waiting() > 0 && clock_.steady() < until && socket_->wait(std::min(until, clock_.steady() + Milliseconds{50}), wake_)) {}
}

} // namespace sluice::agent
