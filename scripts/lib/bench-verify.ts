import { byShell, measured, takeContest, type Bench, type Contender } from './bench-contest.js';
import { eachChannel } from './bench-media.js';
import { onPath } from './layers.js';
import { runOurs } from './run-program.js';

/** `repackenv verify` beside `sha256sum -c`, and beside the script that a site without our programs runs. */
export async function benchVerify(bench: Bench): Promise<void> {
  const absent = ['sh', 'sha256sum'].find((name) => onPath(name) === undefined);
  if (absent !== undefined) return bench.skip('verify', `no ${absent} on PATH`);
  await eachChannel(bench, async (title, channel, madeUp) => {
    // Artifacts that are no packages: nothing to look into.
    if (madeUp) return;
    const contender = (name: string, verify: Contender['phases'][string]): Contender => ({ name, phases: { verify } });
    await takeContest(
      {
        title: `verify of ${title}`,
        contenders: [
          contender('repackenv verify', (home) =>
            measured(() => runOurs('repackenv', ['verify', channel, '--quiet'], { home, watchMemory: true })),
          ),
          contender('sha256sum -c SHA256SUMS', (home) =>
            byShell('cd "$1"; sha256sum -c --quiet SHA256SUMS', [channel], { home }),
          ),
          contender('sh main.verify.sh (ours, POSIX)', (home) => byShell('sh "$1.verify.sh"', [channel], { home })),
        ],
        aims: { verify: { time: 2 } },
      },
      bench,
    );
  });
}
