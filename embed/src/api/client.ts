// The one way to the panel: FLVX dialect, JSON in an envelope, errors as ApiError. Knows nothing of pages; the session tells it which
// token to send and what to do when it is refused.
import type {
    Announcement,
    ApiToken,
    Assignment,
    Change,
    Diagnosis,
    DiagnosisStep,
    Forward,
    ForwardDraft,
    Migration,
    Node,
    NodeDraft,
    Package,
    PanelEvent,
    Quota,
    QuotaDraft,
    QuotaSubject,
    Release,
    RemoteImport,
    RemoteUsage,
    RulePreview,
    RuleSource,
    Session,
    Share,
    ShareDraft,
    ShareOffer,
    SignedIn,
    TokenScope,
    Tunnel,
    TunnelDraft,
    UpgradeResult,
    UsableTunnel,
    User,
    UserDraft,
} from './types';

export type FailureKind = 'refused' | 'signed_out' | 'unreachable' | 'timeout' | 'too_large';

export class ApiError extends Error {
    constructor(
        readonly kind: FailureKind,
        readonly code: number,
        message: string,
    ) {
        super(message);
        this.name = 'ApiError';
    }
}

export interface SessionHooks {
    token(): string | null;
    // The token was refused: resolves when a new one is there, rejects when the person gave up.
    renew(refused: string): Promise<void>;
}

interface Envelope {
    code: number;
    msg: string;
    data?: unknown;
}

let hooks: SessionHooks = { token: () => null, renew: () => Promise.reject(new ApiError('signed_out', 401, '')) };
export function useSession(session: SessionHooks): void {
    hooks = session;
}

const normal_wait = 30_000;
const upload_wait = 900_000; // the largest file over a slow line

async function send(method: 'GET' | 'POST', path: string, body: unknown, token: string | null, wait = normal_wait): Promise<Envelope> {
    let answer: Response;
    try {
        answer = await fetch(`/api/v1/${path}`, {
            method,
            headers: { 'Content-Type': body instanceof Blob ? 'application/octet-stream' : 'application/json', ...(token ? { Authorization: token } : {}) },
            ...(method === 'POST' ? { body: body instanceof Blob ? body : JSON.stringify(body ?? {}) } : {}),
            signal: AbortSignal.timeout(wait),
            cache: 'no-store',
        });
    } catch (problem) {
        const late = problem instanceof DOMException && problem.name === 'TimeoutError';
        throw new ApiError(late ? 'timeout' : 'unreachable', 0, '');
    }
    if (answer.status === 401) return { code: 401, msg: '' };
    // By the panel, or by a proxy before it that takes less.
    if (answer.status === 413) throw new ApiError('too_large', 413, '');
    try {
        return (await answer.json()) as Envelope;
    } catch {
        throw new ApiError('unreachable', answer.status, '');
    }
}

// `signed_in` calls wait while a refused session is renewed, and are then sent again: what somebody typed is not lost.
async function call<T>(path: string, body?: unknown, how: { method?: 'GET' | 'POST'; open?: boolean; wait?: number } = {}): Promise<T> {
    for (;;) {
        const token = hooks.token();
        if (!token && !how.open) throw new ApiError('signed_out', 401, '');
        const answer = await send(how.method ?? 'POST', path, body, token, how.wait);
        if (answer.code === 0) return answer.data as T;
        if (answer.code === 401 && token && !how.open) {
            if (hooks.token() === token) await hooks.renew(token);
            continue;
        }
        throw new ApiError('refused', answer.code, answer.msg);
    }
}

const orders = (ids: number[]) => ids.map((id, inx) => ({ id, inx }));

