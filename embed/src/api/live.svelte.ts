// Live numbers by WebSocket (/system-info, contract 5.17, and this panel's own "rates" message): of everything for administrators, of their
// own forwards for others. Sleeps while the page is hidden.
import { SvelteMap } from 'svelte/reactivity';
import { session } from '../state/session.svelte';

export interface ForwardRate {
    up: number; // bytes per second, from the client
    down: number;
    connections: number;
}

export interface NodeSample {
    at: number;
    uptime: number;
    cpu: number;
    memory: number;
    received: number;
    transmitted: number;
    receiveRate: number | null; // bytes per second; null until there are two samples
    transmitRate: number | null;
}

// How far a node is with becoming another version.
export interface Upgrading {
    stage: string; // downloading, verifying, installing
    percent: number;
}

export interface Moment extends ForwardRate {
    at: number; // seconds since 1970
}

export type Connection = 'connecting' | 'live' | 'lost';

const history_length = 150; // moments of two seconds: five minutes
const slowest_retry = 15_000;

const idle: ForwardRate = { up: 0, down: 0, connections: 0 };
const state = $state<{ connection: Connection; total: ForwardRate; at: number }>({ connection: 'connecting', total: idle, at: 0 });
let history = $state.raw<Moment[]>([]);
let forwards = $state.raw<ReadonlyMap<number, ForwardRate>>(new Map());
const nodes = new SvelteMap<number, boolean>();
const samples = new SvelteMap<number, NodeSample>();
const upgrades = new SvelteMap<number, Upgrading>();

export const live = {
    get connection(): Connection {
        return state.connection;
    },
    get total(): ForwardRate {
        return state.total;
    },
    get history(): readonly Moment[] {
        return history;
    },
    forward: (id: number): ForwardRate => forwards.get(id) ?? idle,
    // undefined: not told yet
    online: (node: number): boolean | undefined => nodes.get(node),
    upgrading: (node: number): Upgrading | undefined => upgrades.get(node),
    sample: (node: number): NodeSample | undefined => samples.get(node),
};

function took(total: ForwardRate, each: Map<number, ForwardRate>): void {
    const at = Date.now() / 1000;
    state.connection = 'live';
    state.total = total;
    state.at = at;
    forwards = each;
    history = [...history, { at, ...total }].slice(-history_length);
}

interface RatesMessage extends ForwardRate {
    forwards: (ForwardRate & { id: number })[];
}
interface UpgradeMessage {
    success: boolean;
    message: string;
    data: Upgrading;
}
interface InfoMessage {
    uptime: number;
    bytes_received: number;
    bytes_transmitted: number;
    cpu_usage: number;
    memory_usage: number;
}

function takeSample(node: number, info: InfoMessage): void {
    const before = samples.get(node);
    const at = performance.now() / 1000;
    const seconds = before ? at - before.at : 0;
    const perSecond = (now: number, then: number) => (before && seconds > 0.2 && now >= then ? (now - then) / seconds : null);
    nodes.set(node, true);
    samples.set(node, {
        at,
        uptime: info.uptime,
        cpu: info.cpu_usage,
        memory: info.memory_usage,
        received: info.bytes_received,
        transmitted: info.bytes_transmitted,
        receiveRate: perSecond(info.bytes_received, before?.received ?? 0),
        transmitRate: perSecond(info.bytes_transmitted, before?.transmitted ?? 0),
    });
}

export function takeMessage(text: string): void {
    let message: { id?: unknown; type?: unknown; data?: unknown };
    try {
        message = JSON.parse(text) as typeof message;
        if (message.type === 'status') {
            const node = Number(message.id);
            nodes.set(node, message.data === 1);
            if (message.data !== 1) samples.delete(node);
        } else if (message.type === 'info') {
            takeSample(Number(message.id), JSON.parse(String(message.data)) as InfoMessage);
        } else if (message.type === 'upgrade_progress') {
            const progress = JSON.parse(String(message.data)) as UpgradeMessage;
            if (!progress.success || progress.message === 'done') upgrades.delete(Number(message.id));
            else upgrades.set(Number(message.id), progress.data);
        } else if (message.type === 'rates') {
            const rates = JSON.parse(String(message.data)) as RatesMessage;
            took(
                { up: rates.up, down: rates.down, connections: rates.connections },
                new Map(rates.forwards.map((one) => [one.id, { up: one.up, down: one.down, connections: one.connections }])),
            );
        }
    } catch {
        // Not a message that this page knows: a newer panel may send more.
    }
}

function watchBySocket(): () => void {
    let socket: WebSocket | null = null;
    let retry: ReturnType<typeof setTimeout> | undefined;
    let wait = 1000;
    let ended = false;

    const open = () => {
        clearTimeout(retry);
        const token = session.current?.token;
        if (ended || !token || document.visibilityState === 'hidden') return;
        const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
        const mine = new WebSocket(`${scheme}://${location.host}/system-info?type=0&secret=${encodeURIComponent(token)}`);
        socket = mine;
        mine.onmessage = (event) => {
            wait = 1000;
            if (socket === mine) takeMessage(String(event.data));
        };
        mine.onclose = () => {
            if (socket !== mine) return;
            socket = null;
            if (ended) return;
            state.connection = 'lost';
            retry = setTimeout(open, wait + Math.random() * 500);
            wait = Math.min(wait * 2, slowest_retry);
        };
    };
    const close = () => {
        clearTimeout(retry);
        const mine = socket;
        socket = null;
        mine?.close();
    };
    const visibility = () => {
        if (document.visibilityState === 'hidden') {
            close();
        } else if (!socket) {
            wait = 1000;
            open();
        }
    };
    document.addEventListener('visibilitychange', visibility);
    addEventListener('online', visibility);
    open();
    return () => {
        ended = true;
        document.removeEventListener('visibilitychange', visibility);
        removeEventListener('online', visibility);
        close();
    };
}

// Starts watching for who is signed in now; the result ends it.
export function watch(): () => void {
    state.connection = 'connecting';
    history = [];
    forwards = new Map();
    nodes.clear();
    samples.clear();
    upgrades.clear();
    return watchBySocket();
}
