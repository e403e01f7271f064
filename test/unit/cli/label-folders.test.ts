import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COMMANDS } from '../../../src/cli/commands/index.js';
import { whereAsked } from '../../../src/cli/commands/where-asked.js';
import { nameFolders } from '../../../src/cli/label-folders.js';
import { labelArgument } from '../../../src/cli/label-argument.js';
import { parseArguments, type Invocation } from '../../../src/cli/program.js';
import { testRuntime } from '../../helpers/runtime.js';

/** Their LABEL is one of ROOT; `history` looks for ROOT itself. */
const LABELS = ['rollback', 'hold', 'release', 'history'];

/** What stands before and behind the label folder, where one is not enough. */
const AROUND: Readonly<Record<string, readonly string[]>> = {
  export: ['@', '--to', 'out'],
  delta: ['@', '--to', 'out', '--since', '1'],
  diff: ['@', 'other.json'],
  notes: ['other.json', '@'],
  why: ['python', '@'],
  find: ['python', '@'],
  merge: ['delta-folder', '@'],
  policy: ['check', '@'],
  push: ['@', 'target'],
};

/** Arguments that are no label folder; all others are to be said in `folders` or `labelOfRoot`. */
const OF_OTHER_KINDS: ReadonlySet<string> = new Set(
  [
    // Names of labels, and ROOT itself.
    ['update NAME', 'plan NAME', 'init ROOT', 'capture ROOT'],
    // Packages, actions, what comes from a site or goes to it.
    ['why NAME', 'find SPEC', 'policy ACTION', 'import MEDIUM', 'push TARGET', 'received FILE'],
    ['schema NAME', 'help TOPIC', 'completion SHELL'],
  ].flat(),
);

