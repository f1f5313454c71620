// Every message that the panel can answer is known to the page. The panel's own table is read, so a new message cannot be forgotten here.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '..');
const table = readFileSync(join(root, 'src/api/errors.ts'), 'utf8');
const rules = [...table.matchAll(/^ {4}\['([^']+)', '(?:error|probe)\./gm)].map((found) => {
    const source = (found[1] ?? '').replace(/[.*+?^$()|[\]\\]/g, '\\$&').replace(/\{\w+\}/g, '.+');
    return new RegExp(`^${source}$`, 'u');
});
const isKnown = (message: string) => rules.some((rule) => rule.test(message));

const panel = readFileSync(join(root, '../src/api/flvx/messages.cpp'), 'utf8');
const fill = (text: string) => text.replace(/\{\d\}/g, 'x1');

// Fields of features that have no page yet. Whoever makes the page takes its line out here.
const without_page = ['archive', 'backup', 'store', 'group', 'permission'];
// Said to other panels; people read them inside what those panels' pages say, as they came.
const for_panels = ['command.', 'share.token', 'share.disabled', 'share.expired', 'share.address', 'share.no_domain', 'share.domain', 'share.resource_key', 'share.port', 'share.no_port', 'share.port_taken', 'share.role', 'share.reservation', 'share.role_port', 'share.targets', 'share.target', 'share.relay', 'share.tunnel', 'share.release', 'share.service', 'share.limiter', 'share.deploy', 'share.consumer', 'share.wish', 'share.id'];
const hasPage = (field: string) => !without_page.some((prefix) => field.startsWith(prefix)) && !for_panels.some((one) => (one.endsWith('.') ? field.startsWith(one) : field === one));

test('the table is found', () => {
    assert.ok(rules.length > 60);
});

test('every message of the panel has words in both languages', () => {
    const unknown: string[] = [];
    const faults = panel.slice(panel.indexOf('faults[]'));
    for (const found of panel.matchAll(/^ *\{Errc::\w+, "([^"]*)", "([^"]+)"\}/gm)) {
        if (!hasPage(found[1] ?? '')) continue;
        const message = fill(found[2] ?? '');
        const isFault = faults.includes(found[0]) && (found.index ?? 0) > panel.indexOf('faults[]');
        if (!isKnown(isFault ? `节点 x1 下发失败: ${message}` : message)) unknown.push(message);
    }
    for (const found of panel.matchAll(/case Errc::\w+: return "([^"]+)";/g)) if (!isKnown(found[1] ?? '')) unknown.push(found[1] ?? '');
    assert.deepEqual(unknown, []);
});
