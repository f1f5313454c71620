// Moving an FLVX panel in by clicking: what is no such file, what would come over, doing it, doing it again; and what stands in the way.
import assert from 'node:assert/strict';
import { mkdtempSync, openSync, closeSync, ftruncateSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Appliance } from './appliance.mjs';
import { Visitor, openBrowser, phone } from './browser.mjs';

let appliance;
let second;
let browser;
let visitor;
let page;
let exported;
const folder = mkdtempSync(join(tmpdir(), 'sluice-page-migration-'));
const database = join(folder, 'gost.db');

// The panel that the dialect's own tests move in: the schema of FLVX and a little of everything.
const source = readFileSync(new URL('../../src/api/flvx/migration_test.cpp', import.meta.url), 'utf8');
const sql = /panel_sql = R"sql\((.*?)\)sql"/s.exec(source)[1];
function inDatabase(statements) {
    const opened = new DatabaseSync(database);
    opened.exec(statements);
    opened.close();
}

before(async () => {
    inDatabase(sql);
    [appliance, second] = await Promise.all([Appliance.start(), Appliance.start()]);
    browser = await openBrowser();
    await appliance.signIn();
    await second.signIn();
    visitor = await Visitor.come(browser, appliance);
    page = visitor.page;
    await visitor.signIn();
    await visitor.open('/settings');
});
after(async () => {
    await browser?.close();
    await appliance?.stop();
    await second?.stop();
    rmSync(folder, { recursive: true, force: true });
});

const card = () => page.locator('section', { has: page.getByRole('heading', { name: 'Move in from FLVX' }) });
const choose = (path) => card().locator('[name=migration-file]').setInputFiles(path);
const tally = (section) => card().locator(`[data-section=${section}] td`).allTextContents();

test('what is no file of an FLVX panel is said in words beside it', async () => {
    const files = [
        ['notes.txt', 'hello', 'This file is neither JSON nor an SQLite database.'],
        ['other.json', '{"a":1}', 'This is JSON, but not the export of an FLVX panel.'],
        ['types.json', '{"version":"1.0","users":5}', 'This is an export, but a field in it has the wrong type.'],
        ['broken.db', `SQLite format 3\0${'x'.repeat(600)}`, 'The database cannot be read'],
    ];
    for (const [name, content, words] of files) {
        writeFileSync(join(folder, name), content);
        await choose(join(folder, name));
        await card().getByRole('alert').getByText(words).waitFor();
        await card().getByText(name).waitFor();
    }
    new DatabaseSync(join(folder, 'foreign.db')).exec('CREATE TABLE cats (name TEXT)');
    await choose(join(folder, 'foreign.db'));
    await card().getByRole('alert').getByText('This is a database, but not that of an FLVX panel.').waitFor();
    assert.equal(await card().locator('[name=migration-file]').getAttribute('aria-invalid'), 'true');
    await visitor.checkAccess('a refused file');
});

test('a file that is too large is not sent, and one that a proxy does not take is said so', async () => {
    const large = openSync(join(folder, 'large.db'), 'w');
    ftruncateSync(large, 128 * 1024 * 1024 + 1);
    closeSync(large);
    let sent = 0;
    await page.route('**/backup/flvx/preview', (route) => (++sent, route.fulfill({ status: 413, contentType: 'text/html', body: '<h1>Request Entity Too Large</h1>' })));
    await choose(join(folder, 'large.db'));
    await card().getByRole('alert').getByText('at most 128 MB are taken').waitFor();
    assert.equal(sent, 0);
    await choose(database);
    await card().getByRole('alert').getByText('The file is larger than the panel, or a proxy before it, accepts.').waitFor();
    assert.equal(sent, 1);
    await page.unroute('**/backup/flvx/preview');
});

test('a preview says what comes over and what does not, and changes nothing', async () => {
    await choose(database);
    await card().locator('[data-migration=preview]').waitFor();
    assert.deepEqual(await tally('users'), ['2', '1', '0', '0']);
    assert.deepEqual(await tally('nodes'), ['2', '0', '0', '1']);
    assert.deepEqual(await tally('forwards'), ['1', '0', '0', '2']);
    await card().getByText('root takes the place of user keeper.').waitFor();
    await card().getByText('theirs is left out: it is another panel’s node.').waitFor();
    await card().getByText('orphan is left out: it belongs to tunnel 99, which is not there.').waitFor();
    await card().getByText('captcha_enabled stays off').waitFor();
    await card().getByText('Traffic per hour (1): it begins anew').waitFor();
    // Everything is said in words of the reader's language.
    assert.deepEqual((await card().locator('[data-remark]').allTextContents()).filter((text) => /_/.test(text.replace('captcha_enabled', ''))), []);
    await visitor.checkAccess('preview of a migration');
    await card().scrollIntoViewIfNeeded();
    await visitor.wholePicture('journey-migration-preview');
    assert.deepEqual(await appliance.call('user/list'), []);
    assert.deepEqual(await appliance.call('forward/list'), []);
});

