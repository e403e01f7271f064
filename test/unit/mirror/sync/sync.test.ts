import { describe, expect, it } from 'vitest';
import { planSync, type SyncTask } from '../../../../src/mirror/sync/sync.js';
import { refuseShrink } from '../../../../src/mirror/sync/shrink.js';
import { planMirrorClean } from '../../../../src/mirror/sync/clean.js';
import type { MirrorSource, PickedFile } from '../../../../src/mirror/select/select.js';
import type { Channel } from '../../../../src/conda/channel/channel.js';
import { isRepackError } from '../../../../src/base/errors.js';
import type { Manifest, ManifestFile } from '../../../../src/channel/manifest/manifest.js';
import { scanRepodata } from '../../../../src/conda/record/repodata-scan.js';
import type { LiveFolder } from '../../../../src/channel/staged.js';

const MAIN = channel('https://host/main');
const EXTRA = channel('https://host/extra');

function channel(url: string): Channel {
  return { url, name: url, authenticated: false, role: 'base' };
}

/** A file `NAME-1-0.conda` whose bytes are told by one letter. */
function record(name: string, letter: string, more: Record<string, unknown> = {}) {
  return {
    name,
    version: '1',
    build: '0',
    build_number: 0,
    depends: [],
    sha256: letter.repeat(64),
    md5: letter.repeat(32),
    size: 10,
    ...more,
  };
}

type Files = Record<string, ReturnType<typeof record>>;

function source(from: Channel, files: Files, subdir = 'noarch'): MirrorSource {
  const records = Object.fromEntries(Object.entries(files).map(([name, one]) => [`${name}-1-0.conda`, one]));
  const text = JSON.stringify({ info: { subdir }, packages: {}, 'packages.conda': records });
  return { channel: from, subdir, index: scanRepodata(Buffer.from(text), from.url) };
}

function live(files: Record<string, { letter: string; from: Channel }>, subdir = 'noarch'): LiveFolder {
  const listed = Object.entries(files).map(([name, { letter, from }]): ManifestFile => ({
    path: `${subdir}/${name}-1-0.conda`,
    kind: 'artifact',
    size: 10,
    sha256: letter.repeat(64),
    md5: letter.repeat(32),
    channel: from.url,
  }));
  return {
    dir: '/mirror',
    state: 'ours',
    manifest: { files: listed, subdirs: [subdir] } as unknown as Manifest,
    manifestSha256: 'f'.repeat(64),
    files: new Map(listed.map(({ path, size, sha256, md5 }) => [path, { size, sha256, md5, mtimeMs: 0 }])),
    strangers: [],
  };
}

function pick(from: Channel, ...names: string[]): PickedFile[] {
  return names.map((name) => ({
    channel: from,
    subdir: 'noarch',
    fn: `${name}-1-0.conda`,
    name,
    sha256: undefined,
    md5: undefined,
    size: undefined,
  }));
}

function plan(task: Partial<SyncTask>) {
  const result = planSync({
    live: live({}),
    sources: [],
    declared: [MAIN],
    picked: [],
    liveIndex: () => undefined,
    ...task,
  });
  return {
    present: result.present.map(({ artifact }) => `${artifact.fn.split('-')[0]} of ${artifact.channel.url.slice(13)}`),
    wanted: result.wanted.map(({ fn }) => fn.split('-')[0]),
    kept: result.kept.map(({ path, because }) => `${path.slice(7).split('-')[0]}: ${because}`),
    withdrawn: result.withdrawn.map((path) => path.slice(7).split('-')[0]),
    refused: result.refused.map(({ path }) => path.slice(7).split('-')[0]),
  };
}

const NOTHING = { present: [], wanted: [], kept: [], withdrawn: [], refused: [] };

