/**
 * node dist/scripts/serve-upstream.js DIR [--token TOKEN] [--port N] [--generation N]
 *
 * Serves a made upstream until its standard input closes. The first line it prints is JSON: `{"url": …}`. A line
 * `generation 2` on its standard input switches; the answer is a line of JSON too.
 */
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { startTokenServer } from './lib/token-server.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    token: { type: 'string', default: process.env['UPSTREAM_TOKEN'] ?? 'xx-00000000-sample-token' },
    port: { type: 'string', default: '0' },
    generation: { type: 'string', default: '1' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
const [dir] = positionals;
if (dir === undefined || values.help) {
  console.error('usage: serve-upstream DIR [--token TOKEN] [--port N] [--generation N]');
  process.exit(values.help ? 0 : 2);
}

const server = await startTokenServer({
  dir,
  token: values.token,
  port: Number(values.port),
  generation: Number(values.generation),
});
console.log(JSON.stringify({ url: server.url, generation: Number(values.generation) }));

for await (const line of createInterface({ input: process.stdin })) {
  const wanted = /^generation (\d+)$/.exec(line.trim());
  if (!wanted) {
    console.log(JSON.stringify({ error: `not understood: ${line}` }));
    continue;
  }
  try {
    server.setGeneration(Number(wanted[1]));
    console.log(JSON.stringify({ url: server.url, generation: Number(wanted[1]) }));
  } catch (error) {
    console.log(JSON.stringify({ error: (error as Error).message }));
  }
}
await server.close();
