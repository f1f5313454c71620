// The places of a tunnel behind its entry, as the form holds them, and as the panel takes them.
import type { TunnelNode } from '../../api/types';

export const protocols = ['tls', 'mtls', 'wss', 'mwss', 'tcp', 'mtcp'] as const;
export type HopProtocol = (typeof protocols)[number];
export const strategies = ['round', 'fifo', 'rand'] as const;
export type HopStrategy = (typeof strategies)[number];

// How the place before finds one node, where that is not its own address. Texts as typed; empty: as the panel chooses.
export interface Way {
    port: string;
    publicHost: string;
    publicPort: string;
    serverName: string;
    alpn: string;
    path: string;
}

export interface Place {
    key: number; // for lists; means nothing
    nodes: number[];
    protocol: HopProtocol;
    strategy: HopStrategy;
    ways: Record<number, Way>; // by node, also of nodes that are not chosen now
}

let keys = 0;
export const noWay = (): Way => ({ port: '', publicHost: '', publicPort: '', serverName: '', alpn: '', path: '' });
export const emptyPlace = (): Place => ({ key: ++keys, nodes: [], protocol: 'mtls', strategy: 'round', ways: {} });

const isOneOf = <T extends string>(all: readonly T[], text: string | undefined): text is T => all.includes(text as T);
const shown = (value: number | undefined) => (value === undefined ? '' : String(value));

export function toPlace(hops: readonly TunnelNode[]): Place {
    const [first] = hops;
    return {
        ...emptyPlace(),
        nodes: hops.map((hop) => hop.nodeId),
        protocol: isOneOf(protocols, first?.protocol) ? first.protocol : 'tls',
        strategy: isOneOf(strategies, first?.strategy) ? first.strategy : 'round',
        ways: Object.fromEntries(
            hops.map((hop) => [
                hop.nodeId,
                {
                    port: shown(hop.port),
                    publicHost: hop.publicHost ?? '',
                    publicPort: shown(hop.publicPort),
                    serverName: hop.serverName ?? '',
                    alpn: hop.alpn ?? '',
                    path: hop.path ?? '',
                },
            ]),
        ),
    };
}

export function toHops(place: Place): TunnelNode[] {
    return place.nodes.map((nodeId) => {
        const hop: TunnelNode = { nodeId, protocol: place.protocol, strategy: place.strategy };
        const way = place.ways[nodeId];
        if (!way) return hop;
        if (way.port.trim()) hop.port = Number(way.port);
        if (way.publicPort.trim()) hop.publicPort = Number(way.publicPort);
        if (way.publicHost.trim()) hop.publicHost = way.publicHost.trim();
        // A plain carrier shows neither a name nor a path.
        if (place.protocol !== 'tcp' && place.protocol !== 'mtcp') {
            if (way.serverName.trim()) hop.serverName = way.serverName.trim();
            if (way.alpn.trim()) hop.alpn = way.alpn.trim();
        }
        if (hasPath(place.protocol) && way.path.trim()) hop.path = way.path.trim();
        return hop;
    });
}

export const hasPath = (protocol: HopProtocol) => protocol === 'wss' || protocol === 'mwss';
export const hasName = (protocol: HopProtocol) => protocol !== 'tcp' && protocol !== 'mtcp';

export function wrongPort(text: string): boolean {
    if (!text.trim()) return false;
    const port = Number(text);
    return !/^\d{1,5}$/.test(text.trim()) || port < 1 || port > 65535;
}

export const wrongPlace = (place: Place) =>
    place.nodes.length === 0 || place.nodes.some((id) => wrongPort(place.ways[id]?.port ?? '') || wrongPort(place.ways[id]?.publicPort ?? ''));
