// Caps on connections and client addresses as a form holds them. Empty: no cap.
export type ClientPolicy = 'refuse' | 'replace';

export interface CapFields {
    maxConnections: string;
    maxClients: string;
    clientPolicy: ClientPolicy;
}

export interface Caps {
    maxConnections: number;
    maxClients: number;
    clientPolicy: ClientPolicy;
}

export const noCaps = (): CapFields => ({ maxConnections: '', maxClients: '', clientPolicy: 'refuse' });

export function capFields(caps: Caps): CapFields {
    return { maxConnections: caps.maxConnections ? String(caps.maxConnections) : '', maxClients: caps.maxClients ? String(caps.maxClients) : '', clientPolicy: caps.clientPolicy };
}

export function capsOf(fields: CapFields): Caps {
    return { maxConnections: Number(fields.maxConnections.trim() || 0), maxClients: Number(fields.maxClients.trim() || 0), clientPolicy: fields.clientPolicy };
}

export const wrongCap = (text: string, most: number): boolean => text.trim() !== '' && !(/^\d{1,8}$/.test(text.trim()) && Number(text) <= most);
export const wrongCaps = (fields: CapFields): boolean => wrongCap(fields.maxConnections, 10_000_000) || wrongCap(fields.maxClients, 100_000);
