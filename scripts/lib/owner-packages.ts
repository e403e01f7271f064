import type { ChannelOptions } from './conda-channel.js';
import type { PackageSpec } from './conda-package.js';

/** What the vendor publishes, per channel view; the same over the sample base channel and over the real one. */
export type OwnerPackages = {
  owner: readonly PackageSpec[];
  /** Seen beside `owner` with the token only. */
  private: readonly PackageSpec[];
  label: readonly PackageSpec[];
  /** In the base channel, below the others. */
  base: readonly PackageSpec[];
  patches: NonNullable<ChannelOptions['patches']>;
};

/** Generation 2 adds pytho 2.0 and ratingpro 2.5.0, and hotfixes ratemodels otherwise. */
export function ownerPackages(generation: number): OwnerPackages {
  const later = generation > 1;
  return {
    owner: later ? [...OWNER, pytho('2.0', { timestamp: 1_720_000_000_000 })] : OWNER,
    private: onEachPlatform({ name: 'ratekeys', version: '1.1', build: 'h1_0', license: VENDOR }),
    label: later ? [...LABEL_ONLY, ratingpro('2.5.0', ['pytho >=2.0', 'ratekeys'])] : LABEL_ONLY,
    base: BELOW,
    patches: {
      'ratemodels-0.7-py_0': { depends: ['python >=3.9', 'numpy >=1.26', ...(later ? ['pytho >=1.9'] : [])] },
      'oldmath-0.3-0': { sha256: null },
    },
  };
}

/** One spec a platform; virtual packages stay on Linux, where a noarch package would ask for them everywhere. */
export function onEachPlatform(spec: PackageSpec, files?: (subdir: string) => PackageSpec['files']): PackageSpec[] {
  return ['linux-64', 'osx-arm64', 'win-64'].map((subdir) => {
    const depends = (spec.depends ?? []).filter((depend) => subdir === 'linux-64' || !depend.startsWith('__'));
    return Object.assign({}, spec, { subdir, depends, files: files?.(subdir) });
  });
}

/** A `noarch: python` package of one module. */
export function pythonModule(spec: PackageSpec, module: { name?: string; code?: string } = {}): PackageSpec {
  const name = module.name ?? spec.name.replaceAll('-', '_');
  const code = `"""${spec.name}: a made package."""\n\n__version__ = "${spec.version}"\n${module.code ?? ''}`;
  return {
    depends: ['python >=3.9'],
    ...spec,
    noarch: 'python',
    files: { [`site-packages/${name}/__init__.py`]: code },
  };
}

const VENDOR = 'LicenseRef-Proprietary';

const PYTHO_CODE = `
import numpy


def default_probability(scores):
    """Scores -> probabilities of default."""
    return 1.0 / (1.0 + numpy.exp(numpy.asarray(scores, dtype=float)))
`;

const RATINGPRO_CODE = `
import pandas

import pytho


def rate(scores):
    """Scores -> a frame of score, probability of default and grade."""
    frame = pandas.DataFrame({"score": list(scores)})
    frame["pd"] = pytho.default_probability(frame["score"])
    frame["grade"] = pandas.cut(frame["pd"], [0, 0.01, 0.1, 1], labels=["A", "B", "C"])
    return frame
`;

function pytho(version: string, extra: Partial<PackageSpec> = {}): PackageSpec {
  const depends = ['python >=3.9', 'numpy >=1.26'];
  return pythonModule({ name: 'pytho', version, depends, license: VENDOR, ...extra }, { code: PYTHO_CODE });
}

function ratingpro(version: string, needs: readonly string[]): PackageSpec {
  const depends = ['python >=3.9', ...needs, 'numpy >=1.26,<3', 'pandas >=2'];
  return pythonModule({ name: 'ratingpro', version, depends, license: VENDOR }, { code: RATINGPRO_CODE });
}

const OWNER: readonly PackageSpec[] = [
  pytho('1.8'),
  pytho('1.9', { timestamp: 1_712_345_679_001 }),
  ratingpro('2.3.0', ['pytho >=1.8']),
  ratingpro('2.4.0', ['pytho >=1.8,<2']),
  // Published with an upper bound that a hotfix has taken away.
  pythonModule({ name: 'ratemodels', version: '0.7', depends: ['python >=3.9', 'numpy >=1.26,<1.27'] }),
  // One build in both formats.
  { name: 'bothways', version: '1.0', format: 'conda' },
  { name: 'bothways', version: '1.0', format: 'tar.bz2' },
  // Its record has an md5 and no sha256.
  { name: 'oldmath', version: '0.3', format: 'tar.bz2', timestamp: 1_400_000_000_000 },
  {
    name: 'ratedocs',
    version: '5.1',
    constrains: ['ratingpro >=2.3'],
    files: { 'share/doc/rate docs/index.html': '<h1>docs</h1>\n' },
  },
  { name: 'blib', version: '2.0' },
];

const LABEL_ONLY: readonly PackageSpec[] = [
  ratingpro('2.4.1', ['pytho >=1.9,<2', 'ratekeys']),
  { name: 'halkdata', version: '2024.6', depends: ['bothways'] },
];

/** alib needs a blib that only its own channel has, below the owner's with blib 2.0: solved flexibly, unsolvable when strict. */
const BELOW: readonly PackageSpec[] = [
  { name: 'alib', version: '1.0', depends: ['blib <2'] },
  { name: 'blib', version: '1.0' },
];
