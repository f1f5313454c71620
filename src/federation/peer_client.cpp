#include "federation/peer_client.hpp"

#include "federation/peer_json.hpp"
#include "probe/http_post.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace sluice::federation {

namespace {

constexpr std::size_t most_words = 300; // of what another panel says, shown to people
constexpr std::size_t most_state = std::size_t{8} * 1024 * 1024;

Error said(Errc code, std::string words)
{
    std::erase_if(words, [](char c) { return static_cast<unsigned char>(c) < ' '; });
    return make_error(code, "peer", words, {words.substr(0, most_words)});
}

// The data of an envelope (contract 1.2). A status or a code that is not success is what the contract says of it.
Result<Json> ask(const panel::PeerAddress& peer, const char* path, const Json& body, Milliseconds within,
                 std::size_t most_answer = probe::most_answer_bytes)
{
    probe::HttpPost post;
    post.content_type = "application/json";
    post.body = body.dump(-1, ' ', false, Json::error_handler_t::replace);
    post.headers.emplace_back("Authorization", "Bearer " + peer.token.reveal());
    if (!peer.domain.empty()) post.headers.emplace_back("X-Panel-Domain", peer.domain);
    post.pin = peer.pin;
    post.most_answer = most_answer;
    const auto answer = probe::post(peer.url + "/api/v1/federation/" + path, post, std::chrono::steady_clock::now() + within);
    if (!answer) {
        auto problem = answer.error();
        const auto words = problem.field == "url" ? std::string{"the address is none"} : problem.detail;
        return make_error(problem.code == Errc::timeout ? Errc::timeout : Errc::unavailable, "peer", words,
                          {words.empty() ? "no answer in time" : words});
    }
    if (answer->status != 200) return said(Errc::unavailable, "remote error " + std::to_string(answer->status) + ": " + answer->body);
    auto json = Json::parse(answer->body, nullptr, false);
    const auto code = json.is_object() ? json.find("code") : json.end();
    if (!json.is_object() || code == json.end() || !code->is_number_integer()) return said(Errc::unavailable, "the answer is not a panel's");
    const auto number = code->get<std::int64_t>();
    if (number == 0) return json.contains("data") ? std::move(json["data"]) : Json::object();
    const auto message = json.find("msg");
    auto words = message != json.end() && message->is_string() ? message->get<std::string>() : std::string{};
    return said(number == 401 ? Errc::unauthenticated : number == 403 ? Errc::forbidden : Errc::conflict, std::move(words));
}

std::string text(const Json& from, const char* key)
{
    const auto found = from.is_object() ? from.find(key) : from.end();
    return from.is_object() && found != from.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

double number(const Json& from, const char* key)
{
    const auto found = from.is_object() ? from.find(key) : from.end();
    return from.is_object() && found != from.end() && found->is_number() ? found->get<double>() : 0.0;
}

// Errors: unavailable "peer".
Result<panel::Reservation> reservation_of(const Json& data)
{
    panel::Reservation made{text(data, "reservationId"), 0, text(data, "bindingId")};
    const auto port = number(data, "allocatedPort");
    if (port < 1 || port > 65535 || made.id.size() > 200 || made.binding.size() > 200) return said(Errc::unavailable, "the answer names no port");
    made.port = static_cast<std::uint16_t>(port);
    return made;
}

} // namespace

Result<panel::ShareOffer> PeerClient::connect(const panel::PeerAddress& peer, Milliseconds deadline)
{
    const auto data = ask(peer, "connect", Json::object(), deadline);
    if (!data) return data.error();
    auto offer = offer_of(*data);
    if (!offer) return said(Errc::unavailable, "the answer is not a share's");
    return std::move(*offer);
}

Result<panel::Reservation> PeerClient::reserve_port(const panel::PeerAddress& peer, const std::string& resource_key, const std::string& protocol,
                                                    std::uint16_t wanted)
{
    const auto data =
        ask(peer, "runtime/reserve-port", {{"resourceKey", resource_key}, {"protocol", protocol}, {"requestedPort", wanted}}, usual_deadline);
    return data ? reservation_of(*data) : data.error();
}

Result<panel::Reservation> PeerClient::apply_role(const panel::PeerAddress& peer, const panel::RoleWish& wish)
{
    const auto data = ask(peer, "runtime/apply-role", role_json(wish), usual_deadline);
    return data ? reservation_of(*data) : data.error();
}

Result<void> PeerClient::release_role(const panel::PeerAddress& peer, const domain::RemoteRole& role)
{
    const Json body{{"bindingId", role.binding}, {"reservationId", role.reservation}, {"resourceKey", role.resource_key}};
    const auto data = ask(peer, "runtime/release-role", body, usual_deadline);
    if (!data) return data.error();
    return {};
}

Result<plan::TcpPingResult> PeerClient::diagnose(const panel::PeerAddress& peer, const plan::TcpPingRequest& request, Milliseconds deadline)
{
    const Json body{
        {"ip", request.target.host}, {"port", request.target.port}, {"count", request.count}, {"timeout", request.connect_timeout.count()}};
    const auto data = ask(peer, "runtime/diagnose", body, deadline);
    if (!data) return data.error();
    plan::TcpPingResult result;
    result.target = request.target;
    const auto success = data->is_object() ? data->find("success") : data->end();
    result.success = data->is_object() && success != data->end() && success->is_boolean() && success->get<bool>();
    result.average_ms = result.minimum_ms = result.maximum_ms = result.success ? number(*data, "averageTime") : 0;
    result.loss_percent = result.success ? std::clamp(number(*data, "packetLoss"), 0.0, 100.0) : 100;
    result.detail = text(*data, "errorMessage").substr(0, most_words);
    if (!result.success) result.fault = plan::ProbeFault::other;
    return result;
}

Result<panel::PeerState> PeerClient::sync(const panel::PeerAddress& peer, const panel::PeerWish& wish, Milliseconds deadline)
{
    const auto data = ask(peer, "runtime/sync", wish_json(wish), deadline, most_state);
    if (!data) return data.error();
    auto state = state_of(*data);
    if (!state) return said(Errc::unavailable, "the answer is not a shared node's state");
    return std::move(*state);
}

} // namespace sluice::federation
