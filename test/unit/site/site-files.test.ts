import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { makeSiteFiles, writeSiteFiles } from '../../../src/site/write.js';
import type { SiteFile } from '../../../src/site/write.js';
import { readLockText } from '../../../src/config/lock-file/read-lock.js';
import { isRepackError } from '../../../src/base/errors.js';
import { nodeFileSystem } from '../../../src/runtime/fs.js';
import { testRuntime } from '../../helpers/runtime.js';
import { lockedPaths, tinySite, type TinyRecord } from './site-manifests.js';

const APP: readonly TinyRecord[] = [
  ['linux-64/python-3.9.18-0.conda'],
  ['noarch/app-2.0-py_0.conda', ['python >=3.9', 'zlib', 'alpha']],
  ['linux-64/zlib-1.3-0.conda', ['__glibc >=2.17']],
  ['noarch/alpha-1.0-0.tar.bz2', ['zlib']],
];

function filesOf(list: readonly TinyRecord[], options: Parameters<typeof tinySite>[1] = {}): Map<string, string> {
  const site = tinySite(list, options);
  return new Map(
    makeSiteFiles({ label: 'acme', ...site }).map(({ name, bytes }) => [name, Buffer.from(bytes).toString('utf8')]),
  );
}

const LOCK = 'acme.linux-64.explicit.txt';

describe('site files', () => {
  it('are the same bytes each time, in the order of their names, whatever the order of the records', () => {
    const site = tinySite(APP);
    const files = makeSiteFiles({ label: 'acme', ...site });
    expect(files.map(({ name, executable }) => `${name}${executable ? '*' : ''}`)).toEqual([
      'acme.INSTALL.md',
      'acme.conda-lock.yml',
      'acme.linux-64.explicit.txt',
      'acme.verify.ps1',
      'acme.verify.sh*',
    ]);
    expect(makeSiteFiles({ label: 'acme', ...site, records: site.records.toReversed() })).toEqual(files);
  });

  it('hold scripts that are the same in every generation', () => {
    const [first, later] = [filesOf(APP), filesOf(APP.slice(0, 1), { generation: 9, specs: ['python'] })];
    for (const name of ['acme.verify.sh', 'acme.verify.ps1']) expect(later.get(name)).toBe(first.get(name));
    expect(later.get('acme.INSTALL.md')).not.toBe(first.get('acme.INSTALL.md'));
  });
});

