import { parentPort } from 'node:worker_threads';
import { simpleSolve } from '@conda-org/rattler';
import { SOLVER_CHANNEL, SOLVER_SUBDIR } from './protocol.js';
import { answerTo, RATTLERS_WEB } from './rattlers-web.js';
import type { AnswerMessage, SolveMessage, SolverPick, SolverTask } from './protocol.js';

/**
 * The thread rattler's WebAssembly runs in. It has no network: `fetch` knows the two documents of the task at hand and answers
 * everything else (shards, `.zst`, `.bz2`) with 404, so that rattler goes on to `repodata.json`.
 */
const port = parentPort!;
let documents = new Map<string, Uint8Array>();

Object.assign(globalThis, {
  ...RATTLERS_WEB,
  fetch: async ({ url }: { url: string }) => answerTo(url, documents.get(url)),
});

let queue: Promise<unknown> = warmUp();
port.on('message', (message: SolveMessage) => {
  queue = queue.then(async () => port.postMessage(await answer(message)));
});

async function answer({ id, task }: SolveMessage): Promise<AnswerMessage> {
  try {
    return { id, picks: await solve(task) };
  } catch (error) {
    // rattler throws strings.
    return { id, failure: typeof error === 'string' ? error : String(error) };
  }
}

async function solve(task: SolverTask): Promise<SolverPick[]> {
  documents = new Map([
    [`${SOLVER_CHANNEL}/${SOLVER_SUBDIR}/repodata.json`, task.target],
    [`${SOLVER_CHANNEL}/noarch/repodata.json`, task.noarch],
  ]);
  const locked = task.virtualPackages.map((each) => {
    const filename = `${each.name}-${each.version}-${each.build}.conda`;
    return {
      url: `${SOLVER_CHANNEL}/noarch/${filename}`,
      packageName: each.name,
      version: each.version,
      build: each.build,
      buildNumber: 0,
      filename,
      subdir: 'noarch',
      depends: [],
    };
  });
  const solved = await simpleSolve([...task.specs], [SOLVER_CHANNEL], [SOLVER_SUBDIR, 'noarch'], locked);
  try {
    // Copied out of the handles: those can't be posted.
    return solved
      .filter((each) => !each.packageName.startsWith('__'))
      .map((each) => ({ noarch: each.subdir === 'noarch', fn: each.filename }));
  } finally {
    for (const each of solved) each.free();
  }
}

/** The first solve compiles most of the WebAssembly: done while the parent still waits for the network. */
async function warmUp(): Promise<void> {
  const record = '{"name":"a","version":"1","build":"0","build_number":0,"depends":[],"subdir":"noarch"}';
  const encode = (text: string) => new TextEncoder().encode(text);
  await solve({
    specs: ['a'],
    virtualPackages: [],
    target: encode('{}'),
    noarch: encode(`{"packages":{"a-1-0.tar.bz2":${record}}}`),
  });
}
