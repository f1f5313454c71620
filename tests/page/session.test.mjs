// Sign-in and what surrounds it: wrong passwords and the wait after them, a session that ends at work, deep links, the way back, language
// and theme, live numbers after an interruption.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Appliance, until } from './appliance.mjs';
import { Visitor, openBrowser } from './browser.mjs';

let appliance;
let browser;

before(async () => {
    appliance = await Appliance.start();
    browser = await openBrowser();
    await appliance.withTunnel();
});
after(async () => {
    await browser?.close();
    await appliance?.stop();
});

test('a deep link survives signing in, and the way back works', async () => {
    const visitor = await Visitor.come(browser, appliance);
    const { page } = visitor;
    await page.goto(`${appliance.url}/tunnels`);
    await page.locator('input[name=username]').fill(appliance.user);
    await page.locator('input[name=password]').fill(appliance.password);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Tunnels', level: 1 }).waitFor();
    await page.getByRole('link', { name: 'Nodes', exact: true }).first().click();
    await page.getByRole('heading', { name: 'Nodes', level: 1 }).waitFor();
    await page.goBack();
    await page.getByRole('heading', { name: 'Tunnels', level: 1 }).waitFor();
    assert.match(page.url(), /\/tunnels$/);
    await page.reload();
    await page.getByRole('heading', { name: 'Tunnels', level: 1 }).waitFor();
    await visitor.leave();
});

test('the page is usable by keyboard alone', async () => {
    const visitor = await Visitor.come(browser, appliance);
    const { page } = visitor;
    await visitor.signIn();
    await visitor.open('/forwards');
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Skip to content');
    await page.locator('main header button').last().focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await until(() => page.evaluate(() => !!document.activeElement.closest('[role=dialog]')), 'the dialog has the focus');
    for (let i = 0; i < 20; ++i) {
        await page.keyboard.press('Tab');
        assert.ok(await page.evaluate(() => !!document.activeElement.closest('[role=dialog]')), 'the focus stays in the dialog');
    }
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await until(() => page.evaluate(() => document.activeElement.textContent.includes('New forward')), 'the focus returns to the button');
    await visitor.leave();
});

test('what was typed survives a session that ends', async () => {
    const visitor = await Visitor.come(browser, appliance);
    const { page } = visitor;
    await visitor.signIn();
    await visitor.open('/forwards?new=1');
    const form = page.locator('#forward-form');
    await form.locator('[name=name]').fill('kept');
    await form.locator('[name=targets]').fill('127.0.0.1:9');
    // All sessions of the account end: its password is changed elsewhere.
    const token = await appliance.signIn();
    await appliance.call('user/updatePassword', { newUsername: appliance.user, currentPassword: appliance.password, newPassword: 'Another-one-2', confirmPassword: 'Another-one-2' }, token);
    appliance.password = 'Another-one-2';
    await page.getByRole('button', { name: 'Create forward' }).click();
    await page.getByText('Please sign in again').waitFor();
    await visitor.checkAccess('sign in again');
    await visitor.picture('session-renew');
    await page.locator('form:not(#forward-form) input[autocomplete=current-password]').fill('wrong');
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByText('User name or password is wrong.').waitFor();
    await page.locator('form:not(#forward-form) input[autocomplete=current-password]').fill(appliance.password);
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.locator('[data-forward=kept]').waitFor();
    assert.equal((await appliance.call('forward/list')).filter((one) => one.name === 'kept').length, 1);
    await visitor.leave([/WebSocket/]);
});

test('language and theme change at once and are kept', async () => {
    const visitor = await Visitor.come(browser, appliance);
    const { page } = visitor;
    await page.goto(appliance.url);
    await page.getByRole('button', { name: '简体中文' }).click();
    await page.getByRole('heading', { name: '登录' }).waitFor();
    await page.reload();
    await page.getByRole('heading', { name: '登录' }).waitFor();
    await page.getByRole('button', { name: 'English' }).click();
    await visitor.signIn();
    await visitor.open('/settings');
    await page.locator('select[name=theme]').selectOption('dark');
    assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme), 'dark');
    await page.reload();
    await page.locator('select[name=theme]').waitFor();
    assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme), 'dark');
    await page.locator('select[name=language]').selectOption('zh');
    await page.getByRole('heading', { name: '设置', level: 1 }).waitFor();
    await visitor.leave();
});

test('settings are stored, and the announcement reaches the overview', async () => {
    const visitor = await Visitor.come(browser, appliance);
    const { page } = visitor;
    await visitor.signIn();
    await visitor.open('/settings');
    await page.locator('input[name=site-name]').fill('Harbour');
    await page.locator('form', { has: page.locator('[name=site-name]') }).getByRole('button', { name: 'Save' }).click();
    await page.locator('nav').getByText('Harbour').first().waitFor();
    await page.locator('textarea[name=announcement]').fill('Back at noon.');
    await page.getByText('Show it').click();
    await page.locator('form', { has: page.locator('[name=announcement]') }).getByRole('button', { name: 'Save' }).click();
    await until(async () => (await appliance.call('announcement/get')).enabled === 1, 'the panel has the announcement');
    await visitor.open('/');
    await page.getByText('Back at noon.').waitFor();
    assert.match(await page.title(), /Harbour/);
    await visitor.leave();
});

test('the first load is light, and nothing is fetched twice', async () => {
    const visitor = await Visitor.come(browser, appliance);
    const { page } = visitor;
    const loaded = [];
    page.on('requestfinished', async (request) => {
        if (/\.(js|css)$/.test(new URL(request.url()).pathname)) loaded.push(request.sizes().then((sizes) => ({ url: request.url(), bytes: sizes.responseBodySize })));
    });
    await visitor.signIn();
    await page.locator('.tiles').waitFor();
    await page.waitForLoadState('networkidle');
    const files = await Promise.all(loaded);
    const sum = files.reduce((total, one) => total + one.bytes, 0);
    assert.ok(files.length > 0 && sum <= 180_000, `${sum} bytes of scripts and styles up to the overview`);
    assert.equal(new Set(files.map((one) => one.url)).size, files.length);
    await visitor.leave();
});

test('after too many wrong passwords the wait is said in words and counted down', async () => {
    const visitor = await Visitor.come(browser, appliance);
    const { page } = visitor;
    await page.goto(appliance.url);
    await page.locator('input[name=username]').fill('nobody');
    const notice = () => page.evaluate(() => document.querySelector('form .notice')?.textContent ?? '');
    const seconds = async () => Number(/You can try again in (\d+) seconds?\./.exec(await notice())?.[1] ?? 0);
    // The wait grows with each failure; the first ones are too short to look at.
    await until(async () => {
        const left = await seconds();
        if (left >= 6) return true;
        if (left === 0 && (await page.locator('button[type=submit]').isEnabled())) {
            await page.locator('input[name=password]').fill('wrong');
            await page.locator('button[type=submit]').click();
        }
        return false;
    }, 'the panel asks to wait');
    assert.ok(await page.locator('button[type=submit]').isDisabled());
    const first = await seconds();
    await until(async () => (await seconds()) < first, 'it counts down');
    await visitor.checkAccess('throttled sign-in');
    await visitor.picture('session-throttled');
    await page.getByText('You can try again in').waitFor({ state: 'detached' });
    assert.ok(await page.locator('button[type=submit]').isEnabled());
    await visitor.leave();
});
