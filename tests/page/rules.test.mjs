// Rules of other programs and files of one's own, by clicking: text or a file in, a preview of each line, all that was chosen or nothing; and the
// forwards that are shown as files that can be read again.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Appliance, roundTrip, startEcho } from './appliance.mjs';
import { Visitor, openBrowser, phone } from './browser.mjs';

let appliance;
let browser;
let echo;
let visitor;
let page;
let ports;
const folder = mkdtempSync(join(tmpdir(), 'sluice-page-rules-'));

before(async () => {
    appliance = await Appliance.start();
    browser = await openBrowser();
    echo = await startEcho();
    await appliance.withTunnel();
    await appliance.withTunnel('Second');
    ports = Number((await appliance.call('node/list'))[0].port.split('-')[0]) + 40;
    visitor = await Visitor.come(browser, appliance);
    page = visitor.page;
    await visitor.signIn();
});
after(async () => {
    await browser?.close();
    await appliance?.stop();
    await echo?.stop();
    rmSync(folder, { recursive: true, force: true });
});

const dialog = () => page.getByRole('dialog');
const line = (number) => dialog().locator(`[data-line="${number}"]`);
const all = () => appliance.call('forward/list');

async function openImport() {
    await visitor.open('/forwards');
    await page.getByRole('button', { name: 'Import and export' }).click();
    await page.getByRole('menuitem', { name: 'Import rules…' }).click();
}

test('an empty list offers an import, and the form says what it lacks', async () => {
    await visitor.open('/forwards');
    await page.getByRole('button', { name: 'Import and export' }).click();
    assert.equal(await page.getByRole('menuitem', { name: 'Export as CSV' }).getAttribute('aria-disabled'), 'true');
    await page.keyboard.press('Escape');
    await page.getByRole('main').getByRole('button', { name: 'Import rules…' }).click();
    await dialog().getByRole('button', { name: 'Preview' }).click();
    await dialog().getByText('Choose a tunnel.').waitFor();
    await dialog().getByText('Paste rules or choose a file.').waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.getAttribute('name')), 'rules-tunnel');
    await visitor.checkAccess('import form with faults');
    await page.keyboard.press('Escape');
});

test('what the panel refuses as a whole is said at its field, and what was typed stays', async () => {
    await openImport();
    await dialog().locator('[name=rules-tunnel]').selectOption({ label: 'Direct' });
    await dialog().locator('[name=rules-text]').fill('services: [');
    await dialog().getByRole('button', { name: 'Preview' }).click();
    await dialog().locator('.error').getByText('The text cannot be read as rules').waitFor();
    assert.equal(await dialog().locator('[name=rules-text]').getAttribute('aria-invalid'), 'true');
    await dialog().locator('[name=rules-text]').fill('1-65535 -> 10.0.0.1:80');
    await dialog().getByRole('button', { name: 'Preview' }).click();
    await dialog().locator('.error').getByText('At most 2000 forwards').waitFor();
    await page.keyboard.press('Escape');
    await dialog().waitFor({ state: 'detached' });
    await page.getByRole('main').getByRole('button', { name: 'Import rules…' }).click();
    assert.equal(await dialog().locator('[name=rules-text]').inputValue(), '1-65535 -> 10.0.0.1:80');
    await page.keyboard.press('Escape');
});

test('a file that is too large or no text is said beside the text', async () => {
    writeFileSync(join(folder, 'large.txt'), Buffer.alloc(1024 * 1024 + 1, 'x'));
    writeFileSync(join(folder, 'picture.txt'), Buffer.from([0xff, 0xfe, 0x00, 0xc3]));
    await openImport();
    await dialog().locator('[name=rules-file]').setInputFiles(join(folder, 'large.txt'));
    await dialog().locator('.error').getByText('large.txt is larger than 1 MB.').waitFor();
    await dialog().locator('[name=rules-file]').setInputFiles(join(folder, 'picture.txt'));
    await dialog().locator('.error').getByText('picture.txt is not a text file in UTF-8.').waitFor();
    await page.keyboard.press('Escape');
});

