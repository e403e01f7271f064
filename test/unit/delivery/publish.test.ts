import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RepackEvent } from '../../../src/base/events.js';
import { inspectLabelFolder } from '../../../src/delivery/place/inspect.js';
import { PUBLISH_STEPS, publish } from '../../../src/delivery/publish.js';
import { readReceipts, RECEIPTS_KEPT, writeReceipt } from '../../../src/delivery/receipts.js';
import { openRoot } from '../../../src/delivery/place/root.js';
import { createStaging } from '../../../src/delivery/stage/staging.js';
import { failWhere, faultFs } from '../../helpers/fault-fs.js';
import { testRuntime, type TestRuntime } from '../../helpers/runtime.js';
import {
  breaches,
  digests,
  exists,
  publishTiny,
  snapshot,
  stageTiny,
  type TinySet,
} from '../../helpers/tiny-channel.js';

const FIRST: TinySet = {
  'linux-64/a-1-0.conda': 'a one',
  'linux-64/b-1-0.tar.bz2': 'b one',
  'noarch/n-1-0.conda': 'n one',
};
const SECOND: TinySet = {
  'linux-64/a-2-0.conda': 'a two',
  'linux-64/b-1-0.tar.bz2': 'b one',
  'noarch/n-2-0.conda': 'n two',
};

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'repackenv-publish-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe('publish', () => {
  it('makes a whole label folder out of nothing and leaves nothing beside it but receipt, manifest copy and the kept generation', async () => {
    const rt = testRuntime();
    const { receipt, labelDir, stateDir } = await publishTiny(rt, { root, packages: FIRST });

    expect(Object.keys(await snapshot(labelDir))).toEqual([
      'SHA256SUMS',
      'linux-64/a-1-0.conda',
      'linux-64/b-1-0.tar.bz2',
      'linux-64/repodata.json',
      'linux-64/repodata.json.zst',
      'manifest.json',
      'noarch/n-1-0.conda',
      'noarch/repodata.json',
      'noarch/repodata.json.zst',
    ]);
    expect(await breaches(labelDir)).toEqual([]);
    expect((await readdir(stateDir)).sort()).toEqual([
      'generations',
      'keep.json',
      'lock',
      'manifest.json',
      'receipts',
      'staging',
    ]);
    expect(await readdir(join(stateDir, 'staging'))).toEqual([]);
    expect(receipt).toMatchObject({ generation: 1, previous: null, unchanged: false, removed: [], host: 'build-host' });
    expect(receipt.written).toHaveLength(9);
    expect(JSON.parse(await readFile(join(stateDir, 'receipts', '1.json'), 'utf8'))).toEqual(receipt);
  });

  it('takes its steps in the order that keeps every index true', async () => {
    const rt = testRuntime();
    await publishTiny(rt, { root, packages: FIRST });
    rt.reached.length = 0;
    const { labelDir } = await publishTiny(rt, { root, packages: SECOND });

    const known = rt.reached.map((step) => PUBLISH_STEPS.indexOf(step));
    expect(known).not.toContain(-1);
    expect(known).toEqual([...known].sort((a, b) => a - b));
    expect(rt.reached.filter((step) => step === 'publish:artifact-in')).toHaveLength(2);
    expect(rt.reached.filter((step) => step === 'publish:leaving-out')).toHaveLength(2);
    expect(Object.keys(await digests(labelDir)).filter((path) => /conda|tar/.test(path))).toEqual(Object.keys(SECOND));
  });

  it('F9 keeps the invariant after every single call on the disk', async () => {
    const checked: string[] = [];
    const labelDir = join(root, 'acme');
    const problems: string[] = [];
    const checking = faultFs(() => undefined);
    const fs = { ...checking.fs };
    for (const name of ['rename', 'unlink', 'rmdir', 'mkdir'] as const) {
      const run = fs[name] as (...args: string[]) => Promise<void>;
      (fs[name] as unknown) = async (...args: string[]) => {
        await run(...args);
        checked.push(name);
        problems.push(...(await breaches(labelDir)));
      };
    }
    const rt = testRuntime({ fs });
    await publishTiny(rt, { root, packages: FIRST, bz2: true });
    await publishTiny(rt, { root, packages: SECOND });
    await publishTiny(rt, {
      root,
      packages: { ...SECOND, 'linux-64/a-2-0.conda': 'other bytes' },
      replace: 'all',
      bz2: true,
    });
    await publishTiny(rt, { root, packages: { ...FIRST, 'linux-64/a-2-0.conda': 'third bytes' }, replace: 'all' });

    expect(problems).toEqual([]);
    expect(checked.filter((name) => name === 'rename').length).toBeGreaterThan(30);
  });

  it('F3 F4 D7 an unchanged rebuild touches nothing in the label folder and still says so beside it, without a numbered receipt', async () => {
    const rt = testRuntime();
    const { labelDir } = await publishTiny(rt, { root, packages: FIRST });
    const before = await snapshot(labelDir);
    rt.clock.advance(86_400_000);
    const faulty = faultFs(() => undefined);
    const again = testRuntime({ fs: faulty.fs, clock: rt.clock });
    const { receipt, stateDir } = await publishTiny(again, { root, packages: FIRST });

    expect(await snapshot(labelDir)).toEqual(before);
    const below = faulty.calls.filter((call) =>
      call.args.some((arg) => typeof arg === 'string' && arg.startsWith(labelDir)),
    );
    expect(new Set(below.map((call) => call.name))).toEqual(
      new Set(['lstat', 'readdir', 'readFile', 'openNoFollow', 'access']),
    );
    expect(receipt).toMatchObject({ unchanged: true, generation: 1, written: [], removed: [], bytesWritten: 0 });
    expect(await readReceipts(rt, stateDir)).toHaveLength(1);
    expect(JSON.parse(await readFile(join(stateDir, 'last-run.json'), 'utf8'))).toEqual(receipt);
    expect(await readdir(join(stateDir, 'staging'))).toEqual([]);
  });

  it('D7 F5 keeps the mtime of what stays and moves that of what changes by at least two seconds', async () => {
    const rt = testRuntime();
    const { labelDir } = await publishTiny(rt, { root, packages: FIRST });
    const future = new Date(rt.clock.now() + 10_000_000_000);
    await utimes(join(labelDir, 'noarch/repodata.json'), future, future);
    const before = await snapshot(labelDir);
    await publishTiny(rt, { root, packages: SECOND });
    const after = await snapshot(labelDir);

    const mtime = (text: string | undefined): number => Number(text?.split(' ')[1]);
    expect(after['linux-64/b-1-0.tar.bz2']).toBe(before['linux-64/b-1-0.tar.bz2']);
    for (const path of [
      'noarch/repodata.json',
      'noarch/repodata.json.zst',
      'linux-64/repodata.json',
      'manifest.json',
    ]) {
      expect(mtime(after[path]), path).toBeGreaterThanOrEqual(mtime(before[path]) + 2000);
    }
  });

  it('F4 F10 removes what other indexers left below the subdirs, folders too, and leaves strangers at the root', async () => {
    const rt = testRuntime();
    const { labelDir } = await publishTiny(rt, { root, packages: FIRST, bz2: true });
    await writeFile(join(labelDir, 'linux-64/current_repodata.json'), '{}');
    await writeFile(join(labelDir, 'linux-64/repodata.json'), JSON.stringify({ packages: {}, repodata_version: 1 }));
    await mkdir(join(labelDir, 'linux-64/.cache/deep'), { recursive: true });
    await writeFile(join(labelDir, 'linux-64/.cache/deep/cache.db'), 'x');
    await writeFile(join(labelDir, 'channeldata.json'), '{}');
    await mkdir(join(labelDir, 'my-notes'));
    await writeFile(join(labelDir, 'my-notes/readme.txt'), 'keep');
    const { live } = await publishTiny(rt, { root, packages: FIRST });

    expect(live.strangers).toEqual(['channeldata.json', 'my-notes']);
    const files = Object.keys(await snapshot(labelDir));
    expect(files.filter((path) => path.startsWith('linux-64/'))).toEqual([
      'linux-64/a-1-0.conda',
      'linux-64/b-1-0.tar.bz2',
      'linux-64/repodata.json',
      'linux-64/repodata.json.zst',
    ]);
    expect(await exists(join(labelDir, 'linux-64/.cache'))).toBe(false);
    expect(files).toContain('channeldata.json');
    expect(files).toContain('my-notes/readme.txt');
    expect(findings(rt.collected)).toContain('index-rewritten');
    expect(await breaches(labelDir)).toEqual([]);
  });

  it('removes a subdir that is not wanted any more, folder and all', async () => {
    const rt = testRuntime();
    const { labelDir } = await publishTiny(rt, { root, packages: { ...FIRST, 'win-64/w-1-0.conda': 'w' } });
    expect(await exists(join(labelDir, 'win-64/w-1-0.conda'))).toBe(true);
    const { receipt } = await publishTiny(rt, { root, packages: FIRST });
    expect(await exists(join(labelDir, 'win-64'))).toBe(false);
    expect(receipt.removed.sort()).toEqual(['win-64/repodata.json', 'win-64/repodata.json.zst', 'win-64/w-1-0.conda']);
  });

  it('D6 --replace takes the name out of the indexes before the bytes change, and puts it back after', async () => {
    const rt = testRuntime();
    const { labelDir } = await publishTiny(rt, { root, packages: FIRST, bz2: true });
    const seen: Record<string, string[]> = {};
    const watching = testRuntime({
      clock: rt.clock,
      reach: async (step) => {
        const repodata = JSON.parse(await readFile(join(labelDir, 'linux-64/repodata.json'), 'utf8'));
        seen[step] = Object.keys(repodata['packages.conda']);
        expect(await breaches(labelDir)).toEqual([]);
      },
    });
    await publishTiny(watching, {
      root,
      packages: { ...FIRST, 'linux-64/a-1-0.conda': 'a rebuilt' },
      replace: 'all',
      bz2: true,
    });

    expect(seen['publish:journal-written']).toEqual(['a-1-0.conda']);
    expect(seen['publish:replaced-in']).toEqual([]);
    expect(seen['publish:switched']).toEqual(['a-1-0.conda']);
    expect(await readFile(join(labelDir, 'linux-64/a-1-0.conda'), 'utf8')).toBe('a rebuilt');
    expect(watching.collected).toContainEqual(
      expect.objectContaining({ type: 'warning', message: expect.stringContaining('a-1-0.conda') }),
    );
  });

  it('D6a refuses a folder that is not ours, and owns it with adopt after naming what leaves', async () => {
    const rt = testRuntime();
    const labelDir = join(root, 'acme');
    await mkdir(join(labelDir, 'linux-64'), { recursive: true });
    await writeFile(join(labelDir, 'linux-64/repodata.json'), '{"packages":{}}');
    await writeFile(join(labelDir, 'linux-64/old-1-0.tar.bz2'), 'old');
    const before = await snapshot(labelDir);
    await expect(publishTiny(rt, { root, packages: FIRST })).rejects.toMatchObject({ code: 'E_NOT_OURS', exitCode: 2 });
    expect(await snapshot(labelDir)).toEqual(before);

    await publishTiny(rt, { root, packages: FIRST, adopt: true });
    expect(rt.collected).toContainEqual(
      expect.objectContaining({ type: 'warning', message: expect.stringContaining('linux-64/old-1-0.tar.bz2') }),
    );
    expect(await exists(join(labelDir, 'linux-64/old-1-0.tar.bz2'))).toBe(false);
    expect(await breaches(labelDir)).toEqual([]);
  });

  it('D6a publish itself refuses as well, whatever its caller looked at', async () => {
    const rt = testRuntime();
    const place = await openRoot(rt, root, 'acme');
    await mkdir(place.labelDir);
    await writeFile(join(place.labelDir, 'thesis.doc'), 'x');
    const live = await inspectLabelFolder(rt, { place });
    const staging = await createStaging(rt, { stateDir: place.stateDir, command: 'test' });
    const staged = await stageTiny({
      dir: staging.channelDir,
      label: 'acme',
      packages: FIRST,
      live,
      nowMs: rt.clock.now(),
    });
    const lock = { assertHeld: async () => undefined };
    const run = publish(rt, {
      place,
      lock,
      staging,
      staged,
      live,
      keep: 3,
      engine: 'none',
      tool: 'test',
      startedAt: '',
    });
    await expect(run).rejects.toMatchObject({ code: 'E_NOT_OURS' });
    expect(await readdir(place.labelDir)).toEqual(['thesis.doc']);
    expect(await exists(staging.dir)).toBe(false);
  });

  it('I4 stops before the first live file when the lock was lost', async () => {
    const rt = testRuntime();
    const { labelDir, stateDir } = await publishTiny(rt, { root, packages: FIRST });
    const before = await snapshot(labelDir);
    const robbed = testRuntime({
      clock: rt.clock,
      reach: async (step) => {
        if (step === 'publish:prepared') await mkdir(join(stateDir, 'lock', '99'));
      },
    });
    await expect(publishTiny(robbed, { root, packages: SECOND })).rejects.toMatchObject({ code: 'E_LOCK' });
    expect(await snapshot(labelDir)).toEqual(before);
    expect(await exists(join(stateDir, 'journal.json'))).toBe(false);
  });

  it('never goes over a name that appeared meanwhile with other bytes, and brings the folder back', async () => {
    const rt = testRuntime();
    const { labelDir } = await publishTiny(rt, { root, packages: FIRST });
    const before = await digests(labelDir);
    const meddling = testRuntime({
      clock: rt.clock,
      reach: async (step) => {
        if (step === 'publish:journal-written') await writeFile(join(labelDir, 'noarch/n-2-0.conda'), 'somebody else');
      },
    });
    await expect(publishTiny(meddling, { root, packages: SECOND })).rejects.toMatchObject({ code: 'E_PUBLISH' });
    const after = await digests(labelDir);
    expect(after).toMatchObject(before);
    expect(await breaches(labelDir)).toEqual([]);
  });

  it('stops when somebody changes the folder between inspection and publication', async () => {
    const rt = testRuntime();
    const { labelDir, stateDir } = await publishTiny(rt, { root, packages: FIRST });
    const run = publishTiny(rt, {
      root,
      packages: SECOND,
      beforePublish: () => writeFile(join(labelDir, 'linux-64/a-1-0.conda'), 'edited by hand'),
    });
    await expect(run).rejects.toMatchObject({ code: 'E_PUBLISH' });
    expect(await readdir(join(stateDir, 'staging'))).toEqual([]);
    expect(await exists(join(stateDir, 'journal.json'))).toBe(false);
  });

  it('I8 an interruption before the journal leaves nothing; after it the switch goes to its end', async () => {
    const rt = testRuntime();
    const { labelDir, stateDir } = await publishTiny(rt, { root, packages: FIRST });
    const before = await snapshot(labelDir);
    const early: TestRuntime = testRuntime({
      clock: rt.clock,
      reach: (step) => (step === 'publish:prepared' ? early.abort(new Error('Ctrl-C')) : undefined),
    });
    await expect(publishTiny(early, { root, packages: SECOND })).rejects.toThrow('Ctrl-C');
    expect(await snapshot(labelDir)).toEqual(before);
    expect(await readdir(join(stateDir, 'staging'))).toEqual([]);

    const late: TestRuntime = testRuntime({
      clock: rt.clock,
      reach: (step) => (step === 'publish:journal-written' ? late.abort(new Error('Ctrl-C')) : undefined),
    });
    const { receipt } = await publishTiny(late, { root, packages: SECOND });
    expect(receipt.generation).toBe(2);
    expect(Object.keys(await digests(labelDir))).toContain('linux-64/a-2-0.conda');
  });

  it('publishes with the mode that a web server needs, whatever the staged file had', async () => {
    const rt = testRuntime();
    const { labelDir } = await publishTiny(rt, {
      root,
      packages: FIRST,
      beforePublish: async (staged) => chmod(join(staged.dir, 'noarch/n-1-0.conda'), 0o600),
    });
    expect((await stat(join(labelDir, 'noarch/n-1-0.conda'))).mode & 0o777).toBe(0o644);
  });

  it('keeps fifty receipts', async () => {
    const rt = testRuntime();
    const { receipt, stateDir } = await publishTiny(rt, { root, packages: FIRST });
    for (let i = 0; i < RECEIPTS_KEPT + 5; i++) await writeReceipt(rt, stateDir, { ...receipt, startedAt: `run ${i}` });
    const names = await readdir(join(stateDir, 'receipts'));
    expect(names).toHaveLength(RECEIPTS_KEPT);
    expect(names).not.toContain('6.json');
    expect(names).toContain('56.json');
  });
});

