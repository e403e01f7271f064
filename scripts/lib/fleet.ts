import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { makeChannel } from './conda-channel.js';
import { makePackage, type PackageSpec, type SamplePackage } from './conda-package.js';
import { BASE_CHANNEL, writeLayout } from './upstream-layout.js';

export type FleetOptions = {
  labels: number;
  /** Of what can't be compressed in each package; default 2,000. */
  bytes?: number;
  /** Packages in the base channel's index that no label wants, on each platform; default 0. */
  others?: number;
};

export type FleetLabel = {
  name: string;
  owner: (typeof OWNERS)[number];
  client: (typeof CLIENTS)[number];
  packages: string[];
};

export type Fleet = {
  labels: FleetLabel[];
  /** Owner -> token, and its environment variable. */
  tokens: Readonly<Record<string, string>>;
  environment: Readonly<Record<string, string>>;
  /** `ROOT/repackenv.yml` for this upstream at a URL. */
  yaml(url: string): string;
};

const OWNERS = ['prometeia', 'acme'] as const;
const CLIENTS = ['conda 4.3', 'conda 4.12', 'conda 24.1'] as const;
const PLATFORMS = ['linux-64', 'win-64'] as const;
const TOKENS = {
  prometeia: 'xx-01234567-89ab-4cde-8f01-sentineltoken',
  acme: 'yy-76543210-ba98-4dec-8f10-sentineltoken',
} as const;

/** Of the packages of a label these are every label's, one is of a few labels, one its own. */
const SHARED = 24;
const FAMILIES = 5;

/**
 * Writes an upstream for many labels, of which any two have at least 90 % in common, and says how they are declared: two owners with a
 * token each, two platforms, three clients. A new or empty folder; the same bytes every time.
 */
export async function makeFleet(dir: string, options: FleetOptions): Promise<Fleet> {
  const labels = Array.from({ length: options.labels }, (_, at) => fleetLabel(at));
  const folder = (name: string): string => join(dir, 'gen1', name);
  mkdirSync(dir, { recursive: true });
  const names = Array.from({ length: SHARED }, (_, at) => `shared${at}`);
  const families = Array.from({ length: FAMILIES }, (_, at) => `family${at}`);
  const base = await packages([...names, ...families], options);
  await makeChannel(folder(BASE_CHANNEL), [...base, ...others(base[0]!, options.others ?? 0)], { subdirs: PLATFORMS });
  for (const owner of OWNERS) {
    await makeChannel(folder(owner), [], { subdirs: PLATFORMS });
    for (const { name } of labels.filter((label) => label.owner === owner))
      await makeChannel(folder(`${owner}/label/${name}`), await packages([`own-${name}`], options), {
        subdirs: PLATFORMS,
      });
  }
  const shown = (path: string, isPublic: boolean) =>
    isPublic ? { path, publicFolder: path, tokenFolder: null } : { path, publicFolder: null, tokenFolder: path };
  writeLayout(dir, {
    schemaVersion: 1,
    kind: 'fleet',
    owner: OWNERS[0],
    label: labels[0]!.name,
    generations: [1],
    channels: [
      shown(BASE_CHANNEL, true),
      ...OWNERS.map((owner) => shown(owner, true)),
      ...labels.map(({ owner, name }) => shown(`${owner}/label/${name}`, false)),
    ],
  });
  return {
    labels,
    tokens: TOKENS,
    environment: Object.fromEntries(OWNERS.map((owner) => [variableOf(owner), TOKENS[owner]])),
    yaml: (url) => yamlOf(url, labels),
  };
}

function fleetLabel(at: number): FleetLabel {
  const name = `bank${String(at).padStart(2, '0')}`;
  // `shared0` needs all the others that are shared.
  const asked = ['shared0', `family${at % FAMILIES}`, `own-${name}`];
  return { name, owner: OWNERS[at % OWNERS.length]!, client: CLIENTS[at % CLIENTS.length]!, packages: asked };
}

/** Each as it is for a family of packages: some for any platform, some for each. All clients read `.tar.bz2`. */
async function packages(names: readonly string[], { bytes = 2000 }: FleetOptions): Promise<SamplePackage[]> {
  const specs = names.flatMap((name, at): PackageSpec[] => {
    const depends = name === 'shared0' ? names.slice(1, SHARED) : [];
    const common = { name, version: '1.0', format: 'tar.bz2', depends } as const;
    return at % 3 === 2
      ? [{ ...common, noarch: 'generic', files: { [`share/${name}`]: noise(name, bytes) } }]
      : PLATFORMS.map((subdir) => ({
          ...common,
          subdir,
          files: { [`share/${name}`]: noise(`${name} ${subdir}`, bytes) },
        }));
  });
  return Promise.all(specs.map(makePackage));
}

/** Records of packages that are in the index and nowhere else. */
function others(like: SamplePackage, count: number): SamplePackage[] {
  return PLATFORMS.flatMap((subdir) =>
    Array.from({ length: count }, (_, at): SamplePackage => {
      const name = `other${at >> 3}`;
      const version = `${at & 7}.0`;
      const record = { ...like.record, name, version, subdir, depends: [`other${(at >> 3) + 1} >=${version}`] };
      return { ...like, distFilename: `${name}-${version}-0.tar.bz2`, subdir, record, bytes: new Uint8Array() };
    }),
  );
}

/** Bytes that no packer makes smaller, the same for the same text. */
function noise(seed: string, length: number): Uint8Array {
  let state = [...seed].reduce((sum, char) => (Math.imul(sum, 31) + char.codePointAt(0)!) | 0, 7);
  return Uint8Array.from({ length }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state & 255;
  });
}

function variableOf(owner: string): string {
  return `${owner.toUpperCase()}_TOKEN`;
}

function yamlOf(url: string, labels: readonly FleetLabel[]): string {
  return [
    `base_url: ${url}`,
    `channels: [${BASE_CHANNEL}]`,
    'engine: embedded',
    'defaults:',
    '  all:',
    `    subdirs: [${PLATFORMS.join(', ')}]`,
    ...OWNERS.flatMap((owner) => [`  ${owner}:`, `    owner: ${owner}`, `    token_env: ${variableOf(owner)}`]),
    'labels:',
    ...labels.flatMap(({ name, owner, client, packages: asked }) => [
      `  ${name}:`,
      `    from: [${owner}]`,
      `    client: ${client}`,
      `    packages: [${asked.join(', ')}]`,
    ]),
    '',
  ].join('\n');
}
