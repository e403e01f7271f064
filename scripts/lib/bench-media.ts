import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { byShell, measured, takeContest, type Bench, type Contender } from './bench-contest.js';
import { mirrorOf, openSources } from './bench-sources.js';
import { onPath } from './layers.js';
import { runOurs } from './run-program.js';

const PART_SIZE = '20000000';

/** Folder of a channel -> its medium, by hand: `$1` is the folder, `$2` the medium. */
type Way = { kind: string; name: string; options: readonly string[]; script: string; needs: readonly string[] };

const WAYS: readonly Way[] = [
  {
    kind: 'plain',
    name: 'tar cf, sha256sum',
    options: [],
    script: 'tar cf "$2/main.tar" -C "$(dirname "$1")" main; cd "$2"; sha256sum main.tar > SHA256SUMS',
    needs: ['tar', 'sha256sum'],
  },
  {
    kind: 'in parts',
    name: 'tar | split, sha256sum',
    options: ['--part-size', PART_SIZE],
    script: `tar cf - -C "$(dirname "$1")" main | split -b ${PART_SIZE} - "$2/main.tar."; cd "$2"; sha256sum main.tar.* > SHA256SUMS`,
    needs: ['tar', 'split', 'sha256sum'],
  },
  {
    kind: 'packed',
    name: 'tar | zstd -1 -T1, sha256sum',
    options: ['--zstd'],
    script:
      'tar cf - -C "$(dirname "$1")" main | zstd -q -1 -T1 -o "$2/main.tar.zst"; cd "$2"; sha256sum main.tar.zst > SHA256SUMS',
    needs: ['tar', 'zstd', 'sha256sum'],
  },
];

/** `repackenv export` beside tar, plain, in parts, packed. */
export async function benchExport(bench: Bench): Promise<void> {
  await eachChannel(bench, async (title, channel, madeUp) => {
    for (const way of madeUp ? WAYS.slice(0, 1) : WAYS) {
      const [kind, absent] = [way.kind, way.needs.find((name) => onPath(name) === undefined)];
      if (absent !== undefined) {
        bench.skip(`export ${kind}`, `no ${absent} on PATH`);
        continue;
      }
      const ours: Contender['phases'] = {
        export: (home) =>
          measured(() =>
            runOurs('repackenv', ['export', channel, '--to', join(home, 'out'), '--quiet', ...way.options], {
              home,
              watchMemory: true,
            }),
          ),
      };
      const theirs = { export: (home: string) => byShell(way.script, [channel, join(home, 'out')], { home }) };
      await takeContest(
        {
          title: `export of ${title}, ${kind}`,
          contenders: [
            { name: `repackenv export ${way.options.join(' ')}`.trimEnd(), phases: ours },
            { name: way.name, phases: theirs },
          ],
          aims: way.kind === 'plain' ? { export: { time: madeUp ? 3 : 1.1 } } : {},
          before: (home) => void mkdirSync(join(home, 'out'), { recursive: true }),
        },
        bench,
      );
    }
  });
}

const UNPACK =
  'mkdir "$2"; for part in "$1"/*.tar; do tar xf "$part" -C "$2"; done; cd "$2/main"; sha256sum -c --quiet SHA256SUMS';

/** `repackenv import` beside `tar xf` and `sha256sum -c`, of the same plain medium; and again with nothing new. */
export async function benchImport(bench: Bench): Promise<void> {
  const absent = ['tar', 'sha256sum'].find((name) => onPath(name) === undefined);
  if (absent !== undefined) return bench.skip('import', `no ${absent} on PATH`);
  await eachChannel(bench, async (title, channel, madeUp) => {
    const medium = `${channel}.medium`;
    await measured(() => runOurs('repackenv', ['export', channel, '--to', medium], { home: `${channel}.home` }));
    if (!readdirSync(medium).some((name) => name.endsWith('.tar'))) throw new Error(`no archive in ${medium}`);
    const take = (home: string) =>
      measured(() =>
        runOurs('repackenv', ['import', medium, '--root', join(home, 'root'), '--quiet'], { home, watchMemory: true }),
      );
    const byHand = (home: string) => byShell(UNPACK, [medium, join(home, 'root')], { home });
    await takeContest(
      {
        title: `import of ${title}`,
        contenders: [
          { name: 'repackenv import', phases: { 'first time': take, 'nothing new': take } },
          { name: 'tar xf, sha256sum -c', phases: { 'first time': byHand } },
        ],
        aims: { 'first time': { time: madeUp ? 4 : 1.2 } },
        before: (home) => void mkdirSync(home, { recursive: true }),
      },
      bench,
    );
  });
}

/** Makes a folder of ours out of each source, `…/main`, and lets the source go. */
export async function eachChannel(
  bench: Bench,
  take: (title: string, channel: string, madeUp: boolean) => Promise<void>,
): Promise<void> {
  for (const source of await openSources(bench)) {
    const root = join(bench.folder, source.name);
    const channel = await mirrorOf(source, root).finally(() => source.server.close());
    await take(source.title, channel, source.name !== 'wheels');
  }
}
