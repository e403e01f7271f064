/** What the parent and `solve-worker.ts` say to each other. Plain data: it is structurally cloned. */

/** The one channel a solve sees, and the stand-in for the target's subdir: see `solver-view.ts`. */
export const SOLVER_CHANNEL = 'https://solve.repackenv.invalid';
export const SOLVER_SUBDIR = 'linux-64';

export interface SolverTask {
  /** MatchSpecs in the spelling that rattler reads. */
  specs: readonly string[];
  virtualPackages: readonly { name: string; version: string; build: string }[];
  /** `repodata.json` of the target's subdir and of noarch, UTF-8. Their buffers move to the worker. */
  target: Uint8Array<ArrayBuffer>;
  noarch: Uint8Array<ArrayBuffer>;
}

/** A record of the solution: in which of the two documents, under which distribution file name. */
export interface SolverPick {
  noarch: boolean;
  fn: string;
}

export interface SolveMessage {
  id: number;
  task: SolverTask;
}

/** `failure` is rattler's own text; it can only name what was put into the task. */
export type AnswerMessage = { id: number; picks: SolverPick[] } | { id: number; failure: string };
