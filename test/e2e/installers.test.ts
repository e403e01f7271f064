import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { runProgram } from '../../scripts/lib/run-program.js';
import { changesBetween, snapshot } from '../../scripts/lib/snapshot.js';
import type { Manifest } from '../../src/channel/manifest/manifest.js';
import type { ErrorCode } from '../../src/base/errors.js';
import { openDeclaredWorkplace, type DeclaredWorkplace } from '../helpers/declared.js';
import type { Ran } from '../helpers/programs.js';
import { expectRefusal } from '../helpers/refusals.js';
import { reportOf } from '../helpers/real-upstream.js';
import { startServeProgram } from '../helpers/serve-program.js';
import { TOKEN } from '../helpers/upstream.js';

const SLOW = 180_000;
const FORGE = '#!/bin/sh\necho Miniforge3\n';
const MAMBA = '#!/bin/sh\necho "micromamba $*"\n';
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

let work: DeclaredWorkplace;
let server: Server;
let url: string;
let asked: string[] = [];

beforeAll(async () => {
  work = await openDeclaredWorkplace(['bank-1']);
  server = createServer((request, response) => {
    asked.push(`${request.url} ${JSON.stringify(request.headers)}`);
    if (request.url === '/moved') return void response.writeHead(302, { location: '/micromamba-linux-64' }).end();
    if (request.url === '/page') return void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>');
    if (request.url !== '/micromamba-linux-64') return void response.writeHead(404).end();
    response.writeHead(200).end(MAMBA);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.close();
  await work.close();
});
beforeEach(() => {
  rmSync(work.root, { recursive: true, force: true });
  mkdirSync(join(work.root, 'downloads'), { recursive: true });
  writeFileSync(join(work.root, 'downloads/Miniforge3-Linux-x86_64.sh'), FORGE);
  asked = [];
});

const forge = (): string => `{file: downloads/Miniforge3-Linux-x86_64.sh, sha256: ${sha256(FORGE)}}`;
const mamba = (path = 'moved'): string => `{url: ${url}/${path}, name: micromamba-linux-64, sha256: ${sha256(MAMBA)}}`;

function declare(...installers: string[]): void {
  const list = installers.map((each) => `\n      - ${each}`).join('');
  const lines = installers.length === 0 ? '' : `\n    installers:${list}`;
  work.declare(
    `labels:\n  bank-1:\n    packages: [pytho]\n    subdirs: linux-64\n    token_env: CONDA_TOKEN${lines}\n`,
  );
}
const labelDir = (): string => join(work.root, 'bank-1');
const update = (...more: string[]): Promise<Ran> =>
  work.run('repackenv', ['update', 'bank-1', ...more], { cwd: work.root });
const manifest = (): Manifest => JSON.parse(readFileSync(join(labelDir(), 'manifest.json'), 'utf8')) as Manifest;
const installers = (): string[] =>
  manifest().files.flatMap(({ path }) => (path.startsWith('installers/') ? [path] : []));

describe('installers of a label, by the installed program', () => {
  it(
    'are in folder, manifest and sums, and INSTALL.md begins with them; no run fetches them again, and none hears the token',
    async () => {
      declare(forge(), mamba());
      const first = await update();
      expect(first.exitCode, first.stderr).toBe(0);
      const both = ['installers/Miniforge3-Linux-x86_64.sh', 'installers/micromamba-linux-64'];
      expect(installers()).toEqual(both);
      expect(readFileSync(join(labelDir(), both[1]!), 'utf8')).toBe(MAMBA);
      expect(readFileSync(join(labelDir(), 'SHA256SUMS'), 'utf8')).toContain(`${sha256(FORGE)}  ${both[0]}\n`);
      expect((await work.verify(labelDir())).exitCode).toBe(0);
      expect(asked.map((each) => each.split(' ')[0])).toEqual(['/moved', '/micromamba-linux-64']);
      expect(asked.join()).not.toContain(TOKEN);

      // The lines of the page, by a shell, where rsync has taken the right to be executed away.
      const page = readFileSync(join(work.root, 'bank-1.INSTALL.md'), 'utf8');
      const line = (start: string): string =>
        page
          .split('\n')
          .find((each) => each.startsWith(start))!
          .replaceAll('file:///repos/bank-1', pathToFileURL(labelDir()).href)
          .replaceAll('/repos/bank-1', labelDir());
      expect(statSync(join(labelDir(), both[1]!)).mode & 0o111).toBe(0);
      const sh = (text: string) => runProgram('sh', ['-c', text], { home: work.home, cwd: work.tmp });
      expect((await sh(line('sh /repos/bank-1/installers'))).stdout).toBe('Miniforge3\n');
      const ran = await sh(`${line('cp ')} && ${line('./micromamba')}`);
      expect(ran.stdout).toBe(
        `micromamba create -n bank-1 --override-channels -c ${pathToFileURL(labelDir()).href} pytho\n`,
      );

      const before = snapshot(labelDir());
      rmSync(join(work.root, 'downloads'), { recursive: true });
      declare(forge(), mamba('gone'));
      expect((await update()).exitCode).toBe(0);
      // Left open, they stay; also where the label is named on the command line.
      declare();
      const args = ['bank-1', 'env:CONDA_TOKEN', work.root];
      expect((await work.run('update-offline-repo', args)).exitCode).toBe(0);
      expect(changesBetween(before, snapshot(labelDir()))).toEqual([]);
      expect(asked).toHaveLength(2);
    },
    SLOW,
  );

  it(
    'leave where the list is without them, come back with a rollback, and go along by export and import',
    async () => {
      declare(forge(), mamba());
      expect((await update()).exitCode).toBe(0);
      declare(mamba());
      const plan = await update('--dry-run', '--json');
      expect(reportOf(plan).leaving).toEqual(['installers/Miniforge3-Linux-x86_64.sh']);
      const ran = await update('--json');
      expect(reportOf(ran).published).toMatchObject({ generation: 2, because: ['side files'] });
      expect(ran.stderr + ran.stdout).toContain(
        'no longer declared, and leaving: installers/Miniforge3-Linux-x86_64.sh',
      );
      expect(installers()).toEqual(['installers/micromamba-linux-64']);

      const back = await work.run('repackenv', ['rollback', 'bank-1', '--to', '1', '--root', work.root, '--why', 'x']);
      expect(back.exitCode, back.stderr).toBe(0);
      expect(installers()).toHaveLength(2);
      const [medium, site] = [join(work.dir, 'medium'), join(work.dir, 'site')];
      expect((await work.run('repackenv', ['export', labelDir(), '--to', medium])).exitCode).toBe(0);
      expect((await work.run('repackenv', ['import', medium, '--root', site])).exitCode).toBe(0);
      expect(readFileSync(join(site, 'bank-1/installers/micromamba-linux-64'), 'utf8')).toBe(MAMBA);
      expect((await work.verify(join(site, 'bank-1'))).exitCode).toBe(0);
    },
    SLOW,
  );

  it(
    'and papers are linked by the page that serve shows of the label, and can be had there',
    async () => {
      declare(forge(), mamba());
      expect((await update('--papers', 'changes', '--papers', 'licenses')).exitCode).toBe(0);
      const up = await startServeProgram([work.root], { home: work.home });
      try {
        const at = `http://127.0.0.1:${up.port}/bank-1/`;
        const page = await fetch(at, { headers: { accept: 'text/html' } });
        const linked = [...(await page.text()).matchAll(/<a href="((?:installers|papers)\/[^"]*)"/g)].map(
          ([, href]) => href!,
        );
        const stated = manifest().files.filter(({ path }) => /^(installers|papers)\//.test(path));
        expect(linked.toSorted()).toEqual(stated.map(({ path }) => path).toSorted());
        expect(linked).toHaveLength(4);
        for (const { path, sha256: digest } of stated) {
          const answer = await fetch(new URL(path, at));
          expect([answer.status, sha256(await answer.text())], path).toEqual([200, digest]);
        }
      } finally {
        await up.stop();
      }
    },
    SLOW,
  );

  const A = 'a'.repeat(64);
  it.each<[string, () => string[], ErrorCode, string[]]>([
    ['no sha256', () => [`{url: ${url}/x.sh}`], 'E_CONFIG', ['without `sha256`', 'list of files', 'line']],
    ['a sha256 that is none', () => [`{url: ${url}/x.sh, sha256: 12}`], 'E_CONFIG', ['64 hexadecimal digits']],
    ['no place', () => [`{sha256: ${A}}`], 'E_CONFIG', ['without `url` or `file`']],
    ['two places', () => [`{url: ${url}/x.sh, file: x.sh, sha256: ${A}}`], 'E_CONFIG', ['both `url` and `file`']],
    ['a URL as file', () => [`{file: '${url}/x.sh', sha256: ${A}}`], 'E_CONFIG', ['has a URL as `file`']],
    ['a path as url', () => [`{url: /x.sh, sha256: ${A}}`], 'E_CONFIG', ['can’t be read']],
    ['a token in the URL', () => [`{url: '${url}/t/${TOKEN}/x.sh', sha256: ${A}}`], 'E_CONFIG', ['holds a token']],
    ['a name with a slash', () => [`{url: ${url}/x, name: a/b.sh, sha256: ${A}}`], 'E_CONFIG', ['a/b.sh', 'name:']],
    [
      'one name twice',
      () => [forge(), `{url: ${url}/x, name: miniforge3-linux-X86_64.sh, sha256: ${A}}`],
      'E_CONFIG',
      ['would both be'],
    ],
    ['an unknown key', () => [`{url: ${url}/x, sha256: ${A}, md5: x}`], 'E_CONFIG', ['md5']],
    [
      'other bytes',
      () => [`{url: ${url}/moved, sha256: ${A}}`],
      'E_ARTIFACT_DIGEST',
      ['repackenv.yml states', sha256(MAMBA)],
    ],
    ['a web page', () => [`{url: ${url}/page, sha256: ${A}}`], 'E_ARTIFACT_DIGEST', ['a web page (text/html)']],
    ['a URL that is gone', () => [`{url: ${url}/none.sh, sha256: ${A}}`], 'E_ARTIFACT_MISSING', ['404', '/none.sh']],
    [
      'a file that is gone',
      () => [`{file: none.sh, sha256: ${A}}`],
      'E_ARTIFACT_MISSING',
      ['There is no such file', 'none.sh'],
    ],
  ])('wrong: %s', async (_what, list, code, says) => {
    declare(...list());
    expectRefusal(await update(), { code, says });
    expect(existsSync(labelDir())).toBe(false);
  });
});
