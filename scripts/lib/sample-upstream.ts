import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { makeChannel, type ChannelOptions } from './conda-channel.js';
import { makePackage, type PackageSpec, type SamplePackage } from './conda-package.js';
import { onEachPlatform, ownerPackages, pythonModule } from './owner-packages.js';
import { BASE_CHANNEL, LABEL, OWNER, standardLayout, writeLayout, type UpstreamLayout } from './upstream-layout.js';

export * from './conda-channel.js';
export * from './conda-package.js';
export * from './upstream-layout.js';

/** Every channel of a made upstream answers for these. */
export const SUBDIRS = ['linux-64', 'noarch', 'osx-arm64', 'win-64'];

/**
 * Writes the small upstream of the demo and of the tests: two generations, both package formats, three platforms, no Python.
 * A new or empty folder; the same bytes every time. `adapt` is applied to each spec, as for the owner's channels.
 */
export async function makeSampleUpstream(
  dir: string,
  adapt: OwnerChannelOptions['adapt'] = (spec) => spec,
): Promise<UpstreamLayout> {
  const layout = standardLayout('sample', [1, 2]);
  mkdirSync(dir, { recursive: true });
  const base = await Promise.all(
    BASE.map(adapt)
      .filter((spec) => spec !== undefined)
      .map(makePackage),
  );
  for (const generation of layout.generations) {
    await makeOwnerChannels({ dir: join(dir, `gen${generation}`), generation, base, adapt });
  }
  writeLayout(dir, layout);
  return layout;
}

type OwnerChannelOptions = {
  /** The folder of one generation. */
  dir: string;
  generation: number;
  /** What the base channel has besides the owner's `base` packages. */
  base: readonly SamplePackage[];
  /** Applied to each of the owner's specs; undefined leaves the package out. */
  adapt?: (spec: PackageSpec) => PackageSpec | undefined;
};

/** Writes all channel folders of one generation, over a given base channel. */
export async function makeOwnerChannels(options: OwnerChannelOptions): Promise<void> {
  const specs = ownerPackages(options.generation);
  const make = async (some: readonly PackageSpec[]): Promise<SamplePackage[]> => {
    const adapted = some.map(options.adapt ?? ((spec) => spec)).filter((spec) => spec !== undefined);
    return Promise.all(adapted.map(makePackage));
  };
  const owner = await make(specs.owner);
  const write = (folder: string, packages: readonly SamplePackage[]): Promise<void> =>
    makeChannel(join(options.dir, folder), packages, {
      subdirs: SUBDIRS,
      patches: patchesByFile(specs.patches, packages),
    });
  await write(BASE_CHANNEL, [...options.base, ...(await make(specs.base))]);
  await write(OWNER, owner);
  await write(`private/${OWNER}`, [...owner, ...(await make(specs.private))]);
  await write(`label/${LABEL}`, await make(specs.label));
}

/** An `adapt`: every package as `.tar.bz2` without virtual packages; of a build in both formats only that one is left. */
export function forOldClients(spec: PackageSpec): PackageSpec | undefined {
  if (spec.format === 'conda') return undefined;
  const depends = (spec.depends ?? []).filter((depend) => !depend.startsWith('__'));
  return { ...spec, format: 'tar.bz2', depends };
}

/** Patches are declared by name, version and build: they hold for either format. */
function patchesByFile(
  patches: NonNullable<ChannelOptions['patches']>,
  packages: readonly SamplePackage[],
): NonNullable<ChannelOptions['patches']> {
  const stem = (each: SamplePackage): string => each.distFilename.replace(/\.(conda|tar\.bz2)$/, '');
  return Object.fromEntries(packages.map((each) => [each.distFilename, patches[stem(each)] ?? {}]));
}

const PY39 = 'python >=3.9,<3.10.0a0';

function compiledModule(spec: PackageSpec): PackageSpec[] {
  return onEachPlatform({ build: 'py39_0', license: 'BSD-3-Clause', ...spec }, (subdir) => {
    const folder = subdir === 'win-64' ? 'Lib/site-packages' : 'lib/python3.9/site-packages';
    return { [`${folder}/${spec.name}/__init__.py`]: `__version__ = "${spec.version}"\n` };
  });
}

/** Stands for python where nothing runs it: a script that says so. */
function python(): PackageSpec[] {
  const posix: PackageSpec['files'] = {
    'bin/python': { symlink: 'python3.9' },
    'bin/python3.9': { content: '#!/bin/sh\necho "Python 3.9.18 (sample)"\n', mode: 0o755 },
  };
  const windows: PackageSpec['files'] = { 'python.txt': 'Python 3.9.18 (sample)\r\n' };
  const spec: PackageSpec = {
    name: 'python',
    version: '3.9.18',
    build: 'h0_0_cpython',
    depends: ['__glibc >=2.17', 'tzdata'],
    license: 'PSF-2.0',
    timestamp: 1_703_000_001_500,
  };
  return onEachPlatform(spec, (subdir) => (subdir === 'win-64' ? windows : posix));
}

const BASE: readonly PackageSpec[] = [
  ...python(),
  {
    name: 'tzdata',
    version: '2024a',
    build: 'h04d1e81_0',
    license: 'LicenseRef-Public-Domain',
    timestamp: 1_707_000_000_000,
  },
  pythonModule({ name: 'pip', version: '24.2', depends: ['python >=3.9', 'setuptools', 'wheel'], license: 'MIT' }),
  pythonModule({ name: 'setuptools', version: '72.1.0', license: 'MIT' }),
  pythonModule({ name: 'wheel', version: '0.43.0', license: 'MIT', format: 'tar.bz2' }),
  pythonModule({ name: 'six', version: '1.16.0', depends: ['python'], license: 'MIT', format: 'tar.bz2' }),
  pythonModule({ name: 'pytz', version: '2024.1', license: 'MIT' }),
  pythonModule(
    { name: 'python-dateutil', version: '2.9.0', depends: ['python >=3.9', 'six >=1.5'] },
    { name: 'dateutil' },
  ),
  ...compiledModule({ name: 'numpy', version: '1.26.4', depends: [PY39, '__glibc >=2.17'] }),
  ...compiledModule({ name: 'numpy', version: '2.0.2', depends: [PY39, '__glibc >=2.17'] }),
  ...compiledModule({
    name: 'pandas',
    version: '2.2.3',
    depends: [PY39, 'numpy >=1.22.4', 'python-dateutil >=2.8.2', 'pytz >=2020.1', 'tzdata'],
  }),
];
