// Nodes, tunnels and users by clicking; then the regular user's own journey with what he was given.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Appliance, freePort, roundTrip, startAgent, startEcho, until } from './appliance.mjs';
import { Visitor, openBrowser } from './browser.mjs';

let appliance;
let browser;
let echo;
let visitor;
let page;
let agent;

before(async () => {
    appliance = await Appliance.start();
    browser = await openBrowser();
    echo = await startEcho();
    await appliance.signIn();
    const [node] = await appliance.call('node/list');
    await appliance.call('node/update', { ...node, port: '12000-31999' });
    visitor = await Visitor.come(browser, appliance);
    page = visitor.page;
    await visitor.signIn();
});
after(async () => {
    await browser?.close();
    await agent?.stop();
    await appliance?.stop();
    await echo?.stop();
});

async function choose(name, action) {
    await page.getByRole('button', { name: `Actions for ${name}` }).click();
    await page.getByRole('menuitem', { name: action }).click();
}

test('a node shows what its machine does now, and takes another address', async () => {
    await visitor.open('/nodes');
    const [node] = await appliance.call('node/list');
    const card = page.locator(`[data-node="${node.name}"]`);
    await card.getByText('Online').waitFor();
    await card.getByRole('meter', { name: 'CPU' }).waitFor();
    await card.getByText(/b(it)?\/s/).first().waitFor();
    await choose(node.name, 'Edit');
    const dialog = page.getByRole('dialog');
    await dialog.locator('[name=address]').fill('127.0.0.1');
    await dialog.locator('[name=ports]').fill('12000-99999');
    await dialog.getByRole('button', { name: 'Save' }).click();
    assert.equal(await dialog.locator('[name=ports]').getAttribute('aria-invalid'), 'true');
    await dialog.locator('[name=ports]').fill('12000-31999');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await card.getByText('127.0.0.1', { exact: true }).waitFor();
    // The panel's own node is not offered for deletion.
    await page.getByRole('button', { name: `Actions for ${node.name}` }).click();
    assert.equal(await page.getByRole('menuitem', { name: 'Delete' }).getAttribute('aria-disabled'), 'true');
    await page.keyboard.press('Escape');
});

