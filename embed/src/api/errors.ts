// What went wrong, in the reader's words: what, why, what next. The panel answers in the fixed messages of its dialect; this table
// knows them. A message that it does not know is shown as it came.
import { t, type TextKey } from '../i18n/i18n.svelte';
import { ApiError } from './client';

// {name} stands for what varies.
const messages: readonly (readonly [string, TextKey])[] = [
    ['登录尝试过于频繁，请 {seconds} 秒后再试', 'error.tooManySignIns'],
    ['服务器繁忙，请 {seconds} 秒后再试', 'error.busy'],
    ['请求过于频繁，请稍后再试', 'error.tooMany'],
    ['账号或密码错误', 'error.wrongPassword'],
    ['用户名或密码错误', 'error.wrongPassword'],
    ['账号被停用', 'error.accountDisabled'],
    ['账号已禁用', 'error.ownerDisabled'],
    ['账号已过期', 'error.ownerExpired'],
    ['验证码校验失败', 'error.captcha'],
    ['验证码校验过于频繁，请 {seconds} 秒后再试', 'error.tooManyCaptchas'],
    ['请输入二次验证码', 'error.secondFactorNeeded'],
    ['二次验证码错误', 'error.secondFactorCode'],
    ['未启用二次验证', 'error.secondFactorOff'],
    ['二次验证已启用', 'error.secondFactorOn'],
    ['当前地址不允许管理员登录', 'error.adminAddress'],
    ['会话不存在', 'error.sessionGone'],
    ['令牌不存在', 'error.tokenGone'],
    ['令牌权限不足', 'error.tokenScope'],
    ['令牌名称不能为空且不能超过100个字符', 'error.tokenName'],
    ['令牌权限范围无效', 'error.badRequest'],
    ['令牌过期时间必须晚于现在', 'error.tokenExpires'],
    ['令牌数量已达上限 {count}', 'error.tokenCount'],
    ['管理员地址列表格式错误: {what}', 'error.adminAddressList'],
    ['管理员地址列表必须包含您当前的地址 {address}', 'error.adminOwnAddress'],
    ['用户名不能为空', 'error.nameMissing'],
    ['新用户名不能为空', 'error.nameMissing'],
    ['密码不能为空', 'error.passwordMissing'],
    ['当前密码不能为空', 'error.passwordMissing'],
    ['新密码不能为空', 'error.passwordMissing'],
    ['确认密码不能为空', 'error.passwordMissing'],
    ['新密码和确认密码不匹配', 'error.passwordsDiffer'],
    ['当前密码错误', 'error.currentPassword'],
    ['修改账号密码时发生错误', 'error.badRequest'],
    ['用户名已存在', 'error.userNameTaken'],
    ['用户名或密码不能为空', 'error.credentialsMissing'],
    ['用户不存在', 'error.userGone'],
    ['请不要作死', 'error.userIsAdmin'],
    ['流量不能小于0', 'error.quotaRange'],
    ['转发数量不能小于0', 'error.countRange'],
    ['流量重置日必须在0-31之间', 'error.resetDay'],
    ['限速规则不存在', 'error.speedLimitGone'],
    ['名称不能为空', 'error.speedLimitName'],
    ['名称不能超过100个字符', 'error.speedLimitNameLong'],
    ['限速值必须在1-1000000之间', 'error.speedLimitSpeed'],
    ['流量已超额，禁止开启转发', 'error.ownerQuota'],
    ['转发数量已达上限', 'error.ownerForwards'],
    ['账号的流量限额已用完', 'error.quotaUserStops'],
    ['该隧道授权的流量限额已用完', 'error.quotaAssignmentStops'],
    ['该转发的流量限额已用完', 'error.quotaForwardStops'],
    ['节点的流量限额已用完', 'error.quotaNodeStops'],
    ['流量限额不存在', 'error.quotaGone'],
    ['用户隧道授权不存在', 'error.assignmentGone'],
    ['流量限额的对象无效', 'error.badRequest'],
    ['流量限额的周期无效', 'error.badRequest'],
    ['流量限额的计量方式无效', 'error.badRequest'],
    ['流量限额的处理方式无效', 'error.badRequest'],
    ['流量限额必须大于0', 'error.quotaAmount'],
    ['流量限额的重置日必须在1-31之间', 'error.quotaResetDay'],
    ['流量限额的倍率必须大于0且不超过100', 'error.quotaRatio'],
    ['流量限额的限速必须在1-125000000 kB/s之间', 'error.quotaRate'],
    ['已用流量无效', 'error.quotaUsed'],
    ['最大客户端数无效', 'error.forwardClients'],
    ['客户端数达到上限时的处理方式无效', 'error.badRequest'],
    ['该隧道已禁用', 'error.assignmentDisabled'],
    ['该隧道已过期', 'error.assignmentExpired'],
    ['该隧道流量已超额，禁止开启转发', 'error.assignmentQuota'],
    ['权限不足，仅管理员可操作', 'error.adminOnly'],
    ['无效的token或token已过期', 'error.signedOut'],
    ['未登录或token已过期', 'error.signedOut'],
    ['节点名称和地址不能为空', 'error.nodeNameOrAddress'],
    ['网卡名称格式错误', 'error.nodeInterface'],
    ['节点地址格式错误', 'error.nodeAddress'],
    ['节点IPv4地址格式错误', 'error.nodeAddress4'],
    ['节点IPv6地址格式错误', 'error.nodeAddress6'],
    ['端口范围无效', 'error.nodePorts'],
    ['TCP监听地址格式错误', 'error.nodeTcpListen'],
    ['UDP监听地址格式错误', 'error.nodeUdpListen'],
    ['本机节点不能删除', 'error.nodeLocal'],
    ['节点不存在', 'error.nodeGone'],
    ['该密钥属于其他节点', 'error.nodeKey'],
    ['本机节点已在面板中运行，无需安装', 'error.nodeIsHere'],
    ['请先前往网站配置中设置ip', 'error.panelAddress'],
    ['公网端口映射格式错误', 'error.nodePublicPorts'],
    ['节点 {node} 端口 {port} 已被占用', 'error.hopPort'],
    ['节点端口已满，无可用端口', 'error.portsFull'],
    ['隧道节点参数无效', 'error.tunnelHop'],
    ['节点 {a} 与 {b} 均无法从外部访问，无法建立链路', 'error.tunnelUnreachable'],
    ['节点链路不兼容：{a}(v4={a4},v6={a6}) -> {b}(v4={b4},v6={b6})', 'error.tunnelFamilies'],
    ['规则已在目标隧道中', 'error.sameTunnel'],
    ['节点ID无效', 'error.badRequest'],
    ['未提供版本 {version}', 'error.releaseGone'],
    ['版本 {version} 没有适用于 {machine} 的程序', 'error.releaseMachine'],
    ['未找到正式版版本号', 'error.noRelease'],
    ['未找到测试版版本号', 'error.noRelease'],
    ['本机节点随面板一起升级', 'error.upgradeLocal'],
    ['该节点的版本不支持在线升级，请重新执行安装命令', 'error.upgradeUnsupported'],
    ['该节点正在升级', 'error.upgradeRunning'],
    ['节点运行的版本 {version} 更新，请使用回退', 'error.upgradeOlder'],
    ['前一批节点升级失败，未执行', 'error.upgradeSkipped'],
    ['节点保持原版本运行: {why}', 'error.upgradeFailed'],
    ['面板无法读取该版本的程序', 'error.upgradeFile'],
    ['节点不在线', 'error.nodeOffline'],
    ['部分节点不在线', 'error.someNodesOffline'],
    ['等待节点响应超时', 'error.nodeTimeout'],
    ['节点未返回诊断数据', 'error.noDiagnosis'],
    ['隧道名称不能为空', 'error.tunnelName'],
    ['隧道名称重复', 'error.tunnelNameTaken'],
    ['入口IP格式错误', 'error.tunnelAddress'],
    ['IP偏好无效', 'error.badRequest'],
    ['隧道类型无效', 'error.badRequest'],
    ['入口不能为空', 'error.tunnelEntries'],
    ['出口不能为空', 'error.tunnelExits'],
    ['节点重复', 'error.tunnelNodeTwice'],
    ['隧道类型不能修改', 'error.tunnelTypeFixed'],
    ['流量倍率无效', 'error.tunnelRatio'],
    ['隧道不存在', 'error.tunnelGone'],
    ['隧道已禁用，无法创建转发', 'error.tunnelDisabled'],
    ['隧道已禁用，无法更新转发', 'error.tunnelDisabled'],
    ['隧道已禁用，无法恢复服务', 'error.tunnelDisabled'],
    ['隧道配置不完整', 'error.tunnelIncomplete'],
    ['你没有该隧道的权限', 'error.tunnelForbidden'],
    ['隧道ID不能为空', 'error.chooseTunnel'],
    ['转发不存在', 'error.forwardGone'],
    ['转发名称和目标地址不能为空', 'error.forwardNameOrTarget'],
    ['转发名称过长', 'error.nameLong'],
    ['{what}名称不能超过{count}个字符', 'error.nameLong'],
    ['用户名不能超过{count}个字符', 'error.nameLong'],
    ['目标隧道不存在', 'error.tunnelGone'],
    ['目标隧道已禁用', 'error.tunnelDisabled'],
    ['目标地址格式错误', 'error.forwardTarget'],
    ['目标地址不能为空', 'error.forwardTargetMissing'],
    ['负载策略无效', 'error.badRequest'],
    ['转发协议无效', 'error.badRequest'],
    ['来源地址列表格式错误', 'error.forwardSources'],
    ['监听地址格式错误', 'error.forwardListen'],
    ['最大连接数无效', 'error.forwardConnections'],
    ['端口必须在1-65535范围内', 'error.portNumber'],
    ['节点 {node} 端口 {port} 不在允许范围内，端口范围无效', 'error.portNotAllowed'],
    ['节点 {node} 端口 {port} 已被其他转发占用', 'error.portTaken'],
    ['隧道入口端口已满，无法分配新端口', 'error.portsFull'],
    ['转发入口端口不存在', 'error.forwardEntries'],
    ['节点 {node} 下发失败: 节点不在线', 'error.deployOffline'],
    ['节点 {node} 下发失败: 等待节点响应超时', 'error.deployTimeout'],
    ['节点 {node} 下发失败: 端口 {port} 已被系统中其他程序占用', 'error.deployPortInUse'],
    ['节点 {node} 下发失败: 监听地址不属于该节点', 'error.deployAddress'],
    ['节点 {node} 下发失败: 没有权限监听端口 {port}', 'error.deployPermission'],
    ['节点 {node} 下发失败: 该节点不支持此地址族', 'error.deployFamily'],
    ['节点 {node} 下发失败: 节点文件描述符已用尽', 'error.deployDescriptors'],
    ['节点 {node} 下发失败: 目标地址无法解析', 'error.deployTarget'],
    ['节点 {node} 下发失败: 监听端口 {port} 失败', 'error.deployOther'],
    ['不支持的规则格式', 'error.rulesFormat'],
    ['规则文本无效或超过1MB', 'error.rulesText'],
    ['规则文本无法解析: {why}', 'error.rulesSyntax'],
    ['一次最多导入 {count} 条转发', 'error.rulesCount'],
    ['请选择可以导入的规则', 'error.rulesChosen'],
    ['不是FLVX面板的导出文件或数据库: it is neither JSON nor an SQLite database', 'error.migrationNeither'],
    ['不是FLVX面板的导出文件或数据库: it is JSON, but not the export of an FLVX panel', 'error.migrationNotExport'],
    ['不是FLVX面板的导出文件或数据库: it is not the database of an FLVX panel', 'error.migrationNotDatabase'],
    ['不是FLVX面板的导出文件或数据库: its tables are not those of an FLVX panel', 'error.migrationTables'],
    ['不是FLVX面板的导出文件或数据库: it is an export, but a field has the wrong type', 'error.migrationField'],
    ['不是FLVX面板的导出文件或数据库: {why}', 'error.migrationFile'],
    ['数据库文件无效: {why}', 'error.databaseFile'],
    ['有数据与本面板现有数据冲突，未做任何更改，请先查看预览', 'error.importTaken'],
    ['备份文件无效: {why}', 'error.backupBroken'],
    ['备份由更新版本的程序生成（数据库版本 {have}，当前支持 {newest}）', 'error.backupNewer'],
    ['已有一个恢复正在等待重启', 'error.restoreWaits'],
    ['无法在运行中恢复，请停止服务后执行 sluice restore FILE', 'error.restoreStopped'],
    ['没有数据目录，无法备份', 'error.backupFolder'],
    ['分组名称不能为空', 'error.groupName'],
    ['分组名称已存在', 'error.groupNameTaken'],
    ['分组不存在', 'error.groupGone'],
    ['配置不存在', 'error.settingGone'],
    ['配置名称无效', 'error.badRequest'],
    ['配置名称不能为空', 'error.badRequest'],
    ['配置数据不能为空', 'error.badRequest'],
    ['配置值无效', 'error.settingValue'],
    ['配置值不能为空', 'error.settingValue'],
    ['验证码校验地址无效', 'error.captchaUrl'],
    ['公告内容无效', 'error.announcement'],
    ['请求参数错误', 'error.badRequest'],
    ['参数错误', 'error.badRequest'],
    ['请求失败', 'error.badRequest'],
    ['对象不存在', 'error.gone'],
    ['与现有数据冲突', 'error.conflict'],
    ['额度已用完', 'error.ownerQuota'],
    ['服务暂时不可用，请稍后再试', 'error.unavailable'],
    ['服务器内部错误', 'error.internal'],
    // Diagnosis.
    ['远程节点由对方面板安装和管理', 'error.nodeRemote'],
    ['远程节点 {node} 属于 FLVX 面板，其节点使用 gost relay 协议，无法加入本面板的隧道', 'error.remoteKind'],
    ['远程节点 {node} 缺少共享配置', 'error.remoteConfig'],
    ['远程节点端口 {port} 超出允许范围 {first}-{last}', 'error.remotePort'],
    ['远程节点 {node} 端口分配失败: {why}', 'error.remoteReserve'],
    ['远程节点 {node} 运行时下发失败: {why}', 'error.remoteApply'],
    ['Name and NodeID are required', 'error.shareName'],
    ['Name is required', 'error.shareName'],
    ['Name is longer than 100 characters', 'error.shareNameLong'],
    ['Max bandwidth cannot be negative', 'error.shareQuota'],
    ['Expiry time cannot be negative', 'error.shareExpires'],
    ['Invalid port range', 'error.sharePorts'],
    ['Port range start cannot be greater than end', 'error.sharePorts'],
    ['Invalid allowed IP or CIDR: {item}', 'error.shareAddress'],
    ['Too many allowed IPs', 'error.shareAddresses'],
    ['Invalid allowed domain', 'error.shareDomain'],
    ['Node not found', 'error.nodeGone'],
    ['Only local nodes can be shared', 'error.shareRemote'],
    ['Share not found', 'error.shareGone'],
    ['Remote URL and Token are required', 'error.importMissing'],
    ['Remote URL is not an http:// or https:// address', 'error.importUrl'],
    ['Token is malformed', 'error.importToken'],
    ['Pin is not sha256// and base64 of a key', 'error.importPin'],
    ['This share is imported already', 'error.importKnown'],
    ['Failed to connect: {why}', 'error.importConnect'],
    ['Share traffic limit exceeded', 'error.shareUsedUp'],
    ['TCP连接成功', 'probe.connected'],
    ['无效的IP地址或主机名', 'probe.badTarget'],
    ['DNS解析失败: {name}', 'probe.nameNotFound'],
    ['所有TCP连接尝试都失败: 连接被拒绝', 'probe.refused'],
    ['所有TCP连接尝试都失败: 连接超时', 'probe.timedOut'],
    ['所有TCP连接尝试都失败: 网络不可达', 'probe.unreachable'],
    ['所有TCP连接尝试都失败: 连接被立即关闭，目标可能不可用', 'probe.closedEarly'],
    ['所有TCP连接尝试都失败: 没有权限', 'probe.notPermitted'],
    ['所有TCP连接尝试都失败: {why}', 'probe.failedBecause'],
    ['所有TCP连接尝试都失败', 'probe.failed'],
];

