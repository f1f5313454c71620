// Moving an FLVX panel in, from its database and from its export: what comes over, what does not, again, and not at all.
#include "api/flvx/testing.hpp"
#include "base/file.hpp"

#include <SQLiteCpp/Database.h>

using namespace sluice;
using namespace sluice::flvx;
using sluice::flvx::testing::Site;

namespace {

constexpr const char* alice_md5 = "5f4dcc3b5aa765d61d8327deb882cf99"; // "password"

// The schema of gost.db (FLVX contract 3), and a little of everything.
constexpr const char* panel_sql = R"sql(
CREATE TABLE user (id INTEGER PRIMARY KEY, user VARCHAR(100), pwd VARCHAR(100), role_id INTEGER, exp_time INTEGER, flow INTEGER, in_flow INTEGER DEFAULT 0,
  out_flow INTEGER DEFAULT 0, flow_reset_time INTEGER, num INTEGER, created_time INTEGER, updated_time INTEGER, status INTEGER);
CREATE TABLE node (id INTEGER PRIMARY KEY, name VARCHAR(100), secret VARCHAR(100), server_ip VARCHAR(100), server_ip_v4 VARCHAR(100), server_ip_v6 VARCHAR(100),
  port TEXT, interface_name VARCHAR(200), version VARCHAR(100), http INTEGER DEFAULT 0, tls INTEGER DEFAULT 0, socks INTEGER DEFAULT 0, created_time INTEGER,
  updated_time INTEGER, status INTEGER, tcp_listen_addr VARCHAR(100) DEFAULT '[::]', udp_listen_addr VARCHAR(100) DEFAULT '[::]', inx INTEGER DEFAULT 0,
  is_remote INTEGER DEFAULT 0, remote_url TEXT, remote_token TEXT, remote_config TEXT);
CREATE TABLE tunnel (id INTEGER PRIMARY KEY, name VARCHAR(100), traffic_ratio REAL DEFAULT 1.0, type INTEGER, protocol VARCHAR(10) DEFAULT 'tls', flow INTEGER,
  created_time INTEGER, updated_time INTEGER, status INTEGER, in_ip TEXT, inx INTEGER DEFAULT 0, ip_preference VARCHAR(10) DEFAULT '');
CREATE TABLE chain_tunnel (id INTEGER PRIMARY KEY, tunnel_id INTEGER, chain_type VARCHAR(10), node_id INTEGER, port INTEGER, strategy VARCHAR(10), inx INTEGER,
  protocol VARCHAR(10));
CREATE TABLE forward (id INTEGER PRIMARY KEY, user_id INTEGER, user_name VARCHAR(100), name VARCHAR(100), tunnel_id INTEGER, remote_addr TEXT,
  strategy VARCHAR(100) DEFAULT 'fifo', in_flow INTEGER DEFAULT 0, out_flow INTEGER DEFAULT 0, created_time INTEGER, updated_time INTEGER, status INTEGER, inx INTEGER DEFAULT 0);
CREATE TABLE forward_port (id INTEGER PRIMARY KEY, forward_id INTEGER, node_id INTEGER, port INTEGER);
CREATE TABLE user_tunnel (id INTEGER PRIMARY KEY, user_id INTEGER, tunnel_id INTEGER, speed_id INTEGER, num INTEGER, flow INTEGER, in_flow INTEGER DEFAULT 0,
  out_flow INTEGER DEFAULT 0, flow_reset_time INTEGER, exp_time INTEGER, status INTEGER);
CREATE TABLE speed_limit (id INTEGER PRIMARY KEY, name VARCHAR(100), speed INTEGER, tunnel_id INTEGER, tunnel_name VARCHAR(100), created_time INTEGER,
  updated_time INTEGER, status INTEGER);
CREATE TABLE statistics_flow (id INTEGER PRIMARY KEY, user_id INTEGER, flow INTEGER, total_flow INTEGER, time VARCHAR(100), created_time INTEGER);
CREATE TABLE tunnel_group (id INTEGER PRIMARY KEY, name VARCHAR(100), created_time INTEGER, updated_time INTEGER, status INTEGER);
CREATE TABLE user_group (id INTEGER PRIMARY KEY, name VARCHAR(100), created_time INTEGER, updated_time INTEGER, status INTEGER);
CREATE TABLE tunnel_group_tunnel (id INTEGER PRIMARY KEY, tunnel_group_id INTEGER, tunnel_id INTEGER, created_time INTEGER);
CREATE TABLE user_group_user (id INTEGER PRIMARY KEY, user_group_id INTEGER, user_id INTEGER, created_time INTEGER);
CREATE TABLE group_permission (id INTEGER PRIMARY KEY, user_group_id INTEGER, tunnel_group_id INTEGER, created_time INTEGER);
CREATE TABLE group_permission_grant (id INTEGER PRIMARY KEY, user_group_id INTEGER, tunnel_group_id INTEGER, user_tunnel_id INTEGER,
  created_by_group INTEGER DEFAULT 0, created_time INTEGER);
CREATE TABLE vite_config (id INTEGER PRIMARY KEY, name VARCHAR(200) UNIQUE, value VARCHAR(200), time INTEGER);
INSERT INTO user VALUES (1,'root','3c85cdebade1c51cf64ca9f3c09d182d',0,2727251700000,99999,0,0,1,99999,1,2,1),
  (2,'alice','5f4dcc3b5aa765d61d8327deb882cf99',1,4000000000000,50,1000,2000,31,10,1,2,1), (3,'bob','x',1,0,1,0,0,99,0,1,NULL,0);
INSERT INTO node (id,name,secret,server_ip,port,interface_name,status,http,created_time,is_remote,inx) VALUES
  (1,'hk','11111111111111111111111111111111','203.0.113.1','1000-65535','eth0',1,1,1,0,0),
  (2,'us','22222222222222222222222222222222','us.example','9000-8000',NULL,0,0,1,0,1),
  (3,'theirs','33333333333333333333333333333333','203.0.113.3','1000-2000',NULL,1,0,1,1,2);
INSERT INTO tunnel (id,name,traffic_ratio,type,flow,created_time,updated_time,status,in_ip) VALUES (1,'direct',1.5,1,2,1,1,1,'203.0.113.1'),
  (2,'chain',1,2,1,1,1,1,''), (3,'direct',1,1,1,1,1,1,NULL);
INSERT INTO chain_tunnel VALUES (1,1,'1',1,NULL,'round',0,'tls'), (2,2,'1',1,NULL,'round',0,'tls'), (3,2,'3',2,31000,'fifo',0,'wss'), (4,3,'1',77,NULL,'round',0,'tls');
INSERT INTO forward (id,user_id,user_name,name,tunnel_id,remote_addr,strategy,in_flow,out_flow,created_time,updated_time,status,inx) VALUES
  (10,2,'alice','web',1,'10.0.0.1:80, 10.0.0.2:80','rand',700,800,1,1,1,3), (11,2,'alice','orphan',99,'10.0.0.1:80','fifo',0,0,1,1,1,0),
  (12,2,'alice','nowhere',1,'not an address','fifo',0,0,1,1,1,0);
INSERT INTO forward_port VALUES (1,10,1,20001);
INSERT INTO speed_limit VALUES (6,'10M',10,1,'direct',1,NULL,1);
INSERT INTO user_tunnel VALUES (20,2,1,6,5,20,300,400,1,4000000000000,1), (21,2,2,404,5,20,0,0,1,4000000000000,1);
INSERT INTO statistics_flow VALUES (1,2,1,1,'13:00',1);
INSERT INTO tunnel_group VALUES (30,'tunnels',1,1,1);
INSERT INTO user_group VALUES (31,'people',1,1,1);
INSERT INTO tunnel_group_tunnel VALUES (1,30,1,1), (2,30,404,1);
INSERT INTO user_group_user VALUES (1,31,2,1);
INSERT INTO group_permission VALUES (40,31,30,1);
INSERT INTO group_permission_grant VALUES (41,31,30,20,1,1);
INSERT INTO vite_config VALUES (1,'app_name','flux',1), (2,'captcha_enabled','true',1);
)sql";