export const api = {
    captchaWanted: () => call<number>('captcha/check', {}, { open: true }).then((wanted) => wanted !== 0),
    // Not in an envelope.
    solveCaptcha: async (id: string, data: string): Promise<string> => {
        const answer = await fetch('/api/v1/captcha/verify', { method: 'POST', body: JSON.stringify({ id, data }), signal: AbortSignal.timeout(normal_wait) });
        return ((await answer.json()) as { data: { validToken: string } }).data.validToken;
    },
    signIn: (username: string, password: string, proof: { captchaId: string; code: string }) =>
        call<SignedIn>('user/login', { username, password, ...proof }, { open: true }),
    // Ends a session that this page forgets anyway: nobody waits for it.
    signOut: (token: string) => void send('POST', 'account/sign-out', {}, token).catch(() => undefined),

    sessions: () => call<Session[]>('account/session/list'),
    endSession: (id: number) => call<undefined>('account/session/revoke', { id }),
    endOtherSessions: () => call<undefined>('account/session/revoke', { others: true }),
    tokens: () => call<ApiToken[]>('account/token/list'),
    createToken: (draft: { name: string; scope: TokenScope; expTime: number }) => call<{ id: number; token: string }>('account/token/create', draft),
    revokeToken: (id: number) => call<undefined>('account/token/revoke', { id }),
    secondFactor: () => call<{ enabled: boolean; recoveryCodes: number }>('account/second-factor/state'),
    beginSecondFactor: (password: string) => call<{ secret: string; uri: string }>('account/second-factor/begin', { password }),
    confirmSecondFactor: (code: string) => call<{ recoveryCodes: string[] }>('account/second-factor/confirm', { code }).then((one) => one.recoveryCodes),
    newRecoveryCodes: (code: string) => call<{ recoveryCodes: string[] }>('account/second-factor/recovery', { code }).then((one) => one.recoveryCodes),
    removeSecondFactor: (password: string, code: string) => call<undefined>('account/second-factor/remove', { password, code }),
    quotas: (of?: { subject: QuotaSubject; subjectId: number }) => call<Quota[]>('quota/list', of),
    setQuota: (draft: QuotaDraft) => call<{ id: number }>('quota/set', draft),
    setQuotaUsed: (id: number, used: number) => call<undefined>('quota/set-used', { id, used }),
    deleteQuota: (id: number) => call<undefined>('quota/delete', { id }),
    events: (page: number, pageSize: number) => call<{ list: PanelEvent[]; total: number }>('event/list', { page, pageSize }),
    history: (keyword: string, page: number) => call<{ list: Change[]; total: number }>('audit/list', { keyword, page, pageSize: 50 }),

    setting: (name: string) => call<{ value: string }>('config/get', { name }, { open: true }).then((row) => row.value),
    changePassword: (change: { newUsername: string; currentPassword: string; newPassword: string; confirmPassword: string }) =>
        call<undefined>('user/updatePassword', change),
    package: () => call<Package>('user/package'),

    settings: () => call<Record<string, string>>('config/list'),
    saveSettings: (values: Record<string, string>) => call<undefined>('config/update', values),
    announcement: () => call<Announcement>('announcement/get', undefined, { method: 'GET' }),
    announce: (announcement: Announcement) => call<undefined>('announcement/update', announcement),

    nodes: () => call<Node[]>('node/list'),
    createNode: (draft: NodeDraft) => call<{ id: number }>('node/create', draft),
    updateNode: (id: number, draft: NodeDraft) => call<undefined>('node/update', { id, ...draft }),
    // One line for the machine's shell, with a token for one use.
    installLine: (id: number) => call<string>('node/install', { id }),
    deleteNode: (id: number) => call<undefined>('node/delete', { id }),
    releases: () => call<Release[]>('node/releases', {}),
    // These wait until the node runs the other version, or has refused.
    upgradeNode: (id: number, version: string) => call<{ version: string }>('node/upgrade', { id, version }, { wait: 330_000 }),
    upgradeNodes: (ids: number[], version: string) => call<{ version: string; results: UpgradeResult[] }>('node/batch-upgrade', { ids, version }, { wait: 930_000 }).then((one) => one.results),
    rollBackNode: (id: number) => call<{ message: string }>('node/rollback', { id }, { wait: 120_000 }),
    orderNodes: (ids: number[]) => call<undefined>('node/update-order', { nodes: orders(ids) }),

    shares: () => call<Share[]>('federation/share/list'),
    createShare: (draft: ShareDraft) => call<{ id: number; token: string; pin: string }>('federation/share/create', draft),
    updateShare: (draft: ShareDraft & { id: number }) => call<undefined>('federation/share/update', draft),
    deleteShare: (id: number) => call<undefined>('federation/share/delete', { id }),
    resetShare: (id: number) => call<undefined>('federation/share/reset-flow', { id }),
    remoteUsage: () => call<RemoteUsage[]>('federation/share/remote-usage/list'),
    previewShare: (fields: RemoteImport) => call<ShareOffer>('federation/node/preview', fields),
    importShare: (fields: RemoteImport) => call<{ id: number }>('federation/node/import', fields),

    tunnels: () => call<Tunnel[]>('tunnel/list'),
    usableTunnels: () => call<UsableTunnel[]>('tunnel/user/tunnel'),
    createTunnel: (draft: TunnelDraft) => call<{ id: number }>('tunnel/create', draft),
    updateTunnel: (id: number, draft: TunnelDraft) => call<undefined>('tunnel/update', { id, ...draft }),
    deleteTunnel: (id: number) => call<undefined>('tunnel/delete', { id }),
    orderTunnels: (ids: number[]) => call<undefined>('tunnel/update-order', { tunnels: orders(ids) }),
    diagnoseTunnel: (tunnelId: number): Promise<Diagnosis> =>
        call<{ tunnelName: string; timestamp: number; results: DiagnosisStep[] }>('tunnel/diagnose', { tunnelId }).then((one) => ({ ...one, name: one.tunnelName })),

    assignments: (userId: number) => call<Assignment[]>('tunnel/user/list', { userId }),
    assign: (fields: { userId: number; tunnelId: number; flow?: number; num?: number; expTime?: number; flowResetTime?: number; status?: number }) =>
        call<undefined>('tunnel/user/assign', fields),
    updateAssignment: (fields: Pick<Assignment, 'id' | 'flow' | 'num' | 'expTime' | 'flowResetTime' | 'speedId' | 'status'>) => call<undefined>('tunnel/user/update', fields),
    removeAssignment: (id: number) => call<undefined>('tunnel/user/remove', { id }),

    forwards: () => call<Forward[]>('forward/list'),
    createForward: (draft: ForwardDraft) => call<{ id: number; inPort: number }>('forward/create', draft),
    updateForward: (id: number, draft: ForwardDraft) => call<undefined>('forward/update', { id, ...draft }),
    deleteForward: (id: number) => call<undefined>('forward/delete', { id }),
    forceDeleteForward: (id: number) => call<undefined>('forward/force-delete', { id }),
    pauseForward: (id: number) => call<undefined>('forward/pause', { id }),
    resumeForward: (id: number) => call<undefined>('forward/resume', { id }),
    orderForwards: (ids: number[]) => call<undefined>('forward/update-order', { forwards: orders(ids) }),
    diagnoseForward: (forwardId: number): Promise<Diagnosis> =>
        call<{ forwardName: string; timestamp: number; results: DiagnosisStep[] }>('forward/diagnose', { forwardId }).then((one) => ({ ...one, name: one.forwardName })),
    previewRules: (source: RuleSource) => call<RulePreview>('forward/import/preview', source),
    importRules: (source: RuleSource, indexes: number[]) => call<{ created: number }>('forward/import', { ...source, indexes }, { wait: 120_000 }),

    previewMigration: (file: Blob) => call<Migration>('backup/flvx/preview', file, { wait: upload_wait }),
    migrate: (file: Blob) => call<Migration>('backup/flvx/import', file, { wait: upload_wait }),

    users: () => call<User[]>('user/list'),
    createUser: (draft: UserDraft) => call<User>('user/create', draft),
    updateUser: (id: number, draft: UserDraft) => call<undefined>('user/update', { id, ...draft }),
    deleteUser: (id: number) => call<undefined>('user/delete', { id }),
    resetUserTraffic: (id: number) => call<undefined>('user/reset', { id, type: 1 }),
    resetAssignmentTraffic: (id: number) => call<undefined>('user/reset', { id, type: 2 }),
};
