import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runProgram } from '../../scripts/lib/run-program.js';
import { PROJECT_ROOT } from '../../scripts/lib/layers.js';
import { changesBetween, filesThatContain, snapshot } from '../../scripts/lib/snapshot.js';
import type { Manifest } from '../../src/channel/manifest/manifest.js';
import { SETTINGS, type SettingName } from '../../src/config/settings.js';
import { openWorkplace, type Workplace } from '../helpers/programs.js';
import { delivered, eventsOf, reportOf } from '../helpers/real-upstream.js';
import { expectRefusal } from '../helpers/refusals.js';
import { TOKEN } from '../helpers/upstream.js';

const SLOW = 120_000;
const SCRIPT = '/usr/bin/script';

let work: Workplace;
beforeAll(async () => {
  work = await openWorkplace();
});
afterAll(() => work.close());

/** A ROOT of its own for each test, so that none depends on another. */
let roots = 0;
function freshRoot(): string {
  roots += 1;
  return join(work.dir, `root-${roots}`);
}

function manifestIn(root: string): Manifest {
  return JSON.parse(readFileSync(join(root, 'halkbank', 'manifest.json'), 'utf8')) as Manifest;
}

describe('--dry-run', () => {
  it(
    'writes nothing under ROOT, neither where there is none nor where there is one, and says what would change',
    async () => {
      const root = freshRoot();
      const first = await work.update({ root, args: ['--dry-run'] });
      expect(first.exitCode, first.stderr).toBe(0);
      expect(first.stdout).toMatch(/halkbank: would deliver 13 artifacts/);
      expect(first.stdout).toMatch(/added +13/);
      expect(existsSync(root)).toBe(false);

      const real = await work.update({ root });
      expect(real.exitCode, real.stderr).toBe(0);
      const before = snapshot(root);
      const folders = readdirSync(root, { recursive: true, encoding: 'utf8' }).sort();
      const second = await work.update({ root, packages: ['ratingpro=2.4.0'], args: ['--dry-run', '--json'] });
      expect(second.exitCode, second.stderr).toBe(0);
      const report = reportOf(second);
      expect(report.job).toBe('plan');
      expect(report.published).toBeUndefined();
      expect(report.changes.downgraded.map(({ name, from, to }) => [name, from, to])).toEqual([
        ['ratingpro', '2.4.1', '2.4.0'],
      ]);
      expect(report.changes.removed.map(({ name }) => name)).toEqual(['ratekeys']);
      expect(changesBetween(before, snapshot(root))).toEqual([]);
      expect(readdirSync(root, { recursive: true, encoding: 'utf8' }).sort()).toEqual(folders);
    },
    SLOW,
  );

  it(
    'is repackenv plan',
    async () => {
      const root = freshRoot();
      const options = [
        '--base-url',
        work.upstream.url,
        '--owner',
        'prometeia',
        '--channel',
        'pkgs/main',
        '--engine',
        'embedded',
        '--cache-dir',
        work.cache,
      ];
      const named = ['--label', 'halkbank', '--root', root, '--token-env', 'CONDA_TOKEN', '--subdir', 'linux-64'];
      const planned = await work.run('repackenv', ['plan', ...named, ...options, '--json', 'ratingpro', 'pytho']);
      const dry = await work.update({ root, args: ['--dry-run', '--json'] });
      expect(planned.exitCode, planned.stderr).toBe(0);
      expect(reportOf(planned)).toEqual(reportOf(dry));
      expect(existsSync(root)).toBe(false);
    },
    SLOW,
  );
});

