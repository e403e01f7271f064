import { describe, expect, it } from 'vitest';
import { RepackError } from '../../../../src/base/errors.js';
import { explainNotFound } from '../../../../src/engine/explain-not-found.js';
import type { RepodataSource } from '../../../../src/conda/record/repodata-index.js';
import type { Ask } from './sources.js';
import { chan, rec, requestOf, sharedSolver, sourceOf } from './sources.js';

const { solve } = sharedSolver();

const OWNER = chan('acme', [
  rec('app 1.0'),
  rec('app 2.0'),
  rec('lib 1.0'),
  rec('winonly 1.0', { subdir: 'win-64' }),
  rec('both 1.0', { subdir: 'win-64' }),
  rec('both 1.0', { subdir: 'osx-arm64' }),
  rec('older 1.0', { subdir: 'win-64' }),
  rec('older 0.9'),
]);
const BASE = chan('base', [rec('app 1.0'), rec('lib 2.0'), rec('both 2.0', { subdir: 'osx-64' })]);

async function failure(
  ask: Partial<Ask> & { specs: readonly string[] },
  source?: RepodataSource,
): Promise<RepackError> {
  const whole: Ask = { channels: [OWNER, BASE], ...ask };
  const error: unknown = await solve(whole).catch((thrown: unknown) => thrown);
  if (!(error instanceof RepackError)) throw new Error('no error of ours');
  if (error.code !== 'E_PACKAGE_NOT_FOUND') return error;
  const request = requestOf(whole);
  return (await explainNotFound(error, { request, source: source ?? sourceOf(whole.channels) })) ?? error;
}

describe('M14: specs of one name', () => {
  it.each<[string, readonly string[], string, readonly string[]]>([
    [
      'two versions',
      ['app==1.0', 'app==2.0'],
      'app==1.0 and app==2.0',
      ['app: no build matches app==1.0 and app==2.0; there are 2.0, 1.0'],
    ],
    [
      'two bounds',
      ['app>1.5', 'app<1.5'],
      'app>1.5 and app<1.5',
      ['app: no build matches app>1.5 and app<1.5; there are 2.0, 1.0'],
    ],
    [
      'two channels',
      ['acme::lib', 'base::lib'],
      'acme::lib and base::lib',
      ['lib: no build matches acme::lib and base::lib; there are 2.0, 1.0'],
    ],
    ['three, two of which fit together', ['app', 'app==1.0', 'app>=2'], 'app and app==1.0 and app>=2', []],
    ['two pairs', ['app==1.0', 'app==2.0', 'lib==1.0', 'lib==2.0'], 'app==1.0 and app==2.0; lib==1.0 and lib==2.0', []],
  ])('that exclude each other are named: %s', async (_, specs, named, details) => {
    const error = await failure({ specs });
    expect(error.code).toBe('E_UNSOLVABLE');
    const pairs = (text: string): string[] => text.replaceAll(' ', '').split(';').sort();
    expect(pairs(error.what.replace('These specs exclude each other: ', ''))).toEqual(pairs(named));
    if (details.length > 0) expect(error.details.map((line) => line.replaceAll(/ (?=[<>=])/g, ''))).toEqual(details);
    expect(error.hint).toContain('Ask for each package once');
  });

  it.each<[string, readonly string[], readonly string[]]>([
    ['one that nothing matches', ['app==1.0', 'app==9'], ['app==9: no build matches; there are 2.0, 1.0, 1.0']],
    ['two that nothing matches', ['app==8', 'app==9'], ['app==8: no build matches', 'app==9: no build matches']],
    ['one that excludes none', ['app==9'], ['app==9: no build matches']],
  ])('of which something is not there: %s', async (_, specs, lines) => {
    const error = await failure({ specs });
    expect(error.code).toBe('E_PACKAGE_NOT_FOUND');
    expect(error.details).toHaveLength(lines.length);
    for (const [at, line] of lines.entries()) expect(error.details[at]).toContain(line.split(';')[0]);
  });

  it('strict priority, which hides what the second matches, is told', async () => {
    const error = await failure({ specs: ['lib>=2', 'lib'], priority: 'strict' });
    expect(error.hint).toContain('--channel-priority flexible');
  });
});

describe('M14: a package for other platforms only', () => {
  it.each<[string, readonly string[], string, readonly string[]]>([
    ['one platform', ['winonly'], 'Not for linux-64: winonly', ['winonly: there is one for win-64, none for linux-64']],
    [
      'several, of several channels',
      ['both'],
      'Not for linux-64: both',
      ['both: there is one for osx-arm64, win-64, osx-64, none for linux-64'],
    ],
    [
      'with a version',
      ['winonly>=1', 'app'],
      'Not for linux-64: winonly',
      ['winonly: there is one for win-64, none for linux-64'],
    ],
    [
      'beside one that is nowhere',
      ['winonly', 'nosuchthing'],
      'No declared channel has',
      ['winonly: there is one for win-64, none for linux-64', 'nosuchthing: no such package'],
    ],
  ])('is told so: %s', async (_, specs, what, details) => {
    const error = await failure({ specs });
    expect(error.code).toBe('E_PACKAGE_NOT_FOUND');
    expect(error.what).toContain(what);
    expect([...error.details].sort()).toEqual([...details].sort());
    expect(error.hint).toContain('Leave linux-64 out of --subdir');
  });

  it('is not what a version that is not there for this platform is about', async () => {
    const error = await failure({ specs: ['older==1.0'] });
    expect(error.details).toEqual(['older==1.0: no build matches; there are 0.9']);
  });

  it('does not ask big channels for more, and takes an index that can not be had for none', async () => {
    const asked: string[] = [];
    const real = sourceOf([OWNER, BASE]);
    const source: RepodataSource = {
      async repodata(channel, subdir) {
        asked.push(`${channel.name}/${subdir}`);
        const index = await real.repodata(channel, subdir);
        if (channel.name === 'acme')
          return subdir === 'linux-64' ? { ...index!, filenames: () => [], published: 60_000 } : index;
        if (subdir === 'win-64') throw new RepackError('E_UPSTREAM', { what: 'no', where: 'x', hint: 'y' });
        return index;
      },
    };
    const error = await failure({ specs: ['winonly', 'both'] }, source);
    expect(error.details).toContain('both: there is one for osx-64, none for linux-64');
    expect(error.details).toContain('winonly: no such package');
    expect(asked.filter((each) => each.startsWith('acme') && !/linux-64$|noarch$/.test(each))).toEqual([]);
  });
});

describe('M14: two packages in one argument', () => {
  it.each([
    ['app lib', 'app==lib: read as app in the version lib'],
    ['app lib tools', 'app=lib=tools: read as app in the version lib'],
  ])('%j is explained', async (text, line) => {
    const error = await failure({ specs: [text] });
    expect(error.details.map((each) => each.replaceAll(/ (?==)/g, ''))).toContain(line);
    expect(error.hint).toContain('Give two packages as two arguments');
  });

  it.each(['app 9', 'app 9.0rc1', 'nosuchthing'])('%j is none', async (text) => {
    expect((await failure({ specs: [text] })).hint).not.toContain('two arguments');
  });
});
