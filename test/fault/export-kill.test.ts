import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changesBetween, snapshot, type Snapshot } from '../../scripts/lib/snapshot.js';
import { parseSetFile } from '../../src/media/set/headers.js';
import { makeChannel } from '../helpers/made-channel.js';
import { openWorkplace, startOurs, type Ran, type Workplace } from '../helpers/programs.js';

const SLOW = 600_000;
const STEPS = ['export:planned', 'export:part-written', 'export:written', 'export:file-placed', 'export:placed'];
const SPLIT = ['--part-size', '12000'];

describe('an export that is killed', () => {
  let work: Workplace;
  let published: Snapshot;
  let whole: Record<string, string>;

  beforeAll(async () => {
    work = await openWorkplace();
    // Without papers, which are larger than a part here.
    expect((await work.update({ args: ['--papers', 'none'] })).exitCode).toBe(0);
    published = snapshot(work.root);
    const ran = await exporting('whole');
    expect(ran.exitCode, ran.stderr).toBe(0);
    whole = digests(place('whole'));
    expect(Object.keys(whole).filter((name) => name.endsWith('.tar')).length).toBeGreaterThan(2);
  }, SLOW);
  afterAll(() => work.close());

  const place = (name: string): string => join(work.dir, 'media', name);
  const exporting = (name: string, env: Record<string, string> = {}): Promise<Ran> =>
    work.run('repackenv', ['export', work.labelDir, '--to', place(name), ...SPLIT], { env });

  it.each(STEPS)('I3 at %s leaves no set that is not whole, and the next run ends it', async (step) => {
    const name = step.replace(':', '-');
    const killed = await exporting(name, { REPACKENV_TEST_KILL_AT: step });
    expect(killed.signal, killed.stderr).toBe('SIGKILL');
    expectNoHalfSet(place(name));
    expect(changesBetween(published, snapshot(work.root))).toEqual([]);
    const next = await exporting(name);
    expect(next.exitCode, next.stderr).toBe(0);
    expect(digests(place(name))).toEqual(whole);
    expect(readdirSync(place(name)).filter((each) => each.startsWith('.'))).toEqual([]);
  });

  it(
    'I3 at any moment, again and again, ends the same',
    async () => {
      for (let round = 0; round < 12; round++) {
        const child = startOurs('repackenv', ['export', work.labelDir, '--to', place('random'), ...SPLIT], {
          home: work.home,
        });
        await child.says('medium: writing');
        await delay(round * 15);
        child.child.kill('SIGKILL');
        await child.ended;
        expectNoHalfSet(place('random'));
      }
      const ended = await exporting('random');
      expect(ended.exitCode, ended.stderr).toBe(0);
      // A folder that was not marked yet when its run was killed is left for a minute.
      const found = Object.entries(digests(place('random'))).filter(([path]) => !path.endsWith('/owner.json'));
      expect(Object.fromEntries(found)).toEqual(whole);
    },
    SLOW,
  );

  it(
    'H10 stops at SIGTERM and SIGINT, and cleans up',
    async () => {
      const large = join(work.dir, 'large', 'acme');
      makeChannel(large, { files: { 'noarch/a-1-0.conda': Buffer.alloc(200e6), 'noarch/b-1-0.conda': 'b' } });
      for (const [signal, exitCode] of [
        ['SIGTERM', 143],
        ['SIGINT', 130],
      ] as const) {
        const child = startOurs('repackenv', ['export', large, '--to', place(signal), '--zstd'], { home: work.home });
        await child.says('medium: writing');
        child.child.kill(signal);
        const ended = await child.ended;
        expect(ended.exitCode, ended.stderr).toBe(exitCode);
        expect(existsSync(place(signal))).toBe(false);
      }
      rmSync(large, { recursive: true });
    },
    SLOW,
  );

  it('I7 leaves folders that are not its own, and those of a run elsewhere, which it names', async () => {
    const out = place('shared');
    mkdirSync(join(out, '.repackenv-export-mine'), { recursive: true });
    writeFileSync(join(out, '.repackenv-export-mine', 'notes.txt'), 'not of this program');
    const unmarked = [join(out, '.repackenv-export-11111111'), join(out, '.repackenv-export-22222222')];
    for (const folder of unmarked) {
      mkdirSync(folder);
      writeFileSync(join(folder, 'owner.json'), '');
    }
    utimesSync(unmarked[0]!, 1e9, 1e9);
    mkdirSync(join(out, '.repackenv-export-0a0b0c0d'));
    const owner = { schema: 1, pid: 1, startTicks: '1', host: 'another-host', boot: 'b', machine: 'm', pidSpace: '1' };
    const since = '2026-01-02T03:04:05.000Z';
    writeFileSync(
      join(out, '.repackenv-export-0a0b0c0d', 'owner.json'),
      JSON.stringify({ ...owner, user: 'u', run: 'r', command: 'export', since }),
    );
    const ran = await exporting('shared');
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(ran.stderr).toContain('.repackenv-export-0a0b0c0d is of an export on another-host');
    expect(readdirSync(out).filter((name) => name.startsWith('.'))).toEqual([
      '.repackenv-export-0a0b0c0d',
      // Of this very moment: it may be somebody's who is about to mark it.
      '.repackenv-export-22222222',
      '.repackenv-export-mine',
    ]);
    expect(readFileSync(join(out, 'SHA256SUMS'), 'utf8')).not.toContain('repackenv-export');
  });

  /** Where there is a set file, every part of it is there with the right bytes. */
  function expectNoHalfSet(out: string): void {
    if (!existsSync(join(out, 'halkbank-g1.set.json'))) return;
    const { parts } = parseSetFile(readFileSync(join(out, 'halkbank-g1.set.json')), out);
    const found = digests(out);
    for (const { file, sha256 } of parts) expect(found[file]).toBe(sha256);
  }
});

function digests(dir: string): Record<string, string> {
  return Object.fromEntries([...snapshot(dir)].map(([path, { sha256 }]) => [path, sha256]));
}
