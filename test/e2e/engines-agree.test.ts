// @module-tag long
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeChannel } from '../../scripts/lib/conda-channel.js';
import { makePackage } from '../../scripts/lib/sample-upstream.js';
import { snapshot } from '../../scripts/lib/snapshot.js';
import { describeWithLayers, layerPath } from '../helpers/layers.js';
import { openWorkplace, type Workplace } from '../helpers/programs.js';
import { delivered, FOR_CONDA43, openRealWorkplace, reportOf, withConda43 } from '../helpers/real-upstream.js';
import { expectRefusal } from '../helpers/refusals.js';

const SLOW = 600_000;

/** python, and what conda's clients put beside it. */
const PYTHON = ['pip 24.2', 'python 3.9.18', 'setuptools 72.1.0', 'wheel 0.44.0'];
const PANDAS = [
  'numpy 2.0.2',
  'pandas 2.2.3',
  'python-dateutil 2.9.0.post0',
  'pytz 2024.2',
  'six 1.16.0',
  'tzdata 2024.2',
];

/** Title, request, the set that both engines deliver. */
const REQUESTS: readonly (readonly [title: string, packages: readonly string[], set: readonly string[]])[] = [
  [
    'the label’s own version',
    ['ratingpro', 'pytho'],
    [...PYTHON, ...PANDAS, 'pytho 1.9', 'ratekeys 1.1', 'ratingpro 2.4.1'],
  ],
  ['a pin below the label’s version', ['ratingpro=2.3'], [...PYTHON, ...PANDAS, 'pytho 1.9', 'ratingpro 2.3.0']],
  [
    'an exact pin below the label’s version',
    ['ratingpro==2.4.0'],
    [...PYTHON, ...PANDAS, 'pytho 1.9', 'ratingpro 2.4.0'],
  ],
  // The label's ratingpro 2.4.1 needs pytho >=1.9.
  [
    'a pin that only a lower channel’s version can meet',
    ['ratingpro', 'pytho=1.8'],
    [...PYTHON, ...PANDAS, 'pytho 1.8', 'ratingpro 2.4.0'],
  ],
  // The owner's blib 2.0 hides the base channel's under strict priority.
  ['a dependency that only a lower channel satisfies', ['alib'], ['alib 1.0', 'blib 1.0']],
  ['the same name from the highest channel that has it', ['blib'], ['blib 2.0']],
  [
    'noarch packages with arch packages below',
    ['requests'],
    [...PYTHON, 'certifi 2024.8.30', 'charset-normalizer 3.4.0', 'idna 3.10', 'requests 2.32.3', 'urllib3 2.2.3'],
  ],
  ['generic noarch packages', ['ratedocs', 'bothways'], ['bothways 1.0', 'ratedocs 5.1']],
  ['bounds', ['numpy>=1.26,<2'], [...PYTHON, 'numpy 1.26.4']],
  ['a private package', ['ratekeys'], ['ratekeys 1.1']],
  ['a package that only the label has', ['halkdata'], ['bothways 1.0', 'halkdata 2024.6']],
  // As built it needs numpy <1.27.
  ['a hotfixed record', ['ratemodels'], [...PYTHON, 'numpy 2.0.2', 'ratemodels 0.7']],
  ['a record with md5 only', ['oldmath'], ['oldmath 0.3']],
  ['python alone, with the pip that conda adds', ['python'], PYTHON],
];

describeWithLayers(['conda43', 'upstream-bz2'], 'conda 4.3.16 and the embedded engine', () => {
  let work: Workplace;
  beforeAll(async () => {
    work = await openRealWorkplace('bz2');
  });
  afterAll(() => work.close());

  it.each(REQUESTS)(
    'deliver byte-identical folders: %s %j',
    async (_title, packages, set) => {
      const dir = mkdtempSync(join(work.dir, 'agree-'));
      const folders = { embedded: join(dir, 'by-embedded'), conda: join(dir, 'by-conda') };
      const deliver = async (engine: 'embedded' | 'conda') => {
        const args = [...(engine === 'conda' ? withConda43() : []), ...FOR_CONDA43, '--json'];
        const ran = await work.update({ root: folders[engine], packages, args });
        expect(ran.exitCode, ran.stderr).toBe(0);
        const report = reportOf(ran);
        expect(report.engines.map(({ kind }) => kind)).toEqual([engine]);
        return delivered(report);
      };
      expect(await deliver('embedded')).toEqual([...set].sort());
      expect(await deliver('conda')).toEqual([...set].sort());
      expect(digestsBelow(join(folders.conda, 'halkbank'))).toEqual(digestsBelow(join(folders.embedded, 'halkbank')));
    },
    SLOW,
  );
});

