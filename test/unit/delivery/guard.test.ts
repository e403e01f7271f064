import { describe, expect, it } from 'vitest';
import type { RepackError } from '../../../src/base/errors.js';
import type { Manifest } from '../../../src/channel/manifest/manifest.js';
import type { LiveFolder } from '../../../src/channel/staged.js';
import { parseMatchSpec } from '../../../src/conda/spec/match-spec.js';
import type { PlannedArtifact } from '../../../src/conda/plan/plan.js';
import { guard, guardSignature, type Asked } from '../../../src/delivery/guard.js';
import { testRuntime } from '../../helpers/runtime.js';

const SIGS = 'linux-64/numpy-1.26.4-0.conda.v0.sigs';

function live(manifest: Partial<Manifest> | undefined, files: readonly string[] = []): LiveFolder {
  const known = { specs: ['numpy', 'pytho'], subdirs: ['linux-64', 'noarch', 'win-64'], files: [], ...manifest };
  return {
    dir: '/srv/repos/acme',
    state: manifest === undefined ? 'absent' : 'ours',
    manifest: manifest === undefined ? undefined : (known as unknown as Manifest),
    manifestSha256: undefined,
    files: new Map(files.map((path) => [path, { size: 1, mtimeMs: 0, sha256: '', md5: '' }])),
    strangers: [],
  };
}

type Wish = Partial<Omit<Asked, 'specs'>> & { specs?: readonly string[] | undefined; delivered?: readonly string[] };

function ask(folder: LiveFolder, wish: Wish): { error: RepackError | undefined; notes: string[] } {
  const rt = testRuntime();
  const { specs = ['numpy', 'pytho'], delivered = [], ...more } = wish;
  const asked = { subdirs: ['linux-64', 'win-64'], attestations: false, drop: [], ...more };
  const artifacts = delivered.map((fn) => ({ fn })) as unknown as PlannedArtifact[];
  let error: RepackError | undefined;
  try {
    guard(rt, {
      asked: 'specs' in wish && wish.specs === undefined ? asked : { ...asked, specs: specs.map(parseMatchSpec) },
      plan: { artifacts },
      live: folder,
    });
  } catch (thrown) {
    error = thrown as RepackError;
  }
  const notes = rt.collected.flatMap((event) => (event.type === 'note' ? [event.message] : []));
  return { error, notes };
}

/** What a person calls it that `--drop` calls so. */
function wordTold(word: string): string {
  return word === 'attestations' ? 'the attestations' : word;
}

const signed = ['manifest.json.sig'];
const attested = { files: [{ path: SIGS, kind: 'side' }] as unknown as Manifest['files'] };

describe('D16 asked less', () => {
  it.each<[string, LiveFolder, Wish, string[]]>([
    ['a package', live({}), { specs: ['numpy'] }, ['pytho']],
    ['two packages', live({}), { specs: ['six'] }, ['numpy', 'pytho']],
    [
      'a package of which only the version was asked for',
      live({ specs: ['pytho=1.9'] }),
      { specs: ['numpy'] },
      ['pytho'],
    ],
    ['a platform', live({}), { subdirs: ['win-64'] }, ['linux-64']],
    ['the attestations', live(attested), {}, ['attestations']],
    [
      'everything at once',
      live(attested),
      { specs: ['six'], subdirs: ['osx-64'] },
      ['numpy', 'pytho', 'linux-64', 'win-64', 'attestations'],
    ],
    ['what another --drop names', live({}), { specs: ['numpy'], drop: ['win-64'] }, ['pytho']],
    ['a platform of a capture', live({}), { specs: undefined, subdirs: ['linux-64'] }, ['win-64']],
  ])('%s', (_, folder, wish, words) => {
    const { error } = ask(folder, wish);
    expect(error).toMatchObject({ code: 'E_ASKS_LESS', exitCode: 2, where: '/srv/repos/acme' });
    expect(error!.hint).toBe(`Ask for it too, or let it go: ${words.map((word) => `--drop ${word}`).join(' ')}`);
    expect(error!.details).toEqual(words.map((word) => expect.stringMatching(`^would leave: .*${wordTold(word)}`)));
    expect(ask(folder, { ...wish, drop: [...(wish.drop ?? []), ...words] }).error).toBeUndefined();
    expect(ask(folder, { ...wish, drop: ['all'] }).error).toBeUndefined();
  });

  it.each<[string, LiveFolder, Wish]>([
    ['a first delivery', live(undefined), { specs: ['six'], subdirs: ['osx-64'] }],
    ['the same', live({}), {}],
    ['more', live({}), { specs: ['six', 'pytho', 'numpy'], subdirs: ['win-64', 'linux-64', 'osx-64'] }],
    ['another version', live({}), { specs: ['numpy>=1.26,<2', 'pytho=1.9'] }],
    ['no version any more', live({ specs: ['numpy>=1.26', 'pytho=1.9=0'] }), {}],
    ['another channel', live({}), { specs: ['conda-forge::numpy', 'pytho'] }],
    ['a channel less in the spec', live({ specs: ['conda-forge::numpy', 'pytho'] }), {}],
    ['another spelling', live({}), { specs: ['NumPy', 'pytho *'] }],
    ['a spec in brackets', live({}), { specs: ['numpy[version=">=1.26"]', 'pytho'] }],
    ['another order of channels', live({ channels: ['https://a/b', 'https://a/c'] }), {}],
    ['a signature, while nothing else is known to change', live({}, signed), {}],
    ['the same attestations', live(attested), { attestations: true }],
    ['a side file that is none', live({ files: [{ path: 'installers/a.sh', kind: 'side' }] as never }), {}],
    ['packages of a capture', live({}), { specs: undefined }],
  ])('no false alarm: %s', (_, folder, wish) => {
    expect(ask(folder, wish)).toEqual({ error: undefined, notes: [] });
  });

  it('a --drop of what was never asked for is said', () => {
    expect(ask(live({}), { drop: ['six', 'win-64'] }).notes).toEqual([
      '--drop six: the label folder was not asked for it',
    ]);
  });

  it('a --drop of what the folder has, or of everything, is not said', () => {
    const { notes } = ask(live({}), { drop: ['numpy', 'win-64', 'signature', 'attestations', 'all'] });
    expect(notes).toEqual([]);
  });

  it('a capture names no packages, so a --drop of one is not judged', () => {
    expect(ask(live({}), { specs: undefined, drop: ['six'] }).notes).toEqual([]);
  });

  it('a platform may be kept in noarch alone: noarch is asked for by nobody', () => {
    expect(ask(live({ subdirs: ['noarch'] }), { subdirs: [] }).error).toBeUndefined();
  });

  it('an installer without attestations is no attestation, and a .sigs of no side file is none', () => {
    expect(ask(live({ files: [{ path: SIGS, kind: 'artifact' }] as never }), {}).error).toBeUndefined();
  });

  it.each([
    ['one', { specs: ['numpy'] }, 'has something that'],
    ['two', { specs: ['six'] }, 'has 2 things that'],
  ])('says how many would leave: %s', (_, wish, what) => {
    expect(ask(live({}), wish).error!.what).toContain(what);
  });

  it('a name that something else needs stays, and that is said', () => {
    expect(ask(live({}), { specs: ['pytho'], delivered: ['numpy-1.26.4-py39_0.conda'] })).toEqual({
      error: undefined,
      notes: ['numpy is no longer asked for; it stays, for something needs it'],
    });
  });
});

