import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makePackage } from '../../scripts/lib/sample-upstream.js';
import { changesBetween, snapshot } from '../../scripts/lib/snapshot.js';
import { bzip2Compress } from '../../src/codec/bzip2.js';
import type { DoctorReport } from '../../src/jobs/doctor/doctor.js';
import { describeWithLayers } from '../helpers/layers.js';
import { openWorkplace, startOurs, type Workplace } from '../helpers/programs.js';
import { folderOfChannel, openRealWorkplace, recordsIn } from '../helpers/real-upstream.js';
import { expectClean, expectRefusal } from '../helpers/refusals.js';

const SLOW = 300_000;

async function doctor(work: Workplace, args: readonly string[]): Promise<DoctorReport & { exitCode: number | null }> {
  const ran = await work.run('repackenv', ['doctor', '--json', ...args]);
  expectClean(ran);
  const last = ran.stdout.trimEnd().split('\n').at(-1)!;
  expect(last, ran.stderr).toMatch(/^\{/);
  return { ...(JSON.parse(last) as DoctorReport), exitCode: ran.exitCode };
}

const codes = ({ findings }: DoctorReport): string[] =>
  findings
    .filter(({ exit }) => exit)
    .map(({ code, subject }) => `${code} ${subject}`)
    .sort();

describeWithLayers(['upstream-mixed'], 'doctor on a copy of the real channel', () => {
  let work: Workplace;
  let from: string;
  beforeAll(async () => {
    work = await openRealWorkplace('mixed');
    from = folderOfChannel(work, `${work.upstream.url}/pkgs/main`);
  });
  afterAll(() => work.close());

  /** Without hard links to the upstream, so that it can be broken. */
  function copyOf(name: string): string {
    const dir = join(work.dir, name, 'main');
    mkdirSync(dir, { recursive: true });
    cpSync(from, dir, { recursive: true, preserveTimestamps: true });
    return dir;
  }

  it(
    'finds nothing, and repair writes nothing',
    async () => {
      const dir = copyOf('sound');
      const before = snapshot(join(dir, '..'));
      const report = await doctor(work, [dir, '--repair', '--prune']);
      expect([codes(report), report.exitCode]).toEqual([[], 0]);
      expect(report.longestPath!.prefix).toBeGreaterThan(50);
      expect(changesBetween(before, snapshot(join(dir, '..')))).toEqual([]);
    },
    SLOW,
  );

  it(
    'F1 F4 E8 broken in many ways at once: each is named, repair mends what it says and keeps the hotfixes',
    async () => {
      const dir = copyOf('broken');
      const records = recordsIn(dir, 'noarch');
      const [lost, wrong] = Object.keys(records);
      rmSync(join(dir, 'noarch', lost!));
      writeFileSync(join(dir, 'noarch', wrong!), '<html>502</html>');
      const late = await makePackage({ name: 'late', version: '1.0' });
      writeFileSync(join(dir, 'noarch', late.distFilename), late.bytes);
      writeFileSync(join(dir, 'linux-64/repodata.json.bz2'), await bzip2Compress(Buffer.from('{"packages":{}}')));
      writeFileSync(join(dir, 'win-64/repodata.json'), '');
      writeFileSync(join(dir, 'win-64/x-1-0.conda.part'), 'half');
      const found = [
        `artifact-corrupt noarch/${wrong}`,
        `file-missing noarch/${lost}`,
        'file-unindexed noarch/late-1.0-0.conda',
        'form-differs linux-64/repodata.json.bz2',
        'form-differs win-64/repodata.json.bz2',
        'form-differs win-64/repodata.json.zst',
        'index-empty win-64/repodata.json',
        'partial-file win-64/x-1-0.conda.part',
      ];
      const before = await doctor(work, [dir]);
      expect([codes(before), before.exitCode]).toEqual([found.toSorted(), 1]);

      const repaired = await doctor(work, [dir, '--repair']);
      expect([codes(repaired), repaired.exitCode]).toEqual([
        [`artifact-corrupt noarch/${wrong}`, 'partial-file win-64/x-1-0.conda.part'],
        1,
      ]);
      expect(repaired.repair!.leftOut.map(({ path }) => path)).toEqual([`noarch/${wrong}`]);
      const { [lost!]: _lost, [wrong!]: _wrong, ...kept } = records;
      expect(recordsIn(dir, 'noarch')).toEqual({ ...kept, [late.distFilename]: late.record });
      expect(recordsIn(dir, 'win-64')).toEqual(recordsIn(from, 'win-64'));

      const pruned = await doctor(work, [dir, '--repair', '--prune']);
      expect([codes(pruned), pruned.exitCode]).toEqual([[], 0]);
      expect(pruned.repair!.removed).toEqual([`noarch/${wrong}`, 'win-64/x-1-0.conda.part']);
    },
    SLOW,
  );
});

describe('doctor on a label folder', () => {
  let work: Workplace;
  beforeAll(async () => {
    work = await openWorkplace();
    const ran = await work.update();
    expect(ran.exitCode, ran.stderr).toBe(0);
  }, SLOW);
  afterAll(() => work.close());

  it(
    'F10 re-indexed by an old script: --repair gives back what was published, byte for byte, and `update` has nothing to do',
    async () => {
      expect((await doctor(work, [work.labelDir])).exitCode).toBe(0);
      const before = work.published();
      const index = join(work.labelDir, 'noarch/repodata.json');
      const value = JSON.parse(readFileSync(index, 'utf8')) as object;
      writeFileSync(index, JSON.stringify(value, undefined, 2));
      writeFileSync(join(work.labelDir, 'noarch/current_repodata.json'), '{}');
      rmSync(join(work.labelDir, 'noarch/repodata.json.zst'));
      const report = await doctor(work, [work.labelDir, '--repair']);
      expect([codes(report), report.exitCode, report.generation]).toEqual([[], 0, 1]);
      expect(changesBetween(before, work.published()).filter((line) => !line.startsWith('touched'))).toEqual([]);
      expect((await work.verify()).exitCode).toBe(0);
      expect((await work.update()).stdout).toContain('nothing new');
    },
    SLOW,
  );

  it(
    'I1 waits for nobody: another run that holds the folder is named, exit code 6',
    async () => {
      const dir = join(work.dir, 'held', 'halkbank');
      cpSync(work.labelDir, dir, { recursive: true, preserveTimestamps: true });
      rmSync(join(dir, 'noarch/repodata.json.zst'));
      const slow = startOurs('repackenv', ['doctor', dir, '--repair'], {
        home: work.home,
        env: { REPACKENV_TEST_KILL_AT: 'update:locked' },
      });
      expect((await slow.ended).signal).toBe('SIGKILL');
      // Its owner is dead: followed at once.
      const report = await doctor(work, [dir, '--repair']);
      expect([codes(report), report.exitCode]).toEqual([[], 0]);
      const claims = join(dir, '..', '.repackenv', 'halkbank', 'lock');
      const top = join(claims, String(Math.max(...readdirSync(claims).map(Number))));
      const owner = JSON.parse(readFileSync(join(top, 'released.json'), 'utf8')) as object;
      writeFileSync(join(top, 'owner.json'), JSON.stringify({ ...owner, host: 'another-host' }));
      rmSync(join(top, 'released.json'));
      rmSync(join(dir, 'noarch/repodata.json.zst'));
      expectRefusal(await work.run('repackenv', ['doctor', dir, '--repair']), {
        code: 'E_LOCKED',
        says: ['another-host', 'doctor'],
      });
      expect(existsSync(join(dir, 'noarch/repodata.json.zst'))).toBe(false);
    },
    SLOW,
  );

  it.each([
    [['/nothing/here'], 'E_NOT_A_CHANNEL', 'no such folder'],
    [['.', '--prune'], 'E_USAGE', '--repair --prune'],
    [['.', '--site-prefix', 'envs/prod'], 'E_USAGE', 'no absolute path'],
    [['.', '--prefix-length', '0'], 'E_USAGE', 'no number of characters'],
    [['.', '--prefix-length', '40', '--site-prefix', '/opt'], 'E_USAGE', 'Give one of them'],
    [['/'], 'E_ROOT', 'root of a file system'],
  ] as const)('refuses %j', async (args, code, says) => {
    expectRefusal(await work.run('repackenv', ['doctor', ...args]), { code, says: [says] });
  });
});
