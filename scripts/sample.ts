/**
 * npm run sample [-- --port N]
 *
 * The channel server of the README's first example: owner `prometeia`, label `halkbank`, base channel `pkgs/main`, one token. It is made anew
 * each time and serves until Ctrl-C. A line on its standard input publishes newer packages (generation 2), the next the older ones again.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { makeSampleUpstream } from './lib/sample-upstream.js';
import { startTokenServer } from './lib/token-server.js';

const TOKEN = 'sample-token';
const { values } = parseArgs({ options: { port: { type: 'string', default: '8765' } } });

const dir = mkdtempSync(join(tmpdir(), 'repackenv-sample-'));
const end = (): void => {
  rmSync(dir, { recursive: true, force: true });
  process.exit(0);
};
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end);

await makeSampleUpstream(dir);
const server = await startTokenServer({ dir, token: TOKEN, port: Number(values.port) }).catch((error: Error) => {
  console.error(`The port can't be used: ${error.message}. Give another one: npm run sample -- --port 8766`);
  rmSync(dir, { recursive: true, force: true });
  process.exit(1);
});
console.log(`A sample channel server is at ${server.url}, until Ctrl-C. In another terminal:

  export CONDA_TOKEN=${TOKEN}          (cmd.exe: set CONDA_TOKEN=${TOKEN})
  update-offline-repo halkbank env:CONDA_TOKEN ./repos ratingpro pytho --base-url ${server.url} --owner prometeia --channel pkgs/main

Enter here publishes newer packages: ratingpro 2.5.0 and pytho 2.0.`);

let generation = 1;
createInterface({ input: process.stdin }).on('line', () => {
  generation = 3 - generation;
  server.setGeneration(generation);
  const versions = generation === 1 ? 'ratingpro 2.4.1, pytho 1.9' : 'ratingpro 2.5.0, pytho 2.0';
  console.log(`now served: ${versions}`);
});
