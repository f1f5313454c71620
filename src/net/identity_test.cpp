// Identities, and sessions between them: bytes go through memory, cut at random places.
#include "net/identity.hpp"

#include "base/file.hpp"
#include "base/random.hpp"
#include "net/tls_session.hpp"

#include <doctest/doctest.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

using namespace sluice;
using namespace sluice::net;

namespace {

using Status = TlsSession::Status;

struct Folder {
    Folder()
    {
        char name[] = "/tmp/sluice-identity-XXXXXX";
        path = ::mkdtemp(name);
    }
    ~Folder() { std::filesystem::remove_all(path); }
    std::string path;
};

// Hands over what one end said, a few bytes at a time, and lets the other go on.
Status pass(TlsSession& from, TlsSession& to)
{
    auto bytes = std::move(from.output());
    from.output().clear();
    auto status = Status::want_input;
    for (std::size_t at = 0; at < bytes.size();) {
        const auto size = std::min<std::size_t>(bytes.size() - at, 1 + random_below(700));
        to.feed({bytes.data() + at, size});
        at += size;
        status = to.handshake();
        if (status == Status::failed) return status;
        if (status == Status::ok) {
            CHECK(at == bytes.size());
            return status;
        }
    }
    return status;
}

struct Pair {
    Pair(const Identity& client_identity, const Identity& server_identity, const Fingerprint& client_accepts, const Fingerprint& server_accepts)
        : client(client_identity.context(), TlsSession::Role::client,
                 {"example.com", {"h2", "http/1.1"}, [=](const Fingerprint& key) { return key == client_accepts; }}),
          server(server_identity.context(), TlsSession::Role::server, {{}, {}, [=](const Fingerprint& key) { return key == server_accepts; }})
    {
    }

    // Whether both ends think that they are done.
    bool shake()
    {
        auto client_status = client.handshake();
        auto server_status = Status::want_input;
        for (int i = 0; i < 10; ++i) {
            if (server_status != Status::ok && !client.output().empty()) server_status = pass(client, server);
            if (client_status != Status::ok && !server.output().empty()) client_status = pass(server, client);
            if (client_status == Status::failed || server_status == Status::failed) return false;
            if (client_status == Status::ok && server_status == Status::ok) return true;
        }
        return false;
    }

    TlsSession client;
    TlsSession server;
};

} // namespace

TEST_CASE("a fingerprint has one text")
{
    const auto print = Identity::make().fingerprint();
    CHECK(Fingerprint::parse(print.to_text()).value() == print);
    CHECK(Fingerprint::from_bytes(print.to_bytes()).value() == print);
    CHECK(!Fingerprint::parse(""));
    CHECK(!Fingerprint::parse(print.to_text().substr(7)));
    CHECK(!Fingerprint::parse(print.to_text() + "0"));
    CHECK(!Fingerprint::parse("sha256:" + std::string(64, 'g')));
    CHECK(!Fingerprint::from_bytes("short"));
}

TEST_CASE_FIXTURE(Folder, "an identity is made once, kept privately, and never replaced when the file is something else")
{
    const auto made = Identity::load_or_create(path + "/node.key");
    REQUIRE(made);
    struct stat info{};
    REQUIRE(::stat((path + "/node.key").c_str(), &info) == 0);
    CHECK((info.st_mode & 0777U) == 0600U);
    const auto again = Identity::load_or_create(path + "/node.key");
    REQUIRE(again);
    CHECK(again->fingerprint() == made->fingerprint());

    REQUIRE(write_file_atomically(path + "/node.key", "not a key"));
    const auto refused = Identity::load_or_create(path + "/node.key");
    REQUIRE(!refused);
    CHECK(refused.error().field == "identity");
    CHECK(read_file(path + "/node.key").value() == "not a key");
}

