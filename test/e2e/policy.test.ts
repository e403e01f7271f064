import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeChannel, makePackage, type PackageSpec } from '../../scripts/lib/sample-upstream.js';
import { changesBetween, snapshot } from '../../scripts/lib/snapshot.js';
import { ANSWERS, type PolicyReport } from '../../src/answers/schema.js';
import type { PublishReceipt } from '../../src/channel/staged.js';
import { runOurs, type Ran } from '../helpers/programs.js';
import { expectClean, expectRefusal } from '../helpers/refusals.js';

const SLOW = 120_000;
const DAY = 86_400_000;
const OLD = Date.UTC(2024, 0, 2);
const YESTERDAY = Math.floor(Date.now() / 1000) * 1000 - DAY;
const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

const PACKAGES: readonly Partial<PackageSpec>[] = [
  { name: 'app', version: '1.0', depends: ['reader', 'crypt >=3'] },
  { name: 'reader', version: '1.0', license: 'BSD-3-Clause' },
  { name: 'reader', version: '2.0', license: 'GPL-3.0-or-later' },
  { name: 'crypt', version: '3.0.14', license: 'Apache-2.0' },
  { name: 'crypt', version: '3.0.15', license: 'Apache-2.0' },
  { name: 'crypt', version: '3.0.16', license: 'Apache-2.0', timestamp: YESTERDAY },
  { name: 'modern', version: '1.0', depends: ['reader >=2'] },
  { name: 'pinned', version: '1.0', depends: ['crypt 3.0.14'] },
  { name: 'linked', version: '1.0', files: { 'bin/.linked-post-link.sh': 'true\n', 'Menu/linked.json': '{}' } },
  { name: 'undated', version: '1.0', timestamp: OLD, index: { timestamp: undefined } },
];

const ADVISORY = {
  id: 'GHSA-aaaa-bbbb-cccc',
  aliases: ['CVE-2026-4711'],
  summary: 'a key is guessed',
  affected: [
    {
      package: { purl: 'pkg:conda/crypt' },
      ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '3.0' }, { fixed: '3.0.15' }] }],
    },
  ],
};

const HOUSE = `policies:
  house:
    deny: {licenses: [GPL3]}
    newest: 7d
    advisories: osv
`;
const LABELS = `labels:
  bank: {packages: [app], policy: house}
`;

