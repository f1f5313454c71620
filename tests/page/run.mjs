// node tests/page/run.mjs BINARY [FILE...]: drives the page of the real executable in Debian's Chromium. Exit code 0: all passed.
// Screenshots go to tests/output/page/. Runs under the Node that npm brought for the page (embed/toolchain), as the build does.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const root = resolve(here, '../..');
const [binary, ...wanted] = process.argv.slice(2);
if (!binary || !existsSync(binary)) {
    console.error(`usage: run.mjs BINARY [FILE...]${binary ? `\n${binary} does not exist` : ''}`);
    process.exit(2);
}
const modules = join(root, 'embed/node_modules');
if (!existsSync(join(modules, 'playwright-core'))) {
    console.error('embed/node_modules is not there: build the page first (make build), or run npm ci in embed/');
    process.exit(2);
}
const own = ['x64', 'arm64'].map((cpu) => join(root, `embed/toolchain/node_modules/node-linux-${cpu}/bin/node`)).find((path) => existsSync(path));
const files = readdirSync(here)
    .filter((name) => name.endsWith('.test.mjs') && (wanted.length === 0 || wanted.some((one) => basename(one) === name)))
    .sort();
if (files.length === 0) {
    console.error(`no such test: ${wanted.join(' ')}`);
    process.exit(2);
}
const screenshots = join(root, 'tests/output/page');
mkdirSync(screenshots, { recursive: true });
const done = spawnSync(own ?? process.execPath, ['--test', '--test-concurrency=1', '--test-reporter=spec', ...files.map((name) => join(here, name))], {
    stdio: 'inherit',
    env: { ...process.env, SLUICE_BINARY: resolve(binary), SLUICE_SCREENSHOTS: screenshots },
});
process.exit(done.status ?? 1);
