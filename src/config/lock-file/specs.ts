import { NOARCH } from '../../conda/channel/channel.js';
import { parseDistFilename } from '../../conda/channel/names.js';
import { parseMatchSpec, type MatchSpec } from '../../conda/spec/match-spec.js';
import type { LockFile } from './lock-file.js';

/**
 * `name=version=build` for each package of a lock; where it is for several platforms, one that lies in a platform's own folder is asked
 * for there alone (`name[version=…,build=…,subdir=linux-64]`), and one of noarch where all of them have it.
 *
 * @throws RepackError E_SPEC
 */
export function specsOfLocked({ packages }: LockFile, subdirs: readonly string[]): MatchSpec[] {
  const specs = new Map<string, { platforms: number; spec: MatchSpec; isNoarch: boolean }>();
  for (const each of subdirs.flatMap((subdir) => packages.get(subdir) ?? [])) {
    const { name, version, build } = parseDistFilename(each.fn);
    const isNoarch = each.subdir === NOARCH;
    const text =
      isNoarch || subdirs.length === 1
        ? `${name}=${version}=${build}`
        : `${name}[version='${version}',build='${build}',subdir=${each.subdir}]`;
    const spec = parseMatchSpec(text);
    const before = specs.get(spec.text)?.platforms ?? 0;
    specs.set(spec.text, { platforms: before + 1, spec, isNoarch });
  }
  return [...specs.values()]
    .filter(({ platforms, isNoarch }) => !isNoarch || platforms === subdirs.length)
    .map(({ spec }) => spec);
}
