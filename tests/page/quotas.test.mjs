// Traffic limits: an administrator sets one on a user, corrects what is used, and both see what it does.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Appliance, startEcho, until } from './appliance.mjs';
import { Visitor, openBrowser } from './browser.mjs';

const password = 'alice-Password-1';
let appliance;
let browser;
let echo;

before(async () => {
    appliance = await Appliance.start();
    browser = await openBrowser();
    echo = await startEcho();
    await appliance.signIn();
    await appliance.call('user/create', { user: 'alice', pwd: password });
});
after(async () => {
    await browser?.close();
    await appliance?.stop();
    await echo?.stop();
});

test('a limit is set, corrected until it stops, and seen by the user himself', async () => {
    const visitor = await Visitor.come(browser, appliance);
    const page = visitor.page;
    await visitor.signIn();
    await visitor.open('/users');
    await page.getByRole('button', { name: 'Actions for alice' }).click();
    await page.getByRole('menuitem', { name: 'Traffic limits' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('No traffic limit.').waitFor();
    await dialog.getByRole('button', { name: 'Add a limit' }).click();
    await dialog.getByRole('button', { name: 'Save' }).click();
    assert.equal(await dialog.locator('[name=amount]').getAttribute('aria-invalid'), 'true');
    await dialog.locator('[name=window]').selectOption('day');
    await dialog.locator('[name=amount]').fill('1.5');
    await dialog.locator('[name=used]').fill('1.2');
    await visitor.checkAccess('traffic limits');
    await dialog.getByRole('button', { name: 'Save' }).click();
    const line = dialog.locator('[data-quota=day]');
    await line.getByText('1.2 GB of 1.5 GB').waitFor();
    const [quota] = await appliance.call('quota/list');
    assert.equal(quota.limit, 1.5 * 2 ** 30);
    await dialog.getByRole('button', { name: 'Edit' }).click();
    await dialog.locator('[name=used]').fill('1.5');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await line.getByText('Stopped: the limit is used up').waitFor();
    await visitor.picture('traffic-limit');

    const alice = await Visitor.come(browser, appliance);
    await alice.signIn('alice', password);
    await alice.open('/account');
    await alice.page.locator('[data-quota=day]').getByText('Stopped: the limit is used up').waitFor();
    await alice.page.locator('[data-event="quota.used"]').first().getByText('100 % of the traffic limit').waitFor();
    await alice.checkAccess('account with limits');

    await dialog.getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Remove' }).click();
    await until(async () => (await appliance.call('quota/list')).length === 0, 'the limit is gone');
});