describe('a label folder, wherever one is meant', () => {
  let dir: string;
  let root: string;
  beforeAll(() => {
    dir = realpathSync(mkdtempSync(join(tmpdir(), 'repackenv-folders-')));
    root = join(dir, 'root');
    for (const folder of ['root/halkbank', 'root/here', 'cwd/here', 'declared/below', 'declared/halkbank'])
      mkdirSync(join(dir, folder), { recursive: true });
    writeFileSync(join(dir, 'declared', 'repackenv.yml'), 'labels:\n  halkbank: {}\n');
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  async function named(line: readonly string[], { cwd = 'cwd', env = {} } = {}): Promise<Invocation> {
    const parsed = parseArguments('repackenv', line, COMMANDS);
    if (parsed.kind !== 'run') throw new Error('text');
    return nameFolders(testRuntime({ env, machine: { cwd: join(dir, cwd) } }), parsed.invocation);
  }

  const taking = COMMANDS.filter(({ folders }) => folders !== undefined);
  const line = (name: string, word: string): string[] => [
    name,
    ...(AROUND[name] ?? ['@']).map((each) => (each === '@' ? word : each)),
  ];
  const at = (name: string): number => (AROUND[name] ?? ['@']).indexOf('@');

  it('is said of every argument of every command whether it is one', () => {
    const undecided = COMMANDS.flatMap((own) => {
      const command = new Command();
      own.declare?.(command);
      return command.registeredArguments.flatMap((argument, index) => {
        const isFolder = own.folders?.includes(index) === true || (index === 0 && LABELS.includes(own.name));
        const title = `${own.name} ${argument.name()}`;
        return isFolder === OF_OTHER_KINDS.has(title) ? [title] : [];
      });
    });
    expect(undecided).toEqual([]);
    expect(COMMANDS.filter(({ labelOfRoot }) => labelOfRoot).map(({ name }) => name)).toEqual(LABELS.slice(0, 3));
  });

  it.each(taking.map(({ name }) => name))('%s: each of the ways', async (name) => {
    const folder = async (...[words, how]: Parameters<typeof named>): Promise<string> =>
      (await named(words, how)).args[at(name)]!;
    const variable = { env: { REPACKENV_ROOT: root } };
    const live = join(root, 'halkbank');
    expect(await folder(line(name, live))).toBe(live);
    expect(await folder([...line(name, 'halkbank'), '--root', root])).toBe(live);
    expect(await folder([...line(name, 'halkbank'), '--root', '../root'])).toBe(live);
    expect(await folder([...line(name, 'halkbank@-1'), '--root', root])).toBe(`${live}@-1`);
    expect(await folder(line(name, 'halkbank@2026-11-21'), variable)).toBe(`${live}@2026-11-21`);
    expect(await folder(line(name, 'halkbank'), variable)).toBe(live);
    expect(await folder(line(name, 'halkbank'), { cwd: 'declared/below' })).toBe(join(dir, 'declared', 'halkbank'));
    // What is in the working directory, what is nowhere, and what is a path stays.
    expect(await folder(line(name, 'here'), variable)).toBe('here');
    expect(await folder(line(name, 'nowhere'), variable)).toBe('nowhere');
    expect(await folder(line(name, './halkbank'), variable)).toBe('./halkbank');
    expect(await folder(line(name, 'halkbank'))).toBe('halkbank');
  });

  it.each(LABELS)('%s: LABEL of ROOT', async (name) => {
    const own = COMMANDS.find((command) => command.name === name)!;
    const where = async (...args: Parameters<typeof named>) => labelArgument(await named(...args), 'usage');
    const more = name === 'hold' ? ['--why', 'x'] : name === 'rollback' ? ['--to', '1'] : [];
    const both = { root, label: 'halkbank' };
    expect(await where([name, join(root, 'halkbank'), ...more])).toEqual(both);
    expect(await where([name, 'halkbank', '--root', root, ...more])).toEqual(both);
    if (own.findsRoot === true) return;
    expect(await where([name, 'halkbank', ...more], { env: { REPACKENV_ROOT: root } })).toEqual(both);
  });

  describe('one that is not there', () => {
    const told = async (words: readonly string[], env: Record<string, string> = {}): Promise<string[]> => {
      const parsed = parseArguments('repackenv', words, COMMANDS);
      if (parsed.kind !== 'run') throw new Error('text');
      const rt = testRuntime({ env, machine: { cwd: join(dir, 'cwd') } });
      await nameFolders(rt, parsed.invocation);
      return rt.collected.flatMap((event) => (event.type === 'note' ? [event.message] : []));
    };
    const says = (name: string, word: string): string[] =>
      line(name, word).map((each) => (['other.json', 'delta-folder'].includes(each) ? join(root, 'halkbank') : each));
    const telling = taking.map(({ name }) => name).filter((name) => name !== 'diff');

    it.each(telling)('%s: what was probably meant, and where labels are looked for', async (name) => {
      const near = `there is no ${join(root, 'halkbnk')}. Did you mean ${join(root, 'halkbank')}?`;
      expect(await told(says(name, join(root, 'halkbnk')))).toEqual([near]);
      expect(await told(says(name, `${join(root, 'halkbnk')}@3`))).toEqual([near]);
      expect(await told([...says(name, 'halkbnk'), '--root', root])).toEqual([near]);
      const variable = { REPACKENV_ROOT: root };
      expect(await told(says(name, 'halkbnk'), variable)).toEqual([`there is no halkbnk. Did you mean halkbank?`]);
      expect(await told(says(name, 'halkbank'))).toEqual([
        `there is no halkbank in ${join(dir, 'cwd')}, and no ROOT is known: --root ROOT or REPACKENV_ROOT says where the labels are`,
      ]);
    });

    it.each(telling)('%s: nothing of what is there, of what is like nothing, and of URLs', async (name) => {
      expect(await told(says(name, join(root, 'halkbank')))).toEqual([]);
      expect(await told(says(name, `${join(root, 'halkbank')}@3`))).toEqual([]);
      expect(await told(says(name, join(root, 'quite-another')))).toEqual([]);
      expect(await told(says(name, 'https://conda.example.com/halkbnk'))).toEqual([]);
      expect(await told(says(name, 'here'))).toEqual([]);
    });

    it('diff: nothing, since it may be a channel', async () => {
      expect(await told(['diff', join(root, 'halkbnk'), 'conda-forge'])).toEqual([]);
    });
  });

  it('WHERE is what is typed, else --root, else what is found', async () => {
    const rt = testRuntime({ env: { REPACKENV_ROOT: join(dir, 'declared') }, machine: { cwd: join(dir, 'cwd') } });
    expect(await whereAsked({ args: ['numpy', 'there'], options: { root }, rt }, 1)).toBe('there');
    expect(await whereAsked({ args: ['numpy'], options: { root }, rt }, 1)).toBe(root);
    expect(await whereAsked({ args: ['numpy'], options: {}, rt }, 1)).toBe(join(dir, 'declared'));
  });

  it.each(LABELS)('%s: a generation is not a label', async (name) => {
    const typed = await named([name, `${join(root, 'halkbank')}@2`, ...(name === 'hold' ? ['--why', 'x'] : [])]);
    expect(() => labelArgument(typed, 'as usual')).toThrow(
      expect.objectContaining({ code: 'E_USAGE', hint: 'Leave @2 out. as usual' }),
    );
  });
});
