// Every page in both languages, on a desk and on a phone, light and dark: a screenshot of each, nothing wider than the screen, and nothing
// serious for axe.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Appliance, startEcho, startTraffic, until } from './appliance.mjs';
import { Visitor, desktop, openBrowser, phone } from './browser.mjs';

let appliance;
let browser;
let echo;
const traffic = [];

before(async () => {
    appliance = await Appliance.start();
    browser = await openBrowser();
    echo = await startEcho();
    const tunnel = await appliance.withTunnel();
    const target = `127.0.0.1:${echo.port}`;
    const forwards = [
        { name: 'Minecraft', remoteAddr: target },
        { name: 'Web shop', remoteAddr: `${target},127.0.0.12:8443`, strategy: 'round' },
        { name: 'SSH to the office', remoteAddr: target, protocol: 'tcp' },
        { name: 'Voice server with quite a long name', remoteAddr: target },
        { name: 'Old archive', remoteAddr: '127.0.0.9:9000', protocol: 'tcp' },
    ];
    for (const forward of forwards) forward.made = await appliance.call('forward/create', { tunnelId: tunnel.id, ...forward });
    await appliance.call('forward/pause', { id: forwards[4].made.id });
    for (const [index, rate] of [900_000, 350_000, 40_000].entries()) traffic.push(startTraffic(forwards[index].made.inPort, rate));
    await appliance.call('user/create', { user: 'alice', pwd: 'alice-secret', flow: 50, num: 10, expTime: Date.now() + 40 * 86_400_000, flowResetTime: 1, status: 1 });
    await appliance.call('user/create', { user: 'bob', pwd: 'bob-secret-1', flow: 99999, num: 99999, expTime: 0, flowResetTime: 0, status: 0 });
    const alice = (await appliance.call('user/list')).find((one) => one.user === 'alice');
    await appliance.call('tunnel/user/assign', { userId: alice.id, tunnelId: tunnel.id });
    const token = await appliance.signIn('alice', 'alice-secret');
    await appliance.call('forward/create', { tunnelId: tunnel.id, name: 'Alice’s wiki', remoteAddr: target }, token);
    await appliance.call('node/create', { name: 'frankfurt-1', serverIp: '203.0.113.40', port: '20000-30000' });
    await appliance.call('announcement/update', { content: 'Maintenance on Sunday, 04:00 to 05:00 UTC.', enabled: 1 });
    await until(async () => (await appliance.call('forward/list')).some((one) => one.inFlow > 100_000), 'traffic is counted');
});
after(async () => {
    for (const one of traffic) one.stop();
    await browser?.close();
    await appliance?.stop();
    await echo?.stop();
});

const looks = [
    { language: 'en', theme: 'light', size: 'desktop', viewport: desktop },
    { language: 'zh', theme: 'dark', size: 'desktop', viewport: desktop },
    { language: 'en', theme: 'dark', size: 'phone', viewport: phone },
    { language: 'zh', theme: 'light', size: 'phone', viewport: phone },
];
const pages = ['/', '/forwards', '/forwards?group=user', '/tunnels', '/nodes', '/sharing', '/users', '/settings', '/account', '/reference', '/history', '/guide', '/nowhere'];
const nameOf = (path) => path.replace(/[/?=]+/g, '-').replace(/^-$/, '-overview');

