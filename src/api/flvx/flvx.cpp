#include "api/flvx/flvx.hpp"

#include "api/flvx/live_feed.hpp"
#include "api/flvx/messages.hpp"
#include "api/flvx/open_api.hpp"
#include "api/flvx/openapi.hpp"
#include "api/flvx/token.hpp"
#include "base/text.hpp"

#include <string>

namespace sluice::flvx {

namespace {

constexpr std::string_view missing_token = "未登录或token已过期";
constexpr std::string_view invalid_token = "无效的token或token已过期";
constexpr std::string_view admin_only = "权限不足，仅管理员可操作";

// Whole folders that belong to administrators, also where no route is (contract 1.7).
constexpr std::string_view admin_folders[] = {
    "/api/v1/group/",  "/api/v1/federation/share/", "/api/v1/node/",   "/api/v1/speed-limit/",
    "/api/v1/backup/", "/api/v1/api/v1/backup/",    "/api/v1/tunnel/", "/api/v1/audit/",
};
constexpr std::string_view open_folders[] = {"/api/v1/open_api/", "/api/v1/captcha/"};

Access access_of_unrouted(std::string_view path)
{
    for (const auto folder : open_folders) {
        if (path.rfind(folder, 0) == 0) return Access::open;
    }
    if (path.rfind("/api/v1/tunnel/user/tunnel", 0) == 0) return Access::signed_in;
    for (const auto folder : admin_folders) {
        if (path.rfind(folder, 0) == 0) return Access::admin;
    }
    return Access::signed_in;
}

void add_cors(const http::Request&, http::Response& response)
{
    response.headers.set("Access-Control-Allow-Origin", "*");
    response.headers.set("Access-Control-Allow-Headers", "*");
    response.headers.set("Access-Control-Allow-Methods", "GET, POST, DELETE, PUT, OPTIONS");
    response.headers.set("Access-Control-Expose-Headers", "Authorization");
}

constexpr std::string_view error_page =
    "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"UTF-8\"><title>404</title></head><body><h1>404</h1></body></html>";

// Beside the tables: no envelope, no guard.
constexpr DocumentedPath plain_paths[] = {
    {"/api/openapi.json", "This document.", "application/json"},
    {"/api/v1/open_api/sub_store", "A package in one line for subscription clients; name and password in the query.", "text/plain"},
    {"/flow/test", "Says test.", "text/plain"},
    {"/error", "A page that says 404.", "text/html"},
    {"/health", "200 while the program answers.", "application/json"},
    {"/system-info", "Live figures for the page, as a WebSocket.", {}},
};

} // namespace

std::vector<std::span<const Route>> all_routes()
{
    return {account_routes(), user_routes(),    node_routes(),     tunnel_routes(),     assignment_routes(),
            forward_routes(), setting_routes(), group_routes(),    backup_routes(),     speed_limit_routes(),
            quota_routes(),   rule_routes(),    security_routes(), federation_routes(), peer_routes()};
}

Dialect::Dialect(panel::Panel& panel) : panel_(panel), feed_(std::make_unique<LiveFeed>(panel)) {}

Dialect::~Dialect() { stop(); }

void Dialect::stop() { feed_->stop(); }

http::Response Dialect::render(const Reply& reply) const
{
    if (reply.bare) return *reply.bare;
    Json envelope{{"code", reply.code}, {"msg", reply.code == 0 ? "操作成功" : reply.message}, {"ts", to_epoch_ms(panel_.clock().wall())}};
    if (reply.data) envelope["data"] = *reply.data;
    // A text that came from outside and is not UTF-8 must not become an exception.
    return http::Response::json(envelope.dump(-1, ' ', false, Json::error_handler_t::replace));
}

std::optional<Reply> Dialect::admit_peer(bool even_stopped, Call& call) const
{
    const auto header = trim(call.request.header("Authorization"));
    if (header.empty()) return fail(401, "Missing Authorization header");
    const auto words = split(header, ' ');
    if (words.size() != 2 || words[0] != "Bearer" || words[1].empty()) return fail(401, "Invalid Authorization format");
    const std::string domain{trim(call.request.header("X-Panel-Domain"))};
    auto share = call.panel.share_peers().admit(Secret{std::string{words[1]}}, call.request.remote.address, domain, even_stopped);
    if (!share) return fail_peer(share.error());
    call.share = std::move(*share);
    return std::nullopt;
}

std::optional<Reply> Dialect::admit(Access access, Call& call) const
{
    if (access == Access::peer || access == Access::stopped_peer) return admit_peer(access == Access::stopped_peer, call);
    const auto token = trim(call.request.header("Authorization"));
    if (access == Access::open && token.empty()) return std::nullopt;
    if (token.empty()) return fail(401, std::string{missing_token});
    // Tokens for programs may stand behind Bearer, too; a session's token may not (contract 1.6).
    constexpr std::string_view bearer = "Bearer ";
    const auto bare_token = token.rfind(bearer, 0) == 0 ? trim(token.substr(bearer.size())) : token;
    const bool is_api_token = bare_token.rfind(panel::ApiTokens::prefix, 0) == 0;
    const auto hash = is_api_token ? std::nullopt : check_token(panel_.accounts().signing_key(), token, panel_.clock().wall());
    auto actor = is_api_token ? panel_.api_tokens().resolve(std::string{bare_token}, call.request.remote.address)
                 : hash       ? panel_.accounts().resolve_session(*hash, call.request.remote.address)
                              : make_error(Errc::unauthenticated, "token");
    if (!actor) {
        if (access == Access::open) return std::nullopt; // nobody in particular
        if (actor.error().code != Errc::unauthenticated) return fail(actor.error());
        return fail(401, std::string{invalid_token});
    }
    call.actor = std::move(*actor);
    if (hash) call.token_hash = *hash;
    if (access == Access::admin && !call.actor->is_admin()) return fail(403, std::string{admin_only});
    return std::nullopt;
}

http::Response Dialect::serve(const Route& route, const http::Request& request) const
{
    Call call{panel_, request, {}, std::nullopt, {}, std::nullopt};
    if (const auto refused = admit(route.access, call)) return render(*refused);
    if (call.actor && call.actor->scope && !reaches(*call.actor->scope, route.reach)) return render(fail(make_error(Errc::forbidden, "token.scope")));
    const bool reading = request.method == "GET" || request.method == "HEAD";
    if (request.method != "POST" && !(route.also_get && reading)) return render(fail(-1, std::string{route.bad_method}));
    const bool optional = route.needs == Needs::anything || (route.needs == Needs::object_or_empty && trim(request.body).empty());
    if (route.needs != Needs::nothing && route.needs != Needs::bytes) {
        auto body = Body::parse(request.body);
        if (!body && !optional) return render(fail(route.bad_body_code, std::string{route.bad_body}));
        if (body) call.body = std::move(*body);
    }
    return render(route.handle(call));
}

http::Response Dialect::unrouted(const http::Request& request) const
{
    Call call{panel_, request, {}, std::nullopt, {}, std::nullopt};
    if (const auto refused = admit(access_of_unrouted(request.path), call)) return render(*refused);
    return http::Response::text(404, "404 page not found");
}

http::Response Dialect::subscribe(const http::Request& request) const
{
    if (request.method != "GET" && request.method != "HEAD") return render(fail(-1, "请求失败"));
    const auto answer = subscription(panel_, request);
    if (const auto* refused = std::get_if<Reply>(&answer)) return render(*refused);
    const auto& line = std::get<std::string>(answer);
    auto response = http::Response::text(200, line);
    response.headers.set("subscription-userinfo", line);
    return response;
}

void Dialect::mount(http::Router& router)
{
    for (const auto& table : all_routes()) {
        for (const auto& route : table) {
            http::RouteOptions options;
            options.body_limit = route.body_limit;
            router.add("*", route.path, [this, &route](const http::Request& request) { return serve(route, request); }, options);
        }
    }
    router.add("*", "/api/v1/open_api/sub_store", [this](const http::Request& request) { return subscribe(request); });
    router.add("GET", "/api/openapi.json",
               [document = openapi_document(all_routes(), plain_paths).dump()](const http::Request&) { return http::Response::json(document); });
    // Below /api/ nothing is a page: without a token even an unknown path answers like a known one (contract 1.3).
    router.fallback("/api/", [this](const http::Request& request) { return unrouted(request); });
    router.options([](const http::Request&) { return http::Response::empty(204); });
    router.add("*", "/flow/test", [](const http::Request&) { return http::Response::text(200, "test"); });
    router.add("*", "/error", [](const http::Request&) {
        auto page = http::Response::html(404, std::string{error_page});
        page.content_type = "text/html; charset=UTF-8"; // spelt so in contract 5.16
        return page;
    });
    http::RouteOptions at_once;
    at_once.instant = true; // alive means that the front answers; busy workers are not a reason to be restarted
    router.add("GET", "/health", [](const http::Request&) { return http::Response::json("{\"status\":\"ok\"}"); }, at_once);
    router.after("/", add_cors);
    feed_->mount(router);
}

} // namespace sluice::flvx
