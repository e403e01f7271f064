import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../../scripts/lib/layers.js';
import { runProgram, type RunResult } from '../../scripts/lib/run-program.js';
import { changesBetween, snapshot } from '../../scripts/lib/snapshot.js';
import type { Manifest } from '../../src/channel/manifest/manifest.js';
import { condaUser } from '../helpers/conda-user.js';
import { describeWithLayers, layerPath } from '../helpers/layers.js';
import { openWorkplace, type Workplace } from '../helpers/programs.js';
import { runPowerShell } from '../helpers/read-powershell.js';
import { FOR_CONDA43, openRealWorkplace } from '../helpers/real-upstream.js';

/** Shells of sites: Debian's, the one of small Linuxes with its own sha256sum and awk, and what is called sh here. */
const SHELLS = (['sh', 'dash', 'busybox'] as const).filter((name) => pathOf(name) !== undefined);

describe.skipIf(process.platform === 'win32')('verify.sh at a site that has none of our programs', () => {
  let work: Workplace;
  let site: string;

  beforeAll(async () => {
    work = await openWorkplace();
    const ran = await work.update();
    expect(ran.exitCode, ran.stderr).toBe(0);
    site = join(work.dir, 'site', 'halkbank');
  });
  afterAll(() => work.close());

  /** A fresh copy, damaged, then looked at by every shell, which must all say the same. `byShellsOnly`: no Windows has such names. */
  async function look(
    damage: () => void,
    args: readonly string[] = [site],
    { byShellsOnly = false } = {},
  ): Promise<RunResult> {
    rmSync(site, { recursive: true, force: true });
    cpSync(work.labelDir, site, { recursive: true, preserveTimestamps: true });
    damage();
    const before = snapshot(site);
    const results: RunResult[] = [];
    for (const shell of SHELLS) results.push(await inShell(shell, [join(work.root, 'halkbank.verify.sh'), ...args]));
    expect(changesBetween(before, snapshot(site)), 'only reads').toEqual([]);
    const [first, ...others] = results.map(({ exitCode, stdout }) => ({ exitCode, stdout }));
    for (const other of others) expect(other).toEqual(first);
    expect(results[0]!.stderr).toBe('');
    if (!byShellsOnly) expect(readByNode(args)).toEqual(first && { ...first, stdout: asInPowerShell(first.stdout) });
    return results[0]!;
  }

  /** verify.ps1, read by Node where there is no PowerShell: it must say what the others say. */
  function readByNode(args: readonly string[]): { exitCode: number; stdout: string } {
    return runPowerShell(join(work.root, 'halkbank.verify.ps1'), args);
  }
  const asInPowerShell = (text: string): string =>
    text.replace('sh halkbank.verify.sh', 'halkbank.verify.ps1').replaceAll('verify.sh', 'verify.ps1');

  async function inShell(shell: (typeof SHELLS)[number], args: readonly string[]): Promise<RunResult> {
    const home = join(work.dir, 'site-admin');
    if (shell !== 'busybox') return runProgram(shell, args, { home });
    const bin = join(work.dir, 'busybox-bin');
    mkdirSync(bin, { recursive: true });
    for (const name of ['sh', 'awk', 'sed', 'grep', 'find', 'sort', 'tr', 'sha256sum', 'mkdir', 'rm', 'dirname'])
      if (!existsSync(join(bin, name))) symlinkSync(pathOf('busybox')!, join(bin, name));
    return runProgram(join(bin, 'sh'), args, { home, env: { PATH: bin } });
  }

  const inSite = (path: string): string => join(site, path);
  const artifact = (name: string): string => manifest().files.find(({ path }) => path.includes(`/${name}-`))!.path;
  const manifest = (): Manifest => JSON.parse(readFileSync(join(work.labelDir, 'manifest.json'), 'utf8')) as Manifest;
  const headline = (text: string): string => text.split('\n').find((line) => line.startsWith('halkbank: '))!;

  it('lies beside the folder, and the folder itself has nothing of it', () => {
    for (const name of ['verify.sh', 'verify.ps1', 'INSTALL.md', 'linux-64.explicit.txt'])
      expect(existsSync(join(work.root, `halkbank.${name}`)), name).toBe(true);
    expect([...snapshot(work.labelDir).keys()].filter((path) => /verify|INSTALL|explicit/.test(path))).toEqual([]);
    expect(statSync(join(work.root, 'halkbank.verify.sh')).mode & 0o111).toBe(0o111);
  });

  it('says 0 of what was sent', async () => {
    const ran = await look(() => undefined);
    expect(ran.stdout).toBe(
      `halkbank: fine: generation 1, ${manifest().files.length} files as manifest.json has them\n`,
    );
    expect(ran.exitCode).toBe(0);
  });

  it('takes the folder beside it where none is named, from any working folder', async () => {
    for (const shell of SHELLS) {
      const ran = await inShell(shell, [join(work.root, 'halkbank.verify.sh')]);
      expect(headline(ran.stdout), ran.stdout).toMatch(/fine/);
    }
  });

  it('names what is changed, extra and a stranger, whatever their names look like', async () => {
    const ran = await look(
      () => {
        appendFileSync(inSite(artifact('ratingpro')), 'x');
        const size = statSync(inSite(artifact('pytho'))).size;
        writeFileSync(inSite(artifact('pytho')), Buffer.alloc(size));
        for (const name of [`a  b'"$x.conda`, '-rf', '*', '%s\\n', 'é.conda', ' lead'])
          writeFileSync(inSite(`noarch/${name}`), 'x');
        mkdirSync(inSite('noarch/deep'));
        writeFileSync(inSite('noarch/deep/er.conda'), 'x');
        symlinkSync('../manifest.json', inSite('noarch/link'));
        writeFileSync(inSite('notes of ours.txt'), 'x');
        mkdirSync(inSite('old-64x'));
        writeFileSync(inSite('old-64x/readme'), 'x');
      },
      [site],
      { byShellsOnly: true },
    );
    expect(ran.exitCode).toBe(1);
    const lines = ran.stdout.trimEnd().split('\n');
    expect(lines.slice(0, -2)).toEqual(
      [
        `changed: ${artifact('pytho')}`,
        `changed: ${artifact('ratingpro')}`,
        ...[' lead', '%s\\n', '*', '-rf', `a  b'"$x.conda`, 'deep/er.conda', 'link', 'é.conda'].map(
          (name) => `extra: noarch/${name}`,
        ),
        `note: notes of ours.txt is none of the vendor's files`,
        `note: old-64x/readme is none of the vendor's files`,
      ].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
    );
    expect(lines.at(-2)).toBe('halkbank: differs from generation 1: 0 missing, 8 extra, 2 changed');
    expect(lines.at(-1)).toMatch(/^what to do: Synchronise again, deleting what is extra/);
  });

  it('finds the folder fine with strangers beside the channel’s files, and names them', async () => {
    const ran = await look(() => writeFileSync(inSite('notes.txt'), 'x'));
    expect(ran.exitCode).toBe(0);
    expect(ran.stdout).toMatch(/^note: notes\.txt is none of the vendor's files\nhalkbank: fine/);
  });

  it.each<[string, () => void, RegExp]>([
    [
      'an artifact that the index names is gone',
      () => rmSync(inSite(artifact('ratingpro'))),
      /missing: \S+ratingpro.*\n[^]*repodata\.json names ratingpro-\S+, which is not there/,
    ],
    [
      'two are gone',
      () => [artifact('ratingpro'), artifact('pytho')].forEach((path) => rmSync(inSite(path))),
      /names 2 files that are not there, the first is (pytho|ratingpro)-/,
    ],
    [
      'an index is of another generation',
      () => appendFileSync(inSite('noarch/repodata.json'), ' '),
      /noarch\/repodata\.json is of another generation than manifest\.json/,
    ],
    [
      'only a packed index is of another generation',
      () => appendFileSync(inSite('linux-64/repodata.json.zst'), ' '),
      /linux-64\/repodata\.json\.zst is of another generation/,
    ],
    ['an index did not come', () => rmSync(inSite('noarch/repodata.json')), /noarch\/repodata\.json is not there/],
    [
      'SHA256SUMS is of another generation',
      () => appendFileSync(inSite('SHA256SUMS'), `${'0'.repeat(64)}  noarch/new.conda\n`),
      /SHA256SUMS is of another generation than manifest\.json/,
    ],
    [
      'the manifest is of another generation',
      () => rewrite('manifest.json', (text) => text.replace('"generation": 1', '"generation": 2')),
      /SHA256SUMS is of another generation/,
    ],
    ['SHA256SUMS did not come', () => rmSync(inSite('SHA256SUMS')), /SHA256SUMS is not there/],
    [
      'the manifest did not come',
      () => rmSync(inSite('manifest.json')),
      /manifest\.json is not there: the second pass/,
    ],
    ['the manifest is cut off', () => truncateSync(inSite('manifest.json'), 700), /manifest\.json is empty or cut off/],
    ['the manifest is empty', () => truncateSync(inSite('manifest.json'), 0), /manifest\.json is empty or cut off/],
  ])('half-synchronised, 3: %s', async (_title, damage, says) => {
    const ran = await look(damage);
    expect(ran.stdout).toMatch(says);
    expect(ran.exitCode, ran.stdout).toBe(3);
    expect(headline(ran.stdout)).toMatch(/^halkbank: half-synchronised: /);
    expect(ran.stdout).toMatch(/what to do: Synchronise again, both passes, .*\n$/);
  });

  it('says 1, not 3, of a missing file that no index names', async () => {
    // A file that travels beside: not in any index.
    const ran = await look(() => {
      const text = readFileSync(inSite('manifest.json'), 'utf8');
      const entry = text.slice(text.indexOf('    {\n'), text.indexOf('    },\n') + 7);
      const side = entry.replace(/"path": "[^"]*"/, '"path": "noarch/a.conda.v0.sigs"');
      writeFileSync(inSite('manifest.json'), text.replace('    {\n', `${side}    {\n`));
      const sum = /"sha256": "([0-9a-f]+)"/.exec(side)![1]!;
      const own = execFileSync('sha256sum', [inSite('manifest.json')])
        .toString()
        .slice(0, 64);
      rewrite(
        'SHA256SUMS',
        (sums) => `${sums.replace(/^.*manifest\.json$/m, `${own}  manifest.json`)}${sum}  noarch/a.conda.v0.sigs\n`,
      );
    });
    expect(ran.stdout).toMatch(
      /^missing: noarch\/a\.conda\.v0\.sigs\nhalkbank: differs from generation 1: 1 missing, 0 extra, 0 changed\n/,
    );
    expect(ran.exitCode).toBe(1);
  });

  it('G6 reads SHA256SUMS with CRLF and with the star of binary mode', async () => {
    expect((await look(() => rewrite('SHA256SUMS', (text) => text.replaceAll('\n', '\r\n')))).exitCode).toBe(0);
    expect((await look(() => rewrite('SHA256SUMS', (text) => text.replaceAll('  ', ' *')))).exitCode).toBe(0);
  });

  it.each<[string, () => void, (() => string[]) | undefined, RegExp]>([
    ['no folder', () => rmSync(site, { recursive: true }), undefined, /there is no folder .*halkbank/],
    ['a file', () => undefined, () => [inSite('manifest.json')], /there is no folder/],
    ['the folder above', () => undefined, () => [join(site, '..')], /has neither manifest\.json nor SHA256SUMS/],
    ['two folders', () => undefined, () => [site, site], /more than one folder/],
    [
      'another program’s manifest',
      () => writeFileSync(inSite('manifest.json'), '{\n  "name": "x"\n}\n'),
      undefined,
      /not made by repackenv/,
    ],
    [
      'a newer manifest',
      () => rewrite('manifest.json', (text) => text.replace('"schema": 1', '"schema": 2')),
      undefined,
      /newer form/,
    ],
    [
      'a name that leads out',
      () => rewrite('manifest.json', (text) => text.replace('"path": "linux-64/', '"path": "../linux-64/')),
      undefined,
      /does not take/,
    ],
  ])('says 2 of %s', async (_title, damage, args, says) => {
    const before = (): void => {
      damage();
      mkdirSync(site, { recursive: true });
    };
    const ran =
      _title === 'no folder'
        ? await inShell('sh', [join(work.root, 'halkbank.verify.sh'), join(site, 'gone')])
        : await look(before, args?.());
    expect(ran.stdout).toMatch(says);
    expect(ran.stdout).toMatch(/^halkbank: can not be checked: .*\nwhat to do: \S/);
    expect(ran.exitCode).toBe(2);
  });

  it.skipIf(process.getuid?.() === 0)('says 2 of a file that it may not read', async () => {
    const ran = await look(() => chmodSync(inSite(artifact('pytho')), 0));
    expect(ran.stdout).toContain(`unreadable: ${artifact('pytho')}`);
    expect(ran.exitCode).toBe(2);
  });

  it('hashes thousands of files with one process', async () => {
    const many = join(work.dir, 'many', 'halkbank');
    makeManyFiles(many, 3000);
    const bin = join(work.dir, 'counting-bin');
    mkdirSync(bin);
    const log = join(work.dir, 'counted');
    writeFileSync(join(bin, 'sha256sum'), `#!/bin/sh\necho "$@" >> '${log}'\nexec '${pathOf('sha256sum')!}' "$@"\n`, {
      mode: 0o755,
    });
    const script = join(work.root, 'halkbank.verify.sh');
    const env = { PATH: `${bin}${delimiter}${process.env['PATH']}` };
    const ran = await runProgram('sh', [script, many], { home: join(work.dir, 'site-admin'), env });
    expect(ran.stdout).toBe('halkbank: fine: generation 1, 3001 files as manifest.json has them\n');
    expect(readFileSync(log, 'utf8').trimEnd().split('\n').length).toBeLessThanOrEqual(3);
  });

  it('does with shasum where there is no sha256sum, and says what it needs where there is neither', async () => {
    const bin = join(work.dir, 'bare-bin');
    mkdirSync(bin);
    for (const name of ['awk', 'sed', 'grep', 'find', 'sort', 'tr', 'mkdir', 'rm', 'dirname'])
      symlinkSync(pathOf(name)!, join(bin, name));
    const run = (): Promise<RunResult> =>
      runProgram(pathOf('sh')!, [join(work.root, 'halkbank.verify.sh')], {
        home: join(work.dir, 'site-admin'),
        env: { PATH: bin },
      });
    const without = await run();
    expect(without.exitCode).toBe(2);
    expect(without.stdout).toContain('there is neither sha256sum nor shasum');
    writeFileSync(join(bin, 'shasum'), `#!${pathOf('sh')!}\nshift 2\nexec '${pathOf('sha256sum')!}' "$@"\n`, {
      mode: 0o755,
    });
    expect((await run()).exitCode).toBe(0);
  });

  it('follows a synchronisation in two passes: 0, 1 with what is new, 3 in the second pass, 0', async () => {
    rmSync(site, { recursive: true, force: true });
    cpSync(work.labelDir, site, { recursive: true, preserveTimestamps: true });
    const script = join(work.root, 'halkbank.verify.sh');
    const run = (): Promise<RunResult> => runProgram('sh', [script, site], { home: join(work.dir, 'site-admin') });
    expect((await run()).exitCode).toBe(0);
    work.upstream.setGeneration(2);
    const ran = await work.update();
    expect(ran.exitCode, ran.stderr).toBe(0);
    const next = snapshot(work.labelDir);
    const copy = (wanted: (path: string) => boolean): void => {
      for (const path of [...next.keys()].filter(wanted))
        if (!path.endsWith('/') && statSync(join(work.labelDir, path)).isFile())
          cpSync(join(work.labelDir, path), inSite(path));
    };
    const isIndex = (path: string): boolean => /repodata\.json|manifest\.json|SHA256SUMS|^papers\//.test(path);

    copy((path) => !isIndex(path));
    const first = await run();
    expect([first.exitCode, headline(first.stdout)]).toEqual([
      1,
      'halkbank: differs from generation 1: 0 missing, 2 extra, 0 changed',
    ]);
    copy((path) => /repodata/.test(path));
    expect([(await run()).exitCode]).toEqual([3]);
    copy((path) => path === 'manifest.json' || path.startsWith('papers/'));
    const torn = await run();
    expect(torn.stdout).toContain('SHA256SUMS is of another generation than manifest.json');
    expect(torn.exitCode).toBe(3);
    copy((path) => path === 'SHA256SUMS');
    expect(headline((await run()).stdout)).toBe('halkbank: differs from generation 2: 0 missing, 2 extra, 0 changed');
    for (const path of snapshot(site).keys()) if (!next.has(path)) rmSync(inSite(path));
    expect(headline((await run()).stdout)).toMatch(/^halkbank: fine: generation 2/);
  });

  it('tells itself with --help, and leaves nothing in the temporary folder', async () => {
    const tmp = join(work.dir, 'site-tmp');
    mkdirSync(tmp);
    const script = join(work.root, 'halkbank.verify.sh');
    const run = (args: readonly string[]): Promise<RunResult> =>
      runProgram('sh', [script, ...args], { home: join(work.dir, 'site-admin'), env: { TMPDIR: tmp } });
    const help = await run(['--help']);
    expect(help.stdout).toMatch(/^Is the channel folder "halkbank" whole.*\n[^]*Exit code:\n +0 {2}fine/);
    expect(help.exitCode).toBe(0);
    await run([]);
    expect([...snapshot(tmp).keys()]).toEqual([]);
  });

  it('writes nothing into the channel where TMPDIR is relative', async () => {
    const script = join(work.root, 'halkbank.verify.sh');
    const ran = await runProgram('sh', [script], { home: join(work.dir, 'site-admin'), env: { TMPDIR: '.' } });
    expect(ran).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^halkbank: fine: .*\n$/) as string });
  });

  function rewrite(path: string, change: (text: string) => string): void {
    writeFileSync(inSite(path), change(readFileSync(inSite(path), 'utf8')));
  }
});

