/**
 * npm run bench [-- PART…] [--rounds N] [--save] [--upstream bz2|mixed] [--conda PATH] [--indexer PATH]
 *
 * Measures our work beside that of other programs, in one run: what is judged is ratios. Rounds are interleaved, and each begins with
 * another contender. The parts are below; without one named, all. A part whose other program is not at hand is skipped with one
 * line; `npm run layers -- --bench` installs what can be had.
 *
 * At the end stand the ratios, whether each meets its aim, and what is more than a fifth worse than in the run last kept:
 * scripts/bench-last.json, which `--save` writes (what this run did not measure stays).
 *
 * The conda of the part `job` is the one given, else REPACKENV_BENCH_CONDA, else the layer 4.3.16, which is slow in its own way: the
 * aims are meant for a conda of today. The indexer of `job` and `doctor` is looked for (see bench-indexer.ts).
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Bench } from './lib/bench-contest.js';
import { benchDoctor } from './lib/bench-doctor.js';
import { benchFind } from './lib/bench-find.js';
import { benchFleet } from './lib/bench-fleet.js';
import { benchGrowth } from './lib/bench-growth.js';
import { benchJob } from './lib/bench-job.js';
import { benchExport, benchImport } from './lib/bench-media.js';
import { benchMirror } from './lib/bench-mirror.js';
import { benchPlan } from './lib/bench-plan.js';
import { benchServe } from './lib/bench-serve.js';
import { benchVerify } from './lib/bench-verify.js';
import { outcomeKey, outcomeTable, pageTable, type Outcome } from './lib/bench-figures.js';
import { findLayer, PROJECT_ROOT } from './lib/layers.js';
import { runOurs } from './lib/run-program.js';

const LAST = join(PROJECT_ROOT, 'scripts', 'bench-last.json');

/** Its table is written by `--save`. */
const PAGE = join(PROJECT_ROOT, 'src', 'cli', 'pages', 'speed.md');
const TABLE = /^\| work \|.*\n(?:\|.*\n)+/m;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    conda: { type: 'string', default: process.env['REPACKENV_BENCH_CONDA'] },
    indexer: { type: 'string', default: process.env['REPACKENV_BENCH_INDEXER'] },
    rounds: { type: 'string', default: '3' },
    save: { type: 'boolean', default: false },
    upstream: { type: 'string' },
  },
});

const PARTS: Readonly<Record<string, (bench: Bench) => Promise<void>>> = {
  /** The whole job beside the same work by hand with conda. */
  job(bench) {
    const layer = findLayer('conda43');
    const conda = values.conda ?? (layer.available ? layer.path : undefined);
    if (conda !== undefined) return benchJob(bench, { ...values, conda });
    bench.skip('job', 'no conda: npm run layers, or --conda PATH');
    return Promise.resolve();
  },
  /** How fast we start, and a plan on a large channel beside py-rattler's solve. */
  plan: benchPlan,
  /** Many labels in one run beside as many runs. */
  fleet: benchFleet,
  /** `find` over the manifests of years, beside grep. */
  find: benchFind,
  /** Time and memory by artifacts, records and labels. */
  growth: (bench) => benchGrowth(bench, values),
  /** `mirror` beside conda-mirror. */
  mirror: benchMirror,
  /** `export` beside tar, split and zstd. */
  export: benchExport,
  /** `import` beside tar and sha256sum. */
  import: benchImport,
  /** `verify` beside sha256sum and our own verify.sh. */
  verify: benchVerify,
  /** `serve` beside Python's http.server and nginx. */
  serve: benchServe,
  /** `doctor --repair` beside an indexer. */
  doctor: (bench) => benchDoctor(bench, values),
};

const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1)
  throw new RangeError(`--rounds ${values.rounds} is not a number of rounds`);
const unknown = positionals.find((name) => !Object.hasOwn(PARTS, name));
if (unknown !== undefined) throw new RangeError(`${unknown} is no part: ${Object.keys(PARTS).join(', ')}`);

const outcomes: Outcome[] = [];
const folder = mkdtempSync(join(tmpdir(), 'repackenv-bench-'));
process.once('SIGINT', () => {
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  process.exit(130);
});
try {
  const [cpus, gib] = [availableParallelism(), (totalmem() / 2 ** 30).toFixed(0)];
  const machine = `${process.platform} ${process.arch}, ${cpus} cores, ${gib} GiB`;
  console.log(`machine    ${machine}, load ${load()}, node ${process.version}`);
  // Programs, not data: what is measured is not how fast this disk finds modules for the first time.
  await runOurs('repackenv', ['--version'], { home: join(folder, 'home') });
  for (const [name, take] of Object.entries(PARTS)) {
    if (positionals.length > 0 && !positionals.includes(name)) continue;
    const part = join(folder, name);
    mkdirSync(part);
    await take({ folder: part, rounds, outcomes, skip: (what, why) => console.log(`\n${what} skipped: ${why}`) });
    rmSync(part, { recursive: true, force: true });
  }
  const busy = (loadavg()[0] ?? 0) > cpus + 1 ? ': other work went on here, measure again when it is quiet' : '';
  console.log(`\nrounds     ${rounds}, load at the end ${load()}${busy}`);
  const last = lastOutcomes();
  console.log(`\n${outcomeTable(outcomes, last)}`);
  if (values.save) {
    for (const outcome of outcomes) last.set(outcomeKey(outcome), outcome);
    const kept = { machine, node: process.version, rounds, outcomes: [...last.values()] };
    writeFileSync(LAST, `${JSON.stringify(kept, null, 2)}\n`);
    const page = readFileSync(PAGE, 'utf8');
    writeFileSync(PAGE, page.replace(TABLE, `${pageTable([...last.values()])}\n`));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Of the run that was last kept, by their keys. */
function lastOutcomes(): Map<string, Outcome> {
  if (!existsSync(LAST)) return new Map();
  const last = JSON.parse(readFileSync(LAST, 'utf8')) as { outcomes: Outcome[] };
  return new Map(last.outcomes.map((outcome) => [outcomeKey(outcome), outcome]));
}

function load(): string {
  return (loadavg()[0] ?? 0).toFixed(1);
}