struct Moving : Site {
    std::string path = folder.file("gost.db");

    Moving()
    {
        panel->live_in(folder.file("data"), {});
        store::testing::value_of(panel->nodes().ensure_local("here", "192.0.2.1", "1"));
        SQLite::Database(path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE).exec(panel_sql);
    }
    void change(const char* sql) const { SQLite::Database(path, SQLite::OPEN_READWRITE).exec(sql); }
    Json send(const std::string& what, const std::string& bytes) { return Json::parse(raw("/api/v1/backup/flvx/" + what, bytes).body); }
    Json send(const std::string& what) { return send(what, store::testing::value_of(read_file(path))); }
    Json moved()
    {
        const auto answer = send("import");
        REQUIRE_MESSAGE(answer.at("code") == 0, answer.dump());
        token = sign_in("root", "admin_user");
        REQUIRE_FALSE(token.empty());
        return answer.at("data");
    }
    Json everything() { return Json::parse(raw("/api/v1/backup/export", "{}").body); }
};

Json with_id(const Json& list, std::int64_t id)
{
    for (const auto& one : list) {
        if (one.at("id") == id) return one;
    }
    return nullptr;
}

std::multiset<std::string> said(const Json& data)
{
    std::multiset<std::string> all;
    for (const auto& one : data.at("remarks"))
        all.insert(one.at("section").get<std::string>() + " " + std::to_string(one.at("id").get<int>()) + " " + one.at("remark").get<std::string>());
    return all;
}

} // namespace