describe('the explicit file', () => {
  it('lists dependencies first, each with its sha256, for the platform and its noarch packages', () => {
    const text = filesOf(APP).get(LOCK)!;
    expect(lockedPaths(text)).toEqual([
      'linux-64/zlib-1.3-0.conda',
      'noarch/alpha-1.0-0.tar.bz2',
      'linux-64/python-3.9.18-0.conda',
      'noarch/app-2.0-py_0.conda',
    ]);
    expect(text).toContain('# platform: linux-64\n@EXPLICIT\n');
    // CEP 23's pattern, for every line.
    const lines = text.split('\n').filter((line) => line !== '' && !/^[#@]/.test(line));
    for (const line of lines) expect(line).toMatch(/^file:\/\/\/CHANNEL-FOLDER\/[^#\s]+#sha256:[0-9a-f]{64}$/);
  });

  it.each([
    ['conda 4.3', 'md5'],
    ['conda 24.7.1', 'md5'],
    ['conda 24.9', 'sha256'],
    ['conda 26.7.1', 'sha256'],
    ['mamba 1.5.8', 'md5'],
    ['micromamba 2.0.5', 'md5'],
    ['micromamba 2.1.0', 'sha256'],
    ['pixi 0.40', 'sha256'],
  ])('for %s has %s behind the URLs', (client, kind) => {
    const text = filesOf(APP, { client }).get(LOCK)!;
    expect(/#sha256:[0-9a-f]{64}$/m.test(text.replace(/^# .*$/gm, ''))).toBe(kind === 'sha256');
    expect(/\.conda#[0-9a-f]{32}$/m.test(text)).toBe(kind === 'md5');
    // The sha256 is in it either way.
    expect(text.match(/sha256:[0-9a-f]{64}$/gm)).toHaveLength(4);
  });

  const TWO: readonly TinyRecord[] = [
    ['linux-64/python-3.9.18-0.conda'],
    ['win-64/python-3.9.18-0.conda', ['vc']],
    ['win-64/vc-14-0.conda'],
    ['noarch/app-2.0-0.conda', ['python', 'term']],
    ['noarch/term-1.0-unix_0.conda', ['__unix']],
    ['noarch/term-1.0-win_0.conda', ['__win', 'colorama']],
    ['noarch/colorama-0.4-0.conda'],
    ['noarch/pip-24.2-0.conda', ['python']],
  ];

  it('of two platforms has each one’s own, what noarch has for it, and the pip that conda puts beside python', () => {
    const site = tinySite([...TWO.filter(([path]) => !path.includes('-unix_')), ['linux-64/term-1.0-0.conda']]);
    const files = new Map(
      makeSiteFiles({ label: 'acme', ...site }).map(({ name, bytes }) => [name, Buffer.from(bytes).toString()]),
    );
    expect(lockedPaths(files.get(LOCK)!).sort()).toEqual([
      'linux-64/python-3.9.18-0.conda',
      'linux-64/term-1.0-0.conda',
      'noarch/app-2.0-0.conda',
      'noarch/pip-24.2-0.conda',
    ]);
    expect(lockedPaths(files.get('acme.win-64.explicit.txt')!).sort()).toEqual([
      'noarch/app-2.0-0.conda',
      'noarch/colorama-0.4-0.conda',
      'noarch/pip-24.2-0.conda',
      'noarch/term-1.0-win_0.conda',
      'win-64/python-3.9.18-0.conda',
      'win-64/vc-14-0.conda',
    ]);
  });

  it('takes of two noarch builds the one whose virtual packages the platform has', () => {
    const files = filesOf(TWO);
    expect(lockedPaths(files.get(LOCK)!)).toContain('noarch/term-1.0-unix_0.conda');
    expect(lockedPaths(files.get(LOCK)!)).not.toContain('noarch/colorama-0.4-0.conda');
    expect(lockedPaths(files.get('acme.win-64.explicit.txt')!)).toContain('noarch/term-1.0-win_0.conda');
  });

  it('of two versions takes the newest that all others agree with, going back where the first choice fits nobody', () => {
    const text = filesOf([
      ['linux-64/lib-2.0-0.conda'],
      ['linux-64/lib-1.0-0.conda'],
      ['linux-64/tool-3.0-0.conda', ['lib']],
      ['linux-64/app-2.0-0.conda', ['tool', 'base']],
      ['linux-64/base-1.0-0.conda', ['lib <2']],
    ]).get(LOCK)!;
    expect(lockedPaths(text)).toEqual([
      'linux-64/lib-1.0-0.conda',
      'linux-64/base-1.0-0.conda',
      'linux-64/tool-3.0-0.conda',
      'linux-64/app-2.0-0.conda',
    ]);
  });

  it('keeps to constrains and to the label’s own specs', () => {
    const list: TinyRecord[] = [
      ['linux-64/app-1.0-0.conda', ['lib']],
      ['linux-64/app-2.0-0.conda', ['lib']],
      ['linux-64/lib-1.0-0.conda'],
      ['linux-64/lib-2.0-0.conda', [], ['app >=2']],
    ];
    expect(lockedPaths(filesOf(list, { specs: ['app=1.0'] }).get(LOCK)!)).toEqual([
      'linux-64/lib-1.0-0.conda',
      'linux-64/app-1.0-0.conda',
    ]);
  });

  it('is not written for a mirror, nor where nothing fits', () => {
    expect([...filesOf(APP, { specs: [] }).keys()]).not.toContain(LOCK);
    expect([...filesOf([['linux-64/app-2.0-0.conda', ['gone']]]).keys()]).not.toContain(LOCK);
    expect(filesOf(APP, { specs: [] }).get('acme.INSTALL.md')).toContain('is a conda channel: a mirror');
  });

  it('of a circle of packages names each once', () => {
    const list: TinyRecord[] = [
      ['linux-64/app-2.0-0.conda', ['beta']],
      ['linux-64/beta-2.0-0.conda', ['app']],
    ];
    expect(lockedPaths(filesOf(list).get(LOCK)!)).toEqual(['linux-64/beta-2.0-0.conda', 'linux-64/app-2.0-0.conda']);
  });

  it('of 3,000 packages is made in one go, without recursion running out', () => {
    const chain = Array.from({ length: 3000 }, (_, i): TinyRecord => [
      `linux-64/p${i}-1.0-0.conda`,
      i === 0 ? [] : [`p${i - 1} >=1.0`],
    ]);
    expect(lockedPaths(filesOf(chain, { specs: ['p2999'] }).get(LOCK)!)).toEqual(chain.map(([path]) => path));
  });
});

describe('INSTALL.md', () => {
  it.each([
    ['numpy>=1.26,<2', 'conda install "numpy>=1.26,<2"', 'numpy = ">=1.26,<2"'],
    ['pytho=1.9', 'conda install pytho=1.9', 'pytho = "1.9.*"'],
    ['pytho==1.9', 'conda install pytho==1.9', 'pytho = "==1.9"'],
    ['python=3.11.*=*_cpython', 'conda install "python=3.11.*=*_cpython"', 'python = "3.11.*"'],
    ['sympy!=1.1', 'conda install "sympy!=1.1"', 'sympy = "!=1.1"'],
    ['ruamel.yaml', 'conda install ruamel.yaml', '"ruamel.yaml" = "*"'],
  ])('of %s has the lines %s and %s', (spec, conda, pixi) => {
    const text = filesOf(APP, { specs: [spec] }).get('acme.INSTALL.md')!;
    expect(text).toContain(`\n${conda}\n`);
    expect(text).toContain(`\n${pixi}\n`);
  });

  it('says which conda can read it', () => {
    const rows = (text: string): string[] => text.split('\n').filter((line) => /^\| conda 4\.[34]/.test(line));
    expect(rows(filesOf(APP).get('acme.INSTALL.md')!).join('\n')).toMatch(/4\.6 \| no: .*\n.*4\.3 \| no: .*conda/);
    const old = tinySite([['linux-64/app-2.0-0.tar.bz2']]);
    const text = (site: typeof old): string =>
      Buffer.from(makeSiteFiles({ label: 'acme', ...site }).find(({ name }) => name.endsWith('.md'))!.bytes).toString();
    expect(rows(text(old)).join('\n')).toMatch(/4\.6 \| yes \|\n.*4\.3 \| no: it needs `repodata.json.bz2`/);
    for (const subdir of ['linux-64', 'noarch'])
      old.manifest.files.push({ ...old.manifest.files[0]!, path: `${subdir}/repodata.json.bz2`, kind: 'index' });
    expect(rows(text(old)).join('\n')).toMatch(/4\.6 \| yes \|\n.*4\.3 \| yes \|/);
  });

  const ENOUGH = 'No internet is needed, and no other channel.';
  const [APP_OF, LIB] = [['linux-64/app-1-0.conda', ['lib']] as const, ['noarch/lib-1-0.conda'] as const];
  it.each<[string, TinyRecord[], string[], string | RegExp]>([
    ['a label with all that it needs', [APP_OF, LIB], ['app'], /a whole conda channel: everything that `app` need/],
    ['a label with all that it needs', [APP_OF, LIB], ['app'], `\n${ENOUGH}\n`],
    [
      'a mirror with all that its packages need',
      [APP_OF, LIB],
      [],
      `\nAll that its packages need is in it. ${ENOUGH}\n`,
    ],
    ['an empty mirror', [], [], ENOUGH],
    [
      'a filtered mirror',
      [APP_OF],
      [],
      '\nSome packages in it need what is not in it: 1 dependency is open, for example',
    ],
    ['a filtered mirror', [APP_OF], [], ' of `linux-64/app-1-0.conda`: `lib`.'],
    ['a mirror that needs a machine', [['linux-64/app-1-0.conda', ['__glibc >=2.17']]], [], ENOUGH],
    [
      'more merged into a label',
      [LIB, ['linux-64/x-1-0.conda', ['y']]],
      ['lib'],
      /everything that `lib` need.*\nSome pack/,
    ],
    [
      'what a label needs taken out',
      [APP_OF],
      ['app'],
      /a conda channel for `app`.*\nNot all that they may need is in it/,
    ],
    [
      'needs of needs',
      [APP_OF, ['noarch/lib-1-0.conda', ['a', 'b']]],
      ['app'],
      /channel for `app`.*\n.*: 2 dependencies are/,
    ],
    ['a dependency that would end the line', [['noarch/x-1-0.conda', ['a\n# b']]], [], String.raw`\n# b`],
    ['a dependency without end', [['noarch/x-1-0.conda', [`a ${'1.0|'.repeat(40)}1.0`]]], [], /: `a [1.0|]{118}…`\./],
  ])('M4: says of %s what is true of it (%#)', (_, list, specs, says) => {
    const page = filesOf(list, { specs }).get('acme.INSTALL.md')!;
    if (typeof says === 'string') expect(page).toContain(says);
    else expect(page).toMatch(says);
    expect(page.includes(ENOUGH)).toBe(!/ open, for example /.test(page));
  });

  it('tells how to check a signature only where there is one', () => {
    const site = tinySite(APP);
    const page = (signed: boolean): string =>
      Buffer.from(
        makeSiteFiles({ label: 'acme', ...site, signed }).find(({ name }) => name.endsWith('.md'))!.bytes,
      ).toString();
    expect(page(false)).not.toContain('ssh-keygen');
    expect(page(false)).toContain('The vendor has not signed this generation.');
    expect(page(true)).toContain('ssh-keygen -Y verify -f allowed_signers -I NAME -n repackenv-acme -s ');
  });
});

describe('verify.ps1', () => {
  const script = filesOf(APP).get('acme.verify.ps1')!;

  it('is ASCII with the line ends of Windows', () => {
    expect(script).toMatch(/^[\x20-\x7e\r\n]*$/);
    expect(
      script
        .split('\n')
        .slice(0, -1)
        .every((line) => line.endsWith('\r')),
    ).toBe(true);
  });

  it('has nothing that PowerShell 5 does not know', () => {
    const code = script
      .replace(/<#[\s\S]*?#>/, '')
      .replace(/^\s*#.*$/gm, '')
      .replace(/'[^']*'/g, "''");
    // ??, ?., ?:, &&, ||, -Parallel, -AsHashtable, pipeline chains, Join-String, clean blocks
    expect(code).not.toMatch(
      /\?\?|\?\.|\?\[|&&|\|\||\s\?\s|-Parallel|-AsHashtable|Join-String|\bclean\s*\{|\$IsWindows|-AsByteStream/,
    );
    expect(code).not.toContain('`');
    const count = (char: string): number => code.split(char).length;
    expect([count('{'), count('('), count('[')]).toEqual([count('}'), count(')'), count(']')]);
  });

  it('ends with 2 where it breaks down, not with the 1 of PowerShell, which says "differs" here', () => {
    const [before] = script.split('function ');
    expect(before).toMatch(/\ntrap \{[^}]*exit 2\r\n\}\r\n/);
  });

  it('says the same as verify.sh', () => {
    const sh = filesOf(APP).get('acme.verify.sh')!;
    const sentences = [
      ...sh.matchAll(/'((?:Synchronise|Give|Run|Ask|Use) [^']{20,})'/g),
      ...sh.matchAll(/(manifest\.json (?:is|was|can|lists)[^'"\\\n]{8,})/g),
      ...sh.matchAll(/(SHA256SUMS is of another generation than manifest\.json)/g),
    ].map(([, text]) => text!.replace('verify.sh', 'verify.ps1').trim());
    expect(new Set(sentences).size).toBeGreaterThan(10);
    // A folder that can't be entered is one that can't be listed there.
    const own = 'Run this as an account that may read it.';
    for (const sentence of sentences.filter((each) => each !== own)) expect(script).toContain(sentence);
  });
});

describe('writing them', () => {
  const dirs: string[] = [];
  afterEach(() => {
    for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true });
  });
  function root(): string {
    const dir = mkdtempSync(join(tmpdir(), 'repackenv-site-files-'));
    dirs.push(dir);
    return dir;
  }
  const files = (list: readonly TinyRecord[] = APP): SiteFile[] => makeSiteFiles({ label: 'acme', ...tinySite(list) });

  it('leaves equal bytes untouched, time and all', async () => {
    const dir = root();
    const rt = testRuntime();
    expect((await writeSiteFiles(rt, { dir, files: files() })).written).toHaveLength(5);
    for (const name of readdirSync(dir)) utimesSync(join(dir, name), 1e9, 1e9);
    expect(await writeSiteFiles(rt, { dir, files: files() })).toEqual({ written: [], removed: [] });
    for (const name of readdirSync(dir)) expect(statSync(join(dir, name)).mtimeMs).toBe(1e12);
    chmodSync(join(dir, 'acme.INSTALL.md'), 0o600);
    writeFileSync(join(dir, 'acme.INSTALL.md'), 'mine');
    expect((await writeSiteFiles(rt, { dir, files: files() })).written).toEqual(['acme.INSTALL.md']);
    expect(statSync(join(dir, 'acme.verify.sh')).mode & 0o111).toBe(0o111);
  });

  it('removes the explicit file of a platform gone and what a killed run left half, and nothing of other labels', async () => {
    const dir = root();
    const rt = testRuntime();
    const others = ['acme.b.win-64.explicit.txt', 'acme2.win-64.explicit.txt', 'acme.notes.txt', 'acme.INSTALL.md.bak'];
    others.push('acme.b.conda-lock.yml', 'acme2.conda-lock.yml', 'acme.my-conda-lock.yml');
    for (const name of [...others, 'acme.win-64.explicit.txt', 'acme.INSTALL.md.77-id-1.part'])
      writeFileSync(join(dir, name), 'x');
    const done = await writeSiteFiles(rt, { dir, files: files() });
    expect(done.removed.sort()).toEqual(['acme.INSTALL.md.77-id-1.part', 'acme.win-64.explicit.txt']);
    for (const name of others) expect(existsSync(join(dir, name))).toBe(true);
  });

  it('E1 a full disk leaves the old file whole and no half one', async () => {
    const dir = root();
    await writeSiteFiles(testRuntime(), { dir, files: files() });
    const before = readFileSync(join(dir, 'acme.INSTALL.md'), 'utf8');
    const full = Object.assign(new Error('no space'), { code: 'ENOSPC' });
    const fs = { ...nodeFileSystem(), syncFile: async () => Promise.reject(full) };
    const failing = writeSiteFiles(testRuntime({ fs }), { dir, files: files(APP.slice(0, 1)) });
    await expect(failing).rejects.toMatchObject({ code: 'E_DISK_FULL', where: join(dir, 'acme.INSTALL.md') });
    expect(readFileSync(join(dir, 'acme.INSTALL.md'), 'utf8')).toBe(before);
    expect(readdirSync(dir).filter((name) => name.endsWith('.part'))).toEqual([]);
  });
});

describe('installers in INSTALL.md', () => {
  const page = (...names: string[]): string => {
    const site = tinySite(APP);
    const more = names.map((name) => ({
      path: `installers/${name}`,
      kind: 'side' as const,
      size: 1,
      sha256: 'a'.repeat(64),
      md5: 'b'.repeat(32),
    }));
    const manifest = { ...site.manifest, files: [...site.manifest.files, ...more] };
    const files = makeSiteFiles({ label: 'acme', ...site, manifest });
    return Buffer.from(files.find(({ name }) => name.endsWith('.md'))!.bytes).toString();
  };

  it.each([
    ['Miniforge3-Linux-x86_64.sh', 'sh /repos/acme/installers/Miniforge3-Linux-x86_64.sh -b -p "$HOME/conda"'],
    ['Miniforge3-Windows-x86_64.exe', 'D:\\repos\\acme\\installers\\Miniforge3-Windows-x86_64.exe /Inst'],
    ['micromamba-osx-64', 'cp /repos/acme/installers/micromamba-osx-64 ./micromamba && chmod +x ./micromamba'],
    ['micromamba-win-64.exe', 'copy D:\\repos\\acme\\installers\\micromamba-win-64.exe micromamba.exe'],
    ['micromamba-2.0.5-0.tar.bz2', 'as its maker says'],
    ['pixi.pkg', 'as its maker says'],
  ])('%s: how it is started', (name, says) => expect(page(name)).toContain(says));

  it('stand before all else, and where there are none nothing is said', () => {
    const titles = (text: string) => text.split('\n').filter((line) => line.startsWith('## '));
    expect(titles(page('a.sh')).slice(0, 3)).toEqual([
      '## The folder',
      '## On a machine that has no conda yet',
      '## Install',
    ]);
    expect(page()).not.toContain('installers');
  });
});

describe('conda-lock.yml', () => {
  const LOCKED = 'acme.conda-lock.yml';
  const read = (text: string) =>
    readLockText(text.replaceAll('file:///CHANNEL-FOLDER', 'file:///srv/acme'), LOCKED).packages;

  it('names what the explicit files name, with both digests, and is read back', () => {
    const files = filesOf([...APP, ['win-64/zlib-1.3-0.conda'], ['win-64/python-3.9.18-0.conda']]);
    const packages = read(files.get(LOCKED)!);
    expect([...packages.keys()]).toEqual(['linux-64', 'win-64']);
    for (const [platform, list] of packages) {
      expect(list.map(({ subdir, fn }) => `${subdir}/${fn}`)).toEqual(
        lockedPaths(files.get(`acme.${platform}.explicit.txt`)!),
      );
      for (const { sha256, md5 } of list) expect([sha256, md5]).toEqual([expect.anything(), expect.anything()]);
    }
  });

  it('says what each needs, as its record does', () => {
    expect(filesOf(APP).get(LOCKED)).toContain(
      '  dependencies:\n    "alpha": ""\n    "python": ">=3.9"\n    "zlib": ""\n',
    );
  });

  it('keeps odd names and versions as they are', () => {
    const [only] = read(filesOf([['linux-64/app-1!2.0+local-0.conda']]).get(LOCKED)!).get('linux-64')!;
    expect(only?.fn).toBe('app-1!2.0+local-0.conda');
    expect(filesOf([['linux-64/app-3.10-0.conda']]).get(LOCKED)).toContain('  version: "3.10"\n');
  });

  it('is not written for a mirror, nor where nothing fits', () => {
    expect([...filesOf(APP, { specs: [] }).keys()]).not.toContain(LOCKED);
    expect([...filesOf([['linux-64/app-2.0-0.conda', ['gone']]]).keys()]).not.toContain(LOCKED);
  });
});

describe.runIf(process.platform !== 'win32')('commands in the paper, run by a real sh', () => {
  const SIGNS = [...'ab1.=<>!~ \'"`$(){}[]|&;*?#\\\n\t\u001B%-:/'];
  const specs = fc.array(fc.string({ unit: fc.constantFrom(...SIGNS), minLength: 1, maxLength: 16 }), { maxLength: 4 });
  const labels = fc.constantFrom('acme', 'channel of the site', "it's", 'a$(touch x)', 'müşteri-1', 'a\ntouch x', '-n');

  it('whatever a manifest or the name of a folder holds: only the programs named are called', () => {
    const dir = mkdtempSync(join(tmpdir(), 'repackenv-paper-'));
    try {
      for (const [asked, label] of fc.sample(fc.tuple(specs, labels), 60)) {
        const site = tinySite(APP, { specs: ['$(touch x)', '`touch x`', ...asked] });
        let page: string;
        try {
          const files = makeSiteFiles({ label, ...site, signed: true });
          page = Buffer.from(files.find(({ name }) => name.endsWith('.md'))!.bytes).toString();
        } catch (error) {
          expect(isRepackError(error) && error.code).toBe('E_LABEL');
          continue;
        }
        // oxlint-disable-next-line no-control-regex
        expect(page).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f]/);
        const blocks = page.split(/^```.*$/m).filter((_text, index) => index % 2 === 1);
        const lines = blocks
          .flatMap((block) => block.split('\n'))
          .filter((line) => /^(conda|micromamba|sh|ssh-keygen|rsync|sed) /.test(line));
        expect(lines.length).toBeGreaterThan(8);
        const stubs = ['conda', 'micromamba', 'sh', 'ssh', 'rsync', 'sed', 'touch'];
        const script = [
          ...stubs.map((name) => `${name}() { echo "${name}"; }`),
          ...lines.map((line) => line.replace(/^ssh-keygen/, 'ssh').replace(/ [<>] .*$/, '')),
        ].join('\n');
        const ran = spawnSync('/bin/sh', ['-c', script], { cwd: dir, env: { PATH: '/nowhere' } });
        expect(ran.stderr.toString(), script).toBe('');
        const called = ran.stdout.toString().trimEnd().split('\n');
        expect(called).toEqual(lines.map((line) => /^[a-z]+/.exec(line)![0]));
        expect(readdirSync(dir)).toEqual([]);
      }
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });

  it('the scripts of a folder whose name has blanks name it', () => {
    const files = makeSiteFiles({ label: 'channel of the site', ...tinySite(APP) });
    const script = files.find(({ name }) => name.endsWith('.sh'))!;
    const ran = spawnSync('sh', ['-s', '/nowhere'], { input: script.bytes });
    expect([ran.status, ran.stdout.toString()]).toEqual([2, expect.stringContaining('channel of the site: can not')]);
  });
});
