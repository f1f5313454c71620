// Certificates: made, kept, replaced, refused. The clock is held; files live in a folder of their own.
#include "net/tls_context.hpp"

#include "base/file.hpp"
#include "net/certificate.hpp"
#include "net/host_names.hpp"
#include "net/listener.hpp"

#include <algorithm>
#include <doctest/doctest.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

using namespace sluice;
using namespace sluice::net;

namespace {

const auto now = from_epoch_ms(1'750'000'000'000);

struct Folder {
    Folder()
    {
        char name[] = "/tmp/sluice-tls-XXXXXX";
        path = ::mkdtemp(name);
    }
    ~Folder() { std::filesystem::remove_all(path); }
    std::string file(const std::string& name) const { return path + "/" + name; }
    std::string path;
    HeldClock clock{now};
};

unsigned mode_of(const std::string& path)
{
    struct stat info{};
    REQUIRE(::stat(path.c_str(), &info) == 0);
    return info.st_mode & 0777U;
}

bool names(const CertificateInfo& info, const std::string& name) { return std::find(info.names.begin(), info.names.end(), name) != info.names.end(); }

} // namespace

TEST_CASE_FIXTURE(Folder, "the first boot makes a certificate for this host and keeps it")
{
    const auto made = TlsContext::open(path + "/tls", clock);
    REQUIRE(made);
    const auto info = (*made)->info();
    CHECK(info.self_signed);
    CHECK(info.self_made);
    CHECK(names(info, "localhost"));
    CHECK(names(info, host_name()));
    CHECK(names(info, "127.0.0.1"));
    CHECK(info.not_before < now);
    CHECK(info.not_after == now + std::chrono::hours{24 * 825});
    CHECK(info.fingerprint.size() == 7 + 64);
    CHECK(info.fingerprint.starts_with("sha256:"));
    CHECK(mode_of(path + "/tls/key.pem") == 0600);
    const auto again = TlsContext::open(path + "/tls", clock);
    REQUIRE(again);
    CHECK((*again)->info().fingerprint == info.fingerprint);
    CHECK((*again)->current() != nullptr);
}

TEST_CASE_FIXTURE(Folder, "our own certificate is renewed in its last 30 days, an uploaded one never")
{
    auto context = *TlsContext::open(path, clock);
    const auto first = context->info().fingerprint;
    CHECK(*context->renew_if_due() == false);
    const auto tickets = context->current();
    clock.advance(std::chrono::hours{24 * 790});
    CHECK(*context->renew_if_due() == false);
    CHECK(context->info().fingerprint == first);
    CHECK(context->current() != tickets); // fresh ticket keys for the same certificate
    clock.advance(std::chrono::hours{24 * 6});
    const auto before = context->current();
    CHECK(*context->renew_if_due() == true);
    CHECK(context->info().fingerprint != first);
    CHECK(context->current() != before);

    auto other = make_self_signed_pair({"other.example"}, {}, clock.wall());
    auto foreign = other; // the same but without our mark would need a CA; what counts is who made it
    CHECK(context->install(foreign.certificates, foreign.key));
    CHECK(names(context->info(), "other.example"));
}

TEST_CASE_FIXTURE(Folder, "an upload is used at once and survives a restart")
{
    auto context = *TlsContext::open(path, clock);
    const auto pair = make_self_signed_pair({"panel.example"}, {*IpAddress::parse("2001:db8::1")}, now);
    REQUIRE(context->install(pair.certificates, pair.key));
    CHECK(names(context->info(), "panel.example"));
    CHECK(names(context->info(), "2001:db8::1"));
    CHECK(mode_of(file("key.pem")) == 0600);
    CHECK_FALSE(file_exists(file("key.pem.next")));
    CHECK((*TlsContext::open(path, clock))->info().fingerprint == context->info().fingerprint);
}

