// The only door to cpp-httplib (this file pair; nothing else includes httplib.h). What it is used for, on memory and on a worker:
// multipart bodies, cutting ranges, writing responses. What it is not used for: reading from a peer (its head reader is lenient where
// smuggling begins, and its sockets block), queries (it keeps only what follows the last "=" of a pair) and routing (a regular expression
// per route): it has one catch-all route, "/", behind which our Router decides. It never sees the client's own header fields, only the
// two that the work above needs, so nothing of a client can reach its gaps. Replacing it means rewriting this pair.
#pragma once

#include "api/http/message.hpp"
#include "api/http/router.hpp"
#include "api/http/standard_headers.hpp"

#include <memory>
#include <string>

namespace sluice::http {

struct Answering {
    bool keep_alive = true;
    bool http_1_0 = false;
    bool ranges = false;
    Surroundings around;
};

struct Rendered {
    int status = 500;
    std::string bytes;    // status line, fields and body, ready to be sent
    Producer producer;    // when set: its pieces follow
    bool chunked = false; // each as a chunk
    bool close = false;   // after it
};

// Thread-safe.
class HttplibAdapter {
public:
    explicit HttplibAdapter(const Router& router);
    ~HttplibAdapter();

    // Fills in query, form and parts, then lets the router answer, renders. `request` has everything else.
    Rendered run(Request& request, const Answering& how) const;

private:
    class Engine;
    std::unique_ptr<Engine> engine_;
};

// A response without httplib, for what the front itself has to say.
Rendered render(const Request& request, Response response, const Answering& how);

} // namespace sluice::http
