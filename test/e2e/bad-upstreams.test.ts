import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { digest, makePackage } from '../../scripts/lib/sample-upstream.js';
import { changesBetween, snapshot } from '../../scripts/lib/snapshot.js';
import { gate, type GatedUpstream } from '../helpers/gate.js';
import {
  expectClean,
  expectNothingLeft,
  expectRefusal,
  openGuardedWorkplace,
  type GuardedWorkplace,
} from '../helpers/refusals.js';
import { replaceArtifact } from '../helpers/replace-artifact.js';
import { startSampleUpstream } from '../helpers/upstream.js';

const SLOW = 180_000;

let upstream: GatedUpstream;
let work: GuardedWorkplace;

beforeAll(async () => {
  upstream = await gate(await startSampleUpstream());
  work = await openGuardedWorkplace({ upstream });
}, SLOW);
afterEach(() => upstream.reset());
afterAll(async () => {
  await work.close();
  await upstream.close();
});

/** With an empty cache: every artifact must come from the upstream. */
const coldCache = (name: string): string[] => ['--cache-dir', join(work.dir, `cache-${name}`)];

describe('an upstream that is not what it says', () => {
  // Of these the label folder has none yet: what it has is not asked for again.
  const packages = ['ratingpro', 'pytho', 'ratedocs', 'halkdata'];

  it(
    'N11 lacks a file: exit code 4, and it is named',
    async () => {
      upstream.answer(/ratedocs-.*\.conda$/, 404);
      await work.refuses({ packages }, { code: 'E_ARTIFACT_MISSING', says: ['ratedocs-5.1-0.conda'] });
      await work.expectSound();
    },
    SLOW,
  );

  it(
    'N11 lacks two files: both are named at once',
    async () => {
      upstream.answer(/(ratedocs|halkdata)-.*\.conda$/, 404);
      const says = ['ratedocs-5.1-0.conda', 'halkdata-2024.6-0.conda'];
      await work.refuses({ packages, args: coldCache('two') }, { code: 'E_ARTIFACT_MISSING', says });
    },
    SLOW,
  );

  it(
    'N11 has other bytes: exit code 4, with the digest that was stated',
    async () => {
      const bytes = readFileSync(join(upstream.dir, 'gen1/prometeia/noarch/ratedocs-5.1-0.conda'));
      const stated = digest('sha256', bytes);
      bytes[100]! ^= 1;
      upstream.answer(/ratedocs-.*\.conda$/, 200, bytes);
      await work.refuses({ packages }, { code: 'E_ARTIFACT_DIGEST', says: ['ratedocs-5.1-0.conda', stated] });
      await work.expectSound();
    },
    SLOW,
  );

  it.each([
    ['is a page of HTML', Buffer.from('<html><title>Sign in</title>')],
    ['is cut off', Buffer.from('{"info": {"subdir": "noarch"}, "packages": {"a-1-0.tar.bz2": {"na')],
    [
      'is of an unknown version',
      Buffer.from('{"info": {"subdir": "noarch"}, "packages": {}, "packages.conda": {}, "repodata_version": 99}'),
    ],
  ])(
    'N9 its index %s: exit code 7, and it is named',
    async (_title, body) => {
      upstream.answer(/pkgs\/main\/noarch\/repodata\.json\.(zst|bz2)$/, 404);
      upstream.answer(/pkgs\/main\/noarch\/repodata\.json$/, 200, body);
      await work.refuses({ args: coldCache('index') }, { code: 'E_REPODATA', says: ['pkgs/main/noarch'] });
    },
    SLOW,
  );

  it(
    'a package that is in no declared channel: exit code 3',
    async () => {
      await work.refuses(
        { packages: ['nosuchpackage'] },
        { code: 'E_PACKAGE_NOT_FOUND', says: ['nosuchpackage', '--channel'] },
      );
    },
    SLOW,
  );

  it(
    'packages that exclude each other: exit code 3',
    async () => {
      await work.refuses({ packages: ['alib', 'blib=2.0'] }, { code: 'E_UNSOLVABLE', says: ['blib'] });
    },
    SLOW,
  );

  it(
    'python in no declared channel: names the option',
    async () => {
      const args = `--base-url ${upstream.url} --owner prometeia --engine embedded --subdir linux-64 --cache-dir ${work.cache}`;
      const ran = await work.run('update-offline-repo', [
        ...args.split(' '),
        'halkbank',
        'env:CONDA_TOKEN',
        work.root,
        'pytho',
      ]);
      expectRefusal(ran, { code: 'E_NO_BASE_CHANNEL', says: ['python', '--channel'] });
    },
    SLOW,
  );

  it(
    'refuses connections: exit code 7',
    async () => {
      const args = ['--base-url', 'http://127.0.0.1:1', ...coldCache('refused')];
      await work.refuses({ args }, { code: 'E_UPSTREAM', says: ['127.0.0.1:1', 'refuses connections'] });
    },
    SLOW,
  );

  it('leaves a sound folder', () => work.expectSound(), SLOW);
});

