// Shapes of the FLVX dialect as the panel answers them. Flows are bytes, quotas are GB (2^30 bytes), times are milliseconds since 1970.

export type Flag = 0 | 1;

export interface SignedIn {
    token: string;
    name: string;
    role_id: number;
    requirePasswordChange: boolean;
}

export interface Session {
    id: number;
    createdTime: number;
    lastUsed: number;
    expTime: number;
    address: string;
    client: string;
    current: boolean;
}

export type TokenScope = 'read' | 'forwards' | 'nodes' | 'all';

export interface ApiToken {
    id: number;
    name: string;
    scope: TokenScope;
    createdTime: number;
    expTime: number | null;
    lastUsed: number | null;
    address: string;
}

export interface Change {
    id: number;
    time: number;
    userId: number;
    user: string;
    address: string;
    action: string;
    object: string;
    before: string;
    after: string;
}

export interface User {
    id: number;
    user: string;
    name: string;
    roleId: number;
    status: Flag;
    flow: number;
    num: number;
    expTime: number;
    flowResetTime: number;
    createdTime: number;
    updatedTime: number | null;
    inFlow: number;
    outFlow: number;
    maxConnections: number;
    maxClients: number;
    clientPolicy: 'refuse' | 'replace';
}

export interface UserDraft {
    user: string;
    pwd?: string;
    status: Flag;
    flow: number;
    num: number;
    expTime: number;
    flowResetTime: number;
    maxConnections: number;
    maxClients: number;
    clientPolicy: 'refuse' | 'replace';
}

export type QuotaSubject = 'user' | 'assignment' | 'forward' | 'node';
export type QuotaWindow = 'day' | 'month' | 'total';

export interface QuotaDraft {
    subject: QuotaSubject;
    subjectId: number;
    window: QuotaWindow;
    limit: number; // bytes
    resetDay: number;
    counts: 'both' | 'up' | 'down' | 'larger';
    ratio: number;
    action: 'stop' | 'throttle';
    rate: number; // kB/s
}

export interface Quota extends QuotaDraft {
    id: number;
    subjectName: string;
    userId: number;
    used: number;
    begins: string; // local dates of the panel
    ends: string; // empty: never
    reached: boolean;
}

export interface PanelEvent {
    id: number;
    time: number;
    severity: 'info' | 'warning' | 'error';
    kind: string;
    details: Record<string, string>;
}

export interface Assignment {
    id: number;
    userId: number;
    tunnelId: number;
    tunnelName: string;
    tunnelFlow: number;
    flow: number;
    inFlow: number;
    outFlow: number;
    num: number;
    flowResetTime: number;
    expTime: number;
    speedId: number | null;
    speedLimitName: string | null;
    speed?: number | null;
    status: Flag;
}

export interface HourlyFlow {
    id: number;
    flow: number;
    totalFlow: number;
    time: string;
}

export interface Traffic {
    up: number;
    down: number;
}

export interface PackageForward {
    id: number;
    name: string;
    tunnelId: number;
    tunnelName: string;
    inIp: string;
    inPort: number | null;
    remoteAddr: string;
    inFlow: number;
    outFlow: number;
    status: Flag;
    createdTime: number;
}

export interface Package {
    userInfo: User;
    tunnelPermissions: Assignment[];
    forwards: PackageForward[];
    statisticsFlows: HourlyFlow[];
    today: Traffic;
    // What all users together did; for administrators only.
    everyone?: { today: Traffic; hours: { flow: number; time: string }[] };
}

export interface Node {
    id: number;
    inx: number;
    name: string;
    serverIp: string;
    serverIpV4: string | null;
    serverIpV6: string | null;
    port: string;
    tcpListenAddr: string;
    udpListenAddr: string;
    interfaceName: string | null;
    version: string | null;
    http: Flag;
    tls: Flag;
    socks: Flag;
    reachable: Flag;
    publicPorts: string;
    status: Flag;
    isRemote: Flag;
    createdTime: number;
    local: boolean;
    // Of another panel's node: whether it can be part of tunnels, and why it is not there.
    tunnels?: boolean;
    syncError?: string;
}

// A node of ours that another panel uses.
export interface Share {
    id: number;
    name: string;
    nodeId: number;
    nodeName: string;
    token: string;
    pin: string;
    maxBandwidth: number; // bytes in all; 0: no limit
    currentFlow: number;
    expiryTime: number; // ms; 0: never
    portRangeStart: number;
    portRangeEnd: number;
    isActive: Flag;
    allowedDomains: string;
    allowedIps: string;
    usedPorts: number[];
    stopped: '' | 'disabled' | 'expired' | 'used_up';
}

export interface ShareDraft {
    name: string;
    nodeId: number;
    maxBandwidth: number;
    expiryTime: number;
    portRangeStart: number;
    portRangeEnd: number;
    allowedIps: string;
    allowedDomains: string;
    isActive?: Flag;
}

// What a share of another panel gives.
export interface ShareOffer {
    nodeName: string;
    serverIp: string;
    status: Flag;
    maxBandwidth: number;
    currentFlow: number;
    expiryTime: number;
    portRangeStart: number;
    portRangeEnd: number;
    tunnels: boolean;
}

export interface RemoteImport {
    remoteUrl: string;
    token: string;
    pin: string;
    name: string;
}

