// A request as a handler sees it and the response it gives: plain values, whole in memory, already checked. Knows nothing of
// sockets, TLS, cpp-httplib or JSON; no field here can be forged by a header that a client made up.
#pragma once

#include "base/address.hpp"
#include "base/error.hpp"
#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::http {

// Names with values, a name may repeat: the query, a form, the parameters of a path.
class Fields {
public:
    void add(std::string name, std::string value) { values_.emplace(std::move(name), std::move(value)); }
    bool has(std::string_view name) const { return values_.find(name) != values_.end(); }
    std::string get(std::string_view name) const;                 // the first, or empty
    std::optional<std::string> find(std::string_view name) const; // the first, or absent
    std::vector<std::string> all(std::string_view name) const;
    bool empty() const { return values_.empty(); }
    auto begin() const { return values_.begin(); }
    auto end() const { return values_.end(); }

private:
    std::multimap<std::string, std::string, std::less<>> values_;
};

// "a=1&b=%20" with "+" as blank: a query or a form (WHATWG URL, application/x-www-form-urlencoded). A lone "%" stands for itself.
// Absent with more than 1,000 pairs: each costs a hundred times the memory of the two bytes that it may take.
std::optional<Fields> parse_fields(std::string_view text);

// Header fields in the order of arrival. Names are compared without case.
class Headers {
public:
    using Field = std::pair<std::string, std::string>;

    // Throws std::invalid_argument on a name that is no token or a value with CR, LF or NUL: a bug, never a client's doing.
    void add(std::string name, std::string value);
    void set(std::string name, std::string value); // replaces all of that name
    void remove(std::string_view name);
    bool has(std::string_view name) const { return find(name) != nullptr; }
    std::string_view get(std::string_view name) const; // the first, or empty
    std::size_t count(std::string_view name) const;
    // Whether a comma-separated list in any field of this name holds `token`, without case: "Connection: keep-alive, Upgrade".
    bool lists(std::string_view name, std::string_view token) const;
    const std::vector<Field>& all() const { return fields_; }
    std::size_t size() const { return fields_.size(); }

private:
    const std::string* find(std::string_view name) const;
    std::vector<Field> fields_;
};

// One part of a multipart/form-data body.
struct FormPart {
    std::string name;
    std::string file_name; // as sent; never a path to be used
    std::string content_type;
    std::string content;
};

struct Request {
    std::string method; // "GET", "POST", ...; a HEAD request reaches the GET handler, as HEAD
    std::string path;   // percent-decoded, valid UTF-8, starts with "/", no NUL, no "." or ".." segment
    std::string target; // as sent, with the query; for logs only after cutting the query (it may hold a credential)
    std::string raw_query;
    Fields query;
    Fields path_values; // ":id" of the route
    Headers headers;
    std::string body;
    Fields form;                 // application/x-www-form-urlencoded
    std::vector<FormPart> parts; // multipart/form-data
    Endpoint remote;             // the client: the peer, or what a trusted proxy said in X-Forwarded-For
    Endpoint peer;               // who really holds the other end of the socket
    Endpoint local;
    bool secure = false; // TLS here, or a trusted proxy said X-Forwarded-Proto: https
    std::string host;    // Host header: "panel.example:6365"
    std::string id;      // of this request, in the log and in X-Request-Id

    std::string_view header(std::string_view name) const { return headers.get(name); }
    std::string value(std::string_view name) const { return path_values.get(name); }
    std::string cookie(std::string_view name) const; // empty when absent
    std::string_view bearer() const;                 // the token of "Authorization: Bearer ...", or empty
};

// Gives the next piece of a long body, at most some 64 KB; empty at the end. Runs on a worker, one call at a time.
using Producer = std::function<std::string()>;

struct Response {
    int status = 200;
    std::string content_type;
    Headers headers; // besides those that the front adds: length, date, security, connection
    std::string body;
    Producer producer;                            // instead of body
    std::optional<std::uint64_t> producer_length; // when known; else the body is sent chunked

    static Response empty(int status = 204);
    static Response text(int status, std::string body);
    static Response html(int status, std::string body);
    static Response json(std::string body, int status = 200); // application/json; charset=utf-8
    static Response redirect(std::string location, int status = 302);
    static Response download(std::string file_name, std::string content_type, std::string body);
    static Response stream(std::string content_type, Producer producer, std::optional<std::uint64_t> length = {});
    // A file from disk, sent piece by piece. Errors: those of opening it ("file").
    static Result<Response> file(const std::string& path, std::string content_type);

    // {"type":"error"...} is a dialect's business; this is the plain text of a status: "404 Not Found".
    static Response plain_status(int status);

    Response&& with(std::string name, std::string value) &&
    {
        headers.set(std::move(name), std::move(value));
        return std::move(*this);
    }
};

// "Not Found"; "Unknown" for a number without a name (RFC 9110, 6585).
std::string_view reason_phrase(int status);

} // namespace sluice::http