describeWithLayers(['conda43', 'upstream-bz2'], 'what conda fetched for itself', () => {
  it(
    'is counted as downloaded, and as there the next time',
    async () => {
      const work = await openRealWorkplace('bz2');
      try {
        const args = [...withConda43(), ...FOR_CONDA43, '--json'];
        const deliver = async (folder: string) =>
          reportOf(await work.update({ root: join(work.dir, folder), packages: ['ratedocs', 'alib'], args }));
        const first = await deliver('first');
        expect(first.fetched?.download).toEqual({ artifacts: first.artifacts.length, bytes: first.bytesTotal });
        const second = await deliver('second');
        expect(second.fetched?.download).toEqual({ artifacts: 0, bytes: 0 });
        expect(second.fetched?.store).toEqual(first.fetched?.download);
      } finally {
        await work.close();
      }
    },
    SLOW,
  );
});

/**
 * The one known difference (CONTRIBUTING, "Solving"): dd 3.0 leaves only the oldest of three ee. conda counts the steps down from the newest over
 * all that was asked for (2 against 1) and takes dd 2.0; rattler decides one package after another and keeps dd 3.0.
 */
describeWithLayers(['conda43'], 'two packages of which the newest of one forbids the newest of the other', () => {
  const COMPETING: readonly (readonly [name: string, version: string, ...depends: string[]])[] = [
    ['dd', '1.0'],
    ['dd', '2.0'],
    ['dd', '3.0', 'ee <2'],
    ['ee', '1.0'],
    ['ee', '2.0'],
    ['ee', '3.0'],
  ];
  let work: Workplace;
  let channel: string;
  beforeAll(async () => {
    work = await openWorkplace();
    const folder = join(work.dir, 'competing');
    const packages = COMPETING.map(([name, version, ...depends]) =>
      makePackage({ name, version, depends, format: 'tar.bz2' }),
    );
    await makeChannel(folder, await Promise.all(packages), { subdirs: ['linux-64'] });
    channel = pathToFileURL(folder).href;
  });
  afterAll(() => work.close());

  it.each([
    ['embedded', [], ['dd 3.0', 'ee 1.0']],
    ['conda', withConda43(), ['dd 2.0', 'ee 3.0']],
  ] as const)(
    'are solved by %s in its own way, and what it takes is proven and can be installed',
    async (engine, engineArgs, set) => {
      for (const packages of [
        ['dd', 'ee'],
        ['ee', 'dd'],
      ]) {
        const root = join(work.dir, `by-${engine}-${packages.join('-')}`);
        const args = ['--channel', channel, ...engineArgs, ...FOR_CONDA43, '--prove', installProof(), '--json'];
        const ran = await work.update({ root, packages, args });
        expect(ran.exitCode, ran.stderr).toBe(0);
        const report = reportOf(ran);
        expect(delivered(report)).toEqual(set);
        expect(report.engines.map(({ kind }) => kind)).toEqual([engine]);
        expect(report.published!.proof.checks.map(({ name }) => name)).toEqual(
          expect.arrayContaining(['closure', 'solve', 'installed by conda 4.3.16']),
        );
        expect((await work.verify(join(root, 'halkbank'))).exitCode).toBe(0);
      }
    },
    SLOW,
  );
});

describeWithLayers(['conda43'], 'a policy with either engine', () => {
  let work: Workplace;
  let args: string[];
  beforeAll(async () => {
    work = await openWorkplace();
    const folder = join(work.dir, 'licences');
    const package_ = (name: string, version: string, license: string, ...depends: string[]) =>
      makePackage({ name, version, license, depends, format: 'tar.bz2' });
    const packages = [
      package_('ff', '1.0', 'MIT', 'gg'),
      package_('gg', '1.0', 'BSD-3-Clause'),
      package_('gg', '2.0', 'GPL-3.0-only'),
      package_('hh', '1.0', 'MIT', 'gg >=2'),
    ];
    await makeChannel(folder, await Promise.all(packages), { subdirs: ['linux-64'] });
    const policy = join(work.dir, 'policy.yml');
    writeFileSync(policy, 'deny: {licenses: GPL3}\n');
    args = ['--channel', pathToFileURL(folder).href, '--policy', policy, ...FOR_CONDA43];
  });
  afterAll(() => work.close());

  it.each(['embedded', 'conda'] as const)(
    '%s takes what is allowed, and says what is denied where nothing is',
    async (engine) => {
      const root = join(work.dir, `policy-${engine}`);
      const engineArgs = engine === 'conda' ? withConda43() : [];
      const ran = await work.update({ root, packages: ['ff'], args: [...args, ...engineArgs, '--json'] });
      expect(ran.exitCode, ran.stderr).toBe(0);
      expect(reportOf(ran).engines.map(({ kind }) => kind)).toEqual([engine]);
      expect(delivered(reportOf(ran))).toEqual(['ff 1.0', 'gg 1.0']);
      const denied = await work.update({ root, packages: ['hh'], args: [...args, ...engineArgs, '--drop', 'ff'] });
      expectRefusal(denied, {
        code: 'E_POLICY',
        says: ['deny licenses: GPL3', 'asked for: hh; hh 1.0 needs gg >=2', 'allowed would be: gg 1.0'],
      });
    },
    SLOW,
  );
});

