// What a route of this dialect is, and what its handler gets and gives.
#pragma once

#include "api/flvx/fields.hpp"
#include "api/flvx/json_body.hpp"
#include "api/http/message.hpp"
#include "panel/actor.hpp"
#include "panel/panel.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::flvx {

// The envelope without its clock (FLVX contract 1.2).
struct Reply {
    int code = 0;
    std::string message; // of an error
    std::optional<Json> data;
    std::optional<http::Response> bare; // instead of an envelope (contract 1.2)
};

Reply ok();
Reply ok(Json data);
Reply bare(http::Response response);
Reply fail(int code, std::string message);
Reply fail_peer(const Error& error); // for other panels: "not allowed" and "used up" are 403 (contract 5.10)
Reply fail(const Error& error);      // code and words of the dialect; the detail goes to the log

struct Call {
    panel::Panel& panel;
    const http::Request& request;
    Body body;
    std::optional<panel::Actor> actor; // absent only on public routes
    std::string token_hash;
    std::optional<domain::Share> share; // of another panel that asks; on its routes always there

    const panel::Actor& who() const { return *actor; }
};

using Handle = Reply (*)(Call&);

enum class Access {
    open,
    signed_in,
    admin,
    peer,         // another panel, with the token of a share (contract 5.10)
    stopped_peer, // also when its share has expired or is switched off
};

// What the body must be.
enum class Needs {
    nothing,  // not read
    anything, // one JSON object where it is one, else ignored: endpoints that read nothing in the contract, but page (contract 9)
    object,   // one JSON object
    object_or_empty,
    bytes, // whatever it is; the handler reads it
};

// What a token for programs must be made for to call a route (domain::TokenScope); a session may call each.
enum class Reach {
    person, // none: it guards the account that a token belongs to
    reading,
    forwards,
    nodes,
    everything,
};
bool reaches(domain::TokenScope scope, Reach reach);

struct Route {
    std::string_view path;
    Access access = Access::admin;
    Needs needs = Needs::object;
    Handle handle = nullptr;
    int bad_body_code = -1;
    std::string_view bad_body = "请求参数错误";
    bool also_get = false;
    std::size_t body_limit = std::size_t{1024} * 1024; // bytes
    std::string_view bad_method = "请求失败";
    // For the API document (openapi.hpp).
    std::string_view about = {};
    const Shape* takes = nullptr; // the body; absent: none, or a file
    Gives gives = {};             // what `data` of a success is
    Reach reach = Reach::everything;
};

// A row of a route table, with what the API document says about it, and for which tokens it is.
constexpr Route described(Route route, std::string_view about, const Shape* takes, Gives gives = {}, Reach reach = Reach::everything)
{
    route.about = about;
    route.takes = takes;
    route.gives = gives;
    route.reach = reach;
    return route;
}

// Tables, one per noun.
std::span<const Route> account_routes();
std::span<const Route> user_routes();
std::span<const Route> node_routes();
std::span<const Route> tunnel_routes();
std::span<const Route> assignment_routes();
std::span<const Route> forward_routes();
std::span<const Route> setting_routes();
std::span<const Route> backup_routes();
std::span<const Route> group_routes();
std::span<const Route> speed_limit_routes();
std::span<const Route> quota_routes();
std::span<const Route> rule_routes();
std::span<const Route> security_routes();
std::span<const Route> federation_routes();
std::span<const Route> peer_routes();
std::vector<std::span<const Route>> all_routes(); // each of the tables above

// Shapes that many endpoints share (FLVX contract 1.10).
// The id under `key` or `alias`; absent when missing or not positive.
std::optional<std::int64_t> id_of(const Call& call, const char* key = "id", const char* alias = "id");

// Which items of a list the request asks for: with `page` or `pageSize` one page of it (contract 9), else all.
struct Page {
    std::size_t first = 0;
    std::size_t last = 0; // one past the end
    bool asked = false;
};
Page page_of(const Call& call, std::size_t total);
// Which part a page is, before it is known how many there are; absent: no page is asked for.
std::optional<std::pair<std::size_t, std::size_t>> part_of(const Call& call); // first, count
Json with_snake_names(Json item);                                             // each key also as snake_case
Json paged(Json list, std::size_t total);

// A list as the request wants it: the bare array, or a page with both spellings. Only what is shown is rendered.
template <class Items, class Render>
Json listing(const Call& call, const Items& items, Render render)
{
    const auto page = page_of(call, items.size());
    Json list = Json::array();
    for (std::size_t i = page.first; i < page.last; ++i) list.push_back(page.asked ? with_snake_names(render(items[i])) : render(items[i]));
    return page.asked ? paged(std::move(list), items.size()) : list;
}

// Caps on connections and client addresses, as forwards and users may say them beyond the contract; absent ones stay absent.
struct CapsPatch {
    std::optional<std::uint32_t> max_connections;
    std::optional<std::uint32_t> max_clients;
    std::optional<bool> replace_clients;
};
// Errors: invalid "forward.max_connections", "forward.max_clients", "forward.client_policy".
Result<CapsPatch> read_caps(const Body& body);

std::optional<std::int64_t> epoch_or_null(const std::optional<WallTime>& time);
Json or_null(const std::optional<std::string>& text);
Json or_null(const std::optional<std::int64_t>& number);
std::optional<std::string> text_or_null(const Body& body, const char* key); // absent when empty

} // namespace sluice::flvx
