// Which handler answers a request. Built once before the server starts and read-only after that, so it needs no lock.
// Decides by method and path only; who may do what is the dialects' business (guards), what is served as a file the front's.
#pragma once

#include "api/http/message.hpp"
#include "api/http/websocket.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace sluice::http {

using Handler = std::function<Response(const Request&)>;
using Guard = std::function<std::optional<Response>(const Request&)>; // an answer ends the request there
using Finisher = std::function<void(const Request&, Response&)>;

struct RouteOptions {
    std::size_t body_limit = std::size_t{1024} * 1024; // bytes; more is answered 413 before it is read
    bool ranges = false;                               // honour a single "Range: bytes=a-b" on the body of a 200 answer
    bool instant = false;                              // answered on the loop, also when no worker is free: the handler must never block
};

class Router {
public:
    // `path` is exact ("/api/v1/user/login"), has parameters ("/api/v1/nodes/:id"), or ends in "/*" (that prefix).
    // `method` "*" takes every method; GET also takes HEAD. Exact wins over parameters, those over prefixes, longer over
    // shorter. Throws std::logic_error on a duplicate or a malformed pattern: a bug, found at start.
    void add(std::string_view method, std::string_view path, Handler handler, RouteOptions options = {});
    void websocket(std::string_view path, WebSocketAccept accept, WebSocketOptions options = {});

    // Runs before the handler or fallback of every request whose path starts with `prefix`, in order of registration. Not before a
    // WebSocket's accept function, which is its own guard.
    void before(std::string_view prefix, Guard guard);
    // Runs on every response under `prefix`, also those of guards, fallbacks and the front itself (413, 503 ...; those of the front know
    // at most the request's path). Not on page files. May run on the loop: it must not block.
    void after(std::string_view prefix, Finisher finisher);
    // Answers what no route takes below `prefix`; the longest prefix wins. Without one: a page file, else 405 or 404.
    void fallback(std::string_view prefix, Handler handler, RouteOptions options = {});
    // OPTIONS of any path (CORS preflight). Without one, OPTIONS is a method like any other.
    void options(Handler handler);

    // Method and pattern of everything that was added, WebSockets too, in no particular order; not fallbacks.
    std::vector<std::pair<std::string, std::string>> routes() const;

    struct Match {
        const Handler* handler = nullptr; // absent: nobody
        const WebSocketAccept* accept = nullptr;
        const WebSocketOptions* websocket_options = nullptr;
        RouteOptions options;
        Fields path_values;
        bool is_fallback = false;
        std::string allow; // methods that this path has, when the method was the only thing wrong: "GET, HEAD, POST"
    };
    Match find(std::string_view method, std::string_view path) const;

    // The whole journey of one request above the sockets: guards, handler, finishers; an exception becomes 500 and a log line.
    // Sets path_values. Tests of a dialect call this directly.
    Response handle(Request& request) const;
    void finish(const Request& request, Response& response) const; // the finishers alone

private:
    struct Route {
        std::string method;
        std::string pattern;
        std::vector<std::string> segments; // with ":name"
        Handler handler;
        WebSocketAccept accept;
        WebSocketOptions websocket_options;
        RouteOptions options;
    };
    struct Hook {
        std::string prefix;
        Guard guard;
        Finisher finisher;
    };

    using Group = std::vector<Route>; // one pattern, several methods

    void insert(Route route);
    Group& group_of(const Route& route);
    Response answer(Request& request) const;

    std::unordered_map<std::string, Group> exact_;
    std::unordered_map<std::size_t, std::vector<Group>> with_parameters_; // by number of segments; literal segments before parameters
    std::vector<std::pair<std::string, Group>> prefixes_;                 // longest first
    std::vector<std::pair<std::string, Route>> fallbacks_;                // longest first
    std::vector<Hook> before_;
    std::vector<Hook> after_;
    Route options_;
};

} // namespace sluice::http
