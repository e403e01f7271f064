// A run in a process of its own: `node publish-child.mjs COMPILED TASK`, TASK as JSON. Says `READY` and the like on standard output.
import { existsSync, mkdirSync, rmdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

const [compiled, taskText] = process.argv.slice(2);
const task = JSON.parse(taskText);
const load = (path) => import(pathToFileURL(`${compiled}/${path}`).href);

const { testRuntime } = await load('test/helpers/runtime.js');
const { systemClock } = await load('src/runtime/clock.js');
const { publishTiny } = await load('test/helpers/tiny-channel.js');
const { prunePool } = await load('src/delivery/generations/prune.js');
const { lockLabel } = await load('src/delivery/lock/lock.js');

let reached = 0;
const rt = testRuntime({
  clock: { ...systemClock(), sleeps: [], advance() {}, set() {} },
  machine: { randomId: () => Math.random().toString(36).slice(2) },
  reach: (step) => {
    if (task.killAt === reached++) process.kill(process.pid, 'SIGKILL');
    if (task.listSteps) console.log(step);
  },
  onEvent: (event) => {
    if (event.type === 'waiting' || event.type === 'note') console.log(event.type.toUpperCase());
  },
});

try {
  if (task.killAfterMs !== undefined) setTimeout(() => process.kill(process.pid, 'SIGKILL'), task.killAfterMs);
  if (task.lock) {
    const lock = await lockLabel(rt, { stateDir: task.lock, label: 'acme', waitMs: task.waitMs, command: 'test' });
    // Fails where another is in here too. The order in which a parent reads what two children print says nothing.
    if (task.alone !== undefined) mkdirSync(task.alone);
    console.log('HELD');
    while (task.holdUntil !== undefined && !existsSync(task.holdUntil)) await delay(20);
    await delay(task.holdMs ?? 0);
    await lock.assertHeld();
    if (task.alone !== undefined) rmdirSync(task.alone);
    console.log('FREE');
    await lock.release();
  } else {
    for (let times = task.prune === true ? (task.times ?? 1) : 0; times > 0; times--)
      await prunePool(rt, task.root, { dryRun: false });
    for (const packages of task.sets)
      await publishTiny(rt, { root: task.root, label: task.label, packages, replace: 'all', bz2: task.bz2 });
    console.log('DONE');
  }
} catch (error) {
  console.log(`ERROR ${error.code ?? ''} ${error.message}`);
  process.exitCode = error.exitCode ?? 70;
}
