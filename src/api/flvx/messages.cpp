#include "api/flvx/messages.hpp"

#include <array>
#include <string_view>

namespace sluice::flvx {

namespace {

struct Row {
    Errc code;
    std::string_view field;
    std::string_view text; // {0}, {1} are the error's arguments
};

constexpr Row rows[] = {
    // Accounts and users.
    {Errc::unauthenticated, "sign_in", "用户名或密码错误"},
    {Errc::rate_limited, "sign_in", "登录尝试过于频繁，请 {0} 秒后再试"},
    {Errc::invalid, "captcha", "验证码校验失败"},
    {Errc::rate_limited, "captcha", "验证码校验过于频繁，请 {0} 秒后再试"},
    {Errc::rate_limited, "password.busy", "服务器繁忙，请 {0} 秒后再试"},
    {Errc::forbidden, "second_factor.needed", "请输入二次验证码"},
    {Errc::invalid, "second_factor.code", "二次验证码错误"},
    {Errc::not_found, "second_factor", "未启用二次验证"},
    {Errc::conflict, "second_factor.on", "二次验证已启用"},
    {Errc::forbidden, "admin.address", "当前地址不允许管理员登录"},
    {Errc::not_found, "session", "会话不存在"},
    {Errc::not_found, "token", "令牌不存在"},
    {Errc::forbidden, "token.scope", "令牌权限不足"},
    {Errc::invalid, "token.name", "令牌名称不能为空且不能超过100个字符"},
    {Errc::invalid, "token.scope", "令牌权限范围无效"},
    {Errc::invalid, "token.expires", "令牌过期时间必须晚于现在"},
    {Errc::conflict, "token.count", "令牌数量已达上限 {0}"},
    {Errc::not_found, "user", "用户不存在"},
    {Errc::invalid, "password.current", "当前密码错误"},
    {Errc::conflict, "user.name", "用户名已存在"},
    {Errc::invalid, "user.credentials", "用户名或密码不能为空"},
    {Errc::invalid, "user.name", "用户名不能为空"},
    {Errc::invalid, "user.name_length", "用户名不能超过100个字符"},
    {Errc::invalid, "user.quota", "流量不能小于0"},
    {Errc::invalid, "user.max_forwards", "转发数量不能小于0"},
    {Errc::invalid, "user.reset_day", "流量重置日必须在0-31之间"},
    {Errc::forbidden, "user.admin", "请不要作死"},
    {Errc::forbidden, "role", "权限不足，仅管理员可操作"},
    // What a forward's owner may do (4.2).
    {Errc::forbidden, "user.disabled", "账号已禁用"},
    {Errc::quota_exceeded, "user.expired", "账号已过期"},
    {Errc::quota_exceeded, "user.flow", "流量已超额，禁止开启转发"},
    {Errc::quota_exceeded, "user.forwards", "转发数量已达上限"},
    {Errc::quota_exceeded, "quota.user", "账号的流量限额已用完"},
    {Errc::quota_exceeded, "quota.assignment", "该隧道授权的流量限额已用完"},
    {Errc::quota_exceeded, "quota.forward", "该转发的流量限额已用完"},
    {Errc::quota_exceeded, "quota.node", "节点的流量限额已用完"},
    {Errc::not_found, "quota", "流量限额不存在"},
    {Errc::not_found, "assignment", "用户隧道授权不存在"},
    {Errc::invalid, "quota.subject", "流量限额的对象无效"},
    {Errc::invalid, "quota.window", "流量限额的周期无效"},
    {Errc::invalid, "quota.counts", "流量限额的计量方式无效"},
    {Errc::invalid, "quota.action", "流量限额的处理方式无效"},
    {Errc::invalid, "quota.amount", "流量限额必须大于0"},
    {Errc::invalid, "quota.reset_day", "流量限额的重置日必须在1-31之间"},
    {Errc::invalid, "quota.ratio", "流量限额的倍率必须大于0且不超过100"},
    {Errc::invalid, "quota.rate", "流量限额的限速必须在1-125000000 kB/s之间"},
    {Errc::invalid, "quota.used", "已用流量无效"},
    {Errc::forbidden, "assignment.disabled", "该隧道已禁用"},
    {Errc::quota_exceeded, "assignment.expired", "该隧道已过期"},
    {Errc::quota_exceeded, "assignment.flow", "该隧道流量已超额，禁止开启转发"},
    {Errc::quota_exceeded, "assignment.forwards", "转发数量已达上限"},
    {Errc::invalid, "assignment.quota", "流量不能小于0"},
    {Errc::invalid, "assignment.max_forwards", "转发数量不能小于0"},
    {Errc::invalid, "assignment.reset_day", "流量重置日必须在0-31之间"},
    {Errc::not_found, "speed_limit", "限速规则不存在"},
    {Errc::invalid, "speed_limit.name", "名称不能为空"},
    {Errc::invalid, "speed_limit.name_length", "名称不能超过100个字符"},
    {Errc::invalid, "speed_limit.speed", "限速值必须在1-1000000之间"},
    // Nodes.
    {Errc::not_found, "node", "节点不存在"},
    {Errc::invalid, "node.name_or_address", "节点名称和地址不能为空"},
    {Errc::invalid, "node.name", "节点名称不能超过100个字符"},
    {Errc::invalid, "node.address", "节点地址格式错误"},
    {Errc::invalid, "node.address_v4", "节点IPv4地址格式错误"},
    {Errc::invalid, "node.address_v6", "节点IPv6地址格式错误"},
    {Errc::invalid, "node.ports", "端口范围无效"},
    {Errc::invalid, "node.egress_interface", "网卡名称格式错误"},
    {Errc::invalid, "node.tcp_listen", "TCP监听地址格式错误"},
    {Errc::invalid, "node.udp_listen", "UDP监听地址格式错误"},
    {Errc::conflict, "node.local", "本机节点不能删除"},
    {Errc::conflict, "node.local_install", "本机节点已在面板中运行，无需安装"},
    {Errc::invalid, "node.panel_address", "请先前往网站配置中设置ip"},
    {Errc::not_found, "release", "未提供版本 {0}"},
    {Errc::not_found, "release.architecture", "版本 {0} 没有适用于 {1} 的程序"},
    {Errc::not_found, "release.stable", "未找到正式版版本号"},
    {Errc::not_found, "release.dev", "未找到测试版版本号"},
    {Errc::conflict, "upgrade.local", "本机节点随面板一起升级"},
    {Errc::conflict, "upgrade.unsupported", "该节点的版本不支持在线升级，请重新执行安装命令"},
    {Errc::conflict, "upgrade.running", "该节点正在升级"},
    {Errc::conflict, "upgrade.older", "节点运行的版本 {0} 更新，请使用回退"},
    {Errc::conflict, "upgrade.skipped", "前一批节点升级失败，未执行"},
    {Errc::unavailable, "upgrade.failed", "节点保持原版本运行: {0}"},
    {Errc::unavailable, "upgrade.file", "面板无法读取该版本的程序"},
    {Errc::node_offline, "node", "节点不在线"},
    {Errc::timeout, "node", "等待节点响应超时"},
    // Tunnels.
    {Errc::not_found, "tunnel", "隧道不存在"},
    {Errc::invalid, "tunnel.name", "隧道名称不能为空"},
    {Errc::invalid, "tunnel.name_length", "隧道名称不能超过100个字符"},
    {Errc::conflict, "tunnel.name", "隧道名称重复"},
    {Errc::invalid, "tunnel.entries", "入口不能为空"},
    {Errc::invalid, "tunnel.exits", "出口不能为空"},
    {Errc::invalid, "tunnel.nodes", "节点重复"},
    {Errc::node_offline, "tunnel.nodes", "部分节点不在线"},
    {Errc::invalid, "tunnel.entry_addresses", "入口IP格式错误"},
    {Errc::invalid, "tunnel.preference", "IP偏好无效"},
    {Errc::invalid, "tunnel.kind", "隧道类型无效"},
    {Errc::conflict, "tunnel.no_port", "节点端口已满，无可用端口"},
    {Errc::invalid, "tunnel.families", "节点链路不兼容：{0}(v4={1},v6={2}) -> {3}(v4={4},v6={5})"},
    {Errc::invalid, "tunnel.unreachable", "节点 {0} 与 {1} 均无法从外部访问，无法建立链路"},
    {Errc::conflict, "tunnel.hop_port", "节点 {0} 端口 {1} 已被占用"},
    {Errc::invalid, "tunnel.hop", "隧道节点参数无效"},
    {Errc::invalid, "node.public_ports", "公网端口映射格式错误"},
    {Errc::conflict, "node.key", "该密钥属于其他节点"},
    {Errc::conflict, "tunnel.type", "隧道类型不能修改"},
    {Errc::invalid, "tunnel.billing", "流量倍率无效"},
    {Errc::conflict, "tunnel.disabled", "隧道已禁用，无法创建转发"},
    {Errc::conflict, "tunnel.disabled_resume", "隧道已禁用，无法恢复服务"},
    {Errc::invalid, "tunnel.incomplete", "隧道配置不完整"},
    {Errc::forbidden, "tunnel", "你没有该隧道的权限"},
    {Errc::conflict, "node.remote", "远程节点由对方面板安装和管理"},
    {Errc::invalid, "tunnel.remote_kind", "远程节点 {0} 属于 FLVX 面板，其节点使用 gost relay 协议，无法加入本面板的隧道"},
    {Errc::conflict, "tunnel.remote_config", "远程节点 {0} 缺少共享配置"},
    {Errc::invalid, "tunnel.remote_port", "远程节点端口 {0} 超出允许范围 {1}-{2}"},
    {Errc::conflict, "tunnel.remote_reserve", "远程节点 {0} 端口分配失败: {1}"},
    {Errc::conflict, "tunnel.remote_apply", "远程节点 {0} 运行时下发失败: {1}"},
    // Forwards.
    {Errc::not_found, "forward", "转发不存在"},
    {Errc::invalid, "forward.name_or_targets", "转发名称和目标地址不能为空"},
    {Errc::invalid, "forward.name", "转发名称不能超过100个字符"},
    {Errc::invalid, "forward.targets", "目标地址格式错误"},
    {Errc::invalid, "forward.targets_empty", "目标地址不能为空"},
    {Errc::invalid, "forward.strategy", "负载策略无效"},
    {Errc::invalid, "forward.protocol", "转发协议无效"},
    {Errc::invalid, "forward.sources", "来源地址列表格式错误"},
    {Errc::invalid, "forward.bind_address", "监听地址格式错误"},
    {Errc::invalid, "forward.max_connections", "最大连接数无效"},
    {Errc::invalid, "forward.max_clients", "最大客户端数无效"},
    {Errc::invalid, "forward.client_policy", "客户端数达到上限时的处理方式无效"},
    {Errc::invalid, "forward.port_number", "端口必须在1-65535范围内"},
    {Errc::invalid, "forward.port", "节点 {0} 端口 {1} 不在允许范围内，端口范围无效"},
    {Errc::invalid, "forward.remote_port", "远程节点端口 {0} 超出允许范围 {1}-{2}"},
    {Errc::conflict, "forward.port", "节点 {0} 端口 {1} 已被其他转发占用"},
    {Errc::conflict, "forward.no_port", "隧道入口端口已满，无法分配新端口"},
    {Errc::conflict, "forward.same_tunnel", "规则已在目标隧道中"},
    {Errc::conflict, "forward.entries", "转发入口端口不存在"},
    {Errc::invalid, "forward.tunnel_incomplete", "隧道配置不完整"},
    {Errc::node_offline, "forward.deploy", "节点 {0} 下发失败: 节点不在线"},
    {Errc::timeout, "forward.deploy", "节点 {0} 下发失败: 等待节点响应超时"},
    // Groups.
    {Errc::invalid, "group.name", "分组名称不能为空"},
    {Errc::invalid, "group.name_length", "分组名称不能超过100个字符"},
    {Errc::conflict, "group.name", "分组名称已存在"},
    {Errc::not_found, "group", "分组不存在"},
    // Rule import.
    {Errc::invalid, "rules.format", "不支持的规则格式"},
    {Errc::invalid, "rules.text", "规则文本无效或超过1MB"},
    {Errc::invalid, "rules.syntax", "规则文本无法解析: {0}"},
    {Errc::invalid, "rules.count", "一次最多导入 {0} 条转发"},
    {Errc::invalid, "rules.chosen", "请选择可以导入的规则"},
    // Backups.
    {Errc::invalid, "archive", "备份文件无效: {1}"},
    {Errc::invalid, "backup", "备份文件无效: {1}"},
    {Errc::invalid, "migration.file", "不是FLVX面板的导出文件或数据库: {0}"},
    {Errc::invalid, "file.database", "数据库文件无效: {0}"},
    {Errc::conflict, "import.taken", "有数据与本面板现有数据冲突，未做任何更改，请先查看预览"},
    {Errc::conflict, "store.version", "备份由更新版本的程序生成（数据库版本 {0}，当前支持 {1}）"},
    {Errc::conflict, "backup.decided", "已有一个恢复正在等待重启"},
    {Errc::unavailable, "backup.restart", "无法在运行中恢复，请停止服务后执行 sluice restore FILE"},
    {Errc::unavailable, "backup.folder", "没有数据目录，无法备份"},
    // Federation (contract 5.9, 5.10), in its language.
    {Errc::invalid, "share.name_or_node", "Name and NodeID are required"},
    {Errc::invalid, "share.name", "Name is required"},
    {Errc::invalid, "share.name_length", "Name is longer than 100 characters"},
    {Errc::invalid, "share.quota", "Max bandwidth cannot be negative"},
    {Errc::invalid, "share.expires", "Expiry time cannot be negative"},
    {Errc::invalid, "share.range", "Invalid port range"},
    {Errc::invalid, "share.range_order", "Port range start cannot be greater than end"},
    {Errc::invalid, "share.address_item", "Invalid allowed IP or CIDR: {0}"},
    {Errc::invalid, "share.addresses", "Too many allowed IPs"},
    {Errc::invalid, "share.domains", "Invalid allowed domain"},
    {Errc::not_found, "share.node", "Node not found"},
    {Errc::internal, "share.node", "Node not found"},
    {Errc::invalid, "share.remote_node", "Only local nodes can be shared"},
    {Errc::not_found, "share", "Share not found"},
    {Errc::quota_exceeded, "share.quota", "Share traffic limit exceeded"},
    {Errc::invalid, "remote.url_or_token", "Remote URL and Token are required"},
    {Errc::invalid, "remote.url", "Remote URL is not an http:// or https:// address"},
    {Errc::invalid, "remote.token", "Token is malformed"},
    {Errc::invalid, "remote.pin", "Pin is not sha256// and base64 of a key"},
    {Errc::conflict, "remote.known", "This share is imported already"},
    // Settings.
    {Errc::not_found, "setting", "配置不存在"},
    {Errc::invalid, "setting.name", "配置名称无效"},
    {Errc::invalid, "setting.value", "配置值无效"},
    {Errc::invalid, "setting.admin_addresses", "管理员地址列表格式错误: {0}"},
    {Errc::invalid, "setting.own_address", "管理员地址列表必须包含您当前的地址 {0}"},
    {Errc::invalid, "setting.captcha_url", "验证码校验地址无效"},
    {Errc::invalid, "announcement.content", "公告内容无效"},
    // Said to other panels, which show them as they are (contract 5.10).
    {Errc::invalid, "share.id", "Share ID is required"},
    {Errc::unauthenticated, "share.token", "Invalid token"},
    {Errc::forbidden, "share.disabled", "Share is disabled"},
    {Errc::forbidden, "share.expired", "Share expired"},
    {Errc::forbidden, "share.address", "IP not allowed"},
    {Errc::forbidden, "share.no_domain", "Domain verification required"},
    {Errc::forbidden, "share.domain", "Domain not allowed"},
    {Errc::invalid, "share.resource_key", "resourceKey is required"},
    {Errc::invalid, "share.port", "Port out of range"},
    {Errc::forbidden, "share.port", "Port out of range"},
    {Errc::conflict, "share.no_port", "No available port"},
    {Errc::conflict, "share.port_taken", "port {0} is in use"},
    {Errc::invalid, "share.role", "Invalid role"},
    {Errc::not_found, "share.reservation", "Reservation not found"},
    {Errc::forbidden, "share.role_port", "port {0} out of allowed range {1}-{2}"},
    {Errc::invalid, "share.targets", "targets are required for middle role"},
    {Errc::invalid, "share.target", "Invalid target"},
    {Errc::invalid, "share.relay", "this node speaks Sluice's own tunnel protocol and not gost relay: only a Sluice panel can use it as {0}"},
    {Errc::conflict, "share.tunnel", "the tunnel's number is taken on this node"},
    {Errc::invalid, "share.release", "bindingId or reservationId or resourceKey is required"},
    {Errc::not_found, "share.service", "service {0} not found"},
    {Errc::not_found, "share.limiter", "limiter {0} not found"},
    {Errc::unavailable, "share.deploy", "the node cannot listen: {0}"},
    {Errc::conflict, "share.consumer", "this share is used by another panel"},
    {Errc::invalid, "share.wish", "Invalid JSON"},
    {Errc::invalid, "command.type", "commandType is required"},
    {Errc::invalid, "command.unknown", "command not allowed"},
    {Errc::forbidden, "command.services", "invalid services format"},
    {Errc::forbidden, "command.service", "invalid service entry format"},
    {Errc::forbidden, "command.address", "invalid service address: {0}"},
    {Errc::forbidden, "command.port", "invalid port in service address: {0}"},
    {Errc::invalid, "command.handler", "service {0}: only plain tcp and udp forwards are possible on this node"},
    {Errc::invalid, "command.chain", "service {0}: this node does not speak gost relay, so it cannot be the entry of a chain"},
    {Errc::invalid, "command.chains", "this node does not speak gost relay, so it cannot be the entry of a chain"},
    {Errc::invalid, "command.targets", "service {0}: Invalid target"},
    {Errc::invalid, "command.limiter", "invalid limiter format"},
};

// What kept a node from listening, in words; the port is the error's third argument.
constexpr Row faults[] = {
    {Errc::unavailable, "address_in_use", "端口 {2} 已被系统中其他程序占用"},
    {Errc::unavailable, "address_not_local", "监听地址不属于该节点"},
    {Errc::unavailable, "permission_denied", "没有权限监听端口 {2}"},
    {Errc::unavailable, "family_unsupported", "该节点不支持此地址族"},
    {Errc::unavailable, "no_descriptors", "节点文件描述符已用尽"},
    {Errc::unavailable, "target_unresolved", "目标地址无法解析"},
    {Errc::unavailable, "other", "监听端口 {2} 失败"},
};

std::string fill(std::string_view text, const std::vector<std::string>& args)
{
    std::string out;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '{' && at + 2 < text.size() && text[at + 2] == '}') {
            const auto index = static_cast<std::size_t>(text[at + 1] - '0');
            if (index < args.size()) out += args[index];
            at += 2;
        } else {
            out += text[at];
        }
    }
    return out;
}

