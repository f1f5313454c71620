// The pure parts behind lists and forms.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Forward } from '../src/api/types.ts';
import { exported } from '../src/pages/forwards/exports.ts';
import { addresses, group, isTarget, moved, search, targets } from '../src/pages/forwards/forwards.ts';
import { fromFields, toFields, wrongCount, wrongQuota } from '../src/pages/users/allowance.ts';

const forward = (fields: Partial<Forward>): Forward => ({ id: 1, name: '', inIp: null, inPort: null, remoteAddr: '', tunnelId: 1, tunnelName: '', userId: 1, userName: '', ...fields }) as Forward;
const web = forward({ id: 1, name: 'Web', inIp: '203.0.113.5:8443', inPort: 8443, remoteAddr: '10.0.0.2:443,10.0.0.3:443', tunnelId: 7, tunnelName: 'hk', userName: 'alice' });
const game = forward({ id: 2, name: 'Game', inIp: '203.0.113.5:25565', inPort: 25565, remoteAddr: '[2001:db8::1]:25565', tunnelId: 8, tunnelName: 'us', userName: 'bob' });

test('a search finds names, ports, targets, tunnels and users, and wants every word', () => {
    const names = (text: string) => search([web, game], text).map((one) => one.name);
    assert.deepEqual(names(''), ['Web', 'Game']);
    assert.deepEqual(names('GAME'), ['Game']);
    assert.deepEqual(names('25565'), ['Game']);
    assert.deepEqual(names('10.0.0.3'), ['Web']);
    assert.deepEqual(names('alice hk'), ['Web']);
    assert.deepEqual(names('alice us'), []);
});

test('groups keep the order of the list', () => {
    const byTunnel = group([web, game, forward({ id: 3, tunnelId: 7, tunnelName: 'hk' })], 'tunnel');
    assert.deepEqual(byTunnel.map((one) => [one.name, one.forwards.length]), [['hk', 2], ['us', 1]]);
    assert.equal(group([web, game], '').length, 1);
});

test('moving stops at the ends', () => {
    assert.deepEqual(moved([1, 2, 3], 2, -1), [2, 1, 3]);
    assert.deepEqual(moved([1, 2, 3], 2, 1), [1, 3, 2]);
    assert.equal(moved([1, 2, 3], 1, -1), null);
    assert.equal(moved([1, 2, 3], 3, 1), null);
    assert.equal(moved([1, 2, 3], 9, 1), null);
});

test('targets are told from what is none', () => {
    for (const good of ['10.0.0.1:80', '[2001:db8::1]:443', '2001:db8::1:443', 'example.org:25565', 'a:1', 'my_host:65535']) assert.ok(isTarget(good), good);
    for (const bad of ['10.0.0.1', 'example.org:', ':80', 'a:0', 'a:65536', 'a b:80', '-a:80', '[::1]', 'http://a:80', '']) assert.ok(!isTarget(bad), bad);
    assert.deepEqual(targets(' a:1, b:2\n\nc:3 '), ['a:1', 'b:2', 'c:3']);
    assert.deepEqual(addresses({ inIp: null }), []);
});

test('an allowance survives its form', () => {
    const until = new Date(2031, 4, 18).getTime(); // midnight after the 17th
    const fields = toFields({ flow: 50, num: 3, expTime: until, flowResetTime: 31 });
    assert.deepEqual(fields, { quota: '50', count: '3', expires: '2031-05-17', resetDay: 31 });
    assert.deepEqual(fromFields(fields), { flow: 50, num: 3, expTime: until, flowResetTime: 31 });
    const free = { flow: 99_999, num: 99_999, expTime: 0, flowResetTime: 0 };
    assert.deepEqual(fromFields(toFields(free)), free);
    assert.ok(wrongQuota({ ...fields, quota: '1.5' }));
    assert.ok(!wrongQuota({ ...fields, quota: '' }));
    assert.ok(wrongCount({ ...fields, count: '0' }));
});

test('an export is what the rule import reads, and no name becomes a formula or a second line', () => {
    const options = { strategy: 'fifo', protocol: 'tcp+udp', listenIp: '', allowIps: '', denyIps: '' } as const;
    const rows = [forward({ ...web, ...options, strategy: 'round', protocol: 'tcp' }), forward({ ...game, ...options, name: '=1+1, "x"\n# 2', listenIp: '2001:db8::9', inPort: null })];
    assert.equal(exported(rows, 'txt'), 'tcp/8443 -> 10.0.0.2:443,10.0.0.3:443 # Web\n[2001:db8::9]:0 -> [2001:db8::1]:25565 # =1+1, "x" # 2\n');
    assert.equal(
        exported(rows, 'csv'),
        'name,listen_port,listen_address,target,protocol,strategy,tunnel,user\r\nWeb,8443,,10.0.0.2:443 10.0.0.3:443,tcp,round,hk,alice\r\n"\'=1+1, ""x"" # 2",,2001:db8::9,[2001:db8::1]:25565,tcp+udp,fifo,us,bob\r\n',
    );
    const read = JSON.parse(exported(rows, 'json')) as { name: string; inPort: number | null; remoteAddr: string; protocol: string; strategy: string }[];
    assert.deepEqual([read[0]?.remoteAddr, read[0]?.protocol, read[0]?.strategy, read[1]?.inPort, read[1]?.name], ['10.0.0.2:443,10.0.0.3:443', 'tcp', 'round', null, '=1+1, "x"\n# 2']);
    assert.deepEqual([exported([], 'txt'), exported([], 'json')], ['', '[]\n']);
});