interface Rule {
    pattern: RegExp;
    names: string[];
    key: TextKey;
}

const rules: Rule[] = messages.map(([text, key]) => {
    const names: string[] = [];
    const source = text.replace(/[.*+?^$()|[\]\\]/g, '\\$&').replace(/\{(\w+)\}/g, (_, name: string) => {
        names.push(name);
        return '(.+)';
    });
    return { pattern: new RegExp(`^${source}$`, 'u'), names, key };
});

// What a tunnel's node refuses is said like what a forward's node refuses.
const tunnelNode = /^(?:入口|转发链|出口)节点 (.+) 下发(?:转发链|服务)失败: /u;

// What endpoints of upgrades say before the reason.
const upgradeOf = /^(?:升级|回退|获取版本列表|获取最新正式版|获取最新测试版)失败: /u;

function find(text: string): { key: TextKey; values: Record<string, string> } | null {
    const message = text.replace(tunnelNode, '节点 $1 下发失败: ').replace(upgradeOf, '');
    for (const { pattern, names, key } of rules) {
        const found = pattern.exec(message);
        if (found) return { key, values: Object.fromEntries(names.map((name, index) => [name, found[index + 1] ?? ''])) };
    }
    return null;
}

// A message of the panel, in the reader's language.
export function translate(message: string): string {
    const found = find(message);
    return found ? t(found.key, found.values) : message;
}

