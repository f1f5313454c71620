// The first minutes of a new panel: sign in with the first password, replace it, follow the guide, and see the first bytes arrive.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Appliance, roundTrip, startEcho, until } from './appliance.mjs';
import { Visitor, openBrowser, phone } from './browser.mjs';

let browser;
let echo;

before(async () => {
    browser = await openBrowser();
    echo = await startEcho();
});
after(async () => {
    await browser?.close();
    await echo?.stop();
});

const words = {
    en: { guide: 'Start', next: 'Next', create: 'Create forward', listening: /Listening on port/, answers: /The target answers/, works: /It works/ },
    zh: { guide: '开始', next: '下一步', create: '创建转发', listening: /正在监听端口/, answers: /目标响应时间/, works: /运行正常/ },
};

for (const [language, viewport] of [
    ['en', undefined],
    ['zh', phone],
]) {
    test(`from the first sign-in to bytes that pass, ${language}`, async () => {
        const say = words[language];
        // The dialect's own first name, which has to be replaced.
        const appliance = await Appliance.start({ user: 'admin_user' });
        const visitor = await Visitor.come(browser, appliance, { language, viewport, theme: language === 'zh' ? 'dark' : 'light' });
        const { page } = visitor;
        try {
            await page.goto(appliance.url);
            await page.locator('input[name=username]').fill('admin_user');
            await page.locator('input[name=password]').fill(appliance.password);
            await page.locator('button[type=submit]').click();

            // The change is not optional, also not by typing another address.
            await page.locator('input[name=next]').waitFor();
            await page.goto(`${appliance.url}/forwards`);
            await page.locator('input[name=next]').waitFor();
            await visitor.checkAccess('forced change');
            await visitor.picture(`first-run-${language}-password`);
            await page.locator('input[name=username]').fill('admin_user');
            await page.locator('input[name=current]').fill(appliance.password);
            await page.locator('input[name=next]').fill('short');
            await page.locator('button[type=submit]').click();
            assert.equal(await page.locator('input[aria-invalid=true]').count(), 3, 'known name, short password, no repetition');
            await page.locator('input[name=username]').fill('owner');
            await page.locator('input[name=next]').fill('A-long-enough-one');
            await page.locator('input[name=again]').fill('A-long-enough-one');
            await page.locator('button[type=submit]').click();
            await page.getByRole('navigation').first().waitFor({ state: 'attached' });
            appliance.user = 'owner';
            appliance.password = 'A-long-enough-one';
            await appliance.signIn();

            await page.goto(appliance.url);
            await page.getByRole('link', { name: say.guide, exact: true }).click();
            await page.locator('input[name=address]').fill('127.0.0.1');
            await visitor.checkAccess('guide, address');
            await visitor.picture(`first-run-${language}-address`);
            await page.getByRole('button', { name: say.next }).click();
            await page.locator('input[name=tunnel-name]').waitFor();
            await visitor.picture(`first-run-${language}-tunnel`);
            await page.getByRole('button', { name: say.next }).click();
            await page.locator('input[name=target]').waitFor();

            // What is wrong is said at its field, and nothing typed goes away.
            await page.locator('input[name=name]').fill('First');
            await page.locator('input[name=target]').fill('127.0.0.1');
            await page.getByRole('button', { name: say.create }).click();
            assert.equal(await page.locator('input[name=target]').getAttribute('aria-invalid'), 'true');
            await page.locator('input[name=target]').fill(`127.0.0.1:${echo.port}`);
            await page.getByRole('button', { name: say.create }).click();
            await page.getByText(say.listening).waitFor();
            await page.getByText(say.answers).waitFor();
            await visitor.checkAccess('guide, ready');
            await visitor.picture(`first-run-${language}-ready`);

            const [forward] = await appliance.call('forward/list');
            assert.equal(forward.inIp, `127.0.0.1:${forward.inPort}`);
            await page.getByText(forward.inIp, { exact: true }).waitFor();
            await roundTrip(forward.inPort, 3_000_000);
            await page.getByText(say.works).waitFor();
            await visitor.picture(`first-run-${language}-works`);

            // The number of the forward moves in the list too.
            await visitor.open('/forwards');
            const total = page.locator('[data-forward=First] [data-total]');
            await until(async () => Number(await total.getAttribute('data-total')) >= 6_000_000, 'the list shows six million bytes');
            const shown = Number(await total.getAttribute('data-total'));
            await roundTrip(forward.inPort, 1_000_000);
            await until(async () => Number(await total.getAttribute('data-total')) >= shown + 2_000_000, 'the number moves without a reload');
            await visitor.leave();
        } finally {
            await appliance.stop();
        }
    });
}
