import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';

/** What `small-0` and `large-0` reach; all other names stand beside them. */
export const CLOSURES = { small: 98, large: 4164 } as const;

/** `artifacts`: files of some bytes stand beside the index, which has their size and digests. */
type Size = { names: number; versions: number; artifacts?: boolean };

/**
 * `linux-64` of so many names with so many versions each, `noarch` without any. `small-0` and `large-0` reach as many names as `CLOSURES`
 * says (fewer where the channel is smaller): each needs up to four with higher numbers, two of them from a version on.
 */
export async function makeLargeChannel(dir: string, { names, versions, artifacts = false }: Size): Promise<void> {
  for (const subdir of ['linux-64', 'noarch']) mkdirSync(join(dir, subdir), { recursive: true });
  writeFileSync(join(dir, 'noarch', 'repodata.json'), '{"info":{"subdir":"noarch"},"packages":{},"packages.conda":{}}');
  const out = createWriteStream(join(dir, 'linux-64', 'repodata.json'));
  out.write('{"info":{"subdir":"linux-64"},"packages":{},"packages.conda":{');
  let first = true;
  for (let at = 0; at < names; at += 1) {
    const { group, index, size } = groupOf(at, names);
    let lines = '';
    for (let version = 0; version < versions; version += 1) {
      const name = `${group}-${index}`;
      const fn = `${name}-1.${version}-h${at.toString(16).padStart(6, '0')}_0.conda`;
      const record = {
        build: `h${at.toString(16).padStart(6, '0')}_0`,
        build_number: 0,
        depends: dependsOf({ group, index, size, version }),
        license: 'BSD-3-Clause',
        name,
        ...(artifacts ? artifact(join(dir, 'linux-64', fn)) : digests(at, version)),
        subdir: 'linux-64',
        timestamp: 1_700_000_000_000 + version * 86_400_000,
        version: `1.${version}`,
      };
      lines += `${first ? '' : ','}"${fn}":${JSON.stringify(record)}`;
      first = false;
    }
    if (!out.write(lines)) await once(out, 'drain');
  }
  out.end('},"removed":[],"repodata_version":1}');
  await finished(out);
}

/** Gives a channel that was made with artifacts one more: a new version of its first package. */
export function addVersion(dir: string): void {
  const index = join(dir, 'linux-64', 'repodata.json');
  const repodata = JSON.parse(readFileSync(index, 'utf8')) as { 'packages.conda': Record<string, { name: string }> };
  const records = repodata['packages.conda'];
  const [first] = Object.values(records);
  const version = `9.${Object.keys(records).length}`;
  const fn = `${first!.name}-${version}-0.conda`;
  const made = { build: '0', version, ...artifact(join(dir, 'linux-64', fn)) };
  writeFileSync(index, JSON.stringify({ ...repodata, 'packages.conda': { ...records, [fn]: { ...first, ...made } } }));
}

function groupOf(at: number, names: number): { group: string; index: number; size: number } {
  const small = CLOSURES.small;
  if (at < small) return { group: 'small', index: at, size: small };
  if (at < small + Math.min(CLOSURES.large, names - small))
    return { group: 'large', index: at - small, size: Math.min(CLOSURES.large, names - small) };
  return { group: 'other', index: at, size: names };
}

function dependsOf({
  group,
  index,
  size,
  version,
}: {
  group: string;
  index: number;
  size: number;
  version: number;
}): string[] {
  const targets = [index + 1, index * 2 + 1, index * 2 + 2, index + 17].filter((each) => each < size);
  return [...new Set(targets)].map(
    (each, at) => `${group}-${each}${at < 2 ? ` >=1.${Math.floor(version / 2)},<2` : ''}`,
  );
}

function artifact(path: string): { md5: string; sha256: string; size: number } {
  const bytes = Buffer.alloc(64, path);
  writeFileSync(path, bytes);
  const of = (algorithm: string): string => createHash(algorithm).update(bytes).digest('hex');
  return { md5: of('md5'), sha256: of('sha256'), size: bytes.length };
}

function digests(at: number, version: number): { md5: string; sha256: string; size: number } {
  return {
    md5: digest(at, version, 32),
    sha256: digest(at, version, 64),
    size: 10_000 + ((at * 7919 + version) % 900_000),
  };
}

function digest(at: number, version: number, digits: number): string {
  // Not random, and packed no better than a genuine one.
  let [state, text] = [(at * 2_654_435_761 + version * 40_503 + digits) >>> 0, ''];
  while (text.length < digits) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    text += state.toString(16).padStart(8, '0');
  }
  return text.slice(0, digits);
}
