import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../../scripts/lib/layers.js';
import { makeTestCa } from '../helpers/certificates.js';
import { freePort } from '../helpers/far-servers.js';
import { describeWithLayers, layerPath } from '../helpers/layers.js';
import { openWorkplace, type Workplace } from '../helpers/programs.js';
import { startServeProgram } from '../helpers/serve-program.js';

const SLOW = 120_000;
const PAGE = readFileSync(join(PROJECT_ROOT, 'src/cli/pages/serve.md'), 'utf8');
/** As the text of the page says it. */
function belowFolder(block: string): string {
  const [, location = '', pass = '', line = ''] =
    /Below a folder it is `(.*?)` and `(.*?)`, .*: `(.*?)`\./.exec(PAGE) ?? [];
  return block.replace('location / {', `${location}\n${line}`).replace(/proxy_pass .*/, pass);
}
/** As the page of the manual has them: a proxy before serve, a server of its own. */
const [PROXY = '', OWN = ''] = [...PAGE.matchAll(/^```nginx\n([^]*?)^```$/gm)].map(([, text]) => text!);

describeWithLayers(['nginx'], 'the nginx lines of `repackenv help serve`', () => {
  let work: Workplace;
  beforeAll(async () => {
    work = await openWorkplace();
    const ran = await work.update();
    expect(ran.exitCode, ran.stderr).toBe(0);
  }, SLOW);
  afterAll(() => work.close());

  /** Runs nginx with one `server` block on a free port while `use` does. */
  async function withNginx(block: string, use: (port: number) => Promise<void>): Promise<void> {
    const port = await freePort();
    const dir = join(work.dir, `nginx-${port}`);
    mkdirSync(dir);
    const server = block.replace(/listen \d+/, `listen 127.0.0.1:${port}`);
    expect(server).toContain(`:${port}`);
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (name) => `${name}_temp_path ${dir}/${name};`,
    );
    const user = process.getuid?.() === 0 ? 'user root; ' : '';
    writeFileSync(
      join(dir, 'nginx.conf'),
      `${user}daemon off; pid ${dir}/pid; error_log ${dir}/error.log; events {}\nhttp { access_log off; ${temporary.join(' ')}\n${server}}\n`,
    );
    const args = ['-p', dir, '-c', join(dir, 'nginx.conf'), '-e', join(dir, 'error.log')];
    const program = spawn(layerPath('nginx'), args, { stdio: 'ignore' });
    const ended = new Promise((resolve) => void program.on('close', resolve));
    try {
      // Written once the ports are its own.
      await expect
        .poll(() => existsSync(join(dir, 'pid')) && readFileSync(join(dir, 'pid'), 'utf8'), { timeout: 30_000 })
        .toMatch(/\d/);
      await use(port);
    } finally {
      program.kill();
      await ended;
    }
  }

  it(
    'a server of its own over ROOT: the channels, and nothing of .repackenv',
    async () => {
      expect(readdirSync(join(work.root, '.repackenv'))).toContain('halkbank');
      const block = OWN.replace('root /srv/conda;', `root ${work.root};`);
      await withNginx(block, async (port) => {
        const get = async (path: string): Promise<Response> => fetch(`http://127.0.0.1:${port}${path}`);
        const sent = await get('/halkbank/noarch/repodata.json');
        expect(await sent.text()).toBe(readFileSync(join(work.labelDir, 'noarch/repodata.json'), 'utf8'));
        const inside = readdirSync(join(work.root, '.repackenv'), { recursive: true, encoding: 'utf8' });
        expect(inside.length).toBeGreaterThan(5);
        for (const name of ['', ...inside])
          expect([name, (await get(`/.repackenv/${name}`)).status]).toEqual([name, 404]);
        expect((await get('/%2erepackenv/halkbank/')).status).toBe(404);
        expect((await get('/halkbank/../.repackenv/halkbank/')).status).toBe(404);
      });
      // Without that line they would be there to read.
      await withNginx(block.replace(/location ~ .*\n/, ''), async (port) => {
        const receipt = readdirSync(join(work.root, '.repackenv'), { recursive: true, encoding: 'utf8' }).find((name) =>
          name.endsWith('.json'),
        );
        expect((await fetch(`http://127.0.0.1:${port}/.repackenv/${receipt}`)).status).toBe(200);
      });
    },
    SLOW,
  );

  it.each([
    ['at the top', '', (text: string) => text],
    ['below a folder', '/conda', belowFolder],
  ])(
    'a proxy with TLS %s: files, and pages with the address that readers have',
    async (_title, folder, chosen) => {
      const ca = await makeTestCa();
      const { cert, key } = await ca.issue({ hosts: ['conda.example'] });
      writeFileSync(join(work.dir, 'conda.example.pem'), cert);
      writeFileSync(join(work.dir, 'conda.example.key'), key, { mode: 0o600 });
      const up = await startServeProgram([work.root], { home: work.home });
      const block = chosen(PROXY)
        .replaceAll('127.0.0.1:8000', `127.0.0.1:${up.port}`)
        .replaceAll('/etc/ssl/', `${work.dir}/`);
      try {
        await withNginx(block, async (port) => {
          const get = (path: string): Promise<string> =>
            new Promise((resolve, reject) => {
              const asked = request(
                {
                  host: '127.0.0.1',
                  port,
                  path: folder + path,
                  ca: ca.cert,
                  servername: 'conda.example',
                  headers: { host: 'conda.example', accept: 'text/html' },
                },
                (answer) => {
                  const pieces: Buffer[] = [];
                  answer.on('data', (piece: Buffer) => pieces.push(piece));
                  answer.on('end', () => resolve(`${answer.statusCode} ${Buffer.concat(pieces).toString()}`));
                },
              );
              asked.on('error', reject).end();
            });
          expect(await get('/halkbank/manifest.json')).toBe(
            `200 ${readFileSync(join(work.labelDir, 'manifest.json'), 'utf8')}`,
          );
          expect(await get('/halkbank/')).toContain(`-c https://conda.example${folder}/halkbank `);
          expect(await get('/.repackenv/')).toMatch(/^404 /);
        });
      } finally {
        await up.stop();
      }
    },
    SLOW,
  );
});
