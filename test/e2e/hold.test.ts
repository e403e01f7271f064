import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openWorkplace, type Ran, type Workplace } from '../helpers/programs.js';

let work: Workplace;
const holdFile = (): string => join(work.root, '.repackenv', 'halkbank', 'hold.json');
const ours = (...args: string[]): Promise<Ran> => work.run('repackenv', args);
const reportOf = ({ stdout }: Ran): Record<string, unknown> => JSON.parse(stdout.trimEnd().split('\n').at(-1)!);

beforeAll(async () => {
  work = await openWorkplace();
  const first = await work.update();
  expect(first.exitCode, first.stderr).toBe(0);
});
afterAll(() => work.close());

it('keeps a label as it is until it is released; a nightly run says so, ends well and writes nothing', async () => {
  const before = work.published();
  work.upstream.setGeneration(2);
  const held = await ours('hold', work.labelDir, '--why', 'audit until\n Friday', '--json');
  expect(held.exitCode, held.stderr).toBe(0);
  expect(reportOf(held)).toMatchObject({
    job: 'hold',
    label: 'halkbank',
    labelDir: work.labelDir,
    before: null,
    held: { schema: 1, generation: 1, why: 'audit until Friday' },
  });

  const said = /^halkbank: held at generation 1 since \d{4}-\d\d-\d\d: audit until Friday$/m;
  const night = await work.update();
  expect(night.exitCode, night.stderr).toBe(0);
  expect(night.stdout).toMatch(said);
  expect(night.stdout).toContain(`repackenv release ${work.labelDir}`);
  expect(reportOf(await work.update({ args: ['--json'] }))).toMatchObject({
    held: { generation: 1, why: 'audit until Friday' },
    specs: ['pytho', 'ratingpro'],
    published: { generation: 1, unchanged: true, because: [], bytesWritten: 0 },
    changes: { added: [], removed: [], upgraded: [], bytesToTravel: 0 },
  });
  const quiet = await work.update({ args: ['--quiet'] });
  expect([quiet.exitCode, quiet.stdout, quiet.stderr]).toEqual([0, '', '']);
  const planned = await work.update({ args: ['--dry-run'] });
  expect(planned.exitCode, planned.stderr).toBe(0);
  expect(planned.stdout).toMatch(said);
  expect(work.published()).toEqual(before);

  const released = await ours('release', 'halkbank', '--root', work.root);
  expect(released.exitCode, released.stderr).toBe(0);
  expect(released.stdout).toMatch(/^halkbank: released; it was held at generation 1 since .*: audit until Friday$/m);
  const after = await work.update({ args: ['--json'] });
  expect(reportOf(after)).toMatchObject({ published: { generation: 2, unchanged: false } });
});

it('says of a release that nothing was held, and of a second hold what holds', async () => {
  const free = await ours('release', work.labelDir);
  expect([free.exitCode, free.stdout]).toEqual([0, 'halkbank: was not held; nothing changed\n']);
  expect((await ours('hold', work.labelDir, '--why', 'one')).exitCode).toBe(0);
  const file = readFileSync(holdFile(), 'utf8');
  const again = await ours('hold', work.labelDir, '--why', 'two');
  expect(again.exitCode).toBe(5);
  expect(again.stderr).toMatch(/is held at generation \d since .*: one already; nothing was changed\n.*E_HELD/s);
  expect(readFileSync(holdFile(), 'utf8')).toBe(file);
});