describe('a file that was replaced upstream under its name', () => {
  it(
    'stops with exit code 5, is taken with --replace, and is the published one from then on',
    async () => {
      const fn = 'six-1.16.0-py_0.tar.bz2';
      const path = `noarch/${fn}`;
      const root = join(work.dir, 'replaced');
      const args = coldCache('replaced');
      expect((await work.update({ root, args })).exitCode).toBe(0);
      const dir = join(root, 'halkbank');
      const old = snapshot(dir);
      const rebuilt = await makePackage({
        name: 'six',
        version: '1.16.0',
        build: 'py_0',
        noarch: 'python',
        format: 'tar.bz2',
        depends: ['python'],
        files: { 'site-packages/six.py': 'rebuilt = True\n' },
      });
      await replaceArtifact(join(upstream.dir, 'gen1/pkgs/main/noarch'), fn, rebuilt.bytes);

      const refused = await work.update({ root, args });
      expectRefusal(refused, { code: 'E_ARTIFACT_REPLACED', says: [fn, '--replace'] });
      expect(changesBetween(old, snapshot(dir))).toEqual([]);

      const taken = await work.update({ root, args: [...args, '--replace', fn] });
      expect(taken.exitCode, taken.stderr).toBe(0);
      expectClean(taken);
      expect(snapshot(dir).get(path)!.sha256).toBe(rebuilt.record.sha256);
      // A copier that goes by size and time must send it again.
      expect(snapshot(dir).get(path)!.mtimeMs).toBeGreaterThan(old.get(path)!.mtimeMs);
      const verified = await work.verify(dir);
      expect(verified.exitCode, verified.stdout).toBe(0);
      expect((await work.update({ root, args })).stdout).toContain('nothing new; generation 2 stays');
    },
    SLOW,
  );
});

describe('I1 I6 a label that another run holds', () => {
  it(
    'ends at once with exit code 6 and names the owner; --wait-lock waits; both publish what is right',
    async () => {
      const root = join(work.dir, 'locked');
      const held = upstream.hold(/\.conda$/);
      const first = work.start({ root, args: coldCache('locked') });
      await held.came;

      const second = await work.update({ root });
      expectRefusal(second, { code: 'E_LOCKED', says: [`pid ${first.pid}`, hostname(), '--wait-lock'] });
      const third = work.start({ root, args: ['--wait-lock', '120'] });
      expect(await third.says('waiting')).toBe(true);
      expect(third.printed()).toContain(`pid ${first.pid}`);

      held.open();
      const [one, two] = await Promise.all([first.ended, third.ended]);
      expect(one.exitCode, one.stderr).toBe(0);
      expect(two.exitCode, two.stderr).toBe(0);
      expect(two.stdout).toContain('nothing new');
      expectNothingLeft({ ...work, root });
    },
    SLOW,
  );

  it(
    'I2 another label of the same ROOT and cache is not held up',
    async () => {
      const root = join(work.dir, 'two-labels');
      const args = coldCache('two-labels');
      upstream.layout.channels.push({
        path: 'prometeia/label/isbank',
        publicFolder: null,
        tokenFolder: 'label/halkbank',
      });
      const held = upstream.hold(/ratingpro-.*\.conda$/);
      const first = work.start({ root, args });
      await held.came;
      const other = await work.update({ root, args, label: 'isbank', packages: ['pytho'] });
      expect(other.exitCode, other.stderr).toBe(0);
      held.open();
      expect((await first.ended).exitCode).toBe(0);
    },
    SLOW,
  );
});