describe('policies, by the installed program', () => {
  let dir: string;
  let root: string;
  let head: string;
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'repackenv-policy-'));
    root = join(dir, 'root');
    const packages = await Promise.all(
      PACKAGES.map((spec) => makePackage({ name: '', version: '', subdir: 'linux-64', license: 'MIT', ...spec })),
    );
    for (const label of ['bank', 'other'])
      await makeChannel(join(dir, `up/acme/label/${label}`), [], { subdirs: ['linux-64'] });
    await makeChannel(join(dir, 'up/acme'), [], { subdirs: ['linux-64'] });
    await makeChannel(join(dir, 'up/main'), packages, { subdirs: ['linux-64'] });
    head = `owner: acme\nbase_url: ${join(dir, 'up')}\nchannels: [main]\nsubdirs: [linux-64]\nengine: embedded\ncache_dir: ${join(dir, 'cache')}\n`;
  });
  beforeEach(() => {
    rmSync(root, { recursive: true, force: true });
    mkdirSync(join(root, 'osv'), { recursive: true });
    writeFileSync(join(root, 'osv', 'a.json'), JSON.stringify(ADVISORY));
    declare(HOUSE + LABELS);
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  const declare = (text: string): void => writeFileSync(join(root, 'repackenv.yml'), head + text);
  const write = (name: string, text: string): string => {
    writeFileSync(join(dir, name), text);
    return join(dir, name);
  };
  const run = (...args: string[]): Promise<Ran> => runOurs('repackenv', args, { home: join(dir, 'home'), cwd: root });
  const delivered = (label = 'bank'): string[] =>
    readdirSync(join(root, label, 'linux-64'))
      .filter((name) => name.endsWith('.conda'))
      .sort();
  const receipt = (name = 'receipts/1.json'): PublishReceipt =>
    JSON.parse(readFileSync(join(root, '.repackenv/bank', name), 'utf8')) as PublishReceipt;
  const refused = async (args: readonly string[], says: readonly (string | RegExp)[]): Promise<Ran> => {
    const before = snapshot(root);
    const ran = await run(...args);
    expectRefusal(ran, { code: 'E_POLICY', says });
    expect(
      [...changesBetween(before, snapshot(root))].filter((change) => !JSON.stringify(change).includes('.repackenv')),
    ).toEqual([]);
    return ran;
  };

  it(
    'the solver takes what is allowed: no GPL3, nothing younger than a week, nothing in an advisory’s range',
    async () => {
      declare(LABELS.replace(', policy: house', ''));
      expect((await run('update', 'bank')).exitCode).toBe(0);
      expect(delivered()).toEqual(['app-1.0-0.conda', 'crypt-3.0.16-0.conda', 'reader-2.0-0.conda']);

      declare(HOUSE + LABELS);
      const ran = await run('update', 'bank');
      expect(ran.exitCode, ran.stderr).toBe(0);
      expectClean(ran);
      expect(ran.stdout).toContain('policy      house allows all');
      expect(delivered()).toEqual(['app-1.0-0.conda', 'crypt-3.0.15-0.conda', 'reader-1.0-0.conda']);
      expect(receipt('receipts/2.json').policy).toMatchObject({ policies: ['house'], packages: 3, denied: [] });
      expect(JSON.stringify(snapshot(join(root, 'bank')))).not.toContain('house');

      const check = await run('policy', 'check', join(root, 'bank'), '--json');
      expect(check.exitCode, check.stdout + check.stderr).toBe(0);
      const report: unknown = JSON.parse(check.stdout.trimEnd().split('\n').at(-1)!);
      expect(ANSWERS.policy.strict().safeParse(report).error).toBeUndefined();
      const before = await run('policy', 'check', `${join(root, 'bank')}@1`);
      expect(before.exitCode).toBe(1);
      expect(before.stdout).toContain('bank, generation 1: house does not allow 2 of 3 packages, judged at 20');
      expect(before.stdout).toContain(
        '  linux-64/reader-2.0-0.conda: deny licenses: GPL3 (its license is "GPL-3.0-or-later")\n    asked for: app; app 1.0 needs reader',
      );

      // Back to what is denied: somebody's will, and told.
      const planned = await run('rollback', join(root, 'bank'), '--to', '1', '--dry-run');
      expect(planned.exitCode, planned.stderr).toBe(1);
      expect(planned.stdout).toContain('does not allow linux-64/reader-2.0-0.conda');
      const back = await run('rollback', join(root, 'bank'), '--to', '1');
      expect(back.exitCode, back.stderr).toBe(1);
      expect(back.stdout).toContain('the policy house does not allow linux-64/reader-2.0-0.conda: deny licenses: GPL3');
      expect(receipt('receipts/3.json').policy?.denied).toHaveLength(2);
    },
    SLOW,
  );

  it.each([
    [
      'a licence',
      'modern',
      [
        'error: The policy house does not allow reader 2.0; nothing was changed',
        'linux-64/reader-2.0-0.conda: deny licenses: GPL3 (its license is "GPL-3.0-or-later")',
        'asked for: modern; modern 1.0 needs reader >=2',
        'allowed would be: reader 1.0, the newest such of the declared channels',
      ],
    ],
    [
      'an age',
      '"crypt>=3.0.16"',
      [
        `newest 7d (it is of ${day(YESTERDAY)}, which is allowed from ${day(YESTERDAY + 7 * DAY)} on)`,
        'asked for: crypt>=3.0.16',
        'allowed would be: crypt 3.0.15',
      ],
    ],
    [
      'an advisory',
      'pinned',
      [
        'linux-64/crypt-3.0.14-0.conda: advisories CVE-2026-4711 (3.0.14 is affected: a key is guessed)',
        'asked for: pinned; pinned 1.0 needs crypt 3.0.14',
        'allowed would be: crypt 3.0.15',
      ],
    ],
  ])(
    'says what is denied by %s where nothing else can be had',
    async (_name, packages, says) => {
      declare(`${HOUSE}labels:\n  bank: {packages: [${packages}], policy: house}\n`);
      await refused(['update', 'bank'], says);
      await refused(['plan', 'bank'], says);
    },
    SLOW,
  );

  it(
    'an error that is not the policy’s is told as ever',
    async () => {
      declare(`${HOUSE}labels:\n  bank: {packages: [nowhere], policy: house}\n`);
      expectRefusal(await run('update', 'bank'), { code: 'E_PACKAGE_NOT_FOUND', says: ['no such package'] });
    },
    SLOW,
  );

  it(
    'exceptions, dates that are missing and what runs at an installation',
    async () => {
      const except = (until: string): string =>
        `policies:\n  house:\n    newest: 7d\n    advisories: osv\n    deny: {scripts: [link]}\n    except: [{packages: "crypt 3.0.14", only: [CVE-2026-4711], reason: ticket 4711, until: ${until}}]\n`;
      const label = 'labels:\n  bank: {packages: [pinned, undated], policy: house}\n';
      declare(except(day(Date.now() + 30 * DAY)) + label);
      const ran = await run('update', 'bank');
      expect(ran.exitCode, ran.stderr).toBe(0);
      expect(ran.stdout).toContain('house allows all, 1 by an exception');
      expect(ran.stdout + ran.stderr).toMatch(/crypt-3\.0\.14-0\.conda is let through until 20.*: ticket 4711/);
      expect(ran.stdout + ran.stderr).toContain(
        'without a date, and let through by the rule on age: linux-64/undated-1.0-0.conda',
      );
      expect(readFileSync(join(root, 'bank/papers/CHANGES.md'), 'utf8')).toMatch(
        /exception of the policy[^]*crypt 3\.0\.14.*ticket 4711, until 20/,
      );
      expect(receipt().policy?.excepted).toMatchObject([{ name: 'crypt', reason: 'ticket 4711' }]);

      declare(except(day(Date.now() - DAY)) + label);
      await refused(['update', 'bank'], [/the exception for crypt 3\.0\.14 ended on 20\S+ and counts no more/]);

      declare(except('2026-01-01') + label.replace('pinned, undated', 'linked'));
      await refused(
        ['update', 'bank', '--drop', 'pinned', '--drop', 'undated'],
        ['deny scripts: link (it has bin/.linked-post-link.sh)'],
      );
    },
    SLOW,
  );

  it(
    'a plan judges what no record tells as far as it is known, and says what comes later',
    async () => {
      const asks = (rules: string): void =>
        declare(`policies:\n  house: {${rules}}\nlabels:\n  bank: {packages: [linked], policy: house}\n`);
      asks('deny: {scripts: [link]}');
      const planned = await run('plan', 'bank', '--cache-dir', join(dir, 'empty'));
      expect(planned.exitCode, planned.stderr).toBe(0);
      expect(planned.stdout + planned.stderr).toContain(
        'the policy is asked once the packages are here: what runs at the installation of 1 of 1 package',
      );
      const told = await run('plan', 'bank', '--cache-dir', join(dir, 'empty'), '--json');
      expect(told.stdout).toMatch(/"code":"policy-later"/);
      declare(LABELS.replace('app], policy: house', 'linked]'));
      expect((await run('update', 'bank')).exitCode).toBe(0);
      asks('deny: {scripts: [link]}');
      const says = ['deny scripts: link (it has bin/.linked-post-link.sh)', 'asked for: linked'];
      await refused(['plan', 'bank'], says);
      await refused(['update', 'bank'], says);

      asks('require: [signature]');
      for (const job of ['plan', 'update'])
        await refused([job, 'bank'], ['The policy house asks for a signature', 'Sign it: --sign-key FILE.']);
      asks('require: [attestations]');
      await refused(['plan', 'bank'], ['require attestations (it has no attestation)']);
    },
    SLOW,
  );

  it(
    '--policy FILE holds beside the label’s, for what comes on other ways too',
    async () => {
      const house = write('house.yml', 'deny: {packages: "reader"}\n');
      await refused(
        ['update', 'bank', '--policy', house],
        ['The policy house and house.yml does not allow', 'deny packages: reader'],
      );
      expect((await run('update', 'bank')).exitCode).toBe(0);
      await refused(['update', '--label', 'bank', 'modern', '--drop', 'app'], ['deny licenses: GPL3']);

      const lock = write(
        'modern.txt',
        `@EXPLICIT\n${['modern-1.0-0', 'reader-2.0-0'].map((stem) => `${pathToFileURL(join(dir, 'up/main')).href}/linux-64/${stem}.conda`).join('\n')}\n`,
      );
      await refused(['update', '--label', 'bank', '--lock', lock], ['deny licenses: GPL3']);

      const out = join(dir, 'medium');
      expect((await run('export', join(root, 'bank'), '--to', out)).exitCode).toBe(0);
      const site = join(dir, 'site');
      for (const more of [['--dry-run'], []]) {
        const imported = await run('import', out, '--root', site, '--policy', house, ...more);
        expectRefusal(imported, {
          code: 'E_POLICY',
          says: ['deny packages: reader', 'asked for: app; app 1.0 needs reader'],
        });
      }
      expect((await run('import', out, '--root', site)).exitCode).toBe(0);

      for (const more of [['--dry-run'], []]) {
        const merged = await run('merge', join(dir, 'up/main'), join(root, 'bank'), ...more);
        expectRefusal(merged, { code: 'E_POLICY', says: ['reader-2.0-0.conda: deny licenses: GPL3', 'crypt-3.0.16'] });
      }
    },
    SLOW,
  );

  it(
    'policy check: a mirror, another folder, a manifest; what is no policy',
    async () => {
      expect((await run('update', 'bank')).exitCode).toBe(0);
      const main = join(dir, 'up/main');
      const check = await run('policy', 'check', main, '--named', 'house', '--root', root, '--json');
      expect(check.exitCode, check.stderr).toBe(1);
      const { answers } = JSON.parse(check.stdout.trimEnd().split('\n').at(-1)!) as PolicyReport;
      expect(answers[0]!.denied.map(({ path, rule }) => `${path} ${rule}`)).toEqual([
        'linux-64/crypt-3.0.14-0.conda advisories CVE-2026-4711',
        'linux-64/crypt-3.0.16-0.conda newest 7d',
        'linux-64/reader-2.0-0.conda deny licenses: GPL3',
      ]);
      const signed = write('signed.yml', 'require: [signature]\n');
      const manifest = await run('policy', 'check', join(root, 'bank/manifest.json'), '--policy', signed);
      expect([manifest.exitCode, manifest.stdout]).toEqual([1, expect.stringContaining('the manifest is not signed')]);

      expectRefusal(await run('policy', 'check', main), { code: 'E_USAGE', says: ['No policy holds for this'] });
      expectRefusal(await run('policy', 'check', main, '--named', 'huse', '--root', root), {
        code: 'E_USAGE',
        says: ['Did you mean house?'],
      });
      expectRefusal(await run('policy', 'chek', main), { code: 'E_USAGE', says: ['Did you mean check?'] });
      expectRefusal(await run('policy', 'check', main, '--policy', join(dir, 'nowhere.yml')), {
        code: 'E_CONFIG',
        says: ['The policy file can’t be read: it is not there (any more) (ENOENT)'],
      });
    },
    SLOW,
  );

  it.each([
    [
      'an unknown key',
      'policies:\n  house: {newst: 7d}\n',
      'E_CONFIG',
      ['line 8, column 11', 'Did you mean "newest"?'],
    ],
    [
      'an unknown family',
      'policies:\n  house: {deny: {licenses: GLP3}}\n',
      'E_CONFIG',
      ['line 8, column 28', 'Did you mean GPL3?'],
    ],
    [
      'a bad date',
      'policies:\n  house: {except: [{packages: x, reason: y, until: 31.1.2027}]}\n',
      'E_CONFIG',
      ['line 8, column 52', 'until: 2027-01-31'],
    ],
    ['a circle', 'policies:\n  a: {from: b}\n  b: {from: a}\n', 'E_CONFIG', ['line 8, column 13', 'a -> b -> a']],
    [
      'a policy that is not there',
      'policies:\n  house: {newest: 7d}\nlabels:\n  bank: {packages: [app], policy: hose}\n',
      'E_CONFIG',
      ['line 10, column 35', 'Did you mean house?'],
    ],
    [
      'advisories that are not there',
      `${HOUSE.replace('osv', 'nowhere')}${LABELS}`,
      'E_USAGE',
      ['root/nowhere', 'advisories of policy house'],
    ],
    ['advisories that are none', `${HOUSE.replace('osv', 'repackenv.yml')}${LABELS}`, 'E_USAGE', ['This is no JSON']],
  ] as const)(
    'refuses %s before anything is done',
    async (_name, text, code, says) => {
      declare(text);
      const before = snapshot(root);
      expectRefusal(await run('update', 'bank', '--root', root), { code, says: [...says] });
      // What a run of several labels notes of itself.
      expect(changesBetween(before, snapshot(root)).filter((line) => !line.includes('.repackenv/'))).toEqual([]);
    },
    SLOW,
  );
});
