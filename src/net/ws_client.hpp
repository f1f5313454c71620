// A WebSocket client connection for one thread that polls: connect, TLS if the URL says so, handshake, then bytes both ways as binary messages. Every wait has
// a deadline and ends when `wake` becomes readable.
//
// The certificate is not verified, on purpose: what travels inside authenticates itself (the link), and a node must reach a panel that has no name and no
// certificate that anybody knows.
#pragma once

#include "base/address.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "net/ws_frame.hpp"

#include <memory>
#include <string>
#include <string_view>

struct ssl_st;
struct ssl_ctx_st;

namespace sluice::net {

// "https://panel.example:6365/sluice", "http://[2001:db8::1]:6365". No user, query or fragment.
struct WebUrl {
    bool tls = true;
    HostPort where;   // port 443 or 80 unless given
    std::string path; // "" or "/sluice": without a slash at the end

    static Result<WebUrl> parse(std::string_view text); // invalid "url", with words in args[0]
    std::string to_text() const;
};

class WsClient {
public:
    // Connects to one address of the URL's host and asks for `resource` ("/link") below its path. Errors: unavailable "panel" (nobody there, no WebSocket,
    // with words in detail), timeout "panel", conflict "woken".
    static Result<std::unique_ptr<WsClient>> open(const Endpoint& address, const WebUrl& url, std::string_view resource, SteadyTime deadline,
                                                  int wake);
    ~WsClient();
    WsClient(const WsClient&) = delete;
    WsClient& operator=(const WsClient&) = delete;

    // Waits until something can be read or written, `wake` is readable, or `until`; moves what can be moved. `wake` is not read. False when the connection
    // has ended; why() says how.
    bool wait(SteadyTime until, int wake);
    std::string take_received() { return std::move(received_); }
    void send(std::string_view bytes); // queued; sent by wait() and by flush()
    std::size_t waiting() const { return output_.size(); }
    const std::string& why() const { return why_; }

private:
    enum class Moved { something, nothing, ended };
    explicit WsClient(int socket);
    Result<void> connect(const Endpoint& address, SteadyTime deadline, int wake);
    Result<void> start_tls(const WebUrl& url, SteadyTime deadline, int wake);
    Result<void> upgrade(const WebUrl& url, std::string_view resource, SteadyTime deadline, int wake);
    Result<void> poll(short events, SteadyTime deadline, int wake);
    Moved read_some(std::string& into);
    Moved write_some();
    Moved after_ssl(int result);
    bool take(std::string_view bytes);
    bool end(std::string why);

    int socket_;
    std::unique_ptr<ssl_st, void (*)(ssl_st*)> ssl_;
    bool tls_wants_write_ = false; // a read that has to write first
    bool tls_wants_read_ = false;  // a write that has to read first
    WsReader reader_;
    std::string received_;
    std::string output_;
    std::string why_;
    bool ended_ = false;
};

} // namespace sluice::net