describe('what is printed', () => {
  it(
    '--json: every line of standard output is an event, the report is the last, and the token is in none',
    async () => {
      const ran = await work.update({ root: freshRoot(), args: ['--json'] });
      expect(ran.exitCode, ran.stderr).toBe(0);
      const events = eventsOf(ran);
      expect(events.filter(({ type }) => type === 'report')).toHaveLength(1);
      expect(events.at(-1)).toMatchObject({
        type: 'report',
        job: 'update',
        label: 'halkbank',
        published: { generation: 1, unchanged: false },
      });
      for (const event of events.slice(0, -1)) expect(event['time']).toMatch(/^\d{4}-\d\d-\d\dT/);
      const types = new Set(events.map(({ type }) => type));
      for (const type of ['stage-started', 'stage-finished', 'acquire-total', 'artifact-acquired', 'note'])
        expect(types).toContain(type);
      expect(ran.stderr).toBe('');
      expect(ran.stdout).not.toContain(TOKEN);
    },
    SLOW,
  );

  it(
    'tells what was downloaded and what was here already, in events, report and text',
    async () => {
      const args = ['--cache-dir', join(work.dir, 'new-cache')];
      const first = await work.update({ root: freshRoot(), args: [...args, '--json'] });
      const { artifacts, bytesTotal, fetched } = reportOf(first);
      const all = { artifacts: artifacts.length, bytes: bytesTotal };
      const none = { artifacts: 0, bytes: 0 };
      expect(fetched).toEqual({ download: all, cache: none, store: none });
      expect(eventsOf(first).find(({ type }) => type === 'acquire-finished')).toMatchObject({ ...fetched });
      const second = await work.update({ root: freshRoot(), args });
      const there = `nothing downloaded; ${artifacts.length} were here already, `;
      expect(second.stdout).toContain(`\n  fetched     ${there}`);
      expect(second.stderr).toContain(`fetch: ${there}`);
    },
    SLOW,
  );

  it(
    '--json: an error is the last line, and on standard error for people',
    async () => {
      const ran = await work.update({ root: freshRoot(), packages: ['nosuchpackage'], args: ['--json'] });
      expectRefusal(ran, { code: 'E_PACKAGE_NOT_FOUND', says: ['nosuchpackage'] });
      expect(eventsOf(ran).at(-1)).toMatchObject({ type: 'error', code: 'E_PACKAGE_NOT_FOUND' });
    },
    SLOW,
  );

  it(
    '--quiet: nothing where all is well, the error where not',
    async () => {
      const root = freshRoot();
      expect(await work.update({ root, args: ['--quiet'] })).toMatchObject({ exitCode: 0, stdout: '', stderr: '' });
      expect(existsSync(join(root, 'halkbank', 'manifest.json'))).toBe(true);
      const failing = await work.update({ root, packages: ['nosuchpackage'], args: ['--quiet'] });
      expectRefusal(failing, { code: 'E_PACKAGE_NOT_FOUND' });
      expect(failing.stdout).toBe('');
      expect(failing.stderr).toMatch(/^error: /);
    },
    SLOW,
  );

  it(
    '--log-dir: YYYY/MM/DD/HH.MM-update-LABEL.log with dated lines, the report, and no token',
    async () => {
      const logs = join(work.dir, 'logs');
      const ran = await work.update({ root: freshRoot(), args: ['--log-dir', logs, '--debug', '--quiet'] });
      expect(ran.exitCode, ran.stderr).toBe(0);
      const [path = '', ...more] = snapshot(logs).keys();
      expect(more).toEqual([]);
      const now = new Date();
      expect(path).toMatch(/^\d{4}\/\d\d\/\d\d\/\d\d\.\d\d-update-halkbank\.log$/);
      expect([now.getFullYear(), new Date(Date.now() - 3_600_000).getFullYear()]).toContain(Number(path.slice(0, 4)));
      const text = readFileSync(join(logs, path), 'utf8');
      for (const line of text.split('\n').filter((each) => / (solve|fetch|prove): /.test(each)))
        expect(line).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d /);
      expect(text).toContain('halkbank: generation 1 is published');
      expect(filesThatContain(logs, TOKEN)).toEqual([]);
    },
    SLOW,
  );

  it.skipIf(!existsSync(SCRIPT))(
    'NO_COLOR: colours on a terminal, none with it',
    async () => {
      const onTerminal = (env: Record<string, string>) => {
        const bin = join(PROJECT_ROOT, 'bin', 'update-offline-repo.js');
        const command = `'${process.execPath}' '${bin}' '..' none '${work.root}' ratingpro --owner prometeia`;
        return runProgram(SCRIPT, ['-qec', command, '/dev/null'], { home: work.home, env: { TERM: 'xterm', ...env } });
      };
      const coloured = await onTerminal({});
      expect(coloured.exitCode, coloured.stdout).toBe(2);
      expect(coloured.stdout).toContain('\u001B[31merror:');
      const plain = await onTerminal({ NO_COLOR: '1' });
      expect(plain.exitCode).toBe(2);
      expect(plain.stdout).toContain('error: ');
      expect(plain.stdout).not.toContain('\u001B[');
    },
    SLOW,
  );
});

