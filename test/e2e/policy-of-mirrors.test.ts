import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeChannel, makePackage, type PackageSpec } from '../../scripts/lib/sample-upstream.js';
import type { PublishReceipt } from '../../src/channel/staged.js';
import { runOurs, type Ran } from '../helpers/programs.js';
import { expectRefusal } from '../helpers/refusals.js';

const SLOW = 120_000;

const PACKAGES: readonly Partial<PackageSpec>[] = [
  { name: 'app', version: '1.0', depends: ['reader'] },
  { name: 'reader', version: '1.0', license: 'BSD-3-Clause' },
  { name: 'reader', version: '2.0', license: 'GPL-3.0-or-later' },
  { name: 'crypt', version: '3.0.14' },
  { name: 'crypt', version: '3.0.15' },
];

describe('a policy and mirrors, repairs, cleanings', () => {
  let dir: string;
  let root: string;
  let file: string;
  let house: string;
  const run = (...args: string[]): Promise<Ran> => runOurs('repackenv', args, { home: join(dir, 'home'), cwd: dir });
  const mirror = (...more: string[]): Promise<Ran> => run('mirror', '-f', file, ...settings(), ...more);
  const settings = (): string[] => ['--base-url', join(dir, 'up'), '--cache-dir', join(dir, 'cache')];
  const lying = (): string[] =>
    readdirSync(join(root, 'main/linux-64'))
      .filter((name) => name.endsWith('.conda'))
      .sort();
  const receipt = (number: number): PublishReceipt =>
    JSON.parse(readFileSync(join(root, `.repackenv/main/receipts/${number}.json`), 'utf8')) as PublishReceipt;

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'repackenv-policy-mirror-'));
    root = join(dir, 'root');
    const packages = await Promise.all(
      PACKAGES.map((spec) => makePackage({ name: '', version: '', subdir: 'linux-64', license: 'MIT', ...spec })),
    );
    await makeChannel(join(dir, 'up/main'), packages, { subdirs: ['linux-64'] });
    mkdirSync(root);
    file = join(dir, 'mirror.yml');
    writeFileSync(
      file,
      `channels: [main]\nplatforms: [linux-64]\nmirror_dir: ${join(root, 'main')}\nwhitelist: [reader]\n`,
    );
    house = join(dir, 'house.yml');
    writeFileSync(house, 'deny: {licenses: [GPL3]}\n');
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it(
    'a mirror leaves out what is denied, whatever its own lists say, and --explain tells',
    async () => {
      const explained = await mirror('--policy', house, '--explain', 'reader');
      expect(explained.stdout).toContain(
        'left out: policy: deny licenses: GPL3; its license is "GPL-3.0-or-later"\n  linux-64/reader-2.0-0.conda',
      );
      const ran = await mirror('--policy', house);
      expect(ran.exitCode, ran.stderr).toBe(0);
      expect(ran.stdout).toContain('1 by policy');
      expect(lying()).not.toContain('reader-2.0-0.conda');
      expect(lying()).toHaveLength(4);
      expect(receipt(1).policy).toMatchObject({ policies: ['house.yml'], packages: 4, denied: [] });
      const check = await run('policy', 'check', join(root, 'main'), '--policy', house);
      expect(check.exitCode, check.stdout).toBe(0);
      // Without the policy it is taken: what was chosen with one is not remembered.
      expect((await mirror()).exitCode).toBe(0);
      expect(lying()).toHaveLength(5);
    },
    SLOW,
  );

  it(
    'what lies there from before is refused with what to do, and clean -f takes it away',
    async () => {
      writeFileSync(
        join(root, 'repackenv.yml'),
        `policies:\n  house: {deny: {packages: ["crypt <3.0.15"], licenses: [GPL3]}}\ndefaults:\n  all: {policy: house}\nlabels: {}\n`,
      );
      for (const more of [['--dry-run'], []]) {
        expectRefusal(await mirror(...more), {
          code: 'E_POLICY',
          says: [
            'The policy house does not allow crypt 3.0.14, reader 2.0',
            'linux-64/crypt-3.0.14-0.conda: deny packages: crypt <3.0.15 (it is 3.0.14)',
            `it lies in the mirror from before: repackenv clean -f ${file} takes it away`,
          ],
        });
      }
      const cleaned = await run('clean', '-f', file, ...settings());
      expect(cleaned.exitCode, cleaned.stderr).toBe(0);
      expect(lying()).toEqual(['app-1.0-0.conda', 'crypt-3.0.15-0.conda', 'reader-1.0-0.conda']);
      const ran = await mirror();
      expect(ran.exitCode, ran.stderr).toBe(0);
      expect(ran.stdout).toContain('2 by policy');
    },
    SLOW,
  );

  it(
    'a repair is told what the policy says, and mends all the same',
    async () => {
      writeFileSync(join(root, 'main/linux-64/repodata.json'), '{}');
      const strict = join(dir, 'strict.yml');
      writeFileSync(strict, 'deny: {packages: [app]}\n');
      const repaired = await run('doctor', join(root, 'main'), '--repair', '--policy', strict);
      expect(repaired.exitCode, repaired.stderr).toBe(1);
      expect(repaired.stdout).toMatch(/the policy house and strict\.yml does not allow linux-64\/app-1\.0-0\.conda/);
      expect((await run('verify', join(root, 'main'))).exitCode).toBe(0);
      writeFileSync(join(root, 'main/linux-64/repodata.json'), '{}');
      const again = await run('doctor', join(root, 'main'), '--repair');
      expect(again.exitCode, again.stdout + again.stderr).toBe(0);
    },
    SLOW,
  );
});
