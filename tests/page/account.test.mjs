// What guards an account, by clicking: second factor and the sign-in with it, tokens, sessions, the history; and the API's reference.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Appliance, until } from './appliance.mjs';
import { Visitor, openBrowser } from './browser.mjs';

let appliance;
let browser;
let visitor;
let page;
let recoveryCodes;

before(async () => {
    appliance = await Appliance.start();
    browser = await openBrowser();
    await appliance.signIn();
    visitor = await Visitor.come(browser, appliance);
    page = visitor.page;
    await visitor.signIn();
});
after(async () => {
    await browser?.close();
    await appliance?.stop();
});

// RFC 6238, as an application computes it.
function codeNow(secret) {
    const bits = [...secret].map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0')).join('');
    const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
    const counter = Buffer.alloc(8);
    counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
    const digest = createHmac('sha1', key).update(counter).digest();
    return String((digest.readUInt32BE(digest.at(-1) & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

test('a second factor is set up with a QR code or its key, and its recovery codes are shown once', async () => {
    await visitor.open('/account');
    const card = page.locator('section', { has: page.getByRole('heading', { name: 'Second factor' }) });
    await card.locator('[name=factor-password]').fill('wrong');
    await card.getByRole('button', { name: 'Set it up' }).click();
    await card.getByRole('alert').waitFor();
    await card.locator('[name=factor-password]').fill(appliance.password);
    await card.getByRole('button', { name: 'Set it up' }).click();
    const secret = await card.locator('.copy .mono').textContent();
    assert.match(secret, /^[A-Z2-7]{32}$/);
    const read = new URL(await visitor.readCode(card.getByRole('img', { name: 'QR code of the key' })));
    assert.equal(read.protocol, 'otpauth:');
    assert.equal(read.searchParams.get('secret'), secret);
    assert.equal(read.href, await card.getByRole('link', { name: 'Open the app on this device' }).getAttribute('href'));
    await visitor.checkAccess('offer of a second factor');
    await card.locator('[name=factor-code]').fill(codeNow(secret));
    await card.getByRole('button', { name: 'Switch it on' }).click();
    await card.getByText('10 recovery codes are left.').waitFor();
    recoveryCodes = await card.locator('.codes li').allTextContents();
    assert.equal(recoveryCodes.length, 10);
    await visitor.checkAccess('recovery codes');
    await visitor.picture('second-factor');
    await visitor.open('/account');
    await card.getByText('10 recovery codes are left.').waitFor();
    assert.equal(await card.locator('.codes').count(), 0);
});

test('signing in asks for the code after the password, and takes a recovery code', async () => {
    const other = await Visitor.come(browser, appliance);
    await other.page.goto(appliance.url);
    await other.page.locator('input[name=username]').fill(appliance.user);
    await other.page.locator('input[name=password]').fill(appliance.password);
    assert.equal(await other.page.locator('input[name=code]').count(), 0);
    await other.page.locator('form button[type=submit]').click();
    await other.page.locator('input[name=code]').fill('000000');
    await other.page.keyboard.press('Enter');
    await other.page.getByRole('alert').getByText('The code is wrong').waitFor();
    await other.page.locator('input[name=code]').fill(recoveryCodes[0]);
    await other.checkAccess('sign-in with a code');
    await other.page.keyboard.press('Enter');
    await other.page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
    await other.leave();
});

test('a session elsewhere is seen, ended, and out', async () => {
    const other = await Visitor.come(browser, appliance, { language: 'zh' });
    await other.page.goto(appliance.url);
    await other.page.locator('input[name=username]').fill(appliance.user);
    await other.page.locator('input[name=password]').fill(appliance.password);
    await other.page.locator('form button[type=submit]').click();
    await other.page.locator('input[name=code]').fill(recoveryCodes[1]);
    await other.page.keyboard.press('Enter');
    await other.page.locator('nav').first().waitFor({ state: 'attached' });
    await visitor.open('/account');
    const card = page.locator('section', { has: page.getByRole('heading', { name: 'Where you are signed in' }) });
    await card.getByText('This one').waitFor();
    await card.getByRole('button', { name: 'Sign out everywhere else' }).click();
    await until(async () => (await card.locator('[data-session]').count()) === 1, 'one session is left');
    await other.page.reload();
    await other.page.getByRole('dialog').waitFor(); // it asks to sign in again
    await other.context.close();
    // The API's session of this test ended, too.
    await assert.rejects(appliance.call('node/list'));
});

test('a token is shown once, works, and is revoked', async () => {
    await visitor.open('/account');
    const card = page.locator('section', { has: page.getByRole('heading', { name: 'Tokens for programs' }) });
    await card.locator('[name=token-name]').fill('billing');
    await card.locator('[name=token-scope]').selectOption('nodes');
    await card.getByRole('button', { name: 'Create a token' }).click();
    const token = await card.locator('.copy .mono').textContent();
    assert.match(token, /^sluice_/);
    await visitor.checkAccess('a new token');
    assert.equal((await appliance.call('node/list', {}, token)).length, 1);
    await assert.rejects(appliance.call('user/create', { user: 'x', pwd: 'y' }, token), /令牌权限不足/);
    await visitor.open('/account');
    const row = card.locator('[data-token="billing"]');
    await row.getByText('Nodes and tunnels').waitFor();
    await row.getByText('127.0.0.1').waitFor();
    assert.equal(await card.locator('.copy').count(), 0);
    await row.getByRole('button', { name: 'Revoke' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Revoke' }).click();
    await row.waitFor({ state: 'detached' });
    await assert.rejects(appliance.call('node/list', {}, token));
});

test('the history says who did that, and can be searched', async () => {
    await visitor.open('/history');
    await page.locator('[name=words]').fill('token.');
    await until(async () => (await page.locator('[data-action]').count()) === 2, 'both changes of the token are found');
    await page.locator('[data-action="token.revoke"]').getByText(`${appliance.user} from 127.0.0.1`).waitFor();
    await page.locator('[name=words]').fill('nothing like this');
    await page.getByText('Nothing found.').waitFor();
});

test("the API's reference lists every route with its fields", async () => {
    await visitor.open('/account');
    await page.getByRole('link', { name: 'Routes and fields' }).click();
    await page.getByRole('heading', { name: 'API', level: 1 }).waitFor();
    const document = await (await fetch(`${appliance.url}/api/openapi.json`)).json();
    const operations = Object.values(document.paths).reduce((sum, methods) => sum + Object.keys(methods).length, 0);
    await until(async () => (await page.locator('details[data-path]').count()) === operations, 'every operation is listed');
    await page.getByLabel('Search').fill('forward create');
    const create = page.locator('details[data-path="/api/v1/forward/create"]');
    await create.locator('summary').click();
    await create.getByText('remoteAddr').waitFor();
    await create.getByText('in_port').waitFor();
    await visitor.checkAccess('reference of one route');
    await visitor.picture('reference');
});

test('a captcha without keys is a word that the page says by itself, and the addresses of administrators keep their author in', async () => {
    await visitor.open('/settings');
    const card = page.locator('form', { has: page.getByRole('heading', { name: 'Security' }) });
    await card.locator('[name=admin-addresses]').fill('10.0.0.0/8');
    await card.getByRole('button', { name: 'Save' }).click();
    await card.getByRole('alert').getByText('127.0.0.1').waitFor();
    await card.locator('[name=admin-addresses]').fill('127.0.0.0/8');
    await card.locator('[name=captcha]').check();
    await visitor.checkAccess('security settings');
    await card.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Saved.').first().waitFor();
    const other = await Visitor.come(browser, appliance);
    await other.page.goto(appliance.url);
    await other.page.locator('input[name=username]').fill(appliance.user);
    await other.page.locator('input[name=password]').fill(appliance.password);
    await other.page.locator('form button[type=submit]').click();
    await other.page.locator('input[name=code]').fill(recoveryCodes[2]);
    await other.page.keyboard.press('Enter');
    await other.page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
    await other.leave();
    await visitor.leave();
});