describe('H1 a file that is held open', () => {
  it.each(['EBUSY', 'EPERM', 'EACCES'] as const)(
    '%s for a while: tries again, also where the target exists, and publishes',
    async (code) => {
      const rt = testRuntime();
      const { labelDir } = await publishTiny(rt, { root, packages: FIRST });
      const faulty = faultFs(
        failWhere((call) => call.name === 'rename' && String(call.args[1]).endsWith('noarch/repodata.json'), code, 30),
      );
      const held = testRuntime({ fs: faulty.fs, clock: rt.clock });
      const { receipt } = await publishTiny(held, { root, packages: SECOND });

      expect(receipt.generation).toBe(2);
      expect(held.clock.sleeps.slice(0, 3)).toEqual([10, 20, 30]);
      expect(Math.max(...held.clock.sleeps)).toBe(100);
      expect(held.collected).toContainEqual(
        expect.objectContaining({ type: 'waiting', reason: expect.stringContaining('noarch/repodata.json') }),
      );
      expect(await breaches(labelDir)).toEqual([]);
    },
  );

  it('for ever: stops after a minute with the old folder in place, byte for byte, and the next run succeeds', async () => {
    const rt = testRuntime();
    const { labelDir, stateDir } = await publishTiny(rt, { root, packages: FIRST });
    const before = await snapshot(labelDir);
    const faulty = faultFs(
      failWhere((call) => call.name === 'rename' && String(call.args[1]).endsWith('linux-64/repodata.json'), 'EBUSY'),
    );
    const held = testRuntime({ fs: faulty.fs, clock: rt.clock });
    const error = await publishTiny(held, { root, packages: SECOND }).catch((caught: unknown) => caught);

    expect(error).toMatchObject({ code: 'E_DISK', exitCode: 5, details: ['The label folder is as it was.'] });
    const waited = held.clock.sleeps.reduce((sum, ms) => sum + ms, 0);
    expect(waited).toBeGreaterThanOrEqual(60_000);
    expect(waited).toBeLessThan(61_000);
    expect(await snapshot(labelDir)).toEqual(before);
    expect(await readdir(join(stateDir, 'staging'))).toEqual([]);
    const { recovery } = await publishTiny(rt, { root, packages: SECOND });
    expect(recovery.outcome).toBe('clean');
  });

  it('a package that should leave: published all the same, named, and gone with the next run', async () => {
    const rt = testRuntime();
    const { labelDir } = await publishTiny(rt, { root, packages: FIRST });
    const faulty = faultFs(
      failWhere((call) => call.name === 'unlink' && String(call.args[0]).endsWith('a-1-0.conda'), 'EBUSY'),
    );
    const held = testRuntime({ fs: faulty.fs, clock: rt.clock });
    const { receipt } = await publishTiny(held, { root, packages: SECOND });
    expect(receipt.generation).toBe(2);
    // Nobody has to do anything: the next run does.
    expect(held.collected.filter(({ type }) => type === 'finding')).toEqual([
      {
        type: 'finding',
        finding: {
          code: 'leaving-held',
          subject: join(labelDir, 'linux-64/a-1-0.conda'),
          message: expect.stringContaining('linux-64/a-1-0.conda'),
          exit: false,
        },
      },
    ]);
    expect(await exists(join(labelDir, 'linux-64/a-1-0.conda'))).toBe(true);

    await publishTiny(rt, { root, packages: SECOND });
    expect(await exists(join(labelDir, 'linux-64/a-1-0.conda'))).toBe(false);
  });

  it('E6 a read-only file on Windows is made writable before it is replaced', async () => {
    const rt = testRuntime({ machine: { platform: 'win32' } });
    const { labelDir } = await publishTiny(rt, { root, packages: FIRST });
    await chmod(join(labelDir, 'noarch/repodata.json'), 0o444);
    const faulty = faultFs(() => undefined);
    await publishTiny(testRuntime({ fs: faulty.fs, clock: rt.clock, machine: { platform: 'win32' } }), {
      root,
      packages: SECOND,
    });
    expect(faulty.calls).toContainEqual(
      expect.objectContaining({ name: 'chmod', args: [join(labelDir, 'noarch/repodata.json'), 0o666] }),
    );
  });
});

function findings(events: readonly RepackEvent[]): string[] {
  return events.flatMap((event) => (event.type === 'finding' ? [event.finding.code] : []));
}
