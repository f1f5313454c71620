// Forwards by clicking: make, find, group, edit, pause, resume, order, diagnose, delete; and what the panel refuses, in words.
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { after, before, test } from 'node:test';
import { Appliance, freePort, roundTrip, startEcho, startTraffic, until } from './appliance.mjs';
import { Visitor, openBrowser } from './browser.mjs';

let appliance;
let browser;
let echo;
let visitor;
let page;

before(async () => {
    appliance = await Appliance.start();
    browser = await openBrowser();
    echo = await startEcho();
    await appliance.withTunnel();
    visitor = await Visitor.come(browser, appliance);
    page = visitor.page;
    await visitor.signIn();
});
after(async () => {
    await browser?.close();
    await appliance?.stop();
    await echo?.stop();
});

const row = (name) => page.locator(`[data-forward="${name}"]`);
const forward = async (name) => (await appliance.call('forward/list')).find((one) => one.name === name);
const isOpen = (port) =>
    roundTrip(port, 1).then(
        () => true,
        () => false,
    );

async function make(name, targets, port = '') {
    await visitor.open('/forwards?new=1');
    const dialog = page.getByRole('dialog');
    await dialog.locator('[name=name]').fill(name);
    await dialog.locator('[name=targets]').fill(targets);
    await dialog.locator('[name=port]').fill(String(port));
    await dialog.getByRole('button', { name: 'Create forward' }).click();
}

async function choose(name, action) {
    await row(name).getByRole('button', { name: `Actions for ${name}` }).click();
    await page.getByRole('menuitem', { name: action }).click();
}

test('an empty list says what to do', async () => {
    await visitor.open('/forwards');
    await page.getByRole('link', { name: 'Show me how' }).waitFor();
    await page.getByRole('main').getByRole('button', { name: 'New forward' }).first().waitFor();
});

test('a forward is made, passes bytes, and its live numbers move', async () => {
    await make('echo', `127.0.0.1:${echo.port}`);
    await row('echo').getByText('Listening').waitFor();
    const { inPort } = await forward('echo');
    const traffic = startTraffic(inPort, 400_000);
    try {
        await row('echo').getByText('1 connection').waitFor();
        await row('echo').getByText(/[1-9][\d.]* Mb\/s/).first().waitFor();
        await page.goto(appliance.url);
        await page.locator('.tiles').getByText(/[1-9][\d.]* Mb\/s/).first().waitFor();
        await visitor.picture('journey-live-overview');
    } finally {
        traffic.stop();
    }
});

test('a port that another program holds is said in words, and what was typed stays', async () => {
    const other = createServer();
    const port = await freePort();
    await new Promise((resolve) => other.listen(port, '127.0.0.1', resolve));
    try {
        const [node] = await appliance.call('node/list');
        await appliance.call('node/update', { ...node, port: `${node.port},${port}` });
        await make('busy', `127.0.0.1:${echo.port}`, port);
        const dialog = page.getByRole('dialog');
        await dialog.getByRole('alert').getByText(`Port ${port} on node`).waitFor();
        assert.match(await dialog.getByRole('alert').innerText(), /used by another program\. Choose another port/);
        assert.equal(await dialog.locator('[name=name]').inputValue(), 'busy');
        await visitor.checkAccess('refused form');
        await visitor.picture('journey-port-in-use');
        assert.equal(await forward('busy'), undefined, 'nothing half-made stays');
        await dialog.locator('[name=port]').fill('');
        await dialog.getByRole('button', { name: 'Create forward' }).click();
        await row('busy').getByText('Listening').waitFor();
    } finally {
        await new Promise((resolve) => other.close(resolve));
    }
});

test('the address of a forward can be copied on plain HTTP', async () => {
    await visitor.open('/forwards');
    const { inIp } = await forward('echo');
    await row('echo').getByRole('button', { name: `Copy ${inIp}` }).click();
    await row('echo').getByText('Copied').waitFor();
    await page.locator('input[type=search]').focus();
    await page.keyboard.press('Control+V');
    assert.equal(await page.locator('input[type=search]').inputValue(), inIp);
});

test('search finds ports, targets and names; the address bar keeps it; groups have names', async () => {
    await make('shop', '127.0.0.77:8080\n127.0.0.78:8080');
    await row('shop').waitFor();
    await visitor.open('/forwards');
    await page.locator('input[type=search]').fill('127.0.0.78');
    await row('echo').waitFor({ state: 'detached' });
    await row('shop').waitFor();
    assert.match(page.url(), /q=127\.0\.0\.78/);
    await page.reload();
    await row('shop').waitFor();
    assert.equal(await row('echo').count(), 0);
    await page.locator('input[type=search]').fill('nothing like it');
    await page.getByText('Nothing matches').waitFor();
    await page.getByRole('button', { name: 'Show all' }).click();
    await page.locator('select').selectOption('tunnel');
    await page.getByRole('heading', { name: /^Direct/ }).waitFor();
    await page.locator('select').selectOption('user');
    await page.getByRole('heading', { name: /^keeper/ }).waitFor();
});

