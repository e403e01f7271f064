import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Manifest } from '../../src/channel/manifest/manifest.js';
import { changingUpstream, LAST_CHANGE, type ChangingUpstream } from '../helpers/changing-upstream.js';
import { runProgram } from '../../scripts/lib/run-program.js';
import { snapshot } from '../../scripts/lib/snapshot.js';
import { describeWithLayers, layerPath } from '../helpers/layers.js';
import { openWorkplace, type Ran, type Workplace } from '../helpers/programs.js';
import { reportOf } from '../helpers/real-upstream.js';

let work: Workplace;
let upstream: ChangingUpstream;
/** Of each generation as it was published: path and sha256 of what the manifest names. */
const was = new Map<number, Manifest>();

const state = (): string => join(work.root, '.repackenv', 'halkbank');
const ours = (...args: string[]): Promise<Ran> => work.run('repackenv', args);
const rollback = (to: string, ...more: string[]): Promise<Ran> =>
  ours('rollback', work.labelDir, '--to', to, ...upstream.options, ...more);
const manifestOf = (dir = work.labelDir): Manifest =>
  JSON.parse(readFileSync(join(dir, 'manifest.json'), 'utf8')) as Manifest;
/** Its papers tell of the way to this number: they are made anew, and only their names stay. */
const content = ({ generation: _generation, previous: _previous, files, ...rest }: Manifest) => ({
  ...rest,
  files: files.map((file) => (file.kind === 'paper' ? file.path : file)),
});
/** What a set that one command after the other took to a site leads to there. */
const site = (): string => join(work.dir, 'site', 'halkbank');

beforeAll(async () => {
  work = await openWorkplace();
  upstream = changingUpstream(work);
  for (let number = 1; number <= LAST_CHANGE; number += 1) {
    await upstream.change(number);
    const ran = await upstream.update('--json');
    expect(ran.exitCode, ran.stderr + ran.stdout).toBe(0);
    expect(reportOf(ran).published?.generation).toBe(number);
    was.set(number, manifestOf());
    if (number === 4) cpSync(work.labelDir, join(work.dir, 'site-of-4'), { recursive: true });
  }
});
afterAll(() => work.close());

/** The folder is that generation but for number and predecessor, proven, and held. */
async function expectContentOf(to: number, generation: number): Promise<void> {
  expect(content(manifestOf())).toEqual(content(was.get(to)!));
  expect(manifestOf().generation).toBe(generation);
  const verified = await work.verify();
  expect(verified.exitCode, verified.stdout + verified.stderr).toBe(0);
  const files = [...work.published().keys()].filter((path) => path.includes('/')).sort();
  expect(files).toEqual(
    was
      .get(to)!
      .files.map(({ path }) => path)
      .sort(),
  );
  const receipts = join(state(), 'receipts');
  const last = readdirSync(receipts)
    .sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
    .at(-1)!;
  expect(JSON.parse(readFileSync(join(receipts, last), 'utf8'))).toMatchObject({ generation, rolledBackTo: to });
}

