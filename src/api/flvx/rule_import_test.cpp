// Rules of other programs through the dialect: the preview says what each would become, the import makes all that was chosen or nothing.
#include "api/flvx/testing.hpp"

using namespace sluice;
using namespace sluice::flvx;
using sluice::flvx::testing::Site;

namespace {

struct Importing : Site {
    Ground home = ground("alice");

    Json body(const std::string& text, const Json& more = Json::object()) const
    {
        Json request{{"tunnelId", home.tunnel}, {"text", text}};
        request.update(more);
        return request;
    }
    std::size_t forwards() { return call("/forward/list", Json::object()).size(); }
};

} // namespace

TEST_CASE("a preview shows each line as the forward it would be or the reason why not, and makes nothing")
{
    Importing site;
    const auto seen = site.call("/forward/import/preview",
                                site.body("8080 -> 10.0.0.1:80\nudp/5353 -> [2001:db8::1]:53 # dns\n2000-2002 -> 10.0.0.1:3000-3002\nhello\n"
                                          "80 -> 10.0.0.1:80\n8080 -> 10.0.0.2:80\n0 -> 10.0.0.1:80"));
    CHECK(seen.at("format") == "plain");
    CHECK(seen.at("possible") == 6);
    const auto& items = seen.at("items");
    REQUIRE(items.size() == 9);
    CHECK(items[0].at("rule") == Json{{"name", "8080 to 10.0.0.1:80"},
                                      {"listenIp", ""},
                                      {"inPort", 8080},
                                      {"remoteAddr", "10.0.0.1:80"},
                                      {"protocol", "tcp+udp"},
                                      {"strategy", "fifo"},
                                      {"allowIps", Json::array()}});
    CHECK(items[1].at("rule").at("protocol") == "udp");
    CHECK(items[1].at("line") == 2);
    CHECK(items[4].at("rule").at("inPort") == 2002);
    CHECK(items[4].at("rule").at("remoteAddr") == "10.0.0.1:3002");
    CHECK(items[5].at("reason") == "unreadable");
    CHECK(items[5].at("text") == "hello");
    CHECK(items[6].at("possible") == false); // outside the node's range
    CHECK(items[6].at("message") == "节点 alice 端口 80 不在允许范围内，端口范围无效");
    CHECK(items[7].at("message") == "节点 alice 端口 8080 已被其他转发占用"); // by the first line of the same text
    CHECK(items[8].at("rule").at("inPort").get<int>() >= 1000);
    CHECK(site.forwards() == 0);
}

TEST_CASE("what was chosen is made in one go, and nothing else")
{
    Importing site;
    const std::string text = "8080 -> 10.0.0.1:80\n8081 -> 10.0.0.1:80\nhello\n8082 -> 10.0.0.1:80,10.0.0.2:80";
    const auto made = site.call("/forward/import", site.body(text, {{"indexes", {0, 3}}}));
    CHECK(made.at("created") == 2);
    CHECK(made.at("items")[1].at("inPort") == 8082);
    CHECK(made.at("items")[1].at("index") == 3);
    CHECK(site.forwards() == 2);
    CHECK(site.nodes.told.contains(NodeId{site.home.node}));
    // Two of these are taken now: none of the three is made.
    const auto refused = site.refusal("/forward/import", site.body(text, {{"indexes", {0, 1, 3}}}));
    CHECK(refused.second == "节点 alice 端口 8080 已被其他转发占用");
    CHECK(site.forwards() == 2);
    CHECK(site.call("/forward/import", site.body(text, {{"indexes", {0, 1, 3}}, {"choosePorts", true}})).at("created") == 3);
    CHECK(site.forwards() == 5);
}

TEST_CASE("when a node cannot listen on one of the ports, all of it is taken back")
{
    Importing site;
    plan::ForwardResult fault;
    fault.id = ForwardId{2};
    fault.listening = false;
    fault.fault = plan::Fault::address_in_use;
    site.nodes.answers = {fault};
    const auto refused =
        site.refusal("/forward/import", site.body("8080 -> 10.0.0.1:80\n8081 -> 10.0.0.1:80\n8082 -> 10.0.0.1:80", {{"indexes", {0, 1, 2}}}));
    CHECK(refused == std::pair{-1, std::string{"节点 alice 下发失败: 端口 8081 已被系统中其他程序占用"}});
    CHECK(site.forwards() == 0);
}

TEST_CASE("a user imports for himself, on tunnels that are his, within his limits")
{
    Importing site;
    const auto other = site.ground("bob");
    site.call("/tunnel/user/assign", {{"userId", site.home.user}, {"tunnelId", site.home.tunnel}, {"num", 2}});
    site.token = site.sign_in("alice", "alice-password");
    const std::string text = "8080 -> 10.0.0.1:80\n8081 -> 10.0.0.1:80\n8082 -> 10.0.0.1:80";
    const auto seen = site.call("/forward/import/preview", site.body(text));
    CHECK(seen.at("possible") == 2);
    CHECK(seen.at("items")[2].at("message") == "转发数量已达上限");
    CHECK(site.refusal("/forward/import", site.body(text, {{"indexes", {0, 1, 2}}})).second == "转发数量已达上限");
    CHECK(site.forwards() == 0);
    CHECK(site.refusal("/forward/import/preview", {{"tunnelId", other.tunnel}, {"text", text}}).second == "你没有该隧道的权限");
    site.call("/forward/import", site.body(text, {{"indexes", {1}}}));
    CHECK(site.call("/forward/list", Json::object())[0].at("userName") == "alice");
}

TEST_CASE("a format may be named, and what cannot be read as a whole is one error")
{
    Importing site;
    CHECK(site.call("/forward/import/preview", site.body("8080,web", {{"format", "plain"}})).at("items")[0].at("reason") == "unreadable");
    CHECK(site.call("/forward/import/preview", site.body("-A PREROUTING -p tcp --dport 8080 -j DNAT --to-destination 10.0.0.1:80")).at("format") ==
          "iptables");
    using Refusal = std::pair<int, std::string>;
    CHECK(site.refusal("/forward/import/preview", site.body("x", {{"format", "haproxy"}})) == Refusal{-1, "不支持的规则格式"});
    CHECK(site.refusal("/forward/import/preview", site.body("services: [")).second.find("规则文本无法解析") == 0);
    CHECK(site.refusal("/forward/import/preview", site.body("1-65535 -> 10.0.0.1:80")) == Refusal{-1, "一次最多导入 2000 条转发"});
    CHECK(site.refusal("/forward/import/preview", {{"text", "x"}}) == Refusal{-1, "隧道ID不能为空"});
    CHECK(site.refusal("/forward/import/preview", {{"tunnelId", 1}, {"text", 5}}) == Refusal{-1, "请求参数错误"});
    CHECK(site.refusal("/forward/import", site.body("8080 -> 10.0.0.1:80")) == Refusal{-1, "请选择可以导入的规则"});
    CHECK(site.refusal("/forward/import", site.body("8080 -> 10.0.0.1:80", {{"indexes", {7}}})) == Refusal{-1, "请选择可以导入的规则"});
    CHECK(site.refusal("/forward/import", site.body("8080 -> 10.0.0.1:80", {{"indexes", {-1}}})) == Refusal{-1, "请求参数错误"});
    CHECK(site.refusal("/forward/import", site.body("hello", {{"indexes", {0}}})) == Refusal{-1, "请选择可以导入的规则"});
}
