// Who is signed in. The token is kept for this tab, or for this browser where the person asked for that.
import { ApiError, api, useSession } from '../api/client';

interface Stored {
    token: string;
    name: string;
    admin: boolean;
    mustChangePassword: boolean;
}

const storage_key = 'sluice.session';

function read(): Stored | null {
    for (const storage of [sessionStorage, localStorage]) {
        try {
            const value = JSON.parse(storage.getItem(storage_key) ?? 'null') as Stored | null;
            if (value && typeof value.token === 'string') return value;
        } catch {
            storage.removeItem(storage_key);
        }
    }
    return null;
}

const state = $state<{ session: Stored | null; renewing: boolean; typedPassword: string }>({ session: read(), renewing: false, typedPassword: '' });
let waiting: { resolve: () => void; reject: (reason: ApiError) => void }[] = [];

function remember(session: Stored | null, onThisDevice: boolean): void {
    state.session = session;
    sessionStorage.removeItem(storage_key);
    localStorage.removeItem(storage_key);
    if (session) (onThisDevice ? localStorage : sessionStorage).setItem(storage_key, JSON.stringify(session));
}

const isOnThisDevice = () => localStorage.getItem(storage_key) !== null;

export const session = {
    get current(): Stored | null {
        return state.session;
    },
    get isAdmin(): boolean {
        return state.session?.admin ?? false;
    },
    // A session ended while somebody was at work: the page asks for the password above whatever is open.
    get isRenewing(): boolean {
        return state.renewing;
    },
    // Typed a moment ago at sign-in; spares typing it again where it has to be changed at once. Never stored.
    get typedPassword(): string {
        return state.typedPassword;
    },

    async signIn(name: string, password: string, onThisDevice: boolean, proof: { captchaId: string; code: string }): Promise<void> {
        const answer = await api.signIn(name, password, proof);
        state.typedPassword = answer.requirePasswordChange ? password : '';
        const before = state.session?.name;
        remember({ token: answer.token, name: answer.name, admin: answer.role_id === 0, mustChangePassword: answer.requirePasswordChange }, onThisDevice);
        state.renewing = false;
        const resumed = waiting;
        waiting = [];
        if (before !== undefined && before !== answer.name) {
            // Somebody else: what the other one began is not his to finish.
            for (const one of resumed) one.reject(new ApiError('signed_out', 401, ''));
        } else {
            for (const one of resumed) one.resolve();
        }
    },

    renew(name: string, password: string, proof: { captchaId: string; code: string }): Promise<void> {
        return session.signIn(name, password, isOnThisDevice(), proof);
    },

    passwordChanged(name: string): void {
        if (!state.session) return;
        state.typedPassword = '';
        remember({ ...state.session, name, mustChangePassword: false }, isOnThisDevice());
    },

    signOut(): void {
        if (state.session) api.signOut(state.session.token);
        remember(null, false);
        state.renewing = false;
        state.typedPassword = '';
        const given_up = waiting;
        waiting = [];
        for (const one of given_up) one.reject(new ApiError('signed_out', 401, ''));
    },
};

useSession({
    token: () => state.session?.token ?? null,
    renew: () =>
        new Promise<void>((resolve, reject) => {
            waiting.push({ resolve, reject });
            state.renewing = true;
        }),
});
