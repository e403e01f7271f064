import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Manifest } from '../../src/channel/manifest/manifest.js';
import { systemClock } from '../../src/runtime/clock.js';
import { tempDir } from '../helpers/artifacts.js';
import { attempts, noteTried } from '../helpers/attack.js';
import { openSockets, rawRequest } from '../helpers/raw-http.js';
import { testRuntime, type TestRuntime } from '../helpers/runtime.js';
import { startServing, type Serving } from '../helpers/serving.js';
import { publishTiny, type TinySet } from '../helpers/tiny-channel.js';

let root: string;
let serving: Serving;
beforeEach(() => {
  root = tempDir();
});
afterEach(async () => void (await serving.stop()));

/** `replaced` changes its bytes under its name (`--replace`), `a` its version, `same` nothing, `large` is sent as it is read. */
const setOf = (n: number): TinySet => ({
  [`linux-64/a-${n}-0.conda`]: `a ${n}`,
  [`noarch/n-${n % 3}-0.tar.bz2`]: `n ${n % 3}`,
  'noarch/same-1-0.conda': 'same',
  'noarch/large-1-0.conda': 'large '.repeat(20_000),
  'noarch/replaced-1-0.conda': `rebuilt ${n % 5}`,
});

it('half-open connections lock nobody out', async (context) => {
  const count = attempts({ smoke: 300, ci: 300, long: 2000 });
  await publishTiny(testRuntime(), { root, packages: setOf(0) });
  serving = await startServing(root, count > 1000 ? {} : { limits: { connections: 50 } });
  const sockets = [];
  for (const begun of ['', 'GET /acme/', 'GET / HTTP/1.1\r\nHost: x\r\nX-', 'HEAD / HTTP/1.1\r\nHost: x\r\n\r\n']) {
    sockets.push(...(await openSockets(serving.port, count / 4, begun)));
    for (let n = 0; n < 5; n += 1)
      expect((await rawRequest(serving.port, '/acme/noarch/same-1-0.conda')).body.toString(), begun).toBe('same');
  }
  for (const socket of sockets) socket.destroy();
  noteTried(context, count);
});

interface Seen {
  path: string;
  sha256: string;
  begun: number;
  ended: number;
}

it('64 clients while a generation a second is published get no wrong byte', async (context) => {
  const seconds = attempts({ smoke: 3, ci: 10, long: 60 });
  /** When the files of each generation may have been out. */
  const live: { files: ReadonlyMap<string, string>; from: number; to: number }[] = [];
  const publish = async (n: number): Promise<void> => {
    const from = performance.now();
    await publishTiny(testRuntime(), { root, packages: setOf(n), replace: 'all' });
    const { files } = JSON.parse(readFileSync(join(root, 'acme', 'manifest.json'), 'utf8')) as Manifest;
    if (live.length > 0) live.at(-1)!.to = performance.now();
    live.push({ files: new Map(files.map(({ path, sha256 }) => [path, sha256])), from, to: Infinity });
  };
  await publish(0);
  serving = await startServing(root, { runtime: { clock: systemClock() as TestRuntime['clock'] } });
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const state = { goesOn: true };
  const statuses = new Map<number, number>();
  const seen: Seen[] = [];

  const read = async (path: string): Promise<{ status: number; sha256: string; bytes: Buffer }> => {
    const begun = performance.now();
    const { status, etag, bytes } = await ask(`${serving.url}/acme/${path}`, agent);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    expect([200, 404, 503], path).toContain(status);
    if (status === 200) {
      expect(etag, path).toBe(`"${sha256}"`);
      seen.push({ path, sha256, begun, ended: performance.now() });
    }
    return { status, sha256, bytes };
  };

  const client = async (subdir: string): Promise<void> => {
    while (state.goesOn) {
      const index = await read(`${subdir}/repodata.json`);
      if (index.status !== 200) continue;
      const { packages, ...rest } = JSON.parse(index.bytes.toString()) as Record<
        string,
        Record<string, { sha256: string }>
      >;
      for (const [fn, record] of Object.entries({ ...packages, ...rest['packages.conda'] })) {
        if (!state.goesOn) return;
        await delay(25);
        const file = await read(`${subdir}/${fn}`);
        if (file.status === 503 || (file.status === 200 && file.sha256 === record.sha256)) continue;
        // It has left, or was replaced: then the index is another one too.
        const again = await read(`${subdir}/repodata.json`);
        expect(again.status === 200 && again.sha256 === index.sha256, `the index still names ${fn}`).toBe(false);
      }
    }
  };

  const clients = Array.from({ length: 64 }, (_, n) => client(n % 2 === 0 ? 'noarch' : 'linux-64'));
  const all = Promise.all(clients);
  const end = performance.now() + seconds * 1000;
  try {
    for (let n = 1; performance.now() < end || n < 2; n += 1) {
      await Promise.race([delay(1000), all]);
      await publish(n);
    }
  } finally {
    state.goesOn = false;
    await all.finally(() => agent.destroy());
  }
  const wrong = seen.filter(
    ({ path, sha256, begun, ended }) =>
      !live.some(({ files, from, to }) => from <= ended && begun <= to && files.get(path) === sha256),
  );
  expect(wrong).toEqual([]);
  expect(statuses.get(200)).toBeGreaterThan(64);
  noteTried(context, seen.length);
});

function ask(url: string, agent: Agent): Promise<{ status: number; etag: string | undefined; bytes: Buffer }> {
  return new Promise((resolve, reject) => {
    get(url, { agent }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part)).on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode!, etag: response.headers.etag, bytes: Buffer.concat(parts) }),
      );
    }).on('error', reject);
  });
}
