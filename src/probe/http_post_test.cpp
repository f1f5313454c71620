#include "probe/http_post.hpp"

#include "probe/testing.hpp"
#include "probe/turnstile.hpp"

#include <array>
#include <csignal>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace sluice::probe {

using namespace testing;

namespace {

const auto ignore_broken_pipes = std::signal(SIGPIPE, SIG_IGN);

Deadline in_a_minute() { return std::chrono::steady_clock::now() + std::chrono::seconds(60); }

// Reads a request with a body, remembers it, and answers.
class Answering {
public:
    explicit Answering(std::string answer, bool stays_open = false)
        : answer_(std::move(answer)), stays_open_(stays_open), server_([this](Socket connection, int) { serve(std::move(connection)); })
    {
    }
    std::string url(const std::string& path = "/verify") const { return "http://127.0.0.1:" + std::to_string(server_.port()) + path; }

    std::string request() const // of the last connection; look at it after the answer came
    {
        const std::lock_guard lock(mutex_);
        return request_;
    }

private:
    void serve(Socket connection)
    {
        std::string bytes;
        std::array<char, 4096> chunk{};
        for (;;) {
            const auto got = ::recv(connection.get(), chunk.data(), chunk.size(), 0);
            if (got <= 0) break;
            bytes.append(chunk.data(), static_cast<std::size_t>(got));
            const auto head = bytes.find("\r\n\r\n");
            const auto length = bytes.find("Content-Length: ");
            if (head != std::string::npos && length != std::string::npos && bytes.size() >= head + 4 + std::stoul(bytes.substr(length + 16))) break;
        }
        {
            const std::lock_guard lock(mutex_);
            request_ = bytes;
        }
        ::send(connection.get(), answer_.data(), answer_.size(), MSG_NOSIGNAL);
        if (stays_open_) kept_.push_back(std::move(connection));
    }

    std::string answer_;
    bool stays_open_;
    mutable std::mutex mutex_; // guards request_
    std::string request_;
    std::vector<Socket> kept_;
    Server server_;
};

std::string with_length(const std::string& body, const char* status = "200 OK")
{
    return std::string{"HTTP/1.1 "} + status + "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
           body;
}

} // namespace

TEST_CASE("a form is escaped so that no value can become another field")
{
    CHECK(form_text({{"secret", "a&b=c d"}, {"response", "é+/%\r\n"}, {"x", "A-Z_a.z0"}}) ==
          "secret=a%26b%3Dc%20d&response=%C3%A9%2B%2F%25%0D%0A&x=A-Z_a.z0");
    CHECK(form_text({}).empty());
}

TEST_CASE("answers come with a length, in chunks, or until the end")
{
    CHECK(parse_answer("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokmore").value().body == "ok");
    CHECK(parse_answer("HTTP/1.0 404 Not Found\r\n\r\nall of it").value().body == "all of it");
    const auto chunked = parse_answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n");
    CHECK(chunked.value().body == "abc0123456789");
    CHECK(chunked.value().status == 200);
}

TEST_CASE("what is no answer, or only a part of one, is none")
{
    for (const auto* text : {"", "HTTP/1.1 200 OK\r\n", "SSH-2.0-x\r\n\r\n", "HTTP/2 200\r\n\r\n", "HTTP/1.1 99 x\r\n\r\n", "HTTP/1.1\r\n\r\n",
                             "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nab",
                             "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nab", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
                             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab",
                             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nab\r\n0\r\n\r\n",
                             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
        INFO(text);
        CHECK_FALSE(parse_answer(text));
    }
}

TEST_CASE("a form is posted, and what comes back is read to its end")
{
    Answering server(with_length("{\"success\":true}"), true); // does not close: the length says when it is whole
    const auto answer = post_form(server.url("/a?b=c"), {{"k", "v w"}}, in_a_minute());
    REQUIRE(answer);
    CHECK(answer->status == 200);
    CHECK(answer->body == "{\"success\":true}");
    CHECK(server.request().rfind("POST /a?b=c HTTP/1.1\r\n", 0) == 0);
    CHECK(server.request().find("\r\nContent-Type: application/x-www-form-urlencoded\r\n") != std::string::npos);
    CHECK(server.request().find("\r\n\r\nk=v%20w") != std::string::npos);
}

TEST_CASE("a question carries the fields and the body that it is given, and takes no longer answer than it says")
{
    Answering server(with_length("{}"));
    HttpPost question{"application/json", "{\"a\":1}", {{"Authorization", "Bearer t"}}};
    CHECK(post(server.url(), question, in_a_minute()).value().body == "{}");
    CHECK(server.request().find("\r\nContent-Type: application/json\r\n") != std::string::npos);
    CHECK(server.request().find("\r\nAuthorization: Bearer t\r\n") != std::string::npos);
    CHECK(server.request().find("\r\n\r\n{\"a\":1}") != std::string::npos);
    question.most_answer = 100;
    Answering long_winded(with_length(std::string(200, 'x')));
    CHECK(post(long_winded.url(), question, in_a_minute()).error().detail == "the answer is too long");
}

TEST_CASE("what cannot be asked is an error that says why")
{
    for (const auto* url : {"", "ftp://127.0.0.1/", "127.0.0.1:80", "http://", "https://exa mple.org/", "http://127.0.0.1/x#y", "tcp://127.0.0.1:80"})
        CHECK(post_form(url, {}, in_a_minute()).error().code == Errc::invalid);
    const RefusingPort refusing;
    CHECK(post_form("http://127.0.0.1:" + std::to_string(refusing.port()) + "/", {}, in_a_minute()).error().code == Errc::unavailable);
    Answering garbage("what?");
    CHECK(post_form(garbage.url(), {}, in_a_minute()).error().code == Errc::unavailable);
    Answering endless("HTTP/1.1 200 OK\r\n\r\n" + std::string(2 * most_answer_bytes, 'x'));
    CHECK(post_form(endless.url(), {}, in_a_minute()).error().detail == "the answer is too long");
    const OpenServer silent;
    CHECK(post_form("http://127.0.0.1:" + std::to_string(silent.port()) + "/", {}, std::chrono::steady_clock::now() + std::chrono::milliseconds(200))
              .error()
              .code == Errc::timeout);
}

TEST_CASE("Turnstile's verdict is what it says, whatever the status")
{
    const auto from = *IpAddress::parse("2001:db8::7");
    const auto ask = [&](const Answering& server) { return verify_turnstile(server.url(), Secret{"s&1"}, "r=2", from, in_a_minute()); };
    Answering solved(with_length("{\"success\":true,\"hostname\":\"x\"}"));
    CHECK(ask(solved).value());
    CHECK(solved.request().find("\r\n\r\nsecret=s%261&response=r%3D2&remoteip=2001%3Adb8%3A%3A7") != std::string::npos);
    Answering used(with_length("{\"success\":false,\"error-codes\":[\"timeout-or-duplicate\"]}", "400 Bad Request"));
    CHECK_FALSE(ask(used).value());
    for (const auto* body : {"", "true", "{}", "{\"success\":\"true\"}", "<html>"}) {
        Answering other(with_length(body));
        CHECK(ask(other).error().code == Errc::unavailable);
    }
}

} // namespace sluice::probe
