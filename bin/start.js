'use strict';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGBREAK'];

/**
 * Loads the program with `load` and runs it. Loading takes up to half a second, and until `main` has its own handlers a signal would end the process
 * without a word: nothing is begun by then, so it is said and done here. (Windows: Ctrl-Break is SIGBREAK, a closed window SIGHUP.)
 */
async function start(program, load) {
  for (const signal of SIGNALS) process.on(signal, endAtOnce);
  // Stacks then name the sources that the bundle was made of. Reading the maps takes time, and only --debug shows stacks.
  if (process.argv.includes('--debug')) process.setSourceMapsEnabled(true);
  const { main } = await load(program).catch(endUnloaded);
  // A signal that came meanwhile is told now.
  await new Promise((resolve) => setImmediate(resolve));
  // Its handlers first, then ours off: a signal that came while the modules were evaluated is told only now, to whoever listens.
  const done = main(program);
  for (const signal of SIGNALS) process.off(signal, endAtOnce);
  await done;
}

function endAtOnce(signal) {
  say(`error: Interrupted by ${signal} before anything was begun: nothing was written\n  [E_INTERRUPTED]\n`);
  process.exit(signal === 'SIGINT' ? 130 : 143);
}

const NOT_THERE = 'A part of the program or of what it needs is not there: install it again.';
const ADVICE = {
  EMFILE: 'Raise the limit of open files (`ulimit -n 4096`), then run the same command again.',
  MODULE_NOT_FOUND: NOT_THERE,
  ENOENT: NOT_THERE,
};

/** A module that can't be read: no file may be opened any more, an installation is damaged. Nothing of ours is loaded that could say so. */
function endUnloaded(error) {
  const hint = ADVICE[error?.code] ?? 'See that Node is 20.19 or newer, then install the program again.';
  const where = error?.path ?? __filename;
  const what = String(error?.message ?? error).split('\n')[0];
  say(
    `error: The program could not be loaded: ${what}\n  where: ${where}\n  what to do: ${hint}\n` +
      `  [${error instanceof RangeError ? 'E_MEMORY' : 'E_DISK'}]\n`,
  );
  process.exit(5);
}

function say(text) {
  try {
    require('node:fs').writeSync(2, text);
  } catch {
    // Nobody reads it any more.
  }
}

module.exports = { start };
