// The words that clients show or look for: exact strings of the contract.
#include "api/flvx/messages.hpp"

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::flvx;

TEST_CASE("errors of services have the contract's words")
{
    struct Case {
        Errc code;
        const char* field;
        const char* text;
    };
    const Case cases[] = {
        {Errc::not_found, "user", "用户不存在"},
        {Errc::invalid, "password.current", "当前密码错误"},
        {Errc::conflict, "user.name", "用户名已存在"},
        {Errc::forbidden, "user.admin", "请不要作死"},
        {Errc::forbidden, "user.disabled", "账号已禁用"},
        {Errc::quota_exceeded, "user.expired", "账号已过期"},
        {Errc::quota_exceeded, "user.flow", "流量已超额，禁止开启转发"},
        {Errc::forbidden, "assignment.disabled", "该隧道已禁用"},
        {Errc::quota_exceeded, "assignment.expired", "该隧道已过期"},
        {Errc::quota_exceeded, "assignment.flow", "该隧道流量已超额，禁止开启转发"},
        {Errc::quota_exceeded, "user.forwards", "转发数量已达上限"},
        {Errc::quota_exceeded, "assignment.forwards", "转发数量已达上限"},
        {Errc::invalid, "node.name_or_address", "节点名称和地址不能为空"},
        {Errc::not_found, "node", "节点不存在"},
        {Errc::node_offline, "node", "节点不在线"},
        {Errc::timeout, "node", "等待节点响应超时"},
        {Errc::invalid, "tunnel.name", "隧道名称不能为空"},
        {Errc::conflict, "tunnel.name", "隧道名称重复"},
        {Errc::invalid, "tunnel.entries", "入口不能为空"},
        {Errc::invalid, "tunnel.exits", "出口不能为空"},
        {Errc::invalid, "tunnel.nodes", "节点重复"},
        {Errc::node_offline, "tunnel.nodes", "部分节点不在线"},
        {Errc::not_found, "tunnel", "隧道不存在"},
        {Errc::invalid, "tunnel.incomplete", "隧道配置不完整"},
        {Errc::forbidden, "tunnel", "你没有该隧道的权限"},
        {Errc::conflict, "tunnel.disabled", "隧道已禁用，无法创建转发"},
        {Errc::not_found, "forward", "转发不存在"},
        {Errc::invalid, "forward.name_or_targets", "转发名称和目标地址不能为空"},
        {Errc::invalid, "forward.targets", "目标地址格式错误"},
        {Errc::invalid, "forward.targets_empty", "目标地址不能为空"},
        {Errc::conflict, "forward.entries", "转发入口端口不存在"},
        {Errc::not_found, "setting", "配置不存在"},
    };
    for (const auto& one : cases) {
        CAPTURE(one.field);
        CHECK(message_of(make_error(one.code, one.field)) == one.text);
        CHECK(code_of(one.code) == -1);
    }
}

TEST_CASE("a node that refused is named, with the port and the reason in words")
{
    CHECK(message_of(make_error(Errc::conflict, "forward.port", {}, {"hk", "2000"})) == "节点 hk 端口 2000 已被其他转发占用");
    CHECK(message_of(make_error(Errc::node_offline, "forward.deploy", {}, {"hk"})) == "节点 hk 下发失败: 节点不在线");
    CHECK(message_of(make_error(Errc::timeout, "forward.deploy", {}, {"hk"})) == "节点 hk 下发失败: 等待节点响应超时");
    CHECK(message_of(make_error(Errc::unavailable, "forward.deploy", {}, {"hk", "address_in_use", "2000"})) ==
          "节点 hk 下发失败: 端口 2000 已被系统中其他程序占用");
    CHECK(message_of(make_error(Errc::unavailable, "forward.deploy", {}, {"hk", "target_unresolved", "2000"})) ==
          "节点 hk 下发失败: 目标地址无法解析");
}

TEST_CASE("what a value says is never taken for a placeholder, and a detail never reaches a client")
{
    CHECK(message_of(make_error(Errc::conflict, "forward.port", "secret detail", {"{1}", "2000"})) == "节点 {1} 端口 2000 已被其他转发占用");
    CHECK(message_of(make_error(Errc::internal, "anything", "SQL logic error")) == "服务器内部错误");
    CHECK(message_of(make_error(Errc::unavailable, "store.full", "disk I/O error")).find("disk") == std::string::npos);
    CHECK(code_of(Errc::internal) == -2);
    CHECK(code_of(Errc::unauthenticated) == 401);
}
