// The two languages are complete, and nothing in them is left over. Run by "npm test" in embed/.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '..');
const catalog = (language: string) => JSON.parse(readFileSync(join(root, `src/i18n/${language}.json`), 'utf8')) as Record<string, string>;
const en = catalog('en');
const zh = catalog('zh');
const base = (key: string) => key.replace(/_(one|other)$/, '');
const keys = (texts: Record<string, string>) => [...new Set(Object.keys(texts).map(base))].sort();

const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(svelte|ts)$/.test(name))
    .map((name) => ({ name, text: readFileSync(join(root, 'src', name), 'utf8') }));

test('both languages have the same texts', () => {
    assert.deepEqual(keys(zh), keys(en));
});

test('plurals are complete in each language', () => {
    const plural = (texts: Record<string, string>) => [...new Set(Object.keys(texts).filter((key) => key !== base(key)).map(base))];
    for (const key of plural(en)) assert.deepEqual([`${key}_one` in en, `${key}_other` in en, key in en], [true, true, false], key);
    for (const key of plural(en)) assert.deepEqual([`${key}_one` in zh, `${key}_other` in zh], [false, true], `${key}: Chinese has one form`);
    assert.deepEqual(plural(zh).sort(), plural(en).sort());
});

test('both languages name the same values', () => {
    const values = (text: string) => [...new Set([...text.matchAll(/\{\{(\w+)\}\}/g)].map((found) => found[1] ?? ''))].sort();
    for (const key of Object.keys(en)) {
        if (key.endsWith('_one')) continue; // "The one running forward" needs no number
        assert.deepEqual(values(zh[key] ?? ''), values(en[key] ?? ''), key);
    }
});

test('every text is used, and every text that is used exists', () => {
    const whole = /['"`]([a-z][A-Za-z]*(?:\.[A-Za-z0-9_+]+)+)['"`]/g;
    const composed = /`([a-z][A-Za-z]*\.(?:[A-Za-z]+\.)?)\$\{/g;
    const known = new Set(keys(en));
    const used = new Set<string>();
    const prefixes = new Set<string>();
    for (const { text } of sources) {
        for (const found of text.matchAll(whole)) if (known.has(found[1] ?? '')) used.add(found[1] ?? '');
        for (const found of text.matchAll(composed)) prefixes.add(found[1] ?? '');
    }
    const unused = [...known].filter((key) => !used.has(key) && ![...prefixes].some((prefix) => key.startsWith(prefix)));
    assert.deepEqual(unused, []);
    const called = /\bt\(\s*['"`]([^'"`$]+)['"`]/g;
    const missing = sources.flatMap(({ name, text }) => [...text.matchAll(called)].filter((found) => !known.has(found[1] ?? '')).map((found) => `${name}: ${found[1]}`));
    assert.deepEqual(missing, []);
});

test('no words for people outside the language files', () => {
    // Chinese is easy to find; the messages of the dialect are in api/errors.ts, and the names of the languages are not translated.
    const allowed = new Set(['api/errors.ts', 'i18n/zh.json', 'pages/diagnosis/steps.ts', 'pages/guide/Ready.svelte']);
    for (const { name, text } of sources) {
        if (allowed.has(name)) continue;
        assert.doesNotMatch(text.replace('简体中文', ''), /\p{Script=Han}/u, name);
    }
    // Between tags, outside braces.
    for (const { name, text } of sources.filter((one) => one.name.endsWith('.svelte'))) {
        const markup = text
            .replace(/<script[\s\S]*?<\/script>/g, '')
            .replace(/<style[\s\S]*?<\/style>/g, '')
            .replace(/<!--[\s\S]*?-->/g, '');
        const bare = markup.replace(/\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}/g, '').matchAll(/>([^<>]*[A-Za-z]{3,}[^<>]*)</g);
        const words = [...bare].map((found) => (found[1] ?? '').replace(/&\w+;/g, ' ').trim())
            .filter((word) => /[A-Za-z]{3}/.test(word) && !/^(HTTP|TLS|SOCKS|IPv4|IPv6|Sluice)$/.test(word) && !/[=>]/.test(word));
        assert.deepEqual(words, [], name);
    }
});
