#include "api/http/router.hpp"

#include "base/log.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <exception>
#include <stdexcept>
#include <utility>

namespace sluice::http {

namespace {

std::vector<std::string> segments_of(std::string_view path)
{
    std::vector<std::string> segments;
    for (const auto piece : split(path.substr(1), '/')) segments.emplace_back(piece);
    return segments;
}

bool is_parameter(const std::string& segment) { return !segment.empty() && segment.front() == ':'; }

// Literal before parameter, from the left: "/nodes/new" is tried before "/nodes/:id".
bool more_literal(const std::vector<std::string>& a, const std::vector<std::string>& b)
{
    for (std::size_t i = 0; i < a.size() && i < b.size(); ++i)
        if (is_parameter(a[i]) != is_parameter(b[i])) return is_parameter(b[i]);
    return false;
}

// Same places, same literals; the names of parameters may differ between methods.
bool same_shape(const std::vector<std::string>& a, const std::vector<std::string>& b)
{
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](const auto& x, const auto& y) { return x == y || (is_parameter(x) && is_parameter(y)); });
}

bool fits(const std::vector<std::string>& pattern, const std::vector<std::string>& path)
{
    return std::equal(pattern.begin(), pattern.end(), path.begin(), path.end(),
                      [](const auto& want, const auto& have) { return is_parameter(want) ? !have.empty() : want == have; });
}

template <class Route>
const Route* of_method(const std::vector<Route>& group, std::string_view method, std::string& allow)
{
    const Route* any = nullptr;
    for (const auto& route : group) {
        if (route.method == method || (method == "HEAD" && route.method == "GET")) return &route;
        if (route.method == "*") any = &route;
    }
    if (any) return any;
    for (const auto& route : group) {
        if (!allow.empty()) allow += ", ";
        allow += route.method == "GET" ? "GET, HEAD" : route.method;
    }
    return nullptr;
}

template <class T>
void insert_by_prefix(std::vector<std::pair<std::string, T>>& list, std::string prefix, T value)
{
    const auto place = std::find_if(list.begin(), list.end(), [&](const auto& entry) { return entry.first.size() < prefix.size(); });
    list.emplace(place, std::move(prefix), std::move(value));
}

} // namespace

void Router::add(std::string_view method, std::string_view path, Handler handler, RouteOptions options)
{
    Route route;
    route.method = std::string{method};
    route.pattern = std::string{path};
    route.handler = std::move(handler);
    route.options = options;
    insert(std::move(route));
}

void Router::websocket(std::string_view path, WebSocketAccept accept, WebSocketOptions options)
{
    Route route;
    route.method = "GET";
    route.pattern = std::string{path};
    route.accept = std::move(accept);
    route.websocket_options = options;
    insert(std::move(route));
}

void Router::insert(Route route)
{
    const auto refuse = [&](const char* why) { throw std::logic_error("route " + route.method + ' ' + route.pattern + ": " + why); };
    if (route.pattern.empty() || route.pattern.front() != '/') refuse("a path starts with /");
    if (route.method.empty()) refuse("no method");
    if (!route.handler && !route.accept) refuse("no handler");
    route.segments = segments_of(route.pattern);
    auto& group = group_of(route);
    for (const auto& other : group)
        if (other.method == route.method) refuse("twice");
    group.push_back(std::move(route));
}

Router::Group& Router::group_of(const Route& route)
{
    const auto& pattern = route.pattern;
    if (pattern.size() >= 2 && pattern.ends_with("/*")) {
        const auto prefix = pattern.substr(0, pattern.size() - 1);
        const auto find = [&] { return std::find_if(prefixes_.begin(), prefixes_.end(), [&](const auto& entry) { return entry.first == prefix; }); };
        if (find() == prefixes_.end()) insert_by_prefix(prefixes_, prefix, Group{});
        return find()->second;
    }
    if (std::none_of(route.segments.begin(), route.segments.end(), is_parameter)) return exact_[pattern];
    auto& groups = with_parameters_[route.segments.size()];
    for (auto& group : groups)
        if (same_shape(group.front().segments, route.segments)) return group;
    const auto place = std::find_if(groups.begin(), groups.end(),
                                    [&](const Group& group) { return !group.empty() && more_literal(route.segments, group.front().segments); });
    return *groups.emplace(place);
}

