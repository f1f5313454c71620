import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

const version = readFileSync(fileURLToPath(new URL('../VERSION', import.meta.url)), 'utf8').trim();

// The panel serves the page under a policy without inline scripts and styles, so nothing here may inline any.
export default defineConfig({
    plugins: [svelte()],
    define: { __VERSION__: JSON.stringify(version) },
    build: {
        target: ['chrome111', 'firefox114', 'safari16.4'],
        modulePreload: { polyfill: false },
        assetsInlineLimit: 0,
        reportCompressedSize: false,
    },
    server: { proxy: { '/api': 'http://127.0.0.1:6365', '/system-info': { target: 'ws://127.0.0.1:6365', ws: true } } },
});
