#include "api/install/install.hpp"

#include "base/machine.hpp"
#include "base/random.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

using namespace sluice;

namespace {

struct Site {
    Site()
    {
        std::filesystem::create_directory(folder);
        install::mount(router, {folder.string()});
    }
    ~Site() { std::filesystem::remove_all(folder); }

    http::Response get(const std::string& path)
    {
        http::Request request;
        request.method = "GET";
        request.path = path;
        return router.handle(request);
    }
    static std::string body(const http::Response& response)
    {
        std::string all = response.body;
        while (response.producer) {
            auto piece = response.producer();
            if (piece.empty()) break;
            all += piece;
        }
        return all;
    }

    std::filesystem::path folder = std::filesystem::temp_directory_path() / ("sluice-downloads-" + random_hex(8));
    http::Router router;
    std::string own{architecture};
    std::string other{architecture == "amd64" ? "arm64" : "amd64"};
};

} // namespace

TEST_CASE_FIXTURE(Site, "the script is whole, does everything in its last line, and has the node's unit in it")
{
    const auto reply = get("/install.sh");
    CHECK(reply.status == 200);
    CHECK(reply.body.rfind("#!/bin/sh\n", 0) == 0);
    CHECK(reply.body.ends_with("\nmain \"$@\"\n"));
    CHECK(reply.body.find("@AGENT_UNIT@") == std::string::npos);
    CHECK(reply.body.find("ProtectSystem=strict") != std::string::npos);
}

TEST_CASE_FIXTURE(Site, "the program of this architecture is the running one, with its checksum")
{
    const auto program = get("/download/sluice-linux-" + own);
    CHECK(program.status == 200);
    CHECK(body(program).substr(1, 3) == "ELF");
    const auto sum = get("/download/sluice-linux-" + own + ".sha256");
    CHECK(sum.status == 200);
    CHECK(sum.body.size() == 64 + 2 + ("sluice-linux-" + own).size() + 1);
}

TEST_CASE_FIXTURE(Site, "a program of another architecture is served when somebody put it there")
{
    const auto absent = get("/download/sluice-linux-" + other);
    CHECK(absent.status == 404);
    CHECK(absent.body.find("downloads/sluice-linux-" + other) != std::string::npos);
    CHECK(get("/download/sluice-linux-" + other + ".sha256").status == 404);
    std::ofstream(folder / ("sluice-linux-" + other)) << "abc";
    CHECK(body(get("/download/sluice-linux-" + other)) == "abc");
    const auto sum = get("/download/sluice-linux-" + other + ".sha256").body;
    CHECK(sum.rfind("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  ", 0) == 0); // FIPS 180-2
    std::ofstream(folder / ("sluice-linux-" + other)) << "abcd";
    CHECK(get("/download/sluice-linux-" + other + ".sha256").body != sum);
}

TEST_CASE_FIXTURE(Site, "nothing else is downloaded")
{
    CHECK(get("/download/sluice-linux-mips").status == 404);
    CHECK(get("/download/../sluice.db").status == 404);
}
