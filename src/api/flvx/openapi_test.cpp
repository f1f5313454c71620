// The API document names everything that is served, and nothing else; what it says of answers is what comes.
#include "api/flvx/route.hpp"
#include "api/flvx/testing.hpp"

#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

using namespace sluice;
using namespace sluice::flvx;
using sluice::flvx::testing::Site;

namespace {

Json document_of(Site& site)
{
    const auto response = site.raw("/api/openapi.json", "", "GET");
    REQUIRE(response.status == 200);
    return Json::parse(response.body);
}

} // namespace

TEST_CASE("every route that is served is in the document, and nothing else is")
{
    Site site;
    const auto document = document_of(site);
    CHECK(document.at("openapi") == "3.1.0");
    std::set<std::string> served;
    for (const auto& [method, pattern] : site.router.routes()) {
        served.insert(pattern);
        CHECK_MESSAGE(document.at("paths").contains(pattern), method << " " << pattern);
    }
    for (const auto& [path, item] : document.at("paths").items()) CHECK_MESSAGE(served.contains(path), path);
    CHECK(served.size() > 50);
}

TEST_CASE("every operation has a name of its own, words, and a body exactly when it reads one")
{
    Site site;
    const auto document = document_of(site);
    std::set<std::string> names;
    for (const auto& table : all_routes()) {
        for (const auto& route : table) {
            const auto& post = document.at("paths").at(std::string{route.path}).at("post");
            CHECK_MESSAGE(names.insert(post.at("operationId").get<std::string>()).second, route.path);
            CHECK_MESSAGE(!post.at("summary").get<std::string>().empty(), route.path);
            CHECK_MESSAGE(post.contains("requestBody") == (route.needs != Needs::nothing), route.path);
            CHECK_MESSAGE(post.contains("security") == (route.access == Access::open), route.path);
            if (route.needs == Needs::object) CHECK_MESSAGE(route.takes != nullptr, route.path << ": what does it take?");
        }
    }
    CHECK(document.at("paths").at("/api/v1/announcement/get").contains("get"));
}

TEST_CASE("every reference in the document leads somewhere")
{
    Site site;
    const auto document = document_of(site);
    const std::function<void(const Json&)> follow = [&](const Json& value) {
        if (value.is_object() && value.contains("$ref")) CHECK(document.contains(Json::json_pointer(value.at("$ref").get<std::string>().substr(1))));
        if (value.is_structured()) {
            for (const auto& part : value) follow(part);
        }
    };
    follow(document);
}

TEST_CASE("the document says which fields lists of nodes, tunnels, forwards and users have")
{
    Site site;
    site.ground("alice");
    site.call("/forward/create", {{"name", "web"}, {"tunnelId", 1}, {"remoteAddr", "10.0.0.1:80"}});
    const auto document = document_of(site);
    const auto& schemas = document.at("components").at("schemas");
    for (const auto& [path, shape] : std::vector<std::pair<std::string, std::string>>{{"/node/list", "Node"},
                                                                                      {"/tunnel/list", "Tunnel"},
                                                                                      {"/forward/list", "Forward"},
                                                                                      {"/user/list", "User"},
                                                                                      {"/tunnel/user/tunnel", "UsableTunnel"}}) {
        const auto items = site.call(path, Json::object());
        REQUIRE_MESSAGE(!items.empty(), path);
        const auto& known = schemas.at(shape).at("properties");
        for (const auto& [name, value] : items[0].items()) CHECK_MESSAGE(known.contains(name), path << " " << name);
        for (const auto& [name, schema] : known.items()) CHECK_MESSAGE(items[0].contains(name), path << " " << name);
    }
}
