#include "panel/vault.hpp"

#include "base/file.hpp"
#include "base/text.hpp"
#include "panel/testing.hpp"

#include <doctest/doctest.h>

#include <sys/stat.h>

using namespace sluice;
using namespace sluice::panel;

namespace {

const Secret key{std::string(32, 'k')};

std::string hex(const std::string& bytes) { return to_hex({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}); }

} // namespace

TEST_CASE("what was sealed is read back, with the same key and for the same purpose only")
{
    const auto sealed = seal(key, "node secret", "hush");
    CHECK(unseal(key, "node secret", sealed)->reveal() == "hush");
    CHECK(sealed.find("hush") == std::string::npos);
    CHECK(unseal(key, "signing key", sealed).error().field == "vault");
    CHECK_FALSE(unseal(Secret{std::string(32, 'x')}, "node secret", sealed));
    CHECK(seal(key, "node secret", "hush") != sealed);
    CHECK(unseal(key, "empty", seal(key, "empty", ""))->reveal().empty());
}

TEST_CASE("any changed or missing byte is noticed")
{
    const auto sealed = seal(key, "p", "hush");
    for (std::size_t i = 0; i < sealed.size(); ++i) {
        auto changed = sealed;
        changed[i] = static_cast<char>(changed[i] ^ 1);
        CHECK_FALSE(unseal(key, "p", changed));
        CHECK_FALSE(unseal(key, "p", sealed.substr(0, i)));
    }
}

TEST_CASE("the key file is made once, private, and a wrong one is refused instead of replaced")
{
    const store::testing::Folder folder;
    const auto path = folder.file("secret.key");
    const auto made = load_or_create_key(path);
    REQUIRE(made);
    CHECK(made->reveal().size() == 32);
    struct stat info{};
    REQUIRE(::stat(path.c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0600);
    CHECK(load_or_create_key(path)->reveal() == made->reveal());
    REQUIRE(write_file_atomically(path, "short"));
    CHECK(load_or_create_key(path).error().field == "vault.key");
    CHECK(*read_file(path) == "short");
}

TEST_CASE("digests are those of their standards")
{
    CHECK(hex(sha256("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"); // FIPS 180-2
    // RFC 4231, test case 2.
    CHECK(hex(hmac_sha256(Secret{"Jefe"}, "what do ya want for nothing?")) == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    CHECK(equal_in_constant_time("abc", "abc"));
    CHECK_FALSE(equal_in_constant_time("abc", "abd"));
    CHECK_FALSE(equal_in_constant_time("abc", "ab"));
}
