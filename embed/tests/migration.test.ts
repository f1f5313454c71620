// Every remark and every conflict that the panel can state has words in the reader's language. Its sources are read, so a new one cannot be
// forgotten here.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { conflictWords, inOrder, remarkWords } from '../src/pages/settings/migration.ts';

const root = join(import.meta.dirname, '../..');
const read = (name: string) => readFileSync(join(root, name), 'utf8');
const en = JSON.parse(read('embed/src/i18n/en.json')) as Record<string, string>;

test('every kind of remark is known', () => {
    const table = read('src/api/flvx/backup_json.cpp');
    const kinds = [...table.matchAll(/case domain::Remark::\w+: return "(\w+)";/g)].map((found) => found[1] ?? '');
    assert.ok(kinds.length >= 14);
    const args: Record<string, string[]> = { missing_parent: ['user', '7'], link_dropped: ['speed_limit', '7'], replaces: ['user keeper'], taken: ['node here'] };
    for (const remark of kinds) {
        const words = remarkWords({ section: 'users', id: 1, name: 'x', remark, args: args[remark] ?? ['field', '1', '2'] });
        assert.ok(words && words.key in en && Object.values(words.things).every((key) => key in en), remark);
    }
});

test('every conflict is known', () => {
    const code = read('src/panel/transfer_paths.cpp') + read('src/panel/transfer_writer.cpp');
    // clash("..." + x + "..."), and what is met under an id: "kind " + name, or "another kind".
    const sentences = [...code.matchAll(/(?:clash\(|words =\s+)("[^;]*?)(?:\);|;)/gs)].map((found) => found[1] ?? '').filter((one) => one.startsWith('"'));
    const met = [...code.matchAll(/\? ("(?:[a-z ]+ " \+ [\w>.-]+|another \w+")) : ""/g)].map((found) => found[1] ?? '');
    assert.ok(sentences.length >= 7 && met.length >= 8, `${sentences.length} ${met.length}`);
    for (const one of [...sentences, ...met]) {
        const text = one.replace(/"\s*\+\s*[^"]+?\s*\+\s*"/g, '7').replace(/"\s*\+\s*[^"]+$/, '7').replaceAll('"', '').split('; !clashed')[0] ?? '';
        assert.ok(conflictWords(text.replace(/\)$/, '')), text);
    }
    assert.equal(conflictWords('something else'), null);
});

test('what stops everything comes first', () => {
    const remark = (id: number, kind: string) => ({ section: 'users', id, name: '', remark: kind, args: [] });
    assert.deepEqual(inOrder([remark(1, 'adjusted'), remark(2, 'taken'), remark(3, 'renamed'), remark(4, 'taken')]).map((one) => one.id), [2, 4, 1, 3]);
});