test('each line has its result or its reason, and only what was chosen is made', async () => {
    await openImport();
    await dialog().locator('[name=rules-tunnel]').selectOption({ label: 'Direct' });
    const rules = [`tcp/${ports} -> 127.0.0.1:${echo.port} # first`, `${ports + 1} -> 127.0.0.1:${echo.port},127.0.0.2:9 # second`, 'hello', `80 -> 127.0.0.1:${echo.port}`, `${ports} -> 10.0.0.1:80`, `${ports + 2} -> 10.0.0.1:80 # third`];
    await dialog().locator('[name=rules-text]').fill(rules.join('\n'));
    await dialog().getByRole('button', { name: 'Preview' }).click();
    await dialog().getByRole('status').getByText('6 rules, 3 can be imported. Format: Text (port -> target)').waitFor();
    await line(1).getByText(`${ports} → 127.0.0.1:${echo.port}`).waitFor();
    await line(1).getByText('TCP only').waitFor();
    await line(2).getByText('Primary and backups').waitFor();
    await line(3).getByText('This is not a rule of this format.').waitFor();
    await line(4).getByText('80').first().waitFor();
    await line(5).getByText(`Port ${ports} on node`).waitFor();
    assert.equal(await line(3).getByRole('checkbox').isDisabled(), true);
    await dialog().getByLabel('Show only problems').check();
    assert.equal(await dialog().locator('[data-line]').count(), 3);
    await dialog().getByLabel('Show only problems').uncheck();
    await line(6).getByRole('checkbox').uncheck();
    await visitor.checkAccess('preview of rules');
    await visitor.picture('journey-rule-preview');
    assert.equal((await all()).length, 0, 'a preview makes nothing');
    await dialog().getByRole('button', { name: 'Import 2 forwards' }).click();
    await page.getByText('2 forwards are imported.').waitFor();
    await page.locator('[data-forward="first"]').waitFor();
    assert.deepEqual((await all()).map((one) => [one.name, one.inPort, one.protocol, one.tunnelName]).sort(), [
        ['first', ports, 'tcp', 'Direct'],
        ['second', ports + 1, 'tcp+udp', 'Direct'],
    ]);
    await roundTrip(ports, 1000);
});

test('when one of the chosen cannot be made any more, none is, and the choice stays', async () => {
    await openImport();
    await dialog().locator('[name=rules-tunnel]').selectOption({ label: 'Direct' });
    await dialog().locator('[name=rules-text]').fill(`${ports + 3} -> 10.0.0.1:80\n${ports + 4} -> 10.0.0.1:80`);
    await dialog().getByRole('button', { name: 'Preview' }).click();
    await line(2).getByText('Ready').waitFor();
    const tunnelId = (await appliance.call('tunnel/list')).find((one) => one.name === 'Direct').id;
    const other = await appliance.call('forward/create', { name: 'other', tunnelId, inPort: ports + 4, remoteAddr: '10.0.0.1:80' });
    await dialog().getByRole('button', { name: 'Import 2 forwards' }).click();
    await dialog().getByRole('alert').getByText(`Port ${ports + 4} on node`).waitFor();
    assert.equal((await all()).length, 3, 'nothing half-made stays');
    await line(2).getByRole('checkbox').uncheck();
    await dialog().getByRole('button', { name: 'Import 1 forward', exact: true }).click();
    await dialog().waitFor({ state: 'detached' });
    assert.equal((await all()).length, 4);
    await appliance.call('forward/delete', { id: other.id });
});

test('every format is taken from a file, and another port is chosen where one is taken', async () => {
    await openImport();
    await dialog().locator('[name=rules-tunnel]').selectOption({ label: 'Second' });
    const files = {
        'flvx.txt': [`{"name":"a","inPort":${ports + 10},"remoteAddr":"10.0.0.1:80","strategy":"round"}`, 'FLVX'],
        'ny.txt': [`{"dest":["10.0.0.1:80"],"listen_port":${ports + 10},"name":"a"}`, 'nyanpass'],
        'gost.yaml': [`services:\n  - name: a\n    addr: ":${ports + 10}"\n    handler: {type: tcp}\n    listener: {type: tcp}\n    forwarder: {nodes: [{addr: "10.0.0.1:80"}]}\n`, 'gost v3'],
        'gost.sh': [`gost -L tcp://:${ports + 10}/10.0.0.1:80`, 'gost (-L'],
        'realm.toml': [`[[endpoints]]\nlisten = "0.0.0.0:${ports + 10}"\nremote = "10.0.0.1:80"\n`, 'realm'],
        'frpc.toml': [`[[proxies]]\nname = "a"\ntype = "tcp"\nlocalIP = "10.0.0.1"\nlocalPort = 80\nremotePort = ${ports + 10}\n`, 'frp'],
        'iptables.txt': [`*nat\n-A PREROUTING -p tcp --dport ${ports + 10} -j DNAT --to-destination 10.0.0.1:80\nCOMMIT\n`, 'iptables-save'],
        'nft.txt': [`table ip nat {\n\tchain prerouting {\n\t\ttcp dport ${ports + 10} dnat to 10.0.0.1:80\n\t}\n}\n`, 'nft list ruleset'],
        'npm.json': [`[{"incoming_port":${ports + 10},"forwarding_host":"10.0.0.1","forwarding_port":80,"tcp_forwarding":1,"udp_forwarding":0,"enabled":1}]`, 'Nginx Proxy Manager'],
        'rules.csv': [`name,listen_port,target\na,${ports + 10},10.0.0.1:80\n`, 'CSV'],
        'plain.txt': [`${ports + 10} -> 10.0.0.1:80\n`, 'Text'],
    };
    for (const [name, [content, said]] of Object.entries(files)) {
        writeFileSync(join(folder, name), content);
        await dialog().locator('[name=rules-file]').setInputFiles(join(folder, name));
        await page.waitForFunction((text) => document.querySelector('[name=rules-text]').value === text, content);
        await dialog().getByRole('button', { name: 'Preview' }).click();
        await dialog().getByRole('status').getByText(said).waitFor();
        await dialog().getByText(`${ports + 10} → 10.0.0.1:80`).waitFor();
        await dialog().getByRole('button', { name: 'Back' }).click();
    }
    await dialog().locator('[name=rules-text]').fill(`${ports} -> 127.0.0.1:${echo.port} # moved`);
    await dialog().getByRole('button', { name: 'Preview' }).click();
    await line(1).getByText('Not possible').waitFor();
    assert.equal(await dialog().getByRole('button', { name: /^Import/ }).isDisabled(), true);
    await dialog().getByRole('button', { name: 'Back' }).click();
    await dialog().locator('[name=rules-ports]').check();
    await dialog().getByRole('button', { name: 'Preview' }).click();
    await line(1).getByText('Ready').waitFor();
    await dialog().getByRole('button', { name: 'Import 1 forward', exact: true }).click();
    await dialog().waitFor({ state: 'detached' });
    const moved = (await all()).find((one) => one.name === 'moved');
    assert.notEqual(moved.inPort, ports);
    await roundTrip(moved.inPort, 1000);
});