describe('what is asked for', () => {
  it(
    '--packages-file: lines and an environment.yml mean the same',
    async () => {
      mkdirSync(work.home, { recursive: true });
      const environment = join(work.home, 'environment.yml');
      writeFileSync(
        environment,
        [
          'name: rating',
          'channels:',
          '  - elsewhere',
          'dependencies:',
          '  - ratingpro=2.3',
          '  - "numpy>=1.26,<2"',
          '',
        ].join('\r\n'),
      );
      const lines = join(work.home, 'packages.txt');
      writeFileSync(lines, '\uFEFF# for halkbank\r\nnumpy>=1.26,<2   # an upper bound\r\n\r\nratingpro=2.3\r\n');
      const sets: string[][] = [];
      for (const file of [environment, lines]) {
        const ran = await work.update({ root: freshRoot(), packages: [], args: ['--packages-file', file, '--json'] });
        expect(ran.exitCode, ran.stderr).toBe(0);
        sets.push([...reportOf(ran).specs, ...delivered(reportOf(ran))]);
      }
      expect(sets[0]).toEqual(
        expect.arrayContaining(['numpy>=1.26,<2', 'ratingpro=2.3', 'numpy 1.26.4', 'ratingpro 2.3.0']),
      );
      expect(sets[1]).toEqual(sets[0]);
    },
    SLOW,
  );

  it('--packages-file: a pip section is refused by name', async () => {
    mkdirSync(work.home, { recursive: true });
    const file = join(work.home, 'with-pip.yml');
    writeFileSync(file, 'dependencies:\n  - ratingpro\n  - pip:\n      - flask\n');
    const root = freshRoot();
    expectRefusal(await work.update({ root, packages: [], args: ['--packages-file', file] }), {
      code: 'E_SPEC_FILE',
      says: ['with-pip.yml', 'pip'],
    });
    expect(existsSync(root)).toBe(false);
  });

  it(
    '--index bz2: a third encoding of every index, of the same bytes; without it again, none',
    async () => {
      const root = freshRoot();
      const bz2 = (): string[] =>
        [...snapshot(root).keys()].filter((path) => path.endsWith('.bz2') && path.includes('repodata'));
      const first = await work.update({ root, args: ['--index', 'bz2'] });
      expect(first.exitCode, first.stderr).toBe(0);
      expect(bz2()).toEqual(['halkbank/linux-64/repodata.json.bz2', 'halkbank/noarch/repodata.json.bz2']);
      for (const path of bz2()) {
        const unpacked = await runProgram('bzip2', ['-dc', join(root, path)], { home: work.home });
        expect(unpacked.stdout).toBe(readFileSync(join(root, path.replace(/\.bz2$/, '')), 'utf8'));
      }
      const second = await work.update({ root });
      expect(second.exitCode, second.stderr).toBe(0);
      expect(bz2()).toEqual([]);
      // No artifact, record or spec changed.
      expect(manifestIn(root).generation).toBe(1);
      expect((await work.verify(join(root, 'halkbank'))).exitCode).toBe(0);
    },
    SLOW,
  );
});

describe('a client that was taken out of the file', () => {
  it.each([
    [
      'taken out: it stays, and that is said to whom reads warnings only',
      '',
      'client conda 24.1 stands neither in',
      'conda 24.1',
    ],
    ['none: it goes, and nothing is said', 'client: none\n', undefined, null],
  ])('%s', async (_name, line, said, client) => {
    const root = freshRoot();
    mkdirSync(root);
    const configure = (text: string): void => writeFileSync(join(root, 'repackenv.yml'), `site_files: 'off'\n${text}`);
    configure('client: "conda 24.1"\n');
    expect((await work.update({ root })).exitCode).toBe(0);
    configure(line);
    const ran = await work.update({ root, args: ['--quiet'] });
    expect(ran.exitCode, ran.stderr).toBe(0);
    if (said === undefined) expect(ran.stderr).toBe('');
    else expect(ran.stderr).toContain(said);
    const manifest = JSON.parse(readFileSync(join(root, 'halkbank', 'manifest.json'), 'utf8')) as Manifest;
    expect(manifest.profiles.map((each) => each.client)).toEqual([client]);
  });
});

describe('--show-config', () => {
  it('option over environment over file over default, each with where it is from; nothing is done', async () => {
    const root = freshRoot();
    mkdirSync(root);
    writeFileSync(join(root, 'repackenv.yml'), 'owner: from-file\nchannels: [conda-forge]\nclient: "conda 4.12"\n');
    const requests = work.upstream.requests.length;
    const ran = await work.run(
      'update-offline-repo',
      ['halkbank', 'env:CONDA_TOKEN', root, 'ratingpro', '--show-config', '--client', 'conda 4.10'],
      {
        env: { REPACKENV_CLIENT: 'conda 4.11', REPACKENV_OWNER: 'from-environment' },
      },
    );
    expect(ran.exitCode, ran.stderr).toBe(0);
    const line = (key: string): string => ran.stdout.split('\n').find((each) => each.startsWith(`${key}:`)) ?? '';
    expect(line('client')).toMatch(/"conda 4\.10" +# command line/);
    expect(line('owner')).toMatch(/"from-environment" +# .*REPACKENV_OWNER/);
    expect(line('channels')).toMatch(/\["conda-forge"\] +# .*repackenv\.yml/);
    expect(line('base_url')).toMatch(/"https:\/\/conda\.anaconda\.org" +# default/);
    expect(ran.stdout).not.toContain(TOKEN);
    expect(readdirSync(root)).toEqual(['repackenv.yml']);
    expect(work.upstream.requests.length).toBe(requests);
  });

  it('both programs take every option, and name it in their help', async () => {
    const helps = await Promise.all([
      work.run('update-offline-repo', ['--help']),
      work.run('repackenv', ['update', '--help']),
    ]);
    for (const help of helps) {
      expect(help.exitCode).toBe(0);
      for (const name of Object.keys(SETTINGS) as SettingName[])
        expect(help.stdout).toMatch(new RegExp(`--${SETTINGS[name].flag}\\b`));
    }
    expect(SETTINGS.baseUrl.variable).toBe('REPACKENV_BASE_URL');
  });
});