describe('a label with six generations', () => {
  it('goes back to the third, byte for byte, under a new number, and is held; the site takes it whole', async () => {
    const before = work.published();
    const dry = await rollback('3', '--dry-run');
    expect(dry.exitCode, dry.stderr).toBe(0);
    expect(dry.stdout).toContain('generation 3');
    expect(work.published()).toEqual(before);

    const ran = await rollback('3', '--why', 'ticket 4711', '--json');
    expect(ran.exitCode, ran.stdout + ran.stderr).toBe(0);
    expect(reportOf(ran)).toMatchObject({
      job: 'rollback',
      rollback: { from: 6, to: 3 },
      held: { generation: 7, why: 'rolled back to generation 3: ticket 4711' },
      published: { generation: 7, because: ['rollback'], unchanged: false },
      fetched: { download: { artifacts: 0 } },
    });
    expect(ran.stderr + ran.stdout).toContain('Sites that have the old bytes in a cache keep them');
    await expectContentOf(3, 7);

    const night = await upstream.update();
    expect(night.exitCode, night.stderr).toBe(0);
    expect(night.stdout).toMatch(/held at generation 7 since .*: rolled back to generation 3: ticket 4711/);
    const medium = join(work.dir, 'medium');
    expect((await ours('export', work.labelDir, '--to', medium)).exitCode).toBe(0);
    expect((await ours('import', medium, '--root', join(work.dir, 'site'))).exitCode).toBe(0);
    expect(content(manifestOf(site()))).toEqual(content(was.get(3)!));
  });

  it('goes forward again, and back to the first; the site follows by deltas', async () => {
    expect((await ours('release', work.labelDir)).exitCode).toBe(0);
    const forward = await upstream.update('--json');
    expect(forward.exitCode, forward.stdout + forward.stderr).toBe(0);
    expect(reportOf(forward).published?.generation).toBe(8);
    expect(content(manifestOf())).toEqual(content(was.get(6)!));

    const ran = await rollback('@-7', '--json');
    expect(ran.exitCode, ran.stdout + ran.stderr).toBe(0);
    await expectContentOf(1, 9);
    const delta = join(work.dir, 'delta');
    const since = join(site(), 'manifest.json');
    expect((await ours('delta', work.labelDir, '--to', delta, '--since', since)).exitCode).toBe(0);
    const taken = await ours('import', delta, '--root', join(work.dir, 'site'));
    expect(taken.exitCode, taken.stdout + taken.stderr).toBe(0);
    expect(content(manifestOf(site()))).toEqual(content(was.get(1)!));
  });

  it('goes from one earlier generation to another while it is held, and twice to the same', async () => {
    const ran = await rollback('5', '--json');
    expect(ran.exitCode, ran.stdout + ran.stderr).toBe(0);
    expect(reportOf(ran)).toMatchObject({ rollback: { from: 9, to: 5 }, held: { generation: 10 } });
    await expectContentOf(5, 10);
    const before = work.published();
    rmSync(join(state(), 'hold.json'));
    const again = await rollback('5', '--json');
    expect(again.exitCode, again.stdout + again.stderr).toBe(0);
    expect(reportOf(again)).toMatchObject({ published: { generation: 10, unchanged: true }, held: { generation: 10 } });
    expect(work.published()).toEqual(before);
    expect(existsSync(join(state(), 'hold.json'))).toBe(true);
  });

  it.each<[string, string[], number, RegExp]>([
    ['the live one', ['--to', '10'], 2, /Generation 10 is the live one.*E_GENERATION/s],
    ['a number that never was', ['--to', '99'], 2, /has no generation 99.*1-10.*E_GENERATION/s],
    ['no selector', ['--to', 'yesterday'], 2, /"yesterday" names no generation.*E_GENERATION/s],
    ['no --to', [], 2, /--to is missing.*E_USAGE/s],
    ['a day that is to come', ['--to', '2999-01-01'], 2, /still to come.*E_GENERATION/s],
  ])('tells a wrong use: %s', async (_name, args, code, message) => {
    const before = work.published();
    const ran = await ours('rollback', work.labelDir, ...args, ...upstream.options);
    expect([ran.exitCode, ran.stderr]).toEqual([code, expect.stringMatching(message)]);
    expect(work.published()).toEqual(before);
  });

  it('names what of a generation is no longer there; takes it from a folder that has it, or from its channel', async () => {
    const lose = (): void => {
      rmSync(join(work.root, '.repackenv', '.kept'), { recursive: true, force: true });
      rmSync(join(work.cache, 'store'), { recursive: true, force: true });
    };
    lose();
    const before = work.published();
    const ran = await rollback('4');
    expect([ran.exitCode, ran.stderr]).toEqual([
      4,
      expect.stringMatching(
        /no longer complete here: 2 of.*app-4\.0-0.*tool-1\.0-0.*--from FOLDER.*E_GENERATION_INCOMPLETE/s,
      ),
    ]);
    expect(work.published()).toEqual(before);
    const from = await rollback('4', '--from', join(work.dir, 'site-of-4'));
    expect(from.exitCode, from.stdout + from.stderr).toBe(0);
    await expectContentOf(4, 11);

    lose();
    await upstream.change(2);
    const fetched = await rollback('2', '--json');
    expect(fetched.exitCode, fetched.stdout + fetched.stderr).toBe(0);
    expect(reportOf(fetched)).toMatchObject({ fetched: { download: { artifacts: 2 } } });
    await expectContentOf(2, 12);
    rmSync(join(state(), 'generations', '4', 'noarch', 'repodata.json.zst'));
    const blind = await rollback('4');
    expect([blind.exitCode, blind.stderr]).toEqual([
      4,
      expect.stringMatching(/noarch\/repodata\.json\.zst: it is not kept.*E_GENERATION_INCOMPLETE/s),
    ]);
  });
});

