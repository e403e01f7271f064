import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { measured, takeContest, type Bench } from './bench-contest.js';
import { makeFleet, type Fleet } from './fleet.js';
import { runOurs, type RunResult } from './run-program.js';
import { snapshot } from './snapshot.js';
import { startTokenServer, type TokenServer } from './token-server.js';

const LABELS = 50;
const BYTES = 200_000;
/** Beside what labels want, on each platform: the index of a real channel is mostly that. */
const OTHERS = 10_000;
const SIZES = [10, 25, 50] as const;

/**
 * Fifty labels in one run beside fifty runs of one; then again with nothing new. Also what goes over the network, and the memory of one run over
 * 10, 25 and 50 labels.
 */
export async function benchFleet(bench: Bench): Promise<void> {
  const dir = join(bench.folder, 'upstream');
  const fleet = await makeFleet(dir, { labels: LABELS, bytes: BYTES, others: OTHERS });
  const server = await startTokenServer({ dir, token: 'none', ownerTokens: fleet.tokens });
  try {
    const rootOf = (home: string): string => join(home, 'root');
    const declare = (home: string, text = fleet.yaml(server.url)): void => {
      mkdirSync(rootOf(home), { recursive: true });
      writeFileSync(join(rootOf(home), 'repackenv.yml'), text);
    };
    const ours = (home: string, ...names: string[]): Promise<RunResult> =>
      runOurs(
        'repackenv',
        ['update', ...names, '--root', rootOf(home), '--quiet', '--cache-dir', join(home, 'cache')],
        {
          home,
          env: fleet.environment,
          watchMemory: true,
        },
      );
    const each = (home: string) =>
      fleet.labels.map(
        ({ name }) =>
          () =>
            ours(home, name),
      );
    await takeContest(
      {
        title: `${LABELS} labels, 90 % shared`,
        contenders: [
          {
            name: 'repackenv update --all',
            phases: {
              first: (home) => measured(() => ours(home, '--all')),
              'nothing new': (home) => unchanged(home, () => measured(() => ours(home, '--all'))),
            },
          },
          {
            name: `${LABELS} runs of one label`,
            phases: {
              first: (home) => measured(...each(home)),
              'nothing new': (home) => unchanged(home, () => measured(...each(home))),
            },
          },
        ],
        before: (home) => declare(home),
      },
      bench,
    );
    await network(bench, { fleet, server, declare, ours });
    for (const count of SIZES) {
      const home = join(bench.folder, `of-${count}`);
      declare(home);
      const { peakRss = 0, seconds } = await measured(() =>
        ours(home, ...fleet.labels.slice(0, count).map(({ name }) => name)),
      );
      console.log(`  ${count} labels in one run: peak ${(peakRss / 1e6).toFixed(0)} MB, ${seconds.toFixed(1)} s`);
    }
  } finally {
    await server.close();
  }

  /** Throws where a byte or a time below ROOT's labels changes. */
  async function unchanged<T>(home: string, work: () => Promise<T>): Promise<T> {
    const labels = (): string =>
      JSON.stringify(fleet.labels.map(({ name }) => Array.from(snapshot(join(home, 'root', name)))));
    const before = labels();
    const done = await work();
    if (labels() !== before) throw new Error('a label folder changed though nothing was new');
    return done;
  }
}

interface Network {
  fleet: Fleet;
  server: TokenServer;
  declare(home: string): void;
  ours(home: string, ...names: string[]): Promise<RunResult>;
}

/** Each index and each artifact once. */
async function network(bench: Bench, { server, declare, ours }: Network): Promise<void> {
  const home = join(bench.folder, 'network');
  declare(home);
  const from = server.requests.length;
  await measured(() => ours(home, '--all'));
  const asked = server.requests.slice(from).filter(({ method, status }) => method === 'GET' && status === 200);
  const files = new Set(asked.map(({ path }) => path.replace(/^\/t\/[^/]+/, '')));
  console.log(`\n  over the network: ${asked.length} answers with bytes, of ${files.size} files`);
}
