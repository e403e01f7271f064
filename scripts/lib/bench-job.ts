import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { condaAbilities } from '../../src/engine/conda/abilities.js';
import type { Bench } from './bench-contest.js';
import { figures, outcomes, timesLine } from './bench-figures.js';
import { byHand, byRattler, createAndRemove, ourJob, type Flow, type Measured, type Setup } from './bench-flows.js';
import { findIndexer } from './bench-indexer.js';
import { findLayer, requireLayer } from './layers.js';
import { runProgram } from './run-program.js';
import { startTokenServer } from './token-server.js';

const TOKEN = 'xx-00000000-bench-token';
const SPECS = ['ratingpro', 'pytho', 'requests', 'ratemodels', 'halkdata', 'ratedocs', 'setuptools', 'wheel'];
/** Cold and unchanged, ours to theirs. Those of the embedded engine are meant for a conda of today. */
const AIMS = { byHand: [0.05, 0.04], condaAlone: [1.1, 1.1], byRattler: [0.8] } as const;

export type Asked = { conda: string; indexer?: string | undefined; upstream?: string | undefined };

type Taken = { flow: Flow; cold: Measured[]; unchanged: Measured[] };

/**
 * Our whole job with the embedded engine beside the seed's flow by hand (conda create, conda info, copy, index, conda remove), and our
 * job with the conda engine beside `conda create` + `conda remove` alone. Each cold (empty caches, no ROOT) and unchanged (again,
 * nothing new).
 */
export async function benchJob(bench: Bench, { conda, ...asked }: Asked): Promise<void> {
  const home = join(bench.folder, 'ask');
  const condaVersion = await versionOf(conda, home);
  const { readsCondaFormat } = condaAbilities(condaVersion);
  const kind = upstreamKind(asked.upstream, { conda, readsCondaFormat });
  // conda with its rattler solver asks for the artifacts of a channel with a token without it (conda-rattler-solver 0.2, `index.py`).
  const server = await startTokenServer({ dir: requireLayer(`upstream-${kind}`), token: TOKEN, open: true });
  try {
    const indexer = await findIndexer({ asked: asked.indexer, conda, home });
    const setup: Setup = {
      server,
      token: TOKEN,
      label: server.layout.label,
      specs: SPECS,
      conda,
      condaVersion,
      indexer,
    };
    const taken: Taken[] = [
      {
        flow: ourJob(setup, { name: 'our job, embedded engine', engine: ['--engine', 'embedded'] }),
        cold: [],
        unchanged: [],
      },
      { flow: byHand(setup), cold: [], unchanged: [] },
      {
        flow: ourJob(setup, { name: 'our job, conda engine', engine: ['--engine', 'conda', '--engine-path', conda] }),
        cold: [],
        unchanged: [],
      },
      { flow: createAndRemove(setup), cold: [], unchanged: [] },
    ];
    const rattler = findLayer('py-rattler');
    if (rattler.available) taken.push({ flow: byRattler(setup, rattler.path), cold: [], unchanged: [] });
    else bench.skip('job beside py-rattler', rattler.why);

    console.log(`\nconda      ${condaVersion} (${conda})`);
    console.log(`indexer    ${indexer.name}`);
    console.log(`upstream   ${kind}, served on loopback by this process`);
    console.log(`request    ${SPECS.join(' ')}`);

    // Programs, not data: what is measured is not how fast this disk finds modules for the first time.
    await runProgram(conda, ['info', '--json'], { home });
    for (let round = 0; round < bench.rounds; round += 1) await takeRound(taken, round, bench.folder);

    console.log(`delivered  ${delivered(taken)}`);
    report(taken, bench);
  } finally {
    await server.close();
  }
}

/** The default is what the conda can read. */
function upstreamKind(
  asked: string | undefined,
  { conda, readsCondaFormat }: { conda: string; readsCondaFormat: boolean },
): 'mixed' | 'bz2' {
  const kind = asked ?? (readsCondaFormat ? 'mixed' : 'bz2');
  if (kind !== 'mixed' && kind !== 'bz2') throw new RangeError(`--upstream ${kind}: mixed or bz2`);
  if (kind === 'mixed' && !readsCondaFormat) throw new RangeError(`--upstream mixed: ${conda} reads only .tar.bz2`);
  return kind;
}

async function takeRound(taken: readonly Taken[], round: number, folder: string): Promise<void> {
  const first = round % taken.length;
  for (const { flow, cold, unchanged } of [...taken.slice(first), ...taken.slice(0, first)]) {
    const home = join(folder, `round-${round + 1}`, String(taken.findIndex((each) => each.flow === flow)));
    cold.push(await flow.run(home));
    unchanged.push(await flow.run(home));
    rmSync(home, { recursive: true, force: true });
  }
}

/** The comparison is one only where all deliver the same. */
function delivered(taken: readonly Taken[]): string {
  const sets = taken.flatMap(({ flow, cold, unchanged }) =>
    [...cold, ...unchanged].flatMap(({ artifacts }) =>
      artifacts === undefined ? [] : [{ name: flow.name, artifacts }],
    ),
  );
  const [model] = sets;
  if (model === undefined) throw new Error('nothing was delivered');
  const listOf = (artifacts: ReadonlyMap<string, number>): string => [...artifacts.keys()].sort().join(' ');
  for (const { name, artifacts } of sets) {
    if (listOf(artifacts) === listOf(model.artifacts)) continue;
    throw new Error(`not the same artifacts\n${model.name}: ${listOf(model.artifacts)}\n${name}: ${listOf(artifacts)}`);
  }
  const bytes = [...model.artifacts.values()].reduce((sum, size) => sum + size, 0);
  return `${model.artifacts.size} artifacts, ${(bytes / 1e6).toFixed(1)} MB, the same each time`;
}

function report(taken: readonly Taken[], bench: Bench): void {
  const all = taken.map(({ flow, cold, unchanged }) => ({
    name: flow.name,
    cold: figures(cold),
    unchanged: figures(unchanged),
  }));
  console.log(`\n${timesLine('seconds: min, median, max')}`);
  for (const { name, cold, unchanged } of all) {
    console.log(timesLine(name, cold, unchanged));
    for (const step of cold.steps.keys())
      console.log(timesLine(`    ${step}`, cold.steps.get(step), unchanged.steps.get(step)));
  }
  const [embedded, hand, engine, alone, rattler] = taken;
  const compare = (ours: Taken, theirs: Taken | undefined, [cold, unchanged]: readonly number[]): void => {
    if (theirs === undefined) return;
    const phases = (each: Taken) => ({
      name: each.flow.name,
      phases: new Map([
        ['cold', each.cold],
        ...(unchanged === undefined ? [] : [['unchanged', each.unchanged] as const]),
      ]),
    });
    const aims = { cold: { time: cold! }, unchanged: unchanged === undefined ? {} : { time: unchanged } };
    bench.outcomes.push(...outcomes({ title: ours.flow.name, aims }, [phases(ours), phases(theirs)]));
  };
  compare(embedded!, hand, AIMS.byHand);
  compare(engine!, alone, AIMS.condaAlone);
  compare(embedded!, rattler, AIMS.byRattler);
}

async function versionOf(program: string, home: string): Promise<string> {
  const { stdout, stderr } = await runProgram(program, ['--version'], { home });
  const version = /conda (\S+)/.exec(stdout + stderr)?.[1];
  if (version === undefined) throw new Error(`${program} --version says no version: ${(stdout + stderr).slice(-500)}`);
  return version;
}
