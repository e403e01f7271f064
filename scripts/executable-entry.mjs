/** What the single executable begins with: the program whose name it is called by, or `update-offline-repo` as its first argument. */
import process from 'node:process';
import { start } from '../bin/start.js';
import { tuneV8 } from '../src/runtime/tune-v8.ts';

const UPDATE = 'update-offline-repo';
const isCalled =
  /[^\\/]*$/
    .exec(process.argv0)[0]
    .toLowerCase()
    .replace(/\.exe$/, '') === UPDATE;
const isFirst = !isCalled && process.argv[2] === UPDATE;
if (isFirst) process.argv.splice(2, 1);
void start(isCalled || isFirst ? UPDATE : 'repackenv', load);

async function load() {
  tuneV8(process.versions.node, process.argv[2]);
  return import('../src/main.ts');
}