describe('D16 a declared label', () => {
  const four = live({ specs: ['a', 'b', 'c', 'd'] });
  const declared = { declared: true };

  it('may lose half of its names, which is said', () => {
    const { error, notes } = ask(four, { ...declared, specs: ['a', 'b'] });
    expect(error).toBeUndefined();
    expect(notes).toEqual(['no longer declared, and leaving: c, d']);
  });

  it.each<[string, LiveFolder, Wish, string[]]>([
    ['more than half of the names', four, { specs: ['a'] }, ['b', 'c', 'd']],
    ['more than half, of which some are named', four, { specs: ['a'], drop: ['b', 'c'] }, ['d']],
    ['the only name', live({ specs: ['a'] }), { specs: ['b'] }, ['a']],
    ['a platform', four, { specs: ['a', 'b', 'c', 'd'], subdirs: ['linux-64'] }, ['win-64']],
    ['the attestations', live({ ...attested, specs: ['a'] }), { specs: ['a'] }, ['attestations']],
  ])('must be told to lose %s', (_name, folder, wish, words) => {
    const { error } = ask(folder, { ...declared, ...wish });
    expect(error?.code).toBe('E_ASKS_LESS');
    expect(error?.hint).toBe(`Ask for it too, or let it go: ${words.map((word) => `--drop ${word}`).join(' ')}`);
    expect(ask(folder, { ...declared, ...wish, drop: [...(wish.drop ?? []), ...words] }).error).toBeUndefined();
  });

  it('says nothing where nothing leaves', () => {
    expect(ask(four, { ...declared, specs: ['a', 'b', 'c', 'd'] })).toEqual({ error: undefined, notes: [] });
  });

  it('says nothing of leaving where it may not leave', () => {
    expect(ask(four, { ...declared, specs: ['a'] }).notes).toEqual([]);
    expect(ask(four, { specs: ['a', 'b'], drop: ['c', 'd'] }).notes).toEqual([]);
  });

  it('does not count what is still delivered', () => {
    const { error, notes } = ask(four, { ...declared, specs: ['a'], delivered: ['b-1-0.conda', 'c-1-0.conda'] });
    expect(error).toBeUndefined();
    expect(notes).toContain('no longer declared, and leaving: d');
  });
});

describe('D16 a signature', () => {
  const leaving = ['linux-64/numpy-1.26.4-0.conda', 'manifest.json.sig'];
  const signedFolder = live({}, signed);

  it('does not go where nobody lets it', () => {
    const run = () => guardSignature({ leaving }, ['attestations'], signedFolder);
    expect(run).toThrow(
      expect.objectContaining({
        code: 'E_ASKS_LESS',
        hint: expect.stringContaining('--drop signature'),
        details: [expect.stringContaining('the signature (manifest.json.sig)')],
      }),
    );
  });

  it.each([
    ['it stays', ['linux-64/numpy-1.26.4-0.conda'], []],
    ['it is let go', leaving, ['signature']],
    ['all is let go', leaving, ['all']],
  ])('no false alarm: %s', (_, paths, drop) => {
    expect(() => guardSignature({ leaving: paths }, drop, signedFolder)).not.toThrow();
  });
});
