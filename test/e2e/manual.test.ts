import { spawn } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../../scripts/lib/layers.js';
import { openDeclaredWorkplace, type DeclaredWorkplace } from '../helpers/declared.js';
import type { Ran } from '../helpers/programs.js';
import { codeLines, manual } from '../helpers/readme.js';
import { TOKEN } from '../helpers/upstream.js';

/** What ends with another code than 0 here, and why. */
/** Lines that want a machine which is not here. */
const ELSEWHERE = /redis:\/\/|s3:\/\/|@site\.example/;

const EXITS: Readonly<Record<string, number>> = {
  // Two generations, two folders: they differ.
  'repackenv diff /srv/repos/halkbank@3 /srv/repos/halkbank@4': 1,
  'repackenv diff receipt.json /srv/repos/halkbank': 1,
};

/** Words of the texts that are other words in the sample upstream. Longer ones first. */
const SAMPLES: Readonly<Record<string, string>> = {
  'halkbank@5': 'halkbank@4',
  'halkbank-g7': 'halkbank-g4',
  'openssl<3.0.15': 'numpy<3',
  openssl: 'numpy',
  'conda-forge': 'pkgs/main',
  '--owner acme': '--owner prometeia',
};

/** What lines of a page change, and the next page finds as it was. */
const CHANGED = ['root', 'usb', 'channel'];

/** Whole lines whose first word, behind what cron writes, is one of our programs. */
const OURS =
  /^(?:[\d*]+ [\d* ]+ {2})?((?:[A-Z_]+=\S+ )?(?:\/opt\/repackenv\/bin\/)?(?:repackenv|update-offline-repo) .*)$/;

describe('each command line of README and pages, by a real sh, in its order', () => {
  let work: DeclaredWorkplace;
  let places: Record<string, string>;
  const at = (name: string): string => join(work.dir, name);
  const sh = (line: string): Promise<Ran> => run(line, work, at('here'));

  beforeAll(async () => {
    work = await openDeclaredWorkplace(['bank-1']);
    places = {
      '/srv/repos': at('root'),
      './repos': at('here/repos'),
      '/srv/conda': at('conda'),
      '/srv/channel': at('channel'),
      '/srv/mirror/main': at('mirror/main'),
      '/mnt/site/repos': at('conda'),
      '/media/usb': at('usb'),
      '/etc/repackenv': at('here'),
      '/var/log/repackenv': at('logs'),
      '/opt/repackenv/bin/': `${at('bin')}/`,
      'http://127.0.0.1:8765': work.upstream.url,
    };
    for (const dir of ['bin', 'here', 'here/osv']) mkdirSync(at(dir));
    for (const name of ['repackenv', 'update-offline-repo']) {
      writeFileSync(at(`bin/${name}`), `#!/bin/sh\nexec "${process.execPath}" "${PROJECT_ROOT}/bin/${name}.js" "$@"\n`);
      chmodSync(at(`bin/${name}`), 0o755);
    }
    const token = `  all: {token_env: CONDA_TOKEN, subdirs: [linux-64]}\n`;
    work.declare(
      `policies:\n  house: {deny: {packages: [nosuch]}}\ndefaults:\n${token}labels:\n  halkbank: {packages: [ratingpro, pytho], policy: house}\n  bank-1: {packages: [pytho]}\n`,
    );
    const mirror = `channels: [${work.upstream.url}/pkgs/main]\nplatforms: [linux-64]\nmirror_dir: ${at('mirror/main')}\n`;
    for (const name of ['main.yml', 'mirror.yml']) writeFileSync(at(`here/${name}`), mirror);
    writeFileSync(at('here/house.yml'), 'deny: {packages: [nosuch]}\n');
    expect((await sh('repackenv mirror -f main.yml')).exitCode).toBe(0);
    writeFileSync(at('here/token'), TOKEN);
    writeFileSync(
      at('here/osv/X-1.json'),
      JSON.stringify({ id: 'X-1', modified: '2026-01-01T00:00:00Z', affected: [] }),
    );
    for (const [generation, which] of [
      [1, '--all'],
      ...[2, 1, 2].map((each) => [each, 'halkbank'] as const),
    ] as const) {
      work.upstream.setGeneration(generation);
      expect((await sh(`repackenv update ${which} --root ${work.root}`)).exitCode).toBe(0);
    }
    cpSync(work.labelDir, at('channel'), { recursive: true, preserveTimestamps: true });
    for (const name of ['receipt.json', 'halkbank-g4.receipt.json'])
      cpSync(join(work.labelDir, 'manifest.json'), at(`here/${name}`));
    // What the site has is older than what would go there.
    writeFileSync(at('here/receipt.json'), readFileSync(await kept(3)));
    for (const line of ['ssh-keygen -q -t ed25519 -N "" -f release_key', 'echo "v $(cat release_key.pub)" > signers'])
      expect((await sh(line)).exitCode).toBe(0);
    expect((await sh(`repackenv export ${work.labelDir} --to ${at('usb')}`)).exitCode).toBe(0);
    for (const dir of CHANGED) cpSync(at(dir), at(`kept/${dir}`), { recursive: true, preserveTimestamps: true });
  }, 60_000);
  afterAll(() => work.close());

  const kept = async (generation: number): Promise<string> =>
    (await sh(`find ${work.root}/.repackenv/halkbank/generations/${generation} -name manifest.json`)).stdout.trim();

  for (const [file, text] of manual()) {
    const lines = codeLines(text).flatMap((line) => OURS.exec(line)?.[1] ?? []);
    if (lines.length === 0) continue;
    it(`${file}: ${lines.length}`, async () => {
      restore();
      // The first delivery; something new is there for the second.
      if (file === 'README.md') work.upstream.setGeneration(1);
      for (const line of lines.filter((each) => !ELSEWHERE.test(each))) {
        if (line.startsWith('repackenv plan')) work.upstream.setGeneration(2);
        const sample = replaced(line, SAMPLES);
        const ran = await sh(replaced(sample, places));
        const plain = sample.replace(/ +#.*$/, '');
        expect(ran.exitCode, `${plain}\n${ran.stdout}\n${ran.stderr}`).toBe(EXITS[plain] ?? 0);
      }
    }, 60_000);
  }

  /** ROOT as it was, generation 4 live, 3 before it; the site empty. */
  function restore(): void {
    for (const dir of [...CHANGED, 'conda']) rmSync(at(dir), { recursive: true, force: true });
    cpSync(at('kept'), work.dir, { recursive: true, preserveTimestamps: true });
  }
});

function replaced(line: string, words: Readonly<Record<string, string>>): string {
  return Object.entries(words).reduce((text, [sample, real]) => text.replaceAll(sample, real), line);
}

function run(line: string, work: DeclaredWorkplace, cwd: string): Promise<Ran> {
  const { PATH = '' } = process.env;
  const env = { PATH: `${join(work.dir, 'bin')}:${PATH}`, HOME: work.home, CONDA_TOKEN: TOKEN, LANG: 'C.UTF-8' };
  const given = { REPACKENV_BASE_URL: work.upstream.url, REPACKENV_OWNER: 'prometeia', REPACKENV_CHANNEL: 'pkgs/main' };
  const child = spawn('sh', ['-c', line], {
    cwd,
    env: { ...env, ...given, REPACKENV_ROOT: work.root, REPACKENV_CACHE_DIR: work.cache },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const out = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].setEncoding('utf8').on('data', (text: string) => void (out[stream] += text));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode, signal) => resolve({ exitCode, signal, ...out }));
  });
}
