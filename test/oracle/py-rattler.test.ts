import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWithLayers, layerPath } from '../helpers/layers.js';
import type { Workplace } from '../helpers/programs.js';
import { FOR_CONDA43, openRealWorkplace, withConda43 } from '../helpers/real-upstream.js';

const SLOW = 300_000;
const CLIENT = fileURLToPath(new URL('../helpers/rattler-client.py', import.meta.url));

/** The customer's machines where nothing else is said. */
const VIRTUAL: Readonly<Record<string, [string, string][]>> = {
  'linux-64': [
    ['__unix', '0'],
    ['__linux', '4.18'],
    ['__glibc', '2.17'],
  ],
  'win-64': [['__win', '10']],
};

interface Asked {
  channel: string;
  specs: string[];
  subdir: string;
  pip?: boolean;
  prefix?: string;
  cache?: string;
}

/** `subdir/file name` of every package that py-rattler takes out of the folder. Throws with its words where it finds no solution. */
function solveWithRattler(asked: Asked): string[] {
  const input = JSON.stringify({ virtual: VIRTUAL[asked.subdir], pip: true, ...asked });
  const { status, stdout, stderr } = spawnSync(layerPath('py-rattler'), [CLIENT], { input, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr.slice(-1500));
  return JSON.parse(stdout) as string[];
}

for (const [kind, args, subdirs] of [
  ['mixed', ['--subdir', 'win-64'], ['linux-64', 'win-64']],
  ['bz2', FOR_CONDA43, ['linux-64']],
] as const) {
  describeWithLayers(['py-rattler', `upstream-${kind}`], `py-rattler and what is delivered from ${kind}`, () => {
    let work: Workplace;
    beforeAll(async () => {
      work = await openRealWorkplace(kind);
    });
    afterAll(() => work.close());

    const files = (): string[] => [...work.published().keys()].filter((path) => /\.(conda|tar\.bz2)$/.test(path));
    const channel = (): string => pathToFileURL(work.labelDir).href;

    it.each([
      [1, 'ratingpro-2.4.1-py_0', 'pytho-1.9-py_0'],
      [2, 'ratingpro-2.5.0-py_0', 'pytho-2.0-py_0'],
    ])(
      'solves generation %i out of the folder alone, to every file in it and no other',
      async (generation, ratingpro, pytho) => {
        work.upstream.setGeneration(generation);
        const update = await work.update({ args });
        expect(update.exitCode, update.stderr).toBe(0);

        const solved = subdirs.flatMap((subdir) =>
          solveWithRattler({ channel: channel(), specs: ['ratingpro', 'pytho'], subdir }),
        );
        expect([...new Set(solved)].sort()).toEqual(files().sort());
        const names = solved.map((path) => path.replace(/^.*\/|\.(conda|tar\.bz2)$/g, ''));
        expect(names).toEqual(expect.arrayContaining([ratingpro, pytho]));
      },
      SLOW,
    );

    it('finds nothing else in it', () => {
      expect(() => solveWithRattler({ channel: channel(), specs: ['requests'], subdir: 'linux-64' })).toThrow(
        /No candidates were found for requests/,
      );
    });

    // The other one is installed by conda 4.3.16: test/e2e/site.test.ts.
    if (kind === 'bz2') return;
    it(
      'installs it, and the packages work',
      () => {
        const prefix = join(work.dir, 'environment');
        const cache = join(work.dir, 'rattler-cache');
        const specs = ['ratingpro', 'pytho'];
        const installed = solveWithRattler({ channel: channel(), specs, subdir: 'linux-64', prefix, cache });
        expect(installed).toContain(files().find((path) => path.startsWith('noarch/ratingpro-2.5.0')));
        const code =
          'import numpy, pandas, pytho, ratingpro; print(ratingpro.__version__, list(ratingpro.rate([9, 0]).grade))';
        const ran = spawnSync(join(prefix, 'bin', 'python'), ['-c', code], {
          encoding: 'utf8',
          env: { PATH: process.env['PATH'] },
        });
        expect(ran.stderr).toBe('');
        expect(ran.stdout).toBe("2.5.0 ['A', 'C']\n");
      },
      SLOW,
    );
  });
}

describeWithLayers(
  ['py-rattler', 'conda43', 'upstream-bz2'],
  'C16: a folder as the server, with blanks and accents',
  () => {
    let work: Workplace;
    beforeAll(async () => {
      work = await openRealWorkplace('bz2');
    });
    afterAll(() => work.close());

    it.each([
      [
        'file URL, the embedded solver, installed with conda',
        (folder: string) => `file://${folder}`,
        ['--prove', `install=${layerPath('conda43')}`],
      ],
      ['path, conda 4.3.16', (folder: string) => folder, withConda43()],
    ])(
      '%s: what is delivered is read by rattler',
      async (title, given, more) => {
        const folder = join(work.dir, `wïn up ${title.length}`);
        const from = join(work.upstream.dir, 'gen1');
        mkdirSync(join(folder, 'prometeia/label'), { recursive: true });
        mkdirSync(join(folder, 'pkgs'));
        symlinkSync(join(from, 'label/halkbank'), join(folder, 'prometeia/label/halkbank'));
        symlinkSync(join(from, 'pkgs/main'), join(folder, 'pkgs/main'));
        for (const subdir of ['linux-64', 'noarch'])
          cpSync(join(from, 'private/prometeia', subdir), join(folder, 'prometeia', subdir), { recursive: true });
        const root = join(work.dir, `Röot ${title.length}`);
        const args = ['--base-url', given(folder), ...FOR_CONDA43, ...more];
        const update = await work.update({ token: 'none', root, args });
        expect(update.exitCode, update.stderr).toBe(0);
        const channel = pathToFileURL(join(root, 'halkbank')).href;
        const solved = solveWithRattler({ channel, specs: ['ratingpro', 'pytho'], subdir: 'linux-64' });
        expect(solved.length).toBeGreaterThan(5);
        const manifest = readFileSync(join(root, 'halkbank/manifest.json'), 'utf8');
        expect(manifest).toContain(`"${pathToFileURL(folder).href}/prometeia/label/halkbank"`);
      },
      SLOW,
    );
  },
);
