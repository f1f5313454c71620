// What the guide can know beforehand.
import type { Node } from '../../api/types';

// Addresses that other machines may reach this panel's own node by, best guess first: how the page itself was reached, then what the
// panel found on its host. A browser on the same machine ("localhost") tells nothing.
export function suggestions(node: Node, pageHost: string): string[] {
    const bare = pageHost.replace(/^\[|\]$/g, '');
    const isLocal = bare === 'localhost' || bare.startsWith('127.') || bare === '::1';
    return [...new Set([node.serverIp, ...(isLocal ? [] : [bare]), node.serverIpV4 ?? '', node.serverIpV6 ?? ''])].filter(Boolean);
}
