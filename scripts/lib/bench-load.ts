import { writeFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { join } from 'node:path';
import { runProgram } from './run-program.js';

/** What is asked of a server on loopback: these paths in turn, on so many kept connections. */
export type Load = {
  port: number;
  paths: readonly string[];
  connections: number;
  /** How long wrk goes on. */
  seconds: number;
  /** How much node asks for. */
  requests: number;
  /** For a script. */
  home: string;
};

/** Bytes are those received, with their headers where the client counts them. */
export type Answered = { requests: number; bytes: number; seconds: number };

/** By wrk (a program in C): the server is what limits. */
export async function loadByWrk({ port, paths, connections, seconds, home }: Load): Promise<Answered> {
  const script = join(home, 'wrk.lua');
  writeFileSync(
    script,
    `local paths = {${paths.map((path) => JSON.stringify(path)).join(',')}}
local at = 0
request = function() at = at % #paths + 1; return wrk.format("GET", paths[at]) end
done = function(summary)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format("%d %d %d %d\\n", summary.requests, summary.bytes, summary.duration, failed))
end
`,
  );
  const args = ['-t', '1', '-c', String(connections), '-d', `${seconds}s`, '--timeout', '30s', '-s', script];
  const { stdout, stderr } = await runProgram('wrk', [...args, `http://127.0.0.1:${port}`], { home });
  const figures = /^(\d+) (\d+) (\d+) (\d+)$/m.exec(stdout)?.slice(1).map(Number);
  const [requests = 0, bytes = 0, microseconds = 0, failed = 0] = figures ?? [];
  if (figures === undefined || failed > 0) throw new Error(`wrk: ${stdout}${stderr}`);
  return { requests, bytes, seconds: microseconds / 1e6 };
}

/** By this process. */
export async function loadByNode({ port, paths, connections, requests }: Load): Promise<Answered> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const began = performance.now();
  let [next, bytes] = [0, 0];
  const worker = async (): Promise<void> => {
    for (let at = next++; at < requests; at = next++) {
      bytes += await received({ port, path: paths[at % paths.length] ?? '/', agent });
    }
  };
  await Promise.all(Array.from({ length: connections }, worker));
  agent.destroy();
  return { requests, bytes, seconds: (performance.now() - began) / 1000 };
}

function received({ port, path, agent }: { port: number; path: string; agent: Agent }): Promise<number> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path, agent }, (response) => {
      let bytes = 0;
      response.on('data', (chunk: Buffer) => (bytes += chunk.length));
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200) resolve(bytes);
        else reject(new Error(`${path}: ${response.statusCode}`));
      });
    }).on('error', reject);
  });
}