void Router::before(std::string_view prefix, Guard guard) { before_.push_back({std::string{prefix}, std::move(guard), nullptr}); }

void Router::after(std::string_view prefix, Finisher finisher) { after_.push_back({std::string{prefix}, nullptr, std::move(finisher)}); }

void Router::fallback(std::string_view prefix, Handler handler, RouteOptions options)
{
    Route route;
    route.method = "*";
    route.pattern = std::string{prefix};
    route.handler = std::move(handler);
    route.options = options;
    insert_by_prefix(fallbacks_, std::string{prefix}, std::move(route));
}

void Router::options(Handler handler) { options_.handler = std::move(handler); }

std::vector<std::pair<std::string, std::string>> Router::routes() const
{
    std::vector<std::pair<std::string, std::string>> found;
    const auto take = [&](const Group& group) {
        for (const auto& route : group) found.emplace_back(route.method, route.pattern);
    };
    for (const auto& [path, group] : exact_) take(group);
    for (const auto& [count, groups] : with_parameters_) {
        for (const auto& group : groups) take(group);
    }
    for (const auto& [prefix, group] : prefixes_) take(group);
    return found;
}

Router::Match Router::find(std::string_view method, std::string_view path) const
{
    Match match;
    const auto take = [&](const Route* route) {
        if (!route) return false;
        match.handler = route->handler ? &route->handler : nullptr;
        match.accept = route->accept ? &route->accept : nullptr;
        match.websocket_options = &route->websocket_options;
        match.options = route->options;
        match.allow.clear();
        return true;
    };
    if (method == "OPTIONS" && options_.handler) {
        take(&options_);
        return match;
    }
    if (path.empty() || path.front() != '/') return match;

    if (const auto found = exact_.find(std::string{path}); found != exact_.end() && take(of_method(found->second, method, match.allow))) return match;
    const auto segments = segments_of(path);
    if (const auto found = with_parameters_.find(segments.size()); found != with_parameters_.end()) {
        for (const auto& group : found->second) {
            if (!fits(group.front().segments, segments)) continue;
            const auto* route = of_method(group, method, match.allow);
            if (!take(route)) continue;
            for (std::size_t i = 0; i < segments.size(); ++i)
                if (is_parameter(route->segments[i])) match.path_values.add(route->segments[i].substr(1), segments[i]);
            return match;
        }
    }
    for (const auto& [prefix, group] : prefixes_)
        if (path.starts_with(prefix) && take(of_method(group, method, match.allow))) return match;
    if (!match.allow.empty()) return match; // the path is known: 405 says more than a fallback
    for (const auto& [prefix, route] : fallbacks_) {
        if (!path.starts_with(prefix)) continue;
        take(&route);
        match.is_fallback = true;
        return match;
    }
    return match;
}

Response Router::answer(Request& request) const
{
    if (request.method == "OPTIONS" && options_.handler) return options_.handler(request);
    for (const auto& hook : before_) {
        if (!request.path.starts_with(hook.prefix)) continue;
        if (auto answer = hook.guard(request)) return std::move(*answer);
    }
    auto match = find(request.method, request.path);
    request.path_values = std::move(match.path_values);
    if (match.handler) return (*match.handler)(request);
    if (!match.allow.empty()) return Response::plain_status(405).with("Allow", std::move(match.allow));
    return Response::text(404, "404 page not found"); // the words that clients of the FLVX dialect know
}

Response Router::handle(Request& request) const
{
    // The one place where an exception of a handler ends: it is a bug or a broken disk, and its words stay here.
    const auto failed = [&](const char* problem) {
        log::error("request failed", {{"request", request.id}, {"method", request.method}, {"path", request.path}, {"problem", problem}});
        return Response::plain_status(500);
    };
    Response response;
    try {
        response = answer(request);
    } catch (const std::exception& problem) {
        response = failed(problem.what());
    } catch (...) {
        response = failed("unknown exception");
    }
    try {
        finish(request, response);
    } catch (const std::exception& problem) {
        return failed(problem.what());
    }
    return response;
}

void Router::finish(const Request& request, Response& response) const
{
    for (const auto& hook : after_)
        if (request.path.starts_with(hook.prefix)) hook.finisher(request, response);
}

} // namespace sluice::http
