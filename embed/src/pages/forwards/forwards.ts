// Pure parts of the forwards page: finding, grouping, moving, and what a form may contain.
import type { Forward } from '../../api/types.ts';

export type Grouping = '' | 'tunnel' | 'user';

export interface Group {
    key: string;
    name: string;
    forwards: Forward[];
}

// Every word must be somewhere: name, entry, target, tunnel, user.
export function search(forwards: readonly Forward[], text: string): Forward[] {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    if (words.length === 0) return [...forwards];
    return forwards.filter((one) => {
        const hay = [one.name, one.inIp ?? '', String(one.inPort ?? ''), one.remoteAddr, one.tunnelName, one.userName].join(' ').toLowerCase();
        return words.every((word) => hay.includes(word));
    });
}

export function group(forwards: readonly Forward[], by: Grouping): Group[] {
    if (!by) return [{ key: '', name: '', forwards: [...forwards] }];
    const groups = new Map<string, Group>();
    for (const one of forwards) {
        const [key, name] = by === 'tunnel' ? [`t${one.tunnelId}`, one.tunnelName] : [`u${one.userId}`, one.userName];
        let found = groups.get(key);
        if (!found) groups.set(key, (found = { key, name, forwards: [] }));
        found.forwards.push(one);
    }
    return [...groups.values()];
}

// The ids in their new order, or null when it cannot move that way.
export function moved(ids: readonly number[], id: number, by: -1 | 1): number[] | null {
    const from = ids.indexOf(id);
    const to = from + by;
    if (from < 0 || to < 0 || to >= ids.length) return null;
    const order = [...ids];
    const [one] = order.splice(from, 1);
    if (one !== undefined) order.splice(to, 0, one);
    return order;
}

export const addresses = (forward: { inIp: string | null }): string[] => (forward.inIp ? forward.inIp.split(',').filter(Boolean) : []);
export const targets = (text: string): string[] => text.split(/[\n,]/).map((one) => one.trim()).filter(Boolean);

const isPort = (text: string) => /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65535;

// host:port, 1.2.3.4:port, [v6]:port, or v6:port. Only the form; the panel decides.
export function isTarget(text: string): boolean {
    const bracketed = /^\[([0-9a-fA-F:.]+)\]:(\d+)$/.exec(text);
    if (bracketed) return isPort(bracketed[2] ?? '');
    const colon = text.lastIndexOf(':');
    if (colon <= 0 || !isPort(text.slice(colon + 1))) return false;
    const host = text.slice(0, colon);
    return /^[0-9a-fA-F:.]+$/.test(host) || /^[a-zA-Z0-9]([a-zA-Z0-9._-]*[a-zA-Z0-9])?$/.test(host);
}