TEST_CASE_FIXTURE(Folder, "a bad upload is refused with its field and changes nothing")
{
    auto context = *TlsContext::open(path, clock);
    const auto before = context->info().fingerprint;
    const auto stored = *read_file(file("cert.pem"));
    const auto pair = make_self_signed_pair({"a.example"}, {}, now);
    const auto other = make_self_signed_pair({"b.example"}, {}, now);
    const auto old = make_self_signed_pair({"c.example"}, {}, now - std::chrono::hours{24 * 900});
    const auto early = make_self_signed_pair({"d.example"}, {}, now + std::chrono::hours{24 * 9});
    const auto field_of = [&](const std::string& certificates, const std::string& key) {
        const auto refused = context->install(certificates, Secret{key});
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == Errc::invalid);
        return refused.error().field;
    };
    CHECK(field_of("", pair.key.reveal()) == "tls.cert");
    CHECK(field_of("nonsense", pair.key.reveal()) == "tls.cert");
    CHECK(field_of(pair.certificates.substr(0, pair.certificates.size() / 2), pair.key.reveal()) == "tls.cert");
    CHECK(field_of(pair.certificates, "") == "tls.key");
    CHECK(field_of(pair.certificates, other.key.reveal()) == "tls.key");
    CHECK(field_of(pair.certificates + other.certificates, pair.key.reveal()) == "tls.cert"); // no chain
    CHECK(field_of(old.certificates, old.key.reveal()) == "tls.cert");
    CHECK(field_of(early.certificates, early.key.reveal()) == "tls.cert");
    CHECK(field_of(std::string(300'000, 'x'), pair.key.reveal()) == "tls.cert");
    CHECK(context->info().fingerprint == before);
    CHECK(*read_file(file("cert.pem")) == stored);
}

TEST_CASE_FIXTURE(Folder, "a changed file is used after reload, a broken one is not")
{
    auto context = *TlsContext::open(path, clock);
    const auto pair = make_self_signed_pair({"new.example"}, {}, now);
    REQUIRE(write_file_atomically(file("cert.pem"), pair.certificates));
    CHECK(context->reload().error().field == "tls.key");
    REQUIRE(write_file_atomically(file("key.pem"), pair.key.reveal()));
    CHECK(context->reload());
    CHECK(names(context->info(), "new.example"));
    REQUIRE(write_file_atomically(file("cert.pem"), "broken"));
    CHECK_FALSE(context->reload());
    CHECK(names(context->info(), "new.example"));
    CHECK_FALSE(TlsContext::open(path, clock));
}

TEST_CASE_FIXTURE(Folder, "what ran out or was replaced while nobody looked is noticed by itself")
{
    const auto first = (*TlsContext::open(path, clock))->info().fingerprint;
    clock.advance(std::chrono::hours{24 * 900});
    auto context = *TlsContext::open(path, clock);
    CHECK(context->info().fingerprint != first);
    CHECK(context->info().not_after > clock.wall());

    const auto pair = make_self_signed_pair({"other.example"}, {}, clock.wall());
    REQUIRE(write_file_atomically(file("cert.pem"), pair.certificates));
    CHECK_FALSE(context->renew_if_due()); // half replaced
    CHECK_FALSE(names(context->info(), "other.example"));
    REQUIRE(write_file_atomically(file("key.pem"), pair.key.reveal()));
    CHECK(*context->renew_if_due() == false);
    CHECK(names(context->info(), "other.example"));
}

TEST_CASE_FIXTURE(Folder, "a crash between the two files of a replacement is finished at the next start")
{
    auto context = *TlsContext::open(path, clock);
    const auto pair = make_self_signed_pair({"next.example"}, {}, now);
    REQUIRE(write_file_atomically(file("key.pem.next"), pair.key.reveal()));
    CHECK((*TlsContext::open(path, clock))->info().fingerprint == context->info().fingerprint); // before the certificate: the old pair
    REQUIRE(write_file_atomically(file("cert.pem"), pair.certificates));
    const auto after = TlsContext::open(path, clock);
    REQUIRE(after);
    CHECK(names((*after)->info(), "next.example"));
    CHECK(*read_file(file("key.pem")) == pair.key.reveal());
    CHECK_FALSE(file_exists(file("key.pem.next")));
}

TEST_CASE("listening names the address that is taken")
{
    const auto first = listen_tcp({*IpAddress::parse("127.0.0.1"), 0});
    REQUIRE(first);
    CHECK(first->local.port != 0);
    const auto second = listen_tcp(first->local);
    REQUIRE_FALSE(second);
    CHECK(second.error().code == Errc::conflict);
    CHECK(second.error().field == "listen");
    CHECK(second.error().args == std::vector<std::string>{first->local.to_text()});
    ::close(first->descriptor);
    const auto nowhere = listen_tcp({*IpAddress::parse("203.0.113.77"), 0});
    REQUIRE_FALSE(nowhere);
    CHECK(nowhere.error().code == Errc::unavailable);
}
