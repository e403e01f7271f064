import { cpSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { measured, takeContest, type Bench } from './bench-contest.js';
import { findIndexer } from './bench-indexer.js';
import { amount, artifactsBelow } from './bench-sources.js';
import { requireLayer } from './layers.js';
import { runOurs, runProgram } from './run-program.js';
import { BASE_CHANNEL } from './sample-upstream.js';

/** `repackenv doctor --repair` on a folder of artifacts without an index, beside an indexer; and again with nothing new. */
export async function benchDoctor(
  bench: Bench,
  asked: { indexer?: string | undefined; conda?: string | undefined },
): Promise<void> {
  const { name, command } = await findIndexer({ asked: asked.indexer, conda: asked.conda, home: bench.folder });
  if (command === undefined) return bench.skip('doctor', 'no indexer is at hand: npm run layers, or --indexer PATH');
  const channel = join(requireLayer('upstream-mixed'), 'gen1', BASE_CHANNEL);
  const artifacts = artifactsBelow(channel);
  const ours = (home: string) =>
    measured(() =>
      runOurs('repackenv', ['doctor', join(home, 'main'), '--repair', '--quiet'], { home, watchMemory: true }),
    );
  const theirs = (home: string) => {
    const { file, args } = command(join(home, 'main'));
    return measured(() => runProgram(file, args, { home, watchMemory: true }));
  };
  await takeContest(
    {
      title: `index of ${amount(artifacts)}`,
      contenders: [
        { name: 'repackenv doctor --repair', phases: { 'no index': ours, 'nothing new': ours } },
        { name, phases: { 'no index': theirs, 'nothing new': theirs } },
      ],
      aims: { 'nothing new': { time: 1 } },
      before(home) {
        for (const path of artifacts.keys()) {
          mkdirSync(join(home, 'main', path, '..'), { recursive: true });
          cpSync(join(channel, path), join(home, 'main', path), { preserveTimestamps: true });
        }
      },
      after(home, who) {
        if (!existsSync(join(home, 'main', 'linux-64', 'repodata.json'))) throw new Error(`${who} wrote no index`);
      },
    },
    bench,
  );
}
