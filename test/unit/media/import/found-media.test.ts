import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ImportReport } from '../../../../src/jobs/import/apply-sets.js';
import type { RepackError } from '../../../../src/base/errors.js';
import { bytesBelow, tempDir } from '../../../helpers/artifacts.js';
import { exportTo } from '../../../helpers/carry.js';
import { importAt, makeGenerations } from '../../../helpers/import-site.js';
import { publishSamples, samplePackage } from '../../../helpers/label-folders.js';
import { testRuntime } from '../../../helpers/runtime.js';

/** Media as people have them: what they were exported to is not what arrives. */
let work: string;
let dirs: string[];
/** Generation 1 in five parts. */
let parts: string;
/** Generation 2, whole, and as a delta to 1. */
let second: string;
beforeAll(async () => {
  work = mkdtempSync(join(tmpdir(), 'repackenv-found-media-'));
  ({ dirs } = await makeGenerations(work));
  parts = join(work, 'parts');
  await exportTo(parts, dirs[0]!, { partSize: '9000', siteFiles: true });
  second = join(work, 'second');
  await exportTo(second, dirs[1]!);
  await exportTo(second, dirs[1]!, { since: join(dirs[0]!, 'manifest.json') });
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

let dir: string;
let root: string;
beforeEach(() => {
  dir = tempDir();
  root = join(dir, 'site');
});

function copyOf(medium: string, name: string): string {
  cpSync(medium, join(dir, name), { recursive: true });
  return join(dir, name);
}

async function takes(media: string | readonly string[], generation = 1): Promise<ImportReport> {
  const report = await importAt(root, media);
  expect(bytesBelow(join(root, 'acme'))).toEqual(bytesBelow(dirs[generation - 1]!));
  return report;
}

async function refusal(media: string | readonly string[]): Promise<string> {
  const error = (await importAt(root, media).catch((thrown: unknown) => thrown)) as RepackError;
  expect(error).toMatchObject({ code: 'E_MEDIUM' });
  return [error.what, error.where, error.hint, ...error.details].join('\n');
}

/** A part whose bytes at a place are others; from the end where it is negative. */
function damage(medium: string, part: number, at: number): void {
  const file = join(medium, `acme-g1.part00${part}.tar`);
  const bytes = readFileSync(file);
  bytes[at < 0 ? bytes.length + at : at]! ^= 1;
  writeFileSync(file, bytes);
}

describe('names', () => {
  it('beside which macOS has put its own files are read all the same', async () => {
    const stick = copyOf(parts, 'stick');
    for (const name of readdirSync(stick)) writeFileSync(join(stick, `._${name}`), `Mac OS X\0\0\0${'\0'.repeat(80)}`);
    writeFileSync(join(stick, '.DS_Store'), 'Bud1');
    expect((await takes(stick)).findings).toEqual([]);
  });

  it.each<[string, (name: string) => string]>([
    ['upper case (FAT, ISO 9660)', (name) => name.toUpperCase()],
    ['lower case (ISO 9660 as Linux mounts it)', (name) => name.toLowerCase()],
  ])('in %s are the same names, side files and SHA256SUMS with them', async (_what, renamed) => {
    const stick = join(dir, 'stick');
    mkdirSync(stick);
    for (const name of readdirSync(parts)) copyFileSync(join(parts, name), join(stick, renamed(name)));
    expect((await takes(stick)).findings).toEqual([]);
    rmSync(root, { recursive: true });
    writeFileSync(join(stick, renamed('acme-g1.part002.tar.list')), 'acme/linux-64/other-1.0-0.conda\n');
    expect(await refusal(stick)).toContain('other-1.0-0.conda');
    copyFileSync(join(parts, 'acme-g1.part002.tar.list'), join(stick, renamed('acme-g1.part002.tar.list')));
    copyFileSync(join(parts, 'acme-g1.part002.tar'), join(stick, renamed('acme-g1.part006.tar')));
    expect(await refusal(stick)).toMatch(/acme-g1\.part006\.tar on .* is not in the set file/i);
  });

  // As genisoimage 1.1.11 makes them of these, without Joliet and Rock Ridge.
  it.each<[string, (name: string, at: number) => string]>([
    [
      'level 1',
      (name, at) => `ACME_${String(at).padStart(3, '0')}.${name.split('.').at(-1)!.slice(0, 3).toUpperCase()}`,
    ],
    ['level 2', (name) => name.replace(/[-.](?=.*\.)/g, '_').toUpperCase()],
  ])('cut by ISO 9660 %s: set file and parts are known by what they say', async (_level, renamed) => {
    const disc = join(dir, 'disc');
    mkdirSync(disc);
    for (const [at, name] of readdirSync(parts).entries())
      copyFileSync(join(parts, name), join(disc, renamed(name, at)));
    expect(readdirSync(disc).some((name) => /\.set\.json$/i.test(name))).toBe(false);
    await takes(disc);
  });

  it('cut, and a part is not there: said so', async () => {
    const disc = join(dir, 'disc');
    mkdirSync(disc);
    for (const [at, name] of readdirSync(parts).entries())
      if (name !== 'acme-g1.part004.tar') copyFileSync(join(parts, name), join(disc, `FILE_${at}`));
    expect(await refusal(disc)).toContain('Part 4 of 5 (acme-g1.part004.tar) is on none of the media');
  });
});

describe('G11 a damaged part', () => {
  it.each<[string, number, number]>([
    ['in the content of a file', 2, -3000],
    ['in the first header', 2, 20],
    ['in what its header says of a member', 2, 512 + 500],
    ['in the manifest', 1, 512 * 6],
  ])('%s is named with its medium, and a sound copy elsewhere is taken', async (_where, part, at) => {
    const [bad, good] = [copyOf(parts, 'bad'), copyOf(parts, 'good')];
    damage(bad, part, at);
    const told = await refusal(bad);
    expect(told).toContain(`Part ${part} of 5 (acme-g1.part00${part}.tar) on ${bad}`);
    expect(told).toContain('The other 4 parts are right');
    await takes([bad, good]);
  });

  it.each([[0], [1]])(
    'is not only what it holds, but also what SHA256SUMS beside it says (%i first)',
    async (first) => {
      const [bad, good] = [copyOf(parts, 'bad'), copyOf(parts, 'good')];
      const sums = readFileSync(join(bad, 'SHA256SUMS'), 'utf8');
      writeFileSync(join(bad, 'SHA256SUMS'), sums.replace(/^[0-9a-f]{8}(?=.*part002\.tar$)/m, '00000000'));
      expect(await refusal(bad)).toContain('acme-g1.part002.tar is not the file that SHA256SUMS on this medium lists');
      await takes(first === 0 ? [bad, good] : [good, bad]);
    },
  );

  it('is told where a copy is taken for it, and refused where each copy is damaged', async () => {
    const [one, two] = [copyOf(parts, 'one'), copyOf(parts, 'two')];
    damage(one, 2, -3000);
    expect((await takes([one, two])).findings).toMatchObject([
      { code: 'medium-copy-damaged', subject: join(one, 'acme-g1.part002.tar'), exit: false },
    ]);
    rmSync(root, { recursive: true });
    damage(two, 2, -2000);
    expect(await refusal([one, two])).toContain(`Part 2 of 5 (acme-g1.part002.tar) on ${one} is damaged`);
  });
});

describe('more than one export', () => {
  it('of the same parts, for which other sizes were asked, is one set', async () => {
    const other = join(dir, 'other');
    await exportTo(other, dirs[0]!, { partSize: '9001' });
    await takes([parts, other]);
  });

  it.each([[0], [1]])('of one generation split in two ways: each is whole (%i first)', async (first) => {
    const other = join(dir, 'other');
    await exportTo(other, dirs[0]!, { partSize: '12000' });
    await takes(first === 0 ? [parts, other] : [other, parts]);
  });

  it('of two labels: a damaged set file of the other one does not stand in the way where --label says which', async () => {
    const stick = copyOf(parts, 'stick');
    const packages = [await samplePackage('z', '1.0')];
    const other = await publishSamples(testRuntime(), { root: join(dir, 'vendor'), label: 'zeta', packages });
    await exportTo(stick, other);
    writeFileSync(join(stick, 'zeta-g1.set.json'), '{');
    expect(await refusal(stick)).toContain('zeta-g1.set.json');
    const report = await importAt(root, stick, { label: 'acme' });
    expect(report.findings).toMatchObject([{ code: 'medium-copy-damaged', message: /it is of another label$/ }]);
    expect(bytesBelow(join(root, 'acme'))).toEqual(bytesBelow(dirs[0]!));
  });
});

describe('G8 a folder that was damaged where the delta does not reach', () => {
  it.each<[string, string]>([
    ['at the generation that the delta begins at', 'parts'],
    ['at the one that it leads to', 'second'],
  ])('%s is put right by the full set that lies beside the delta', async (_title, from) => {
    await importAt(root, from === 'parts' ? parts : second);
    if (from === 'parts') expect((await importAt(root, second, { dryRun: true })).sets[0]!.kind).toBe('delta');
    unlinkSync(join(root, 'acme/linux-64/b-1.0-0.tar.bz2'));
    expect((await importAt(root, second, { dryRun: true })).sets).toMatchObject([{ name: 'acme-g2', kind: 'full' }]);
    expect((await takes(second, 2)).sets).toMatchObject([{ name: 'acme-g2', kind: 'full' }]);
    expect(await importAt(root, second)).toMatchObject({ unchanged: true });
  });

  it('at the generation that the delta begins at, and the full set beside it is of that one too', async () => {
    await importAt(root, parts);
    unlinkSync(join(root, 'acme/linux-64/b-1.0-0.tar.bz2'));
    const delta = join(dir, 'delta');
    await exportTo(delta, dirs[1]!, { since: join(dirs[0]!, 'manifest.json') });
    expect((await importAt(root, [parts, delta], { dryRun: true })).generation).toBe(2);
    await takes([parts, delta], 2);
  });

  it('is refused where the full set is a step back', async () => {
    const stick = copyOf(parts, 'stick');
    await exportTo(stick, dirs[1]!, { since: join(dirs[0]!, 'manifest.json') });
    await importAt(root, stick);
    unlinkSync(join(root, 'acme/linux-64/b-1.0-0.tar.bz2'));
    await expect(importAt(root, stick)).rejects.toMatchObject({
      code: 'E_WRONG_BASE',
      details: ['linux-64/b-1.0-0.tar.bz2: missing'],
    });
  });
});
