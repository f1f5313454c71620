// Sharing a node and using one, by clicking: one panel shares, another imports, and both show the same.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Appliance } from './appliance.mjs';
import { Visitor, openBrowser } from './browser.mjs';

let provider;
let consumer;
let browser;
let token;

before(async () => {
    [provider, consumer] = await Promise.all([Appliance.start(), Appliance.start()]);
    browser = await openBrowser();
    await provider.signIn();
    await consumer.signIn();
});
after(async () => {
    await browser?.close();
    await provider?.stop();
    await consumer?.stop();
});

async function come(appliance) {
    const visitor = await Visitor.come(browser, appliance);
    await visitor.signIn();
    await visitor.open('/sharing');
    return visitor;
}

test('a share is made, its token shown, changed and switched off', async () => {
    const visitor = await come(provider);
    const { page } = visitor;
    await page.getByRole('heading', { name: 'Nothing is shared' }).waitFor();
    await page.getByRole('button', { name: 'Share a node' }).first().click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.locator('.error').first().waitFor();
    await dialog.locator('[name=share-name]').fill('friend');
    await dialog.locator('[name=share-first]').fill('31010');
    await dialog.locator('[name=share-last]').fill('31000');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.locator('.error').first().waitFor();
    await dialog.locator('[name=share-first]').fill('31000');
    await dialog.locator('[name=share-last]').fill('31010');
    await dialog.locator('[name=share-quota]').fill('2.5');
    await visitor.checkAccess('share form');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.locator('[data-made-share]').waitFor();
    token = await dialog.locator('[data-made-share] .mono').nth(1).textContent();
    assert.match(token, /^[0-9a-f]{64}$/);
    await visitor.picture('share-made');
    await dialog.getByRole('button', { name: 'Close' }).last().click();
    const card = page.locator('[data-share=friend]');
    await card.getByText('0 B of 2.5 GB').waitFor();
    await card.getByRole('button', { name: /friend/ }).click();
    await page.getByRole('menuitem', { name: 'Switch off' }).click();
    await card.getByText('Switched off').waitFor();
    await card.getByRole('button', { name: /friend/ }).click();
    await page.getByRole('menuitem', { name: 'Switch on' }).click();
    await card.getByText('In use').waitFor();
    await visitor.checkAccess('sharing');
    await visitor.picture('sharing');
});

test('another panel sees what is offered, imports it, and can choose it in tunnels', async () => {
    const visitor = await come(consumer);
    const { page } = visitor;
    await page.getByRole('button', { name: 'Import a node' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.locator('[name=import-url]').fill(provider.url);
    await dialog.locator('[name=import-token]').fill('f'.repeat(64));
    await dialog.getByRole('button', { name: 'See what is offered' }).click();
    await dialog.getByText('The other panel could not be asked: Invalid token').waitFor();
    await dialog.locator('[name=import-token]').fill(token);
    await dialog.getByRole('button', { name: 'See what is offered' }).click();
    await dialog.getByText('31000-31010').waitFor();
    await dialog.locator('[name=import-name]').fill('theirs');
    await visitor.checkAccess('import');
    await visitor.picture('share-import');
    await dialog.getByRole('button', { name: 'Import', exact: true }).click();
    await page.locator('[data-remote=theirs]').getByText('0 B of 2.5 GB').waitFor();
    await visitor.open('/nodes');
    await page.locator('[data-node=theirs]').getByText("Another panel's", { exact: true }).waitFor();
    await visitor.open('/tunnels');
    await page.getByRole('button', { name: 'New tunnel' }).first().click();
    await page.getByRole('dialog').getByText('theirs').first().waitFor();
});
