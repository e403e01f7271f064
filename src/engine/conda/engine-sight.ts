import { NOARCH } from '../../conda/channel/channel.js';
import { RepackError } from '../../base/errors.js';
import { formatOf } from '../../conda/channel/names.js';
import type { SolveRequest } from '../../conda/plan/plan.js';
import type { TargetProfile } from '../../conda/plan/profile.js';
import { reachable } from '../../conda/record/reachable.js';
import type { RepodataIndex, RepodataSource } from '../../conda/record/repodata-index.js';
import { needsVirtualPackage } from '../../conda/channel/view.js';
import { dependencyName } from '../../conda/spec/dependency.js';
import { engineTitle } from './conda-engine.js';
import type { CondaEngine } from './conda-engine.js';

/**
 * An engine that sees less than the client at the site would silently deliver older packages: refused (design D2), where the channels
 * really have what it does not see. Throws E_ENGINE_VERSION, naming the version needed.
 */
export async function refuseUnseen(options: {
  engine: CondaEngine;
  request: SolveRequest;
  source: RepodataSource;
}): Promise<void> {
  const { engine, request, source } = options;
  const { abilities } = engine;
  const client = request.profile.client;
  const blindToConda = !abilities.readsCondaFormat && client?.readsCondaFormat !== false;
  const blindToVirtual = !abilities.knowsVirtualPackages && client?.knowsVirtualPackages !== false;
  if (!blindToConda && !blindToVirtual) return;
  const indexes = await everyIndex(request, source);
  const names = reachable(
    indexes.map(({ index }) => index),
    request.specs.map((spec) => spec.name),
  );
  for (const { index, place } of indexes) {
    for (const fn of [...names].flatMap((name) => index.filenames(name))) {
      if (blindToConda && formatOf(fn) === 'conda' && !index.has(`${fn.slice(0, -'.conda'.length)}.tar.bz2`)) {
        throw unseen(engine, `${place}/${fn} exists only as .conda`);
      }
      if (blindToVirtual && needsVirtualPackage(index, fn))
        throw unseen(engine, `${place}/${fn} depends on a virtual package`);
    }
  }
}

/**
 * Virtual packages of the profile that the engine has no word for (`known`: those it names in its isolated environment, CEP 30; undefined: it names none)
 * would count as absent: refused where a package that can be met depends on one. Throws E_ENGINE_VERSION.
 */
export async function refuseUnknownVirtual(options: {
  engine: CondaEngine;
  request: SolveRequest;
  source: RepodataSource;
  known: readonly string[] | undefined;
}): Promise<void> {
  const { engine, request, source, known } = options;
  const names = unknownVirtual(request.profile, known);
  if (names.size === 0) return;
  const indexes = await everyIndex(request, source);
  const met = reachable(
    indexes.map(({ index }) => index),
    request.specs.map((spec) => spec.name),
  );
  for (const { index, place } of indexes) {
    for (const fn of [...met].flatMap((name) => index.filenames(name))) {
      if (!needsVirtualPackage(index, fn)) continue;
      const name = index
        .record(fn)
        ?.depends.map(dependencyName)
        .find((each) => names.has(each));
      if (name === undefined) continue;
      throw new RepackError('E_ENGINE_VERSION', {
        what: `${engineTitle(engine)} does not know the virtual package ${name}, and ${place}/${fn} depends on it`,
        where: engine.path,
        hint: 'Use --engine embedded, which takes every virtual package as it is given, or a newer engine with --engine-path.',
      });
    }
  }
}

/** Names of virtual packages that the profile has and an engine that names its own does not. */
export function unknownVirtual({ virtualPackages }: TargetProfile, known: readonly string[] | undefined): Set<string> {
  const names = new Set(known === undefined ? [] : virtualPackages.map((each) => each.name));
  for (const text of known ?? []) names.delete(text.split('=')[0]!);
  return names;
}

async function everyIndex(
  request: SolveRequest,
  source: RepodataSource,
): Promise<{ index: RepodataIndex; place: string }[]> {
  const indexes: { index: RepodataIndex; place: string }[] = [];
  for (const channel of request.channels) {
    for (const subdir of [request.profile.subdir, NOARCH]) {
      const index = await source.repodata(channel, subdir);
      if (index !== undefined) indexes.push({ index, place: `${channel.name}/${subdir}` });
    }
  }
  return indexes;
}

function unseen(engine: CondaEngine, what: string): RepackError {
  return new RepackError('E_ENGINE_VERSION', {
    what: `conda ${engine.version} can't see all that these packages may need: ${what}, and 4.7 or newer is needed`,
    where: engine.path,
    hint: 'Use --engine embedded or a newer conda with --engine-path; where the site has such an old conda too, say so with --client "conda 4.3".',
  });
}