test('the forwards that are shown are saved as JSON, CSV and text, and each file brings them back', async () => {
    const kept = (list) => list.filter((one) => ['first', 'second'].includes(one.name)).map((one) => [one.name, one.inPort, one.remoteAddr, one.protocol, one.strategy]).sort();
    const before = kept(await all());
    for (const [format, name] of [['JSON', 'forwards.json'], ['CSV', 'forwards.csv'], ['text', 'forwards.txt']]) {
        await visitor.open(`/forwards?q=Direct+${echo.port}`);
        await page.locator('[data-forward="moved"]').waitFor({ state: 'detached' });
        await page.getByRole('button', { name: 'Import and export' }).click();
        const [saved] = await Promise.all([page.waitForEvent('download'), page.getByRole('menuitem', { name: `Export as ${format}` }).click()]);
        assert.equal(saved.suggestedFilename(), name);
        await saved.saveAs(join(folder, name));
        await page.getByText(`2 forwards are in ${name}.`).first().waitFor();
        assert.doesNotMatch(readFileSync(join(folder, name), 'utf8'), /moved/, 'only what is shown');
        for (const one of await all()) if (['first', 'second'].includes(one.name)) await appliance.call('forward/delete', { id: one.id });
        await openImport();
        await dialog().locator('[name=rules-tunnel]').selectOption({ label: 'Direct' });
        await dialog().locator('[name=rules-file]').setInputFiles(join(folder, name));
        await page.waitForFunction(() => document.querySelector('[name=rules-text]').value.includes('first'));
        await dialog().getByRole('button', { name: 'Preview' }).click();
        await dialog().getByRole('button', { name: 'Import 2 forwards' }).click();
        await dialog().waitFor({ state: 'detached' });
        assert.deepEqual(kept(await all()), before, format);
    }
});

test('it works in Chinese, on a phone, by keyboard alone', async () => {
    const other = await Visitor.come(browser, appliance, { language: 'zh', theme: 'dark', viewport: phone });
    await other.signIn();
    await other.open('/forwards');
    await other.page.getByRole('button', { name: '导入和导出' }).focus();
    await other.page.keyboard.press('Enter');
    await other.page.getByRole('menuitem', { name: '导入规则…' }).press('Enter');
    await other.page.locator('[name=rules-tunnel]').selectOption({ label: 'Direct' });
    await other.page.locator('[name=rules-text]').focus();
    await other.page.keyboard.insertText(`tcp/${ports + 20} -> 127.0.0.1:${echo.port} # 游戏\nhello`);
    const button = other.page.getByRole('button', { name: '预览' });
    for (let presses = 0; presses < 8 && !(await button.evaluate((one) => one === document.activeElement)); ++presses) await other.page.keyboard.press('Tab');
    await other.page.keyboard.press('Enter');
    await other.page.getByText('不是此格式的规则。').waitFor();
    await other.checkAccess('preview of rules on a phone');
    await other.checkWidth('preview of rules on a phone');
    await other.picture('journey-rule-preview-phone');
    const make = other.page.getByRole('button', { name: '导入 1 条转发' });
    for (let presses = 0; presses < 12 && !(await make.evaluate((one) => one === document.activeElement)); ++presses) await other.page.keyboard.press('Tab');
    await other.page.keyboard.press('Enter');
    await other.page.locator('[data-forward="游戏"]').waitFor();
    await other.leave();
});

test('the browser had nothing to complain about', () => visitor.leave());