const installProof = (): string => `install=${layerPath('conda43')}`;

describeWithLayers(['conda43', 'upstream-mixed'], 'conda 4.3.16 where packages exist as .conda', () => {
  let work: Workplace;
  beforeAll(async () => {
    work = await openRealWorkplace('mixed');
  });
  afterAll(() => work.close());

  it.each([
    ['for a client conda 4.3', FOR_CONDA43],
    ['with no client named: the engine’s own limits count', []],
  ])(
    'fails and lists what exists only so, %s',
    async (_title, client) => {
      const ran = await work.update({ packages: ['ratingpro', 'oldmath'], args: [...withConda43(), ...client] });
      expectRefusal(ran, { code: 'E_CLIENT_FORMAT', says: [/conda 4\.3/, 'exists only as .conda'] });
      expect(ran.exitCode).toBe(3);
      const listed = ran.stderr.match(/\b[a-z][\w.-]*(?=-[\w.]+-\w+\.conda: exists only as \.conda)/g);
      expect(listed?.sort()).toEqual(ONLY_CONDA);
      expect(snapshot(work.labelDir).size).toBe(0);
    },
    SLOW,
  );

  it(
    'of a build in both formats delivers the one that is read at the site',
    async () => {
      const delivered = async (
        folder: string,
        args: readonly string[],
      ): Promise<[string[], Record<string, string>]> => {
        const root = join(work.dir, folder);
        const ran = await work.update({ root, packages: ['bothways'], args: [...args, '--json'] });
        expect(ran.exitCode, ran.stderr).toBe(0);
        return [reportOf(ran).artifacts.map(({ fn }) => fn), digestsBelow(join(root, 'halkbank'))];
      };
      const [byConda, condaFolder] = await delivered('by-conda', [...withConda43(), ...FOR_CONDA43]);
      const [byEmbedded, embeddedFolder] = await delivered('by-embedded', FOR_CONDA43);
      expect([byConda, byEmbedded]).toEqual([['bothways-1.0-0.tar.bz2'], ['bothways-1.0-0.tar.bz2']]);
      expect(condaFolder).toEqual(embeddedFolder);

      // Without a client the two differ, each rightly: conda 4.3 delivers what it reads itself, the embedded engine takes the .conda, as every
      // conda since 4.7 does.
      expect((await delivered('conda-alone', withConda43()))[0]).toEqual(['bothways-1.0-0.tar.bz2']);
      expect((await delivered('embedded-alone', []))[0]).toEqual(['bothways-1.0-0.conda']);
    },
    SLOW,
  );
});

describeWithLayers(['mamba', 'upstream-mixed'], 'mamba or micromamba and the embedded engine', () => {
  let work: Workplace;
  beforeAll(async () => {
    work = await openRealWorkplace('mixed');
  });
  afterAll(() => work.close());

  it.each(REQUESTS)(
    'deliver byte-identical folders: %s %j',
    async (_title, packages, set) => {
      const dir = mkdtempSync(join(work.dir, 'agree-'));
      const folders = { embedded: join(dir, 'by-embedded'), mamba: join(dir, 'by-mamba') };
      const deliver = async (engine: keyof typeof folders) => {
        // `auto` is the engine of the path, whichever it is.
        const args =
          engine === 'mamba' ? ['--engine', 'auto', '--engine-path', layerPath('mamba'), '--json'] : ['--json'];
        const ran = await work.update({ root: folders[engine], packages, args });
        expect(ran.exitCode, ran.stderr).toBe(0);
        const report = reportOf(ran);
        expect(report.engines[0]?.kind).toMatch(engine);
        return delivered(report);
      };
      expect(await deliver('embedded')).toEqual([...set].sort());
      expect(await deliver('mamba')).toEqual([...set].sort());
      expect(digestsBelow(join(folders.mamba, 'halkbank'))).toEqual(digestsBelow(join(folders.embedded, 'halkbank')));
    },
    SLOW,
  );
});

/** Of what `ratingpro` needs, everything but six and wheel, which `mixed` has as `.tar.bz2`. */
const ONLY_CONDA = [
  'numpy',
  'pandas',
  'pip',
  'pytho',
  'python',
  'python-dateutil',
  'pytz',
  'ratekeys',
  'ratingpro',
  'setuptools',
  'tzdata',
];

/** Path -> content of what is text, digest of the rest. */
function digestsBelow(dir: string): Record<string, string> {
  const texts = /\.json$|SUMS$/;
  return Object.fromEntries(
    [...snapshot(dir)].map(([path, { sha256 }]) => [
      path,
      texts.test(path) ? readFileSync(join(dir, path), 'utf8') : sha256,
    ]),
  );
}