TEST_CASE("a preview says what will come over and what will not, and changes nothing")
{
    Moving site;
    const auto before = site.everything();
    const auto data = site.send("preview").at("data");
    CHECK(data.at("form") == "sqlite");
    CHECK(data.at("possible") == true);
    CHECK(data.at("sections").at("users") == Json{{"added", 2}, {"changed", 1}, {"unchanged", 0}, {"leftOut", 0}});
    CHECK(data.at("sections").at("nodes") == Json{{"added", 2}, {"changed", 0}, {"unchanged", 0}, {"leftOut", 1}});
    CHECK(data.at("sections").at("forwards") == Json{{"added", 1}, {"changed", 0}, {"unchanged", 0}, {"leftOut", 2}});
    CHECK(said(data) == std::multiset<std::string>{"configs 0 refused_setting", "forwards 11 missing_parent", "forwards 12 no_target",
                                                   "forwards 12 target_dropped", "nodes 1 moved_local", "nodes 2 adjusted", "nodes 3 remote_node",
                                                   "tunnelGroups 30 link_dropped", "tunnels 3 link_dropped", "tunnels 3 renamed",
                                                   "userTunnels 21 link_dropped", "users 1 replaces", "users 3 adjusted"});
    CHECK(data.at("leftBehind")[0].at("what") == "statistics_flow");
    CHECK(site.everything() == before);
    CHECK(site.nodes.let_go_of.empty());
}

