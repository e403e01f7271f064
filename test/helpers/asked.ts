import type { Asked } from '../../src/answers/asked.js';
import type { Manifest } from '../../src/channel/manifest/manifest.js';
import type { PackageRecord } from '../../src/conda/record/records.js';

/** `name version build` in a subdir, with what it needs and whatever else its record says. */
export type SampleRecord = Partial<PackageRecord> & { name: string; subdir?: string };

export interface SampleAsked {
  label?: string;
  generation?: number;
  specs?: readonly string[];
  profiles?: Manifest['profiles'];
  packages: readonly SampleRecord[];
}

const LINUX: Manifest['profiles'] = [
  { subdir: 'linux-64', virtual_packages: [{ name: '__glibc', version: '2.17', build: '0' }], client: null },
];

/** What a question is about, made up: `specs` absent makes it a channel of others, `[]` a mirror. */
export function sampleAsked({ label = 'acme', generation = 1, specs, profiles = LINUX, packages }: SampleAsked): Asked {
  const files = packages.map((sample) => {
    const { name, version = '1.0', build = '0', subdir = 'linux-64' } = sample;
    const record: PackageRecord = { build_number: 0, depends: [], ...sample, version, build };
    const sha256 = `${name}-${version}-${build}`.padEnd(64, '0');
    return {
      subdir,
      fn: `${name}-${version}-${build}.conda`,
      size: 1,
      sha256,
      channel: 'https://c.example/main',
      record,
    };
  });
  const manifest: Manifest | undefined =
    specs === undefined
      ? undefined
      : {
          schema: 1,
          label,
          generation,
          previous: null,
          specs: [...specs],
          channels: [],
          subdirs: ['linux-64', 'noarch'],
          profiles: specs.length === 0 ? [] : profiles,
          files: [],
        };
  const whose = manifest === undefined ? { label: null, generation: null } : { label, generation };
  return { given: `/root/${label}`, ...whose, manifest, packages: files };
}