test('it comes over after a question, and the page goes on as the administrator who came', async () => {
    await card().getByRole('button', { name: 'Move in' }).click();
    const question = page.getByRole('alertdialog');
    await question.getByText('all of them or nothing').waitFor();
    await question.getByRole('button', { name: 'Cancel' }).click();
    assert.deepEqual(await appliance.call('forward/list'), []);
    await card().getByRole('button', { name: 'Move in' }).click();
    await question.getByRole('button', { name: 'Move in' }).click();
    await card().locator('[data-migration=done]').waitFor();
    await card().getByText('You are root now').waitFor();
    assert.deepEqual(await tally('users'), ['2', '1', '0', '0']);
    assert.equal(await card().getByRole('button', { name: 'Move in' }).count(), 0);
    await visitor.checkAccess('outcome of a migration');
    await visitor.wholePicture('journey-migration-done');
    appliance.user = 'root';
    appliance.password = 'admin_user';
    await appliance.signIn();
    const [web] = await appliance.call('forward/list');
    assert.deepEqual([web.id, web.name, web.inPort, web.inFlow], [10, 'web', 20001, 700]);
    await visitor.open('/users');
    await page.getByText('alice').first().waitFor();
});

test('the same file brings nothing again, a later one what changed there', async () => {
    await visitor.open('/settings');
    await choose(database);
    await card().getByText('Everything in this file is here already').waitFor();
    assert.deepEqual(await tally('users'), ['0', '0', '3', '0']);
    inDatabase('UPDATE tunnel SET traffic_ratio = 3 WHERE id = 1');
    await choose(database);
    await card().locator('[data-section=tunnels] td').nth(1).getByText('1').waitFor();
    await card().getByRole('button', { name: 'Move in' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Move in' }).click();
    await card().locator('[data-migration=done]').waitFor();
    assert.equal((await appliance.call('tunnel/list')).find((one) => one.id === 1).trafficRatio, 3);
    const answer = await fetch(`${appliance.url}/api/v1/backup/export`, { method: 'POST', headers: { Authorization: appliance.token }, body: '{}' });
    exported = join(folder, 'export.json');
    writeFileSync(exported, await answer.text());
    await visitor.leave([/413/, /WebSocket/]);
});

test('what is in the way stops everything, in Chinese and on a phone; an export does as well, by keyboard', async () => {
    const other = await Visitor.come(browser, second, { language: 'zh', theme: 'dark', viewport: phone });
    await other.signIn();
    await other.open('/settings');
    await second.call('user/create', { user: 'mine', pwd: 'mine-secret-1', flow: 1, num: 1, expTime: 0, flowResetTime: 0, status: 1 });
    const [mine] = await second.call('user/list');
    const theirs = other.page.locator('section', { has: other.page.getByRole('heading', { name: '从 FLVX 迁移' }) });
    await theirs.locator('[name=migration-file]').setInputFiles(exported);
    await theirs.getByText('冲突：编号已属于此处的用户 mine。').waitFor();
    await theirs.getByText('与现有数据冲突，无法迁移').waitFor();
    assert.equal(await theirs.getByRole('button', { name: '开始迁移' }).count(), 0);
    await other.checkAccess('a migration that is stopped');
    await other.checkWidth('a migration that is stopped');
    await other.wholePicture('journey-migration-stopped-phone');
    await second.call('user/delete', { id: mine.id });
    await theirs.locator('[name=migration-file]').setInputFiles(exported);
    await theirs.locator('[data-migration=preview]').getByText('来自导出文件').waitFor();
    await theirs.getByText('与现有数据冲突').waitFor({ state: 'detached' });
    const button = theirs.getByRole('button', { name: '开始迁移' });
    for (let presses = 0; presses < 6 && !(await button.evaluate((one) => one === document.activeElement)); ++presses) await other.page.keyboard.press('Tab');
    await other.page.keyboard.press('Enter');
    await other.page.getByRole('alertdialog').getByRole('button', { name: '开始迁移' }).press('Enter');
    await theirs.locator('[data-migration=done]').waitFor();
    await other.checkWidth('outcome of a migration');
    second.user = 'root';
    second.password = 'admin_user';
    await second.signIn();
    assert.equal((await second.call('user/list')).some((one) => one.user === 'alice'), true);
    await other.leave([/WebSocket/]);
});