for (const { language, theme, size, viewport } of looks) {
    const look = `${size}-${language}-${theme}`;
    test(`every page looks right: ${look}`, async () => {
        const visitor = await Visitor.come(browser, appliance, { language, theme, viewport });
        await visitor.page.goto(appliance.url);
        await visitor.page.locator('input[name=password]').waitFor();
        await visitor.checkAccess('sign-in');
        await visitor.checkWidth('sign-in');
        await visitor.picture(`${look}-sign-in`);
        await visitor.signIn();
        await visitor.page.locator('.uplot canvas').first().waitFor();
        for (const path of pages) {
            await visitor.open(path);
            if (path === '/') await visitor.page.locator('.uplot canvas').first().waitFor();
            if (path === '/nodes') await visitor.page.locator('[role=meter]').first().waitFor();
            assert.equal(await visitor.page.evaluate(() => document.documentElement.lang), language === 'zh' ? 'zh-CN' : 'en');
            await visitor.checkAccess(path);
            await visitor.checkWidth(path);
            await visitor.wholePicture(`${look}${nameOf(path)}`);
        }
        await visitor.leave();
    });

    test(`every dialog looks right: ${look}`, async () => {
        const visitor = await Visitor.come(browser, appliance, { language, theme, viewport });
        await visitor.signIn();
        const { page } = visitor;
        for (const path of ['/forwards', '/tunnels', '/nodes', '/users']) {
            await visitor.open(path);
            await page.locator('main header button').last().click();
            await page.getByRole('dialog').waitFor();
            for (const summary of await page.getByRole('dialog').locator('summary').all()) await summary.click();
            await visitor.checkAccess(`dialog of ${path}`);
            await visitor.checkWidth(`dialog of ${path}`);
            await visitor.picture(`${look}${nameOf(path)}-form`);
            await page.keyboard.press('Escape');
            await page.getByRole('dialog').waitFor({ state: 'detached' });
        }
        await visitor.open('/forwards');
        await page.locator('main header .menu-trigger').click();
        await page.getByRole('menuitem').first().click();
        const taken = (await appliance.call('forward/list')).find((one) => one.name === 'Minecraft').inPort;
        await page.locator('[name=rules-text]').fill(`tcp/0 -> 192.0.2.10:443,192.0.2.11:443 # Customer portal with quite a long name\n0 -> [2001:db8:1234:5678::abcd]:25565\n${taken} -> 192.0.2.12:80\nhttp://not-a-rule\n`);
        await visitor.checkAccess('rule import');
        await visitor.checkWidth('rule import');
        await visitor.picture(`${look}-rule-import`);
        await page.locator('[name=rules-text]').press('Tab');
        await page.locator('button[form=rule-import]').click();
        await page.locator('[data-line]').first().waitFor();
        await visitor.checkAccess('preview of rules');
        await visitor.checkWidth('preview of rules');
        await visitor.picture(`${look}-rule-preview`);
        await page.keyboard.press('Escape');
        await page.getByRole('dialog').waitFor({ state: 'detached' });
        await page.locator('[data-forward="Web shop"] .menu-trigger').click();
        await page.getByRole('menu').waitFor();
        await visitor.checkAccess('menu of a forward');
        await visitor.picture(`${look}-forward-menu`);
        await page.getByRole('menuitem').nth(1).click();
        await page.locator('[role=dialog] .steps').waitFor();
        await visitor.checkAccess('diagnosis');
        await visitor.picture(`${look}-diagnosis`);
        await page.keyboard.press('Escape');
        await page.getByRole('dialog').waitFor({ state: 'detached' });
        await page.locator('[data-forward="Web shop"] .menu-trigger').click();
        await page.getByRole('menuitem').last().click();
        await page.getByRole('alertdialog').waitFor();
        await visitor.checkAccess('question before deleting');
        await visitor.picture(`${look}-delete`);
        await visitor.leave();
    });

    test(`a regular user's pages look right: ${look}`, async () => {
        const visitor = await Visitor.come(browser, appliance, { language, theme, viewport });
        await visitor.signIn('alice', 'alice-secret');
        for (const path of ['/', '/forwards', '/account']) {
            await visitor.open(path);
            await visitor.checkAccess(`alice ${path}`);
            await visitor.checkWidth(`alice ${path}`);
            await visitor.wholePicture(`${look}-user${nameOf(path)}`);
        }
        // A code that a camera can read in each look, and nothing beside it that is cut off.
        await visitor.page.locator('[name=factor-password]').fill('alice-secret');
        await visitor.page.keyboard.press('Enter');
        const code = visitor.page.locator('svg[role=img][viewBox]').first();
        await code.waitFor();
        assert.match(await visitor.readCode(code), /^otpauth:\/\/totp\//);
        await visitor.checkAccess('offer of a second factor');
        await visitor.checkWidth('offer of a second factor');
        await code.scrollIntoViewIfNeeded();
        await visitor.picture(`${look}-user-second-factor`);
        await visitor.leave();
    });
}