export interface RemoteUsage {
    nodeId: number;
    nodeName: string;
    remoteUrl: string;
    portRangeStart: number;
    portRangeEnd: number;
    maxBandwidth: number;
    currentFlow: number;
    expiryTime: number;
    bindings: { bindingId: number; tunnelName: string; chainType: number; allocatedPort: number }[];
    tunnels: boolean;
    syncError?: string;
}

export interface Release {
    version: string;
    name: string;
    publishedAt: string;
    prerelease: boolean;
}

export interface UpgradeResult {
    id: number;
    success: boolean;
    message: string;
}

export interface NodeDraft {
    name: string;
    serverIp: string;
    serverIpV4: string;
    serverIpV6: string;
    port: string;
    tcpListenAddr: string;
    udpListenAddr: string;
    interfaceName: string;
    http: Flag;
    tls: Flag;
    socks: Flag;
    reachable: Flag;
    publicPorts: string;
}

export interface TunnelNode {
    nodeId: number;
    chainType?: number;
    inx?: number;
    protocol?: string;
    strategy?: string;
    port?: number; // of its listener for the place before; the panel chooses one where it is missing
    publicHost?: string;
    publicPort?: number;
    serverName?: string;
    alpn?: string;
    path?: string;
}

export type AddressPreference = '' | 'v4' | 'v6';

export interface Tunnel {
    id: number;
    inx: number;
    name: string;
    type: number;
    flow: number;
    trafficRatio: number;
    status: Flag;
    createdTime: number;
    inIp: string | null;
    ipPreference: AddressPreference;
    inNodeId: TunnelNode[];
    outNodeId: TunnelNode[];
    chainNodes: TunnelNode[][];
}

export interface TunnelDraft {
    name: string;
    type: number;
    flow: number;
    trafficRatio: number;
    status: Flag;
    inIp: string;
    ipPreference: AddressPreference;
    inNodeId: TunnelNode[];
    outNodeId: TunnelNode[];
    chainNodes: TunnelNode[][];
}

export interface UsableTunnel {
    id: number;
    name: string;
    type: number;
    portRangeMin: number;
    portRangeMax: number;
}

export type ForwardState = 'listening' | 'failed' | 'paused' | 'waiting' | 'stopped';
export type Fault =
    | 'none'
    | 'address_in_use'
    | 'address_not_local'
    | 'permission_denied'
    | 'family_unsupported'
    | 'no_descriptors'
    | 'target_unresolved'
    | 'other';
export type Strategy = 'fifo' | 'round' | 'rand' | 'hash' | 'least';
export type Protocol = 'tcp+udp' | 'tcp' | 'udp';

export interface Forward {
    id: number;
    inx: number;
    userId: number;
    userName: string;
    name: string;
    tunnelId: number;
    tunnelName: string;
    inIp: string | null;
    inPort: number | null;
    remoteAddr: string;
    strategy: Strategy;
    inFlow: number;
    outFlow: number;
    createdTime: number;
    status: Flag;
    state: ForwardState;
    stateReason: Fault;
    stateDetail: string;
    upRate: number;
    downRate: number;
    connections: number;
    listenIp: string;
    protocol: Protocol;
    allowIps: string;
    denyIps: string;
    maxConnections: number;
    maxClients: number;
    clientPolicy: 'refuse' | 'replace';
    quotaState: '' | 'throttled' | 'stopped';
    quotaReason: string; // "user day"
}

export interface ForwardDraft {
    name: string;
    tunnelId: number;
    inPort: number | null;
    remoteAddr: string;
    strategy: Strategy;
    protocol: Protocol;
    listenIp: string;
    allowIps: string;
    denyIps: string;
    maxConnections: number;
    maxClients: number;
    clientPolicy: 'refuse' | 'replace';
}

export interface DiagnosisStep {
    success: boolean;
    description: string;
    nodeName: string;
    nodeId: string;
    targetIp: string;
    targetPort: number;
    averageTime: number;
    packetLoss: number;
    message: string;
    fromChainType: number;
    fromInx?: number;
    toChainType?: number;
    toInx?: number;
    minTime?: number;
    maxTime?: number;
    jitter?: number;
    resolved?: string;
}

export interface Diagnosis {
    name: string;
    timestamp: number;
    results: DiagnosisStep[];
}

export interface Announcement {
    content: string;
    enabled: Flag;
}

// Rules of another program, and what each of its lines would become here.
export interface RuleSource {
    tunnelId: number;
    text: string;
    format: string; // '' : by the look of the text
    choosePorts: boolean;
}

export interface RuleItem {
    index: number;
    line: number;
    text: string;
    possible: boolean;
    reason?: string;
    args?: string[];
    rule?: { name: string; listenIp: string; inPort: number | null; remoteAddr: string; protocol: Protocol; strategy: Strategy; allowIps: string[] };
    message?: string;
}

export interface RulePreview {
    format: string;
    possible: number;
    items: RuleItem[];
}

// What another FLVX panel's file brings, or has brought.
export interface MigrationTally {
    added: number;
    changed: number;
    unchanged: number;
    leftOut: number;
}

export interface MigrationRemark {
    section: string;
    id: number; // 0: a setting
    name: string;
    remark: string;
    args: string[];
}

export interface Migration {
    form: 'sqlite' | 'json';
    possible: boolean;
    sections: Record<string, MigrationTally>;
    remarks: MigrationRemark[];
    leftBehind: { what: string; rows: number; why: string }[];
}
