// Debian's Chromium, one context per visitor, and what must hold on every page: nothing forbidden by the page's own policy, no request to
// another host, no error in the console, nothing wider than the screen.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { patience } from './appliance.mjs';

const require = createRequire(new URL('../../embed/package.json', import.meta.url));
const { chromium } = require('playwright-core');
const axeSource = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const codeReader = require.resolve('jsqr');
const screenshots = process.env.SLUICE_SCREENSHOTS;

export const desktop = { width: 1440, height: 900 };
export const phone = { width: 360, height: 740 };

export function openBrowser() {
    return chromium.launch({
        executablePath: process.env.SLUICE_CHROMIUM ?? '/usr/bin/chromium',
        args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
    });
}

export class Visitor {
    static async come(browser, appliance, { language = 'en', theme = 'light', viewport = desktop } = {}) {
        const visitor = new Visitor();
        visitor.appliance = appliance;
        visitor.context = await browser.newContext({
            viewport,
            locale: language === 'zh' ? 'zh-CN' : 'en-GB',
            colorScheme: theme,
            reducedMotion: 'reduce',
            hasTouch: viewport.width < 600,
            ignoreHTTPSErrors: true,
        });
        visitor.context.setDefaultTimeout(patience);
        visitor.page = await visitor.context.newPage();
        visitor.complaints = [];
        visitor.page.on('pageerror', (error) => visitor.complaints.push(`error: ${error.message}`));
        visitor.page.on('console', (message) => {
            if (message.type() === 'error') visitor.complaints.push(`console: ${message.text()}`);
        });
        visitor.page.on('request', (request) => {
            const url = new URL(request.url());
            if (url.protocol !== 'data:' && url.protocol !== 'blob:' && url.host !== new URL(appliance.url).host) visitor.complaints.push(`request to ${url.host}`);
        });
        return visitor;
    }

    // By the page's own form.
    async signIn(name = this.appliance.user, password = this.appliance.password) {
        await this.page.goto(this.appliance.url);
        await this.page.locator('input[name=username]').fill(name);
        await this.page.locator('input[name=password]').fill(password);
        await this.page.locator('form button[type=submit]').click();
        await this.page.locator('nav').first().waitFor({ state: 'attached' });
    }

    async open(path) {
        await this.page.goto(this.appliance.url + path);
        await this.page.locator('main h1').waitFor();
        await this.settled();
    }

    // Lists are loaded, fonts are there, nothing says "busy".
    async settled() {
        await this.page.waitForFunction(() => document.fonts.status === 'loaded' && !document.querySelector('main [aria-busy=true]'));
    }

    async picture(name) {
        if (screenshots) await this.page.screenshot({ path: join(screenshots, `${name}.png`) });
    }

    async wholePicture(name) {
        if (screenshots) await this.page.screenshot({ path: join(screenshots, `${name}.png`), fullPage: true });
    }

    // What a camera would read of the QR code in `element`: its pixels, by a reader that is not the library which drew it. On a blank page of its
    // own, because the page's policy lets no test code in.
    async readCode(element) {
        const picture = (await element.screenshot()).toString('base64');
        const page = await this.context.newPage();
        await page.addScriptTag({ path: codeReader });
        const text = await page.evaluate(async (base64) => {
            const image = new Image();
            image.src = `data:image/png;base64,${base64}`;
            await image.decode();
            const canvas = Object.assign(document.createElement('canvas'), { width: image.width, height: image.height });
            const context = canvas.getContext('2d');
            context.drawImage(image, 0, 0);
            return globalThis.jsQR(context.getImageData(0, 0, image.width, image.height).data, image.width, image.height)?.data ?? null;
        }, picture);
        await page.close();
        return text;
    }

    // axe's "serious" and "critical" findings, contrast among them. The page's policy lets no test code in, so it comes by the debugger.
    async checkAccess(where) {
        await this.page.evaluate(axeSource);
        const found = await this.page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
        const serious = found.violations.filter((one) => one.impact === 'serious' || one.impact === 'critical');
        assert.deepEqual(
            serious.map((one) => `${one.id}: ${one.nodes.map((node) => `${node.target.join(' ')} (${node.failureSummary?.split('\n').slice(1, 2).join('').trim()})`).join('; ')}`),
            [],
            `axe on ${where}`,
        );
    }

    async checkWidth(where) {
        const wide = await this.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.ok(wide <= 0, `${where} is ${wide} px wider than the screen`);
    }

    // `expected`: patterns of complaints that belong to the test.
    async leave(expected = []) {
        await this.context.close();
        assert.deepEqual(
            this.complaints.filter((one) => !expected.some((pattern) => pattern.test(one))),
            [],
            'complaints of the browser',
        );
    }
}