test('another machine becomes a node by the line that the page shows', async () => {
    await visitor.open('/nodes');
    await page.getByRole('button', { name: 'New node' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.locator('[name=name]').fill('tokyo');
    await dialog.locator('[name=address]').fill('not an address');
    await dialog.getByRole('button', { name: 'Create node' }).click();
    await dialog.getByRole('alert').getByText('not a valid address').waitFor();
    await dialog.locator('[name=address]').fill('127.0.0.1');
    await dialog.locator('[name=ports]').fill(String(await freePort()));
    await dialog.getByRole('button', { name: 'Create node' }).click();
    // Nobody has said yet where nodes reach the panel.
    await dialog.getByText('Connect tokyo').waitFor();
    await dialog.locator('[name=panel-address]').waitFor();
    assert.equal(await dialog.locator('[name=panel-address]').inputValue(), `127.0.0.1:${appliance.port}`);
    await dialog.getByRole('button', { name: 'Show the line' }).click();
    const line = await dialog.locator('[data-install-line]').innerText();
    assert.match(line, /^curl .* \| SLUICE_TOKEN=\S+ sh -s -- --connect https:\/\/127\.0\.0\.1:\d+ --pin sha256:[0-9a-f]{64}/);
    await dialog.getByText('Waiting for the machine').waitFor();
    await visitor.checkAccess('install line');
    await visitor.picture('journey-install');
    agent = startAgent(line);
    await dialog.getByText('tokyo is connected.').waitFor();
    await dialog.getByRole('button', { name: 'Close' }).last().click();
    await page.locator('[data-node=tokyo]').getByText('Online').waitFor();
    await choose('tokyo', 'Move up');
    await until(async () => (await appliance.call('node/list'))[0].name === 'tokyo', 'tokyo is first');
});

test('a chain of two nodes is made, carries bytes, and goes with its node', async () => {
    await visitor.open('/tunnels');
    await page.getByRole('main').getByRole('button', { name: 'New tunnel' }).first().click();
    const dialog = page.getByRole('dialog');
    const [local] = (await appliance.call('node/list')).filter((one) => one.local);
    await dialog.locator('[name=name]').fill('Far');
    await dialog.getByRole('radio', { name: 'Chain' }).check();
    await dialog.getByRole('group', { name: 'Entry nodes' }).getByRole('checkbox', { name: local.name }).check();
    await dialog.getByRole('button', { name: 'Add a middle' }).click();
    await dialog.getByRole('button', { name: 'Create tunnel' }).click();
    await dialog.getByText('Choose at least one node.').first().waitFor();
    await dialog.getByRole('button', { name: 'Remove Middle 1' }).click();
    const exit = dialog.getByRole('group', { name: 'Exit', exact: true });
    await exit.getByRole('checkbox', { name: 'tokyo' }).check();
    await exit.locator('[name=protocol]').selectOption('mwss');
    await exit.locator('summary').click();
    await visitor.checkAccess('chain');
    await visitor.picture('journey-chain');
    await dialog.getByRole('button', { name: 'Create tunnel' }).click();
    await page.locator('[data-tunnel=Far]').getByText('tokyo').waitFor();
    const [tunnel] = (await appliance.call('tunnel/list')).filter((one) => one.name === 'Far');
    assert.equal(tunnel.outNodeId[0].protocol, 'mwss');
    const forward = await appliance.call('forward/create', { name: 'far', tunnelId: tunnel.id, inPort: await freePort(), remoteAddr: `127.0.0.1:${echo.port}` });
    await roundTrip(forward.inPort, 1_000_000);
    await choose('Far', 'Delete');
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
    await page.locator('[data-tunnel=Far]').waitFor({ state: 'detached' });

    await visitor.open('/nodes');
    await choose('tokyo', 'Delete');
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
    await page.locator('[data-node=tokyo]').waitFor({ state: 'detached' });
});

test('a tunnel is made, edited, diagnosed', async () => {
    await visitor.open('/tunnels');
    await page.getByRole('main').getByRole('button', { name: 'New tunnel' }).first().click();
    const dialog = page.getByRole('dialog');
    await dialog.locator('[name=name]').fill('Main');
    await dialog.getByRole('button', { name: 'Create tunnel' }).click();
    await page.locator('[data-tunnel=Main]').waitFor();
    await choose('Main', 'Edit');
    await dialog.locator('summary').click();
    await dialog.getByLabel('Ratio').fill('1.5');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await page.locator('[data-tunnel=Main]').getByText('billed ×1.5').waitFor();
    assert.equal((await appliance.call('tunnel/list'))[0].trafficRatio, 1.5);
});

test('a user is made and given a tunnel', async () => {
    await visitor.open('/users');
    await page.getByRole('main').getByRole('button', { name: 'New user' }).first().click();
    const dialog = page.getByRole('dialog');
    await dialog.locator('[name=user]').fill('alice');
    await dialog.locator('[name=new-password]').fill('alice-secret');
    await dialog.locator('[name=quota]').fill('5');
    await dialog.locator('[name=count]').fill('2');
    await dialog.locator('[name=expires]').fill('2099-12-31');
    await dialog.getByRole('button', { name: 'Create user' }).click();
    // The next question is which tunnels.
    await page.getByRole('dialog', { name: 'Tunnels of alice' }).waitFor();
    await dialog.locator('[name=tunnel]').selectOption({ label: 'Main' });
    await dialog.getByRole('button', { name: 'Allow' }).click();
    await page.locator('[data-right=Main]').getByText('0 B of 5 GB used').waitFor();
    await visitor.checkAccess('rights of a user');
    await visitor.picture('journey-rights');
    await page.locator('[data-right=Main]').getByRole('button', { name: 'Edit' }).click();
    await page.locator('[data-right=Main] [name=quota]').fill('3');
    await page.locator('[data-right=Main]').getByRole('button', { name: 'Save' }).click();
    await page.locator('[data-right=Main]').getByText('0 B of 3 GB used').waitFor();
    const [alice] = await appliance.call('user/list');
    const [right] = await appliance.call('tunnel/user/list', { userId: alice.id });
    assert.equal(right.flow, 3);
    assert.equal(right.num, 2);
    assert.equal(new Date(right.expTime).getFullYear(), 2100);
});

test('the regular user sees a package, makes a forward of his own, and watches it', async () => {
    const alice = await Visitor.come(browser, appliance);
    const own = alice.page;
    await alice.signIn('alice', 'alice-secret');
    await alice.open('/');
    await own.getByText('0 B of 5 GB used').waitFor();
    assert.equal(await own.getByRole('link', { name: 'Nodes' }).count(), 0);
    await own.goto(`${appliance.url}/nodes`);
    await own.getByText('There is nothing at this address.').waitFor();
    await alice.open('/forwards?new=1');
    const dialog = own.getByRole('dialog');
    await dialog.locator('[name=name]').fill('mine');
    await dialog.locator('[name=targets]').fill(`127.0.0.1:${echo.port}`);
    await dialog.getByRole('button', { name: 'Create forward' }).click();
    await own.locator('[data-forward=mine]').getByText('Listening').waitFor();
    const [forward] = await appliance.call('forward/list');
    assert.equal(forward.userName, 'alice');
    await roundTrip(forward.inPort, 2 * 1024 * 1024);
    // Two megabytes each way at a ratio of 1.5: the page shows what is billed.
    await own.locator('[data-forward=mine]').getByText('6 MB').waitFor();
    await alice.open('/account');
    await own.getByText('6 MB of 5 GB used').waitFor();
    await own.getByRole('heading', { name: 'Main' }).waitFor();
    await alice.wholePicture('journey-user-account');
    await alice.leave();
});

test('a right that is withdrawn stops the forward; a user that is deleted is gone', async () => {
    await visitor.open('/users');
    await choose('alice', 'Tunnels');
    await page.locator('[data-right=Main]').getByRole('button', { name: 'Withdraw' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Withdraw' }).click();
    await page.getByText('None yet').waitFor();
    await page.keyboard.press('Escape');
    await choose('alice', 'Delete');
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByText('No users yet').waitFor();
    assert.deepEqual(await appliance.call('user/list'), []);
});

test('the browser had nothing to complain about', () => visitor.leave());
