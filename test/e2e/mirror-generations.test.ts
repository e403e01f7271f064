import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openMirrorPlace, type MirrorPlace } from '../helpers/mirrors.js';
import type { Ran } from '../helpers/programs.js';

/** `MIRROR`, `OUT` and `ROOT` stand for their folders. */
const ASKING: readonly [command: string, code: string, exitCode: number][] = [
  ['rollback MIRROR --to @-1', 'E_GENERATION_INCOMPLETE', 4],
  ['rollback MIRROR --to 1 --dry-run', 'E_GENERATION_INCOMPLETE', 4],
  ['diff MIRROR@-1 MIRROR', 'E_GENERATION', 2],
  ['notes MIRROR@-1 MIRROR', 'E_GENERATION', 2],
  ['verify MIRROR@1', 'E_GENERATION', 2],
  ['export MIRROR@-1 --to OUT', 'E_GENERATION', 2],
  ['delta MIRROR --since @-1 --to OUT', 'E_GENERATION', 2],
  ['delta MIRROR --since 1 --to OUT', 'E_GENERATION', 2],
  ['push MIRROR@-1 OUT', 'E_GENERATION', 2],
  ['why pytho MIRROR@-1', 'E_GENERATION', 2],
];

describe('earlier generations of a mirror', () => {
  let place: MirrorPlace;
  beforeAll(async () => {
    place = await openMirrorPlace();
    place.write('channels: [{url: UPSTREAM/prometeia, token: true}]\nplatforms: [linux-64]');
    await place.report(['--token-env', 'CONDA_TOKEN']);
    place.upstream.setGeneration(2);
    await place.report(['--token-env', 'CONDA_TOKEN']);
  });
  afterAll(() => place.close());

  const ours = (command: string): Promise<Ran> => {
    const [name = '', ...rest] = command.split(' ');
    const places = { MIRROR: place.mirrorDir, OUT: join(place.dir, 'out') };
    const args = rest.map((word) => word.replace(/^(MIRROR|OUT)/, (each) => places[each as 'OUT']));
    return place.run('repackenv', [name, ...args]);
  };

  it.each(ASKING)('%s, of which only the receipt is kept: why, and what to do', async (command, code, exitCode) => {
    const before = place.mirrored();
    const ran = await ours(command);
    expect(ran.stderr).toContain('Of generation 1 of main only the receipt is kept: what it held is not known here');
    expect(ran.stderr).toContain('Mirrors and imported folders keep no more than receipts unless told: --keep N');
    expect(ran.stderr).toMatch(/^ {2}where: .+/m);
    expect(ran.stderr).toContain(`[${code}]`);
    expect(ran.exitCode).toBe(exitCode);
    expect(place.mirrored()).toEqual(before);
  });

  it('history says what is kept', async () => {
    const ran = await ours('history MIRROR');
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(ran.stdout).toMatch(/^ {4}1 .*only its receipt is kept$/m);
  });

  it('those that are kept are named as a label’s, and gone back to', async () => {
    place.upstream.setGeneration(1);
    await place.report(['--token-env', 'CONDA_TOKEN', '--keep', '2']);
    for (const [command] of ASKING.slice(2)) {
      const ran = await ours(command.replaceAll(/@-1|@1|(?<=--since )1(?= )/g, '@2'));
      expect([command, ran.exitCode, ran.stderr.includes('error:')]).toEqual([
        command,
        command.startsWith('diff') ? 1 : 0,
        false,
      ]);
    }
    const back = await ours('rollback MIRROR --to @-1');
    expect(back.exitCode, back.stderr).toBe(0);
    expect(back.stdout).not.toMatch(/asked for/);
    expect(back.stdout).toMatch(/^ {2}conda install PACKAGE$/m);
    expect(back.stdout).toContain('held        until it is released');
    expect((await ours('verify MIRROR')).exitCode).toBe(0);
    expect(place.manifest()).toMatchObject({ generation: 4 });
  });

  it('a hold keeps it as it is, a release lets it follow again', async () => {
    const before = place.mirrored();
    expect((await ours('release MIRROR')).stdout).toContain('released; it was held at generation 4');
    expect((await ours('hold MIRROR --why audit')).exitCode).toBe(0);
    const held = await place.mirror(['--token-env', 'CONDA_TOKEN']);
    expect([held.exitCode, held.stdout]).toEqual([0, expect.stringMatching(/^main: held at generation 4 .*: audit$/m)]);
    expect(place.mirrored()).toEqual(before);
    expect(readFileSync(join(place.stateDir, 'hold.json'), 'utf8')).toContain('audit');
    expect((await ours('release MIRROR')).exitCode).toBe(0);
    await place.report(['--token-env', 'CONDA_TOKEN']);
    expect(place.manifest()).toMatchObject({ generation: 5 });
  });

  it('clean keeps what a kept generation needs', async () => {
    const ran = await place.run('repackenv', ['clean', '--root', join(place.dir, 'mirrors')]);
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect((await ours('verify MIRROR@-1')).exitCode).toBe(0);
  });
});
