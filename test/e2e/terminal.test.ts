import { existsSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runProgram } from '../../scripts/lib/run-program.js';
import { PROJECT_ROOT } from '../../scripts/lib/layers.js';
import { openWorkplace, type Workplace } from '../helpers/programs.js';
import { TOKEN } from '../helpers/upstream.js';

const SCRIPT = '/usr/bin/script';
const ESC = '\u001B';

/** Before the sample upstream: its plain indexes only, with a megabyte of blanks behind the base channel's. */
function padding(url: string): Server {
  return createServer((asked, answer) => {
    const path = asked.url ?? '';
    if (/repodata\.json\.|shards/.test(path)) return void answer.writeHead(404).end();
    const headers = { ...asked.headers, 'if-none-match': '' };
    const up = request(`${url}${path}`, { method: asked.method, headers }, (from) => {
      const pieces: Buffer[] = [];
      from.on('data', (piece: Buffer) => pieces.push(piece));
      from.on('end', () => {
        const pad = from.statusCode === 200 && path.endsWith('pkgs/main/linux-64/repodata.json') ? 1_000_000 : 0;
        const body = Buffer.concat([...pieces, Buffer.alloc(pad, ' ')]);
        answer.writeHead(from.statusCode ?? 500, { 'content-length': body.length }).end(body);
      });
    });
    asked.pipe(up);
  });
}

describe.skipIf(!existsSync(SCRIPT))('on a terminal of its own', () => {
  let work: Workplace;
  let server: Server;
  beforeAll(async () => {
    work = await openWorkplace();
    server = padding(work.upstream.url);
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    await work.close();
  });

  const onTerminal = (columns: number, root: string, env: Record<string, string> = {}) => {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const bin = join(PROJECT_ROOT, 'bin', 'update-offline-repo.js');
    const options = `--base-url ${url} --owner prometeia --channel pkgs/main --engine embedded --subdir linux-64 --cache-dir ${root}-cache`;
    const command = `stty cols ${columns}; '${process.execPath}' '${bin}' halkbank env:CONDA_TOKEN ${root} ratingpro pytho ${options}`;
    const all = { TERM: 'xterm', CONDA_TOKEN: TOKEN, TMPDIR: work.tmp, ...env };
    return runProgram(SCRIPT, ['-qec', command, '/dev/null'], { home: work.home, env: all });
  };

  it.each([80, 120])('%i columns: what is read is named, no line is wider, none is left behind', async (columns) => {
    const { exitCode, stdout } = await onTerminal(columns, join(work.dir, `r${columns}`));
    expect(exitCode, stdout).toBe(0);
    expect(stdout).toContain('index: reading pkgs/main/linux-64');
    expect(stdout).toContain(`${ESC}[32m  added       13${ESC}[0m`);
    const drawn = stdout.split(/\r\n/).flatMap((line) => line.split(`\r${ESC}[K`).slice(1));
    expect(drawn.length).toBeGreaterThan(3);
    // Each is taken away before anything else is written.
    for (const line of drawn) if (line.startsWith('index: ')) expect(line.length).toBeLessThan(columns);
    expect(stdout).not.toMatch(/^index: reading/m);
  });

  it('a dumb terminal gets plain lines, few of them', async () => {
    const { exitCode, stdout } = await onTerminal(80, join(work.dir, 'dumb'), { TERM: 'dumb' });
    expect(exitCode, stdout).toBe(0);
    expect(stdout).not.toContain(ESC);
    expect(stdout).not.toContain('index: reading');
  });
});
