// The forwards that a list shows, as files: JSON, CSV and plain text. The rule import reads each of them, here and in another panel.
import type { Forward } from '../../api/types.ts';

export type ExportFormat = 'json' | 'csv' | 'txt';
export const exportFormats: readonly ExportFormat[] = ['json', 'csv', 'txt'];
export const exportTypes: Readonly<Record<ExportFormat, string>> = { json: 'application/json', csv: 'text/csv;charset=utf-8', txt: 'text/plain;charset=utf-8' };

const list = (text: string) => text.split(/[\n,]/).map((one) => one.trim()).filter(Boolean);
// A record is one line for whoever reads it.
const oneLine = (text: string) => text.replace(/\s+/g, ' ').trim();

function asJson(forwards: readonly Forward[]): string {
    const rows = forwards.map((one) => ({
        name: one.name,
        inPort: one.inPort,
        remoteAddr: one.remoteAddr,
        strategy: one.strategy,
        protocol: one.protocol,
        listenIp: one.listenIp,
        allowIps: one.allowIps,
        denyIps: one.denyIps,
        maxConnections: one.maxConnections,
        maxClients: one.maxClients,
        clientPolicy: one.clientPolicy,
        status: one.status,
        tunnelName: one.tunnelName,
        userName: one.userName,
        inIp: one.inIp,
        inFlow: one.inFlow,
        outFlow: one.outFlow,
    }));
    return `${JSON.stringify(rows, null, 2)}\n`;
}

// RFC 4180. A name that a spreadsheet would take for a formula is one user's text in another one's program, so it is made plain text.
function field(text: string): string {
    const plain = /^[=+\-@]/.test(text) ? `'${text}` : text;
    return /[",;\t]|^\s|\s$/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}

function asCsv(forwards: readonly Forward[]): string {
    const rows = forwards.map((one) => [oneLine(one.name), String(one.inPort ?? ''), one.listenIp, list(one.remoteAddr).join(' '), one.protocol, one.strategy, oneLine(one.tunnelName), oneLine(one.userName)]);
    return [['name', 'listen_port', 'listen_address', 'target', 'protocol', 'strategy', 'tunnel', 'user'], ...rows].map((row) => `${row.map(field).join(',')}\r\n`).join('');
}

function asText(forwards: readonly Forward[]): string {
    return forwards
        .map((one) => {
            const address = one.listenIp ? `${one.listenIp.includes(':') ? `[${one.listenIp}]` : one.listenIp}:` : '';
            const name = oneLine(one.name);
            return `${one.protocol === 'tcp+udp' ? '' : `${one.protocol}/`}${address}${one.inPort ?? 0} -> ${list(one.remoteAddr).join(',')}${name ? ` # ${name}` : ''}\n`;
        })
        .join('');
}

export function exported(forwards: readonly Forward[], format: ExportFormat): string {
    return format === 'json' ? asJson(forwards) : format === 'csv' ? asCsv(forwards) : asText(forwards);
}
