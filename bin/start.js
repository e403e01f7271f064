import { writeSync } from 'node:fs';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGBREAK'];

/**
 * Loads the program and runs it. Loading takes up to half a second, and until `main` has its own handlers a signal would end the process
 * without a word: nothing is begun by then, so it is said and done here. (Windows: Ctrl-Break is SIGBREAK, a closed window SIGHUP.)
 */
export async function start(program) {
  for (const signal of SIGNALS) process.on(signal, endAtOnce);
  const { main } = await import('../dist/src/main.js');
  // Its handlers first, then ours off: a signal that came while the modules were evaluated is told only now, to whoever listens.
  const done = main(program);
  for (const signal of SIGNALS) process.off(signal, endAtOnce);
  await done;
}

function endAtOnce(signal) {
  try {
    writeSync(2, `error: Interrupted by ${signal} before anything was begun: nothing was written\n  [E_INTERRUPTED]\n`);
  } catch {
    // Nobody reads it any more.
  }
  process.exit(signal === 'SIGINT' ? 130 : 143);
}
