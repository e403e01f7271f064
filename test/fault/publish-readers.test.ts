// @module-tag long
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { compileForChildren } from '../helpers/compiled.js';
import { startChild } from '../helpers/publish-child.js';
import { testRuntime } from '../helpers/runtime.js';
import { readAsClient } from '../helpers/read-as-client.js';
import { indexesOf, publishTiny, type TinySet } from '../helpers/tiny-channel.js';

const PUBLISHES = 100;
let compiled: string;
let root: string;
beforeAll(async () => {
  compiled = await compileForChildren('publish-readers');
  root = await mkdtemp(join(tmpdir(), 'repackenv-readers-'));
});
afterAll(async () => {
  await rm(root, { recursive: true, force: true });
  await rm(compiled, { recursive: true, force: true });
});

it('F9 I9 a reader in another process meets no broken index and no missing file during 100 publications', async () => {
  const set = (n: number): TinySet => ({
    [`linux-64/a-${n}-0.conda`]: `a ${n}`,
    [`noarch/n-${n % 7}-0.tar.bz2`]: `n ${n % 7}`,
    'noarch/same-1-0.conda': 'same',
    'noarch/replaced-1-0.conda': `rebuilt ${n % 5}`,
  });
  await publishTiny(testRuntime(), { root, packages: set(0), bz2: true });
  const child = startChild(compiled, {
    root,
    sets: Array.from({ length: PUBLISHES }, (_, i) => set(i + 1)),
    bz2: true,
  });
  const state = { publishing: true };
  const done = child.ended.finally(() => (state.publishing = false));

  const dir = join(root, 'acme');
  let looks = 0;
  let again = 0;
  while (state.publishing) {
    for (const index of await indexesOf(dir)) {
      again += await readAsClient(dir, index);
      looks++;
    }
    await delay(5);
  }
  expect((await done).lines.at(-1)).toBe('DONE');
  expect(looks).toBeGreaterThan(50);
  expect(again).toBeLessThan(looks);
}, 480_000);