it('refuses what somebody has chosen: a medium, a folder; what is there already may mend it', async () => {
  const before = work.published();
  const medium = join(work.dir, 'medium');
  expect((await ours('export', work.labelDir, '--to', medium)).exitCode).toBe(0);
  expect((await ours('import', medium, '--root', work.root)).exitCode).toBe(0);
  rmSync(join(work.labelDir, 'noarch', 'repodata.json.zst'));
  expect((await ours('import', medium, '--root', work.root)).exitCode).toBe(0);
  rmSync(join(work.labelDir, 'noarch', 'repodata.json.zst'));
  expect((await ours('doctor', work.labelDir, '--repair')).exitCode).toBe(0);

  const other = join(work.dir, 'other', 'noarch');
  mkdirSync(other, { recursive: true });
  writeFileSync(join(other, 'repodata.json'), '{"info":{"subdir":"noarch"},"packages":{},"packages.conda":{}}');
  for (const args of [
    ['merge', join(work.dir, 'other'), work.labelDir],
    ['merge', join(work.dir, 'other'), work.labelDir, '--dry-run'],
  ]) {
    const refused = await ours(...args);
    expect([args[0], refused.exitCode, refused.stderr]).toEqual([
      args[0],
      5,
      expect.stringMatching(/Label halkbank is held at generation \d since .*: one; nothing was changed\n.*E_HELD/s),
    ]);
  }
  expect([...work.published().keys()]).toEqual([...before.keys()]);
});

it('holds though its file is damaged, and lets itself be released', async () => {
  writeFileSync(holdFile(), '{"schema":');
  const night = await work.update();
  expect([night.exitCode, night.stderr]).toEqual([5, expect.stringContaining('E_HELD')]);
  const released = await ours('release', work.labelDir);
  expect([released.exitCode, released.stdout]).toEqual([0, 'halkbank: released\n']);
  expect((await work.update()).exitCode).toBe(0);
});

it('finds ROOT as the other commands do, and says which', async () => {
  const named = { env: { REPACKENV_ROOT: work.root } };
  const held = await work.run('repackenv', ['hold', 'halkbank', '--why', 'audit'], named);
  expect([held.exitCode, held.stderr]).toEqual([
    0,
    expect.stringContaining(`ROOT is ${work.root}, from REPACKENV_ROOT`),
  ]);
  writeFileSync(join(work.root, 'repackenv.yml'), 'labels:\n  halkbank: {}\n');
  const released = await work.run('repackenv', ['release', 'halkbank'], { cwd: work.root });
  expect([released.exitCode, released.stderr]).toEqual([
    0,
    expect.stringContaining('by the labels in its repackenv.yml'),
  ]);
  const back = await work.run('repackenv', ['rollback', 'halkbank', '--to', '99'], { cwd: work.root });
  expect([back.exitCode, back.stderr]).toEqual([2, expect.stringContaining('E_GENERATION')]);
  rmSync(join(work.root, 'repackenv.yml'));
});

it.each<[string, string[], RegExp]>([
  ['no reason', ['hold', 'ROOT/halkbank'], /--why is missing.*E_USAGE/s],
  ['an empty reason', ['hold', 'ROOT/halkbank', '--why', ' '], /--why is empty.*E_USAGE/s],
  ['no ROOT', ['hold', 'halkbank', '--why', 'x'], /ROOT is missing.*--root ROOT.*E_USAGE/s],
  ['no ROOT, release', ['release', 'halkbank'], /ROOT is missing.*E_USAGE/s],
  ['no label', ['release'], /Missing required argument.*E_USAGE/s],
  [
    'an unknown label',
    ['hold', 'ROOT/halkbnak', '--why', 'x'],
    /no label halkbnak in ROOT.*Did you mean halkbank.*E_LABEL/s,
  ],
  ['a ROOT that is not there', ['hold', 'acme', '--root', 'ROOT/no', '--why', 'x'], /no such ROOT.*E_ROOT/s],
  ['a path for a label', ['hold', 'a/b', '--root', 'ROOT', '--why', 'x'], /E_LABEL/],
])('tells a wrong use: %s', async (_name, args, message) => {
  const ran = await ours(...args.map((arg) => arg.replace('ROOT', work.root)));
  expect([ran.exitCode, ran.stderr]).toEqual([2, expect.stringMatching(message)]);
});
