import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { sha256Of } from '../../codec/digests.js';
import { sealed, unsealed } from '../../codec/sealed-text.js';
import { canonicalJson } from '../../base/json.js';
import { VERSION } from '../../base/tool-version.js';
import type { SolveRequest } from '../../conda/plan/plan.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { SolverPick, SolverTask } from './protocol.js';
import type { EmbeddedSolver } from './solver.js';

type SolvesRuntime = Pick<Runtime, 'fs' | 'machine' | 'events'>;
type Asked = Pick<SolveRequest, 'specs' | 'channels'> & { subdir: string };

interface KeptSolve {
  /** Of all that the solver was given. */
  task: string;
  picks: SolverPick[];
}

/**
 * The same solver, which asks rattler only where it was not asked the very same before: a solve is a function of what it is given. The last answer of
 * each request is kept in `dir`, the folder of the repodata cache. Not for a proof, which is to be found out each time.
 */
export function keptSolves(rt: SolvesRuntime, dir: string, asked: Asked, solver: EmbeddedSolver): EmbeddedSolver {
  const file = fileOf(dir, asked);
  return {
    ...solver,
    async solve(task) {
      // Taken before the documents move to the thread.
      const digest = digestOf(task);
      // Its seal says that it was made by `keep`.
      const kept = unsealed(await rt.fs.readText(file).catch(() => '')) as KeptSolve | undefined;
      if (kept?.task === digest) return { picks: kept.picks };
      const answer = await solver.solve(task);
      if ('picks' in answer) await keep(rt, file, { task: digest, picks: [...answer.picks] });
      return answer;
    },
  };
}

/** Was this solved before? What it says now is not known: then the thread is only not started for nothing. */
export async function solvedBefore(rt: Pick<Runtime, 'fs'>, dir: string, asked: readonly Asked[]): Promise<boolean> {
  const there = await Promise.all(asked.map((each) => rt.fs.lstat(fileOf(dir, each)).then(Boolean, () => false)));
  return there.every(Boolean);
}

/** It saves time only: a disk that refuses is a debug event. */
async function keep({ fs, machine, events }: SolvesRuntime, file: string, solve: KeptSolve): Promise<void> {
  const aside = `${file}.${machine.pid}-${machine.randomId()}.part`;
  await fs
    .writeWhole(file, sealed(solve), { aside, mode: 0o600, durable: false })
    .catch((error: unknown) => events.emit({ type: 'debug', message: `keeping a solve: ${String(error)}` }));
}

function digestOf({ specs, virtualPackages, target, noarch }: SolverTask): string {
  const hash = createHash('sha256').update(canonicalJson({ tool: VERSION, specs, virtualPackages } as object));
  for (const document of [target, noarch]) hash.update(`\n${document.length}\n`).update(document);
  return hash.digest('hex');
}

function fileOf(dir: string, { specs, channels, subdir }: Asked): string {
  const key = canonicalJson([specs.map(({ text }) => text), channels.map(({ url }) => url), subdir]);
  return join(dir, `${sha256Of(Buffer.from(key)).slice(0, 32)}.solve.json`);
}
