// The only door to cpp-httplib (this file pair; nothing else includes httplib.h). It runs one request at a time through httplib's
// process_request() on memory, on a worker, and has it write the response. It never sees a byte of a client: not the head (its reader is
// lenient where smuggling begins, and its sockets block), not queries (it keeps only what follows the last "=" of a pair), not multipart
// bodies (regular expressions that a sender can make take minutes), not ranges; and behind its one catch-all route, "/", our Router
// decides (it tries a regular expression per route). Replacing it means rewriting this pair.
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
