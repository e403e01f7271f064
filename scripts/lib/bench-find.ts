import { join } from 'node:path';
import { byShell, measured, takeContest, type Bench } from './bench-contest.js';
import { onPath } from './layers.js';
import { makeHistory } from './made-history.js';
import { runOurs } from './run-program.js';

const SIZE = { labels: 50, generations: 10, packages: 300 };

/** `find` over all labels and generations of a ROOT, first and again, beside grep over the same manifests, which says neither since when nor where. */
export async function benchFind(bench: Bench): Promise<void> {
  const root = join(bench.folder, 'root');
  makeHistory(root, SIZE);
  const ours = (home: string) =>
    measured(() => runOurs('repackenv', ['find', 'openssl<3.0.15', root, '--quiet'], { home, watchMemory: true }));
  const byGrep = (home: string) => byShell('grep -rlE "/openssl-3\\.0\\.1[0-4]-" "$1" > /dev/null', [root], { home });
  await takeContest(
    {
      title: `find in ${SIZE.labels} labels x ${SIZE.generations} generations of ${SIZE.packages} packages`,
      contenders: [
        { name: 'repackenv find', phases: { first: ours, again: ours } },
        ...(onPath('grep') === undefined ? [] : [{ name: 'grep -r', phases: { first: byGrep, again: byGrep } }]),
      ],
    },
    bench,
  );
}
