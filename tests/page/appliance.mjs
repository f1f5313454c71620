// The real executable with a data folder of its own, its API as a client sees it, and targets on loopback that answer what they get.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const patience = Number(process.env.SLUICE_PATIENCE ?? 60_000); // ms; generous, because time never decides a test
export const firstPassword = 'Page-test-1';
export const administrator = 'keeper';

export async function until(condition, what) {
    const deadline = Date.now() + patience;
    for (;;) {
        const value = await condition();
        if (value) return value;
        if (Date.now() > deadline) throw new Error(`never happened: ${what}`);
        await new Promise((resolve) => setTimeout(resolve, 100));
    }
}

const listens = (server, ...where) =>
    new Promise((resolve) => {
        server.once('error', () => resolve(false));
        server.listen(...where, () => resolve(true));
    });

// A hundred ports that are this process's own until it ends, below the range that the system gives to outgoing connections. They are taken by
// a name that nobody else can have and that the system gives back, so that tests which run beside each other never meet on a port;
// src/forward/testing.hpp and tests/e2e/appliance.py take theirs by the same names.
export async function ownPorts() {
    const [lowest, size, count] = [12_000, 100, 200];
    for (let tried = 0; tried < count; ++tried) {
        const block = (process.pid + tried) % count;
        const claim = createServer();
        if (!(await listens(claim, `\0sluice-test-ports-${block}`))) continue;
        claim.unref();
        return { first: lowest + block * size, last: lowest + (block + 1) * size - 1 };
    }
    throw new Error('all ports for tests are taken');
}

let few = { first: 1, last: 0 };

// One that is not given twice, and not to a forward whose port the panel chooses.
export async function freePort() {
    for (;;) {
        if (few.first > few.last) few = await ownPorts();
        const port = few.first++;
        const server = createServer();
        if (!(await listens(server, port, '0.0.0.0'))) continue;
        await new Promise((resolve) => server.close(resolve));
        return port;
    }
}

// A second machine: runs the executable as the install line says, without installing it.
export function startAgent(line) {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-page-node-'));
    const words = line.split(/\s+/);
    const after = (name) => words[words.indexOf(name) + 1];
    const process_ = spawn(process.env.SLUICE_BINARY, ['--agent', '--data-dir', folder, '--connect', after('--connect'), '--pin', after('--pin')], {
        env: { ...process.env, SLUICE_TOKEN: /SLUICE_TOKEN=(\S+)/.exec(line)[1] },
        stdio: 'ignore',
    });
    const ended = new Promise((resolve) => process_.on('exit', resolve));
    return {
        async stop() {
            process_.kill('SIGTERM');
            await ended;
            rmSync(folder, { recursive: true, force: true });
        },
    };
}

export class Appliance {
    static async start({ user = administrator } = {}) {
        const appliance = new Appliance();
        appliance.folder = mkdtempSync(join(tmpdir(), 'sluice-page-'));
        appliance.user = user;
        appliance.password = firstPassword;
        await appliance.#run();
        return appliance;
    }

    async #run() {
        this.port = await freePort();
        this.url = `http://127.0.0.1:${this.port}`;
        this.log = '';
        this.process = spawn(process.env.SLUICE_BINARY, ['--data-dir', this.folder, '--listen', `127.0.0.1:${this.port}`, '--admin-user', this.user], {
            env: { ...process.env, SLUICE_ADMIN_PASSWORD: firstPassword },
            stdio: ['ignore', 'pipe', 'pipe'],
        });
        for (const stream of [this.process.stdout, this.process.stderr]) stream.on('data', (text) => (this.log += text));
        this.ended = new Promise((resolve) => this.process.on('exit', resolve));
        await until(async () => {
            if (this.process.exitCode !== null) throw new Error(`the executable ended:\n${this.log}`);
            return fetch(`${this.url}/health`).then(
                (answer) => answer.ok,
                () => false,
            );
        }, '/health answers');
    }

    async stop() {
        this.process.kill('SIGTERM');
        await this.ended;
        rmSync(this.folder, { recursive: true, force: true });
    }

    async call(path, body = {}, token = this.token) {
        const answer = await fetch(`${this.url}/api/v1/${path}`, { method: 'POST', headers: { Authorization: token ?? '' }, body: JSON.stringify(body) });
        const envelope = await answer.json();
        if (envelope.code !== 0) throw new Error(`${path}: ${envelope.code} ${envelope.msg}`);
        return envelope.data;
    }

    async signIn(username = this.user, password = this.password) {
        const data = await this.call('user/login', { username, password }, '');
        if (username === this.user) this.token = data.token;
        return data.token;
    }

    // A direct tunnel on the local node, which is said to be at 127.0.0.1.
    async withTunnel(name = 'Direct') {
        if (!this.token) await this.signIn();
        const [node] = await this.call('node/list');
        const { first, last } = await ownPorts(); // a port that is closed again must not be somebody else's
        await this.call('node/update', { ...node, serverIp: '127.0.0.1', serverIpV4: '', serverIpV6: '', port: `${first}-${last}` });
        await this.call('tunnel/create', { name, type: 1, inNodeId: [{ nodeId: node.id }] });
        return (await this.call('tunnel/list')).find((one) => one.name === name);
    }
}

// Answers every byte with the same byte.
export async function startEcho() {
    const sockets = new Set();
    const server = createServer((socket) => {
        sockets.add(socket);
        socket.on('error', () => socket.destroy());
        socket.on('close', () => sockets.delete(socket));
        socket.pipe(socket);
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    return {
        port: server.address().port,
        stop() {
            for (const socket of sockets) socket.destroy();
            return new Promise((resolve) => server.close(resolve));
        },
    };
}

// Sends `count` bytes and waits until all of them came back.
export function roundTrip(port, count) {
    return new Promise((resolve, reject) => {
        const socket = createConnection(port, '127.0.0.1');
        const chunk = Buffer.alloc(Math.min(count, 64 * 1024), 7);
        let sent = 0;
        let back = 0;
        const push = () => {
            while (sent < count) {
                const part = chunk.subarray(0, Math.min(chunk.length, count - sent));
                sent += part.length;
                if (!socket.write(part)) return;
            }
        };
        socket.setTimeout(patience, () => socket.destroy(new Error(`only ${back} of ${count} bytes came back`)));
        socket.on('connect', push);
        socket.on('drain', push);
        socket.on('data', (data) => {
            back += data.length;
            if (back >= count) socket.end();
        });
        socket.on('error', reject);
        socket.on('close', () => (back === count ? resolve() : reject(new Error(`${back} of ${count} bytes came back`))));
    });
}

// Keeps bytes going through `port` at a modest pace until stop(): for pages that show live numbers.
export function startTraffic(port, bytesPerSecond) {
    const socket = createConnection(port, '127.0.0.1');
    const tick = 50;
    const chunk = Buffer.alloc(Math.max(1, Math.round((bytesPerSecond * tick) / 1000)), 9);
    socket.on('error', () => undefined);
    socket.on('data', () => undefined);
    const timer = setInterval(() => {
        if (socket.writableLength < 4 * chunk.length) socket.write(chunk);
    }, tick);
    return {
        stop() {
            clearInterval(timer);
            socket.destroy();
        },
    };
}