TEST_CASE("two ends that know each other's keys talk, whatever the cuts in the bytes")
{
    const auto alice = Identity::make();
    const auto bob = Identity::make();
    for (int round = 0; round < 20; ++round) {
        Pair pair(alice, bob, bob.fingerprint(), alice.fingerprint());
        REQUIRE(pair.shake());
        CHECK(pair.client.peer_key() == bob.fingerprint());
        CHECK(pair.server.peer_key() == alice.fingerprint());
        const auto said = random_bytes(40'000);
        REQUIRE(pair.client.write(said) == Status::ok);
        std::string heard;
        std::vector<char> room(16 * 1024);
        const auto wire = std::move(pair.client.output());
        for (std::size_t at = 0; at < wire.size();) {
            const auto size = std::min<std::size_t>(wire.size() - at, 1 + random_below(9000));
            pair.server.feed({wire.data() + at, size});
            at += size;
            for (;;) {
                const auto got = pair.server.read(room);
                if (got.status == Status::want_input) break;
                REQUIRE(got.status == Status::ok);
                heard.append(room.data(), got.size);
            }
        }
        CHECK(heard == said);
    }
}

TEST_CASE("an end that shows another key than the one expected is refused by either side")
{
    const auto alice = Identity::make();
    const auto bob = Identity::make();
    const auto mallory = Identity::make();
    CHECK(!Pair(alice, mallory, bob.fingerprint(), alice.fingerprint()).shake()); // a false server
    CHECK(!Pair(mallory, bob, bob.fingerprint(), alice.fingerprint()).shake());   // a false client
    CHECK(!Pair(alice, bob, bob.fingerprint(), Fingerprint{}).shake());
}

TEST_CASE("a changed byte on the wire ends the session")
{
    const auto alice = Identity::make();
    const auto bob = Identity::make();
    Pair pair(alice, bob, bob.fingerprint(), alice.fingerprint());
    REQUIRE(pair.shake());
    REQUIRE(pair.client.write(std::string(1000, 'x')) == Status::ok);
    auto wire = std::move(pair.client.output());
    wire[wire.size() / 2] = static_cast<char>(wire[wire.size() / 2] ^ 1);
    std::vector<char> room(16 * 1024);
    pair.server.feed(wire);
    CHECK(pair.server.read(room).status == Status::failed);
    CHECK(!pair.server.problem().empty());
}

TEST_CASE("a goodbye is heard as one")
{
    const auto alice = Identity::make();
    const auto bob = Identity::make();
    Pair pair(alice, bob, bob.fingerprint(), alice.fingerprint());
    REQUIRE(pair.shake());
    pair.client.close();
    const auto wire = std::move(pair.client.output());
    std::vector<char> room(1024);
    pair.server.feed(wire);
    CHECK(pair.server.read(room).status == Status::closed);
}

TEST_CASE("what a key signs is known as its own, and nothing else is")
{
    const auto key = Identity::make();
    const auto other = Identity::make();
    const std::string text = "a release";
    const auto signature = key.sign(text);
    CHECK(signed_by(key.fingerprint(), key.public_key(), text, signature));
    CHECK_FALSE(signed_by(key.fingerprint(), key.public_key(), "a releasf", signature));
    CHECK_FALSE(signed_by(other.fingerprint(), key.public_key(), text, signature)); // another key than the pinned one
    CHECK_FALSE(signed_by(key.fingerprint(), other.public_key(), text, signature));
    CHECK_FALSE(signed_by(other.fingerprint(), other.public_key(), text, signature)); // signed by another
    for (std::size_t i = 0; i < signature.size(); ++i) {
        auto bent = signature;
        bent[i] = static_cast<char>(bent[i] ^ 1);
        CHECK_FALSE(signed_by(key.fingerprint(), key.public_key(), text, bent));
    }
    for (const auto& odd : {std::string{}, std::string(44, 'x'), key.public_key() + "x"}) {
        CHECK_FALSE(signed_by(key.fingerprint(), odd, text, signature));
        CHECK_FALSE(signed_by(key.fingerprint(), key.public_key(), text, odd));
    }
}