export function describe(problem: unknown): string {
    if (problem instanceof ApiError) {
        if (problem.kind === 'unreachable') return t('error.unreachable');
        if (problem.kind === 'timeout') return t('error.timeout');
        if (problem.kind === 'signed_out') return t('error.signedOut');
        if (problem.kind === 'too_large') return t('error.tooLarge');
        return problem.message ? translate(problem.message) : t('error.internal');
    }
    return t('error.page', { detail: problem instanceof Error ? problem.message : String(problem) });
}

// Which of the texts says it; null where the panel's message is not known. For forms that show a refusal at the field that it is about.
export function textOf(problem: unknown): TextKey | null {
    return problem instanceof ApiError ? (find(problem.message)?.key ?? null) : null;
}

// Nobody has said yet where nodes reach the panel.
export function wantsPanelAddress(problem: unknown): boolean {
    return problem instanceof ApiError && find(problem.message)?.key === 'error.panelAddress';
}

export function needsSecondFactor(problem: unknown): boolean {
    return problem instanceof ApiError && find(problem.message)?.key === 'error.secondFactorNeeded';
}

// How long to wait after too many sign-ins; null when that is not what happened.
export function throttledFor(problem: unknown): number | null {
    if (!(problem instanceof ApiError)) return null;
    const found = find(problem.message);
    return found?.key === 'error.tooManySignIns' ? Number(found.values.seconds) || null : null;
}
