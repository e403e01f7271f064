import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { Agent, get } from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { isRepackError } from '../../src/base/errors.js';
import { systemClock } from '../../src/runtime/clock.js';
import { undiciHttp } from '../../src/runtime/http.js';
import type { Runtime } from '../../src/runtime/runtime.js';
import { attempts, noteTried } from '../helpers/attack.js';
import { compileForChildren } from '../helpers/compiled.js';
import { startBuckets, type FarBuckets } from '../helpers/far-servers.js';
import { describeWithLayers } from '../helpers/layers.js';
import { startChild } from '../helpers/publish-child.js';
import { openPushLab, pushHere, type PushLab } from '../helpers/pushing.js';
import { readAsClient } from '../helpers/read-as-client.js';
import type { TestRuntime } from '../helpers/runtime.js';
import { startServing, type Serving } from '../helpers/serving.js';
import { breaches, digests, indexesOf, namesIn, type TinySet } from '../helpers/tiny-channel.js';

/** `a` changes its version, `n` comes and goes, `replaced` changes its bytes under its name, a platform comes and goes, `same` nothing. */
const setOf = (n: number): TinySet => ({
  [`linux-64/a-${n}-0.conda`]: `a ${n}`,
  [`noarch/n-${n % 3}-0.tar.bz2`]: `n ${n % 3}`,
  'noarch/same-1-0.conda': 'same',
  'noarch/replaced-1-0.conda': `rebuilt ${n % 5}`,
  ...(n % 2 === 0 ? { [`win-64/w-${n}-0.conda`]: `w ${n}` } : {}),
});

let compiled: string;
beforeAll(async () => void (compiled = await compileForChildren('beside-publishing')), 120_000);
afterAll(() => rm(compiled, { recursive: true, force: true }));

let lab: PushLab;
let serving: Serving[];
beforeEach(async () => {
  lab = await openPushLab();
  serving = [];
});
afterEach(async () => {
  for (const each of serving) await each.stop();
  await lab.close();
});

interface Target {
  name: string;
  /** For `push`. */
  to: string;
  /** The label's folder there. */
  dir: string;
  rt?: Partial<Runtime>;
}

/**
 * A process publishes one generation after the other; beside it each target is pushed to again and again, and read as a client does from its
 * disk; both ROOT and the first target are served, and read over HTTP. Gives how often an index was read.
 */
async function besidePublishing(targets: readonly Target[]): Promise<number> {
  const publishes = attempts({ smoke: 6, ci: 25, long: 400 });
  await lab.publish(setOf(0));
  const sets = Array.from({ length: publishes }, (_, n) => setOf(n + 1));
  const push = async ({ to, rt }: Target): Promise<void> => {
    try {
      await pushHere(lab, to, { siteFiles: false, ...(rt === undefined ? {} : { rt }) });
    } catch (error) {
      // Generations that follow so fast outrun a push: it says so, and the next one goes on.
      if (!isRepackError(error) || error.code !== 'E_FOLDER_DIFFERS') throw error;
    }
  };
  for (const target of targets) await push(target);
  for (const dir of [lab.root, join(targets[0]!.dir, '..')])
    serving.push(await startServing(dir, { runtime: { clock: systemClock() as TestRuntime['clock'] } }));

  const state = { goesOn: true, looks: 0 };
  const whileItGoesOn = async (work: () => Promise<void>): Promise<void> => {
    do await work();
    while (state.goesOn);
  };
  const readDisk = (dir: string) => async (): Promise<void> => {
    for (const index of await indexesOf(dir)) {
      await readAsClient(dir, index);
      state.looks++;
    }
    await delay(1);
  };
  const agent = new Agent({ keepAlive: true });
  const readServed =
    ({ url }: Serving) =>
    async (): Promise<void> => {
      for (const index of INDEXES) if (await readOverHttp(`${url}/acme`, index, agent)) state.looks++;
    };

  const child = startChild(compiled, { root: lab.root, sets });
  const beside = Promise.all([
    // One push of a label at a time.
    whileItGoesOn(async () => {
      for (const target of targets) await push(target);
    }),
    ...targets.map(({ dir }) => whileItGoesOn(readDisk(dir))),
    ...serving.map((each) => whileItGoesOn(readServed(each))),
  ]);
  try {
    const { lines, code } = await Promise.race([child.ended, beside.then(() => child.ended)]);
    expect(lines).toEqual(['DONE']);
    expect(code).toBe(0);
  } finally {
    state.goesOn = false;
    child.kill();
    await beside.finally(() => agent.destroy());
  }
  for (const target of targets) {
    await push(target);
    expect(await breaches(target.dir), target.name).toEqual([]);
    expect(await digests(target.dir), target.name).toEqual(await digests(lab.labelDir));
  }
  return state.looks;
}

const INDEXES = ['noarch/repodata.json', 'linux-64/repodata.json.zst', 'linux-64/repodata.json'];

/**
 * Each file that an index names is there with its digest, or else the index is another one by now. What is just being replaced is 503: it
 * says so. Gives whether there was an index.
 */
async function readOverHttp(url: string, index: string, agent: Agent): Promise<boolean> {
  const first = await ask(`${url}/${index}`, agent);
  if (first.status !== 200) {
    expect([404, 503], index).toContain(first.status);
    return false;
  }
  for (const { fn, sha256 } of await namesIn('', index, first.bytes)) {
    const file = await ask(`${url}/${index.split('/')[0]!}/${fn}`, agent);
    if (file.status === 503) continue;
    if (file.status === 200 && createHash('sha256').update(file.bytes).digest('hex') === sha256) continue;
    const again = await ask(`${url}/${index}`, agent);
    expect(again.status === 200 && again.bytes.equals(first.bytes), `${index} still names ${fn}`).toBe(false);
    return true;
  }
  return true;
}

function ask(url: string, agent: Agent): Promise<{ status: number; bytes: Buffer }> {
  return new Promise((resolve, reject) => {
    get(url, { agent }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part)).on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode!, bytes: Buffer.concat(parts) }));
    }).on('error', reject);
  });
}

const folder = (name: string): Target => ({ name, to: join(lab.dir, name), dir: join(lab.dir, name, 'acme') });

it('I3 F9 pushes to two folders, and serve over ROOT and over one of them, beside a process that publishes', async (context) => {
  const looks = await besidePublishing([folder('site'), folder('other')]);
  expect(looks).toBeGreaterThan(10);
  noteTried(context, looks);
}, 3_600_000);

describeWithLayers(['versitygw'], 'I3 F9 a bucket', () => {
  let far: FarBuckets;
  afterEach(() => far.close());

  it('is pushed to beside a process that publishes', async (context) => {
    far = await startBuckets(lab.dir);
    const rt = { http: undiciHttp(), env: far.env, clock: systemClock() };
    const bucket = { name: 'bucket', to: 's3://deliveries', dir: join(far.folder('deliveries'), 'acme'), rt };
    const looks = await besidePublishing([folder('site'), bucket]);
    expect(looks).toBeGreaterThan(10);
    noteTried(context, looks);
  }, 3_600_000);
});