describe('planSync', () => {
  it.each<[string, Partial<SyncTask>, Partial<ReturnType<typeof plan>>]>([
    [
      'fetches what is not there',
      { sources: [source(MAIN, { a: record('a', 'a') })], picked: pick(MAIN, 'a') },
      { wanted: ['a'] },
    ],
    [
      'leaves what is there with the stated bytes',
      {
        live: live({ a: { letter: 'a', from: MAIN } }),
        sources: [source(MAIN, { a: record('a', 'a') })],
        picked: pick(MAIN, 'a'),
      },
      { present: ['a of main'] },
    ],
    [
      'goes by md5 where the channel states no more',
      {
        live: live({ a: { letter: 'a', from: MAIN } }),
        sources: [source(MAIN, { a: record('a', 'a', { sha256: undefined, size: undefined }) })],
        picked: pick(MAIN, 'a'),
      },
      { present: ['a of main'] },
    ],
    [
      'fetches what has other bytes upstream now, also by md5 alone',
      {
        live: live({ a: { letter: 'a', from: MAIN } }),
        sources: [source(MAIN, { a: record('a', 'a', { md5: 'b'.repeat(32) }) })],
        picked: pick(MAIN, 'a'),
      },
      { wanted: ['a'] },
    ],
    [
      'keeps what is no longer picked and still published',
      { live: live({ a: { letter: 'a', from: MAIN } }), sources: [source(MAIN, { a: record('a', 'a') })] },
      { present: ['a of main'], kept: ['a: filter'] },
    ],
    [
      'keeps what another declared channel publishes with the same bytes, as that channel’s',
      {
        live: live({ a: { letter: 'a', from: MAIN } }),
        sources: [source(MAIN, {}), source(EXTRA, { a: record('a', 'a') })],
        declared: [MAIN, EXTRA],
      },
      { present: ['a of extra'], kept: ['a: filter'] },
    ],
    [
      'lets go what its channel has withdrawn',
      { live: live({ a: { letter: 'a', from: MAIN } }), sources: [source(MAIN, {})] },
      { withdrawn: ['a'] },
    ],
    [
      'lets go what is no longer picked and has other bytes upstream',
      { live: live({ a: { letter: 'a', from: MAIN } }), sources: [source(MAIN, { a: record('a', 'b') })] },
      { withdrawn: ['a'] },
    ],
    [
      'keeps what came from a channel that is no longer declared, with the mirror’s record',
      {
        live: live({ a: { letter: 'a', from: EXTRA } }),
        sources: [source(MAIN, {})],
        liveIndex: () => source(MAIN, { a: record('a', 'a') }).index,
      },
      { present: ['a of extra'], kept: ['a: channel'] },
    ],
    [
      'B8 B9 B11 refuses records that can’t be mirrored',
      {
        sources: [
          source(MAIN, {
            a: record('other', 'a'),
            b: record('b', 'b', { sha256: undefined, md5: undefined }),
            c: record('c', 'c', { subdir: 'linux-64' }),
          }),
        ],
        picked: pick(MAIN, 'a', 'b', 'c'),
      },
      { refused: ['a', 'b', 'c'] },
    ],
  ])('%s', (_name, task, expected) => {
    expect(plan(task)).toEqual({ ...NOTHING, ...expected });
  });
});

describe('refuseShrink', () => {
  const shrink = (before: number, gone: number, limit = 0.1, allowed = false): string | undefined => {
    const withdrawn = Array.from({ length: gone }, (_, number) => `noarch/p${number}-1-0.conda`);
    try {
      refuseShrink({ mirrorDir: '/m', before, withdrawn, limit, allowed });
      return undefined;
    } catch (error) {
      return isRepackError(error) ? `${error.code} ${error.exitCode}` : 'other';
    }
  };

  it.each([
    [100, 0, 0.1, undefined],
    [100, 10, 0.1, undefined],
    [100, 11, 0.1, 'E_SHRINK 5'],
    [1, 1, 0.1, 'E_SHRINK 5'],
    [100, 90, 0.9, undefined],
    [100, 1, 0, 'E_SHRINK 5'],
    [100, 100, 1, undefined],
  ])('N13 of %i, %i gone, limit %d', (before, gone, limit, expected) => {
    expect(shrink(before, gone, limit)).toBe(expected);
    expect(shrink(before, gone, limit, true)).toBeUndefined();
  });
});

describe('planMirrorClean', () => {
  const ALL = { a: record('a', 'a'), b: record('b', 'b'), c: record('c', 'c') };

  it('takes what the filter does not pick, keeps what it picks and what its channel has withdrawn', () => {
    const folder = live({
      a: { letter: 'a', from: MAIN },
      b: { letter: 'b', from: MAIN },
      c: { letter: 'c', from: MAIN },
    });
    const cleaned = planMirrorClean({
      live: folder,
      sources: [source(MAIN, { a: ALL.a, b: ALL.b })],
      declared: [MAIN],
      picked: pick(MAIN, 'a'),
      installers: [],
      liveIndex: () => source(MAIN, ALL).index,
    });
    expect(cleaned.leaves).toEqual([{ path: 'noarch/b-1-0.conda', size: 10, because: 'filter' }]);
    expect(cleaned.stays.map(({ artifact }) => artifact.fn)).toEqual(['a-1-0.conda', 'c-1-0.conda']);
  });

  it('takes what is of a channel that is no longer declared, and installers that are no longer listed', () => {
    const folder = live({ a: { letter: 'a', from: EXTRA } });
    const side: ManifestFile = {
      path: 'installers/old.sh',
      kind: 'side',
      size: 3,
      sha256: '0'.repeat(64),
      md5: '0'.repeat(32),
    };
    folder.manifest!.files.push(side, { ...side, path: 'installers/new.sh' });
    const files = new Map([
      ...folder.files,
      ...['old', 'new'].map((name) => [`installers/${name}.sh`, { ...side, mtimeMs: 0 }] as const),
    ]);
    const cleaned = planMirrorClean({
      live: { ...folder, files },
      sources: [source(MAIN, {})],
      declared: [MAIN],
      picked: [],
      installers: ['new.sh'],
      liveIndex: () => source(MAIN, { a: ALL.a }).index,
    });
    expect(cleaned.leaves.map(({ path, because }) => `${path} ${because}`)).toEqual([
      'noarch/a-1-0.conda channel',
      'installers/old.sh installer',
    ]);
  });
});