test('an edit keeps the rest and moves the target', async () => {
    await visitor.open('/forwards');
    await choose('shop', 'Edit');
    const dialog = page.getByRole('dialog');
    assert.equal(await dialog.locator('[name=targets]').inputValue(), '127.0.0.77:8080\n127.0.0.78:8080');
    const before = await forward('shop');
    await dialog.locator('[name=targets]').fill(`127.0.0.1:${echo.port}`);
    await dialog.locator('summary').click();
    await dialog.locator('select').nth(1).selectOption('tcp');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.waitFor({ state: 'detached' });
    const now = await forward('shop');
    assert.equal(now.remoteAddr, `127.0.0.1:${echo.port}`);
    assert.equal(now.protocol, 'tcp');
    assert.equal(now.inPort, before.inPort);
    await roundTrip(now.inPort, 1000);
});

test('pausing says what it cuts, and resuming listens again', async () => {
    await visitor.open('/forwards');
    const { inPort } = await forward('echo');
    const traffic = startTraffic(inPort, 20_000);
    await row('echo').getByText('1 connection').waitFor();
    await row('echo').getByRole('switch').click();
    await page.getByRole('alertdialog').getByText('This cuts 1 open connection now.').waitFor();
    await page.getByRole('button', { name: 'Pause', exact: true }).click();
    await row('echo').getByText('Paused').waitFor();
    traffic.stop();
    assert.equal(await isOpen(inPort), false);
    await row('echo').getByRole('switch').click();
    await row('echo').getByText('Listening').waitFor();
    await until(() => isOpen(inPort), 'the port answers again');
});

test('the order is kept', async () => {
    await visitor.open('/forwards');
    const names = () => page.locator('[data-forward]').evaluateAll((rows) => rows.map((one) => one.dataset.forward));
    assert.deepEqual(await names(), ['echo', 'busy', 'shop']);
    await choose('shop', 'Move up');
    await until(async () => (await appliance.call('forward/list')).map((one) => one.name).join() === 'echo,shop,busy', 'the panel has the order');
    await page.reload();
    await row('shop').waitFor();
    assert.deepEqual(await names(), ['echo', 'shop', 'busy']);
});

test('a diagnosis names each step, and says what to try', async () => {
    await visitor.open('/forwards');
    await choose('echo', 'Diagnose');
    const dialog = page.getByRole('dialog');
    await dialog.getByText('its own port').waitFor();
    assert.equal(await dialog.locator('.steps li').count(), 2);
    await page.keyboard.press('Escape');
    await appliance.call('forward/create', { name: 'dead', tunnelId: (await forward('echo')).tunnelId, remoteAddr: `127.0.0.1:${await freePort()}`, protocol: 'tcp' });
    await visitor.open('/forwards');
    await choose('dead', 'Diagnose');
    await dialog.getByText('nothing listens on that port').waitFor();
    await dialog.getByText('The connection was refused.').first().waitFor();
    await visitor.picture('journey-diagnosis');
    await page.keyboard.press('Escape');
});

test('deleting asks, names the address, and closes the port', async () => {
    await visitor.open('/forwards');
    const { inIp, inPort } = await forward('shop');
    await choose('shop', 'Delete');
    const question = page.getByRole('alertdialog');
    await question.getByText(inIp).waitFor();
    await question.getByRole('button', { name: 'Cancel' }).click();
    assert.ok(await forward('shop'));
    await choose('shop', 'Delete');
    await question.getByRole('button', { name: 'Delete', exact: true }).click();
    await row('shop').waitFor({ state: 'detached' });
    assert.equal(await forward('shop'), undefined);
    assert.equal(await isOpen(inPort), false);
});

test('when a delete fails, deleting anyway is offered', async () => {
    await visitor.open('/forwards');
    // The panel's refusal as the dialect words it; the second request goes through.
    await page.route('**/api/v1/forward/delete', (route) => route.fulfill({ json: { code: -1, msg: '节点不在线', ts: Date.now() } }));
    await choose('dead', 'Delete');
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByRole('alertdialog').getByText('The node is not connected.').waitFor();
    await page.getByRole('button', { name: 'Delete anyway' }).click();
    await row('dead').waitFor({ state: 'detached' });
    assert.equal(await forward('dead'), undefined);
    await page.unroute('**/api/v1/forward/delete');
});

test('the browser had nothing to complain about', () => visitor.leave());