describeWithLayers(['rsync'], 'a label that keeps two generations', () => {
  let other: Workplace;
  let changing: ChangingUpstream;
  beforeAll(async () => {
    other = await openWorkplace();
    changing = changingUpstream(other);
    for (const number of [1, 2, 3, 5]) {
      await changing.change(number);
      const ran = await changing.update('--keep', '2');
      expect(ran.exitCode, ran.stderr + ran.stdout).toBe(0);
    }
    rmSync(join(other.cache, 'store'), { recursive: true });
  });
  afterAll(() => other.close());

  const back = (to: string): Promise<Ran> =>
    other.run('repackenv', ['rollback', other.labelDir, '--to', to, ...changing.options]);

  it('has the bytes of these two and no others, and says what went to the pool', async () => {
    const pool = readdirSync(join(other.root, '.repackenv/.kept'), { recursive: true, encoding: 'utf8' });
    const kept = pool.flatMap((path) => /[0-9a-f]{64}$/.exec(path)?.[0] ?? []);
    const file = join(other.root, '.repackenv/halkbank/generations/3/manifest.json');
    const { files } = JSON.parse(readFileSync(file, 'utf8')) as Manifest;
    const needed = new Set(files.map(({ sha256 }) => sha256));
    expect(kept.filter((sha256) => !needed.has(sha256))).toEqual([]);
    const early = await back('1');
    expect([early.exitCode, early.stderr]).toEqual([4, expect.stringContaining('E_GENERATION_INCOMPLETE')]);
  });

  it('goes back to the one before, and rsync brings the site there', async () => {
    const copy = join(other.dir, 'copy');
    const rsync = async (): Promise<string[]> => {
      const ran = await runProgram(layerPath('rsync'), ['-ai', '--delete', `${other.labelDir}/`, `${copy}/`], {
        home: other.home,
      });
      expect(ran.exitCode, ran.stderr).toBe(0);
      return ran.stdout.split('\n').filter((line) => line !== '');
    };
    await rsync();
    const ran = await back('3');
    expect(ran.exitCode, ran.stdout + ran.stderr).toBe(0);
    expect(ran.stdout).toMatch(/in the pool \d files?, .*, for earlier generations/);
    expect((await rsync()).length).toBeGreaterThan(3);
    expect(snapshot(copy)).toEqual(other.published());
    const verified = await other.verify(copy);
    expect(verified.exitCode, verified.stdout).toBe(0);
    expect(await rsync()).toEqual([]);
  });
});

describeWithLayers(['ssh-keygen'], 'a signed label', () => {
  it('is signed again, or its signature is let go where that is said', async () => {
    const other = await openWorkplace();
    try {
      const signed = changingUpstream(other);
      const key = join(other.dir, 'key');
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
      for (const number of [1, 2]) {
        await signed.change(number);
        expect((await signed.update('--sign-key', key)).exitCode).toBe(0);
      }
      const back = (...more: string[]): Promise<Ran> =>
        other.run('repackenv', ['rollback', 'halkbank', '--root', other.root, '--to', '1', ...signed.options, ...more]);
      const before = other.published();
      const refused = await back();
      expect([refused.exitCode, refused.stderr]).toEqual([
        2,
        expect.stringMatching(/the signature .*for want of --sign-key.*E_ASKS_LESS/s),
      ]);
      expect(other.published()).toEqual(before);
      const ran = await back('--sign-key', key);
      expect(ran.exitCode, ran.stdout + ran.stderr).toBe(0);
      expect(ran.stdout).toMatch(/signature {3}signed/);
      expect((await other.verify()).exitCode).toBe(0);
      const free = ['rollback', other.labelDir, '--to', '2', '--drop', 'signature', ...signed.options];
      const unsigned = await other.run('repackenv', free);
      expect(unsigned.exitCode, unsigned.stdout + unsigned.stderr).toBe(0);
      expect(existsSync(join(other.labelDir, 'manifest.json.sig'))).toBe(false);
    } finally {
      await other.close();
    }
  });
});
