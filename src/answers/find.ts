import { buildNumber, packageAt } from '../channel/compare-channels.js';
import type { ManifestFile } from '../channel/manifest/manifest.js';
import { splitPath } from '../conda/channel/names.js';
import { parseMatchSpec, specMatches } from '../conda/spec/match-spec.js';
import { compareVersions } from '../conda/spec/version.js';
import type { FoundPackage } from './schema.js';

/** One generation of a label as it is looked through: files as a manifest lists them. */
export interface SearchedGeneration {
  generation: number | null;
  live: boolean;
  /** ISO 8601, UTC: when it was first published here. */
  since: string | null;
  files: readonly (Pick<ManifestFile, 'path' | 'kind'> & Partial<Pick<ManifestFile, 'sha256' | 'channel'>>)[];
}

export interface SearchedLabel {
  given: string;
  label: string | null;
  /** Oldest first. */
  generations: readonly SearchedGeneration[];
  /** What each site told last that it has. */
  sites: readonly { site: string; generation: number; at: string }[];
}

type Wanted = (file: SearchedGeneration['files'][number]) => boolean;

/** What is looked for: a MatchSpec, or the sha256 of a file. Build numbers are those at the end of build strings. Throws E_SPEC. */
export function wantedFile(text: string): { name: string | undefined; fits: Wanted } {
  const digest = text.trim().toLowerCase();
  if (/^[0-9a-f]{64}$/.test(digest)) return { name: undefined, fits: ({ sha256 }) => sha256 === digest };
  const spec = parseMatchSpec(text);
  const fits: Wanted = ({ path, channel }) => {
    const [subdir, fn] = splitPath(path);
    // Most are none: nothing is taken apart for them.
    if (!fn.toLowerCase().startsWith(`${spec.name}-`)) return false;
    const parts = packageAt(path);
    if (parts === undefined || !specMatches(spec, { ...parts, subdir, build_number: buildNumber(parts.build) }))
      return false;
    return spec.channel === undefined || isChannel(channel ?? undefined, spec.channel);
  };
  return { name: spec.name, fits };
}

/** Each file that fits, by label and bytes, with the generations that have it. The newest version first. */
export function findIn(labels: readonly SearchedLabel[], fits: Wanted): FoundPackage[] {
  return labels
    .flatMap((label) => findInLabel(label, fits))
    .sort(
      (a, b) =>
        byText(a.name, b.name) ||
        compareVersions(b.version, a.version) ||
        buildNumber(b.build) - buildNumber(a.build) ||
        byText(`${a.subdir}/${a.fn}`, `${b.subdir}/${b.fn}`) ||
        byText(a.given, b.given),
    );
}

function findInLabel({ given, label, generations, sites }: SearchedLabel, fits: Wanted): FoundPackage[] {
  const found = new Map<string, { file: SearchedGeneration['files'][number]; at: number[] }>();
  generations.forEach(({ files }, at) => {
    for (const file of files) {
      if (file.kind !== 'artifact' || !fits(file)) continue;
      const key = `${file.path} ${file.sha256}`;
      const known = found.get(key) ?? { file, at: [] };
      known.at.push(at);
      found.set(key, known);
    }
  });
  return [...found.values()].flatMap(({ file, at }) => {
    const parts = packageAt(file.path);
    if (parts === undefined) return [];
    const having = at.map((each) => generations[each]!);
    const numbers = [...new Set(having.flatMap(({ generation }) => generation ?? []))];
    const live = having.some((each) => each.live);
    const { name, version, build, subdir, fn } = parts;
    return {
      name,
      version,
      build,
      subdir,
      fn,
      sha256: file.sha256 ?? null,
      channel: file.channel ?? null,
      given,
      label,
      generations: numbers,
      live,
      since: having.find(({ since }) => since !== null)?.since ?? null,
      until: live ? null : (generations[at.at(-1)! + 1]?.since ?? null),
      sites: sites.filter(({ generation }) => numbers.includes(generation)),
    };
  });
}

/** By its URL, or by the path or the last part of it, as a person names it. */
function isChannel(url: string | undefined, wanted: string): boolean {
  return url !== undefined && (url === wanted || url.endsWith(`/${wanted}`));
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