std::string_view general(Errc code)
{
    switch (code) {
    case Errc::invalid: return "请求参数错误";
    case Errc::unauthenticated: return "无效的token或token已过期";
    case Errc::forbidden: return "权限不足，仅管理员可操作";
    case Errc::not_found: return "对象不存在";
    case Errc::conflict: return "与现有数据冲突";
    case Errc::quota_exceeded: return "额度已用完";
    case Errc::rate_limited: return "请求过于频繁，请稍后再试";
    case Errc::node_offline: return "节点不在线";
    case Errc::timeout: return "等待节点响应超时";
    case Errc::unavailable: return "服务暂时不可用，请稍后再试";
    case Errc::internal: return "服务器内部错误";
    }
    return "服务器内部错误";
}

// "出口节点 x 下发服务失败: ..." (contract 5.4); the role is the error's first argument.
std::string tunnel_deploy_message(const Error& error)
{
    const auto& role = error.args[0];
    std::string text = role == "1" ? "入口节点 {1} 下发转发链失败: " : role == "2" ? "转发链节点 {1} 下发服务失败: " : "出口节点 {1} 下发服务失败: ";
    text = fill(text, error.args);
    if (error.code == Errc::unavailable && error.args.size() >= 4) {
        for (const auto& row : faults) {
            if (row.field == error.args[2]) return text + fill(row.text, {error.args[1], error.args[2], error.args[3]});
        }
    }
    return text + std::string{general(error.code)};
}

} // namespace

std::string message_of(const Error& error)
{
    if (error.field == "tunnel.deploy" && error.args.size() >= 2) return tunnel_deploy_message(error);
    if (error.code == Errc::unavailable && error.field == "forward.deploy" && error.args.size() >= 3) {
        for (const auto& row : faults) {
            if (row.field == error.args[1]) return fill("节点 {0} 下发失败: ", error.args) + fill(row.text, error.args);
        }
    }
    for (const auto& row : rows) {
        if (row.code == error.code && row.field == error.field) return fill(row.text, error.args);
    }
    return std::string{general(error.code)};
}

} // namespace sluice::flvx