describeWithLayers(['busybox'], 'the digests by hand, with busybox', () => {
  let work: Workplace;
  beforeAll(async () => {
    work = await openWorkplace();
    const ran = await work.update();
    expect(ran.exitCode, ran.stderr).toBe(0);
  });
  afterAll(() => work.close());

  /** Nothing but busybox is on PATH. */
  function busybox(line: string, cwd: string): Promise<RunResult> {
    const bin = join(work.dir, 'only-busybox');
    mkdirSync(bin, { recursive: true });
    for (const name of ['sh', 'sha256sum', 'grep', 'ls'])
      if (!existsSync(join(bin, name))) symlinkSync(layerPath('busybox'), join(bin, name));
    return runProgram(join(bin, 'sh'), ['-c', line], { home: work.home, cwd, env: { PATH: bin } });
  }

  it('a folder, as INSTALL.md has it', async () => {
    expect(readFileSync(join(work.root, 'halkbank.INSTALL.md'), 'utf8')).toContain('`sha256sum -c SHA256SUMS`');
    const site = join(work.dir, 'by-hand');
    cpSync(work.labelDir, site, { recursive: true });
    expect((await busybox('sha256sum -c SHA256SUMS', site)).exitCode).toBe(0);
    appendFileSync(join(site, 'noarch/repodata.json'), ' ');
    const ran = await busybox('sha256sum -c SHA256SUMS', site);
    expect(ran.stdout).toContain('noarch/repodata.json: FAILED');
    expect(ran.exitCode).not.toBe(0);
  });

  it('one stick of several, as the page media has it', async () => {
    const page = readFileSync(join(PROJECT_ROOT, 'src/cli/pages/media.md'), 'utf8');
    const line = /(grep -wF -f LIST SHA256SUMS[^`]*)`/.exec(page)![1]!;
    const list = /names that `(ls[^`]*LIST)` gives/.exec(page)![1]!;
    const out = join(work.dir, 'sticks');
    const ran = await work.run('repackenv', ['export', work.labelDir, '--to', out, '--part-size', '40kB']);
    expect(ran.exitCode, ran.stderr).toBe(0);
    const parts = readdirSync(out).filter((name) => name.endsWith('.tar'));
    expect(parts.length).toBeGreaterThan(1);
    rmSync(join(out, parts[0]!));
    const whole = await busybox(`${list} && ${line}`, out);
    expect(whole.stdout + whole.stderr).toContain(`${parts[1]}: OK`);
    expect(whole.exitCode, whole.stdout + whole.stderr).toBe(0);
    appendFileSync(join(out, parts[1]!), 'x');
    expect((await busybox(`${list} && ${line}`, out)).exitCode).not.toBe(0);
  });
});

describeWithLayers(['conda43', 'upstream-bz2', 'rsync'], 'the lines of INSTALL.md, with conda 4.3.16', () => {
  let work: Workplace;
  beforeAll(async () => {
    work = await openRealWorkplace('bz2');
    const ran = await work.update({ args: [...FOR_CONDA43, '--index', 'bz2'] });
    expect(ran.exitCode, ran.stderr).toBe(0);
  });
  afterAll(() => work.close());

  it('synchronise and install the explicit file, offline, from file://', async () => {
    const page = readFileSync(join(work.root, 'halkbank.INSTALL.md'), 'utf8');
    const site = join(work.dir, 'site', 'halkbank');
    mkdirSync(site, { recursive: true });
    const placed = (line: string): string =>
      line
        .replaceAll('SOURCE/halkbank', work.labelDir)
        .replaceAll('file:///repos/halkbank', pathToFileURL(site).href)
        .replaceAll('/repos/halkbank', site)
        .replace(/ \/repos\/$/, ` ${dirname(site)}/`);
    const lines = (start: string): string[] =>
      page
        .split('\n')
        .filter((line) => line.startsWith(start))
        .map(placed);
    const user = condaUser(join(work.dir, 'site-admin'));
    const sh = (line: string): Promise<RunResult> =>
      runProgram('sh', ['-c', line], { home: user.home, cwd: work.root });

    for (const line of lines('rsync ')) expect((await sh(line)).exitCode).toBe(0);
    expect(changesBetween(work.published(), snapshot(site))).toEqual([]);
    const brought = readdirSync(dirname(site)).sort();
    expect(brought).toEqual(['halkbank', 'halkbank.INSTALL.md', 'halkbank.verify.ps1', 'halkbank.verify.sh']);
    expect((await sh(lines('sh halkbank.verify.sh')[0]!)).stdout).toContain('halkbank: fine: generation 1');

    // One digest that conda 4.3 reads, so one of them is for the explicit file; the other is for conda-lock.
    expect(lines('sed ')).toHaveLength(2);
    for (const line of lines('sed ')) expect((await sh(line)).exitCode, line).toBe(0);
    const made = await sh(lines('sed ')[0]!);
    expect(made.exitCode, made.stderr).toBe(0);
    const requests = work.upstream.requests.length;
    const create = lines('conda create').find((line) => line.includes('--file'))!;
    const ran = await user.conda(create.split(' ').slice(1), { cwd: work.root });
    expect(ran.exitCode, ran.stdout + ran.stderr).toBe(0);
    expect(work.upstream.requests.length).toBe(requests);
    const used = await user.python(join(user.envsDir, 'halkbank'), [
      '-c',
      'import ratingpro, pytho; print(ratingpro.__version__, pytho.__version__)',
    ]);
    expect(used.stdout + used.stderr).toBe('2.4.1 1.9\n');
  }, 600_000);

  it('make an environment where there is none to be activated', async () => {
    const page = readFileSync(join(work.root, 'halkbank.INSTALL.md'), 'utf8');
    const [, block = ''] = /^conda 4\.3 takes no channel[^`]*`create`[^`]*```\n([^`]+)```$/m.exec(page) ?? [];
    const lines = block.trim().replaceAll('file:///repos/halkbank', pathToFileURL(work.labelDir).href).split('\n');
    expect(lines.at(-1)).toBe('conda create -n halkbank pytho ratingpro');
    const user = condaUser(join(work.dir, 'new-admin'));
    for (const line of lines) {
      const ran = await user.conda(line.split(' ').slice(1));
      expect(ran.exitCode, ran.stdout + ran.stderr).toBe(0);
    }
    expect(existsSync(join(user.envsDir, 'halkbank', 'conda-meta', 'ratingpro-2.4.1-py_0.json'))).toBe(true);
  }, 600_000);
});

function makeManyFiles(dir: string, count: number): void {
  mkdirSync(join(dir, 'noarch'), { recursive: true });
  const paths = Array.from({ length: count }, (_, i) => `noarch/p${i}-1.0-0.conda`);
  for (const path of paths) writeFileSync(join(dir, path), path);
  const records = paths.map((path) => `"${path.slice(7)}":{"name":"x"}`).join(',');
  writeFileSync(
    join(dir, 'noarch/repodata.json'),
    `{"info":{"subdir":"noarch"},"packages":{},"packages.conda":{${records}}}`,
  );
  const all = [...paths, 'noarch/repodata.json'];
  const sums = execFileSync('sha256sum', all, { cwd: dir, maxBuffer: 1 << 24 }).toString();
  const digests = new Map(
    sums
      .trimEnd()
      .split('\n')
      .map((line) => [line.slice(66), line.slice(0, 64)]),
  );
  const files = all
    .toSorted()
    .map((path) => `    {\n      "path": "${path}",\n      "sha256": "${digests.get(path)!}",\n      "size": 1\n    }`);
  const manifest = `{\n  "files": [\n${files.join(',\n')}\n  ],\n  "generation": 1,\n  "label": "halkbank",\n  "schema": 1,\n  "subdirs": [\n    "noarch"\n  ]\n}\n`;
  writeFileSync(join(dir, 'manifest.json'), manifest);
  writeFileSync(join(dir, 'SHA256SUMS'), sums + execFileSync('sha256sum', ['manifest.json'], { cwd: dir }).toString());
}

function pathOf(program: string): string | undefined {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, program))
    .find((path) => existsSync(path));
}