TEST_CASE("ids, counters, secrets and passwords come over, and the local node makes room")
{
    Moving site;
    site.moved();
    CHECK(site.sign_in("boss", "boss password").empty());
    const auto file = site.everything();
    const auto alice = with_id(file.at("users"), 2);
    CHECK(alice.at("pwd") == alice_md5);
    CHECK(alice.at("inFlow") == 1000);
    CHECK(alice.at("flow") == 50);
    CHECK(with_id(file.at("nodes"), 1).at("secret") == "11111111111111111111111111111111");
    CHECK(with_id(file.at("nodes"), 1).at("name") == "hk");
    CHECK(with_id(file.at("nodes"), 3).at("name") == "here");
    CHECK(site.nodes.let_go_of == std::vector{NodeId{1}});
    CHECK(site.nodes.taken_back == std::vector{NodeId{3}});
    const auto web = with_id(file.at("forwards"), 10);
    CHECK(web.at("remoteAddr") == "10.0.0.1:80,10.0.0.2:80");
    CHECK(web.at("strategy") == "rand");
    CHECK(web.at("outFlow") == 800);
    CHECK(web.at("forwardPorts") == Json::array({{{"nodeId", 1}, {"port", 20001}}}));
    CHECK(with_id(file.at("tunnels"), 2).at("chainTunnels")[1].at("protocol") == "wss");
    CHECK(with_id(file.at("tunnels"), 3).at("name") == "direct (2)");
    CHECK(with_id(file.at("userTunnels"), 20).at("speedId") == 6);
    CHECK_FALSE(with_id(file.at("userTunnels"), 21).contains("speedId"));
    CHECK(file.at("permissions")[0].at("grants")[0].at("userTunnelId") == 20);
    CHECK(file.at("tunnelGroups")[0].at("tunnels") == Json::array({1}));
    CHECK(file.at("configs") == Json{{"app_name", "flux"}});
    CHECK_FALSE(site.sign_in("alice", "password").empty());
    CHECK(with_id(site.everything().at("users"), 2).at("pwd").get<std::string>().rfind("$argon2id$", 0) == 0);
}

TEST_CASE("the same file again changes nothing, a later one what changed there, and nothing goes back")
{
    Moving site;
    site.moved();
    REQUIRE_FALSE(site.sign_in("alice", "password").empty()); // now argon2id
    site.call("/user/update", {{"id", 3}, {"user", "robert"}, {"flow", 7}});
    auto before = site.everything();
    const auto again = site.moved();
    CHECK(again.at("sections").at("users") == Json{{"added", 0}, {"changed", 0}, {"unchanged", 3}, {"leftOut", 0}});
    auto after = site.everything();
    for (auto* file : {&before, &after}) file->erase("exportedAt");
    // The administrator's password became argon2id when he signed in.
    before["users"][0].erase("pwd");
    after["users"][0].erase("pwd");
    before["users"][0].erase("updatedTime");
    after["users"][0].erase("updatedTime");
    CHECK(after == before);

    site.call("/forward/force-delete", {{"id", 10}});
    site.change("UPDATE user SET in_flow = 500, out_flow = 5000 WHERE id = 2; UPDATE tunnel SET traffic_ratio = 3 WHERE id = 1;");
    const auto later = site.moved();
    CHECK(said(later).contains("forwards 10 deleted_here"));
    const auto file = site.everything();
    CHECK(with_id(file.at("users"), 2).at("inFlow") == 1000);
    CHECK(with_id(file.at("users"), 2).at("outFlow") == 5000);
    CHECK(with_id(file.at("users"), 3).at("user") == "robert");
    CHECK(with_id(file.at("tunnels"), 1).at("trafficRatio") == 3);
    CHECK_FALSE(file.contains("forwards"));
    CHECK_FALSE(site.sign_in("alice", "password").empty());
}

TEST_CASE("something of one's own in the way stops everything")
{
    Moving site;
    site.call("/user/create", {{"user", "mine"}, {"pwd", "mine-1"}});
    const auto before = site.everything();
    const auto seen = site.send("preview").at("data");
    CHECK(seen.at("possible") == false);
    CHECK(said(seen).contains("users 2 taken"));
    CHECK(site.send("import").at("code") == -1);
    CHECK(site.everything() == before);
    CHECK(site.nodes.taken_back == std::vector{NodeId{1}}); // let go, and back as it was
}

TEST_CASE("an export does as well as a database; what is neither is refused")
{
    Moving site;
    site.moved();
    auto file = site.everything();
    file["types"] = Json::array({"users"}); // of no meaning here
    Moving other;
    const auto seen = other.send("preview", file.dump()).at("data");
    CHECK(seen.at("form") == "json");
    CHECK(seen.at("sections").at("forwards").at("added") == 1);
    for (const std::string rubbish : {"", "[]", "{\"a\":1}", "{\"version\":\"1.0\",\"users\":5}", "hello"})
        CHECK(other.send("preview", rubbish).at("code") == -1);
    CHECK(other.send("preview", std::string("SQLite format 3\0", 16) + std::string(600, 'x')).at("code") == -1);
}
