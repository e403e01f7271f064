// @module-tag long
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../src/runtime/clock.js';
import { compileForChildren } from '../helpers/compiled.js';
import { startChild } from '../helpers/publish-child.js';
import { testRuntime, type TestRuntime } from '../helpers/runtime.js';
import { startServing, type Serving } from '../helpers/serving.js';
import { namesIn, publishTiny, type TinySet } from '../helpers/tiny-channel.js';

const PUBLISHES = 60;
const INDEXES = ['linux-64/repodata.json', 'linux-64/repodata.json.zst', 'noarch/repodata.json'];

let compiled: string;
let root: string;
let serving: Serving;
const agent = new Agent({ keepAlive: true });
beforeAll(async () => {
  compiled = await compileForChildren('serve-publishing');
  root = await mkdtemp(join(tmpdir(), 'repackenv-serve-publishing-'));
});
afterAll(async () => {
  agent.destroy();
  await serving?.stop();
  await rm(root, { recursive: true, force: true });
  await rm(compiled, { recursive: true, force: true });
});

/** `replaced` changes its bytes under its name (`--replace`), `a` its version, `same` nothing. */
const setOf = (n: number): TinySet => ({
  [`linux-64/a-${n}-0.conda`]: `a ${n}`,
  [`noarch/n-${n % 7}-0.tar.bz2`]: `n ${n % 7}`,
  'noarch/same-1-0.conda': 'same',
  'noarch/replaced-1-0.conda': `rebuilt ${n % 5}`,
});

interface Got {
  status: number;
  etag: string | undefined;
  bytes: Buffer;
}

function read(path: string, headers: Record<string, string> = {}): Promise<Got> {
  return new Promise((resolve, reject) => {
    const request = get(`${serving.url}/acme/${path}`, { agent, headers }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part)).on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode!, etag: response.headers.etag, bytes: Buffer.concat(parts) }),
      );
    });
    request.on('error', reject);
  });
}

it('F9 N14 readers over HTTP never get bytes that are not those of their tag, nor an index that can’t be read, during 60 publications', async () => {
  await publishTiny(testRuntime(), { root, packages: setOf(0) });
  serving = await startServing(join(root, 'acme'), { runtime: { clock: systemClock() as TestRuntime['clock'] } });
  const child = startChild(compiled, { root, sets: Array.from({ length: PUBLISHES }, (_, n) => setOf(n + 1)) });
  const state = { publishing: true };
  const done = child.ended.finally(() => (state.publishing = false));
  const seen = { tags: new Set<string>(), statuses: new Map<number, number>(), kept: 0 };

  /** Whatever is answered with 200 is what its tag says. */
  const checked = async (path: string, headers?: Record<string, string>): Promise<Got> => {
    const got = await read(path, headers);
    seen.statuses.set(got.status, (seen.statuses.get(got.status) ?? 0) + 1);
    if (got.status === 200) expect(got.etag, path).toBe(`"${createHash('sha256').update(got.bytes).digest('hex')}"`);
    return got;
  };

  const reader = async (): Promise<void> => {
    const tags = new Map<string, { etag: string; bytes: Buffer }>();
    while (state.publishing) {
      for (const index of INDEXES) {
        const before = tags.get(index);
        const got = await checked(index, before === undefined ? {} : { 'if-none-match': before.etag });
        if (got.status === 304) seen.kept += 1;
        expect([200, 304]).toContain(got.status);
        const bytes = got.status === 304 ? before!.bytes : got.bytes;
        tags.set(index, { etag: got.etag!, bytes });
        seen.tags.add(`${index} ${got.etag}`);
        for (const { path, sha256 } of await namesIn(root, index, bytes)) {
          const file = await checked(path.slice(root.length + 1));
          if (file.status === 200 && file.etag === `"${sha256}"`) continue;
          // It has left, or was replaced: then the index has changed too.
          if (file.status === 503) continue;
          const again = await checked(index);
          expect(again.etag === got.etag && again.status === 200, `${index} still names ${path}`).toBe(false);
        }
      }
    }
  };
  await Promise.all([reader(), reader(), reader()]);
  expect((await done).lines.at(-1)).toBe('DONE');
  expect(seen.tags.size).toBeGreaterThan(10);
  expect(seen.statuses.get(200)!).toBeGreaterThan(100);
}, 480_000);
