import path from 'node:path';
import { RepackError } from '../base/errors.js';
import { nearestFew } from '../base/nearest.js';
import { isThere } from '../channel/read/list-folder.js';
import type { StoredManifest } from '../channel/manifest/read-manifest.js';
import { NOARCH } from '../conda/channel/channel.js';
import {
  generationOf,
  labelAt,
  manifestOf,
  namedGeneration,
  type NamedGeneration,
} from '../delivery/generations/named-generation.js';
import { listGenerations } from '../delivery/generations/read-generations.js';
import { sitesOf } from '../delivery/generations/received.js';
import type { LabelPlace } from '../delivery/place/root.js';
import { readBase, type Base } from '../media/export/base.js';
import { restrictedTo } from '../media/set/changes.js';
import type { Runtime } from '../runtime/runtime.js';

/** The folder that a delta is made of. */
interface Sent {
  /** Absolute. */
  dir: string;
  named: NamedGeneration | undefined;
}

/**
 * What the site has, as `--since` says it: a file or folder that is there; a generation of the same label (`7`, `-1`, `2026-11-21`, also behind `@`) or of any
 * (`ROOT/LABEL@7`); or `site:NAME`, what that site told last.
 *
 * @throws RepackError E_GENERATION: no such generation or site, or its manifest is not kept; and as `readBase`
 */
export async function readSince(rt: Runtime, given: string, sent: Sent): Promise<{ file: string; base: Base }> {
  const file = path.resolve(rt.machine.cwd, given);
  if (await isThere(rt, file)) return { file, base: await readBase(rt, file) };
  const site = /^site:(.*)$/s.exec(given)?.[1];
  const number = /^[@g]?([1-9]\d*|-[1-9]\d*|\d{4}-\d\d-\d\d)$/.exec(given)?.[1];
  const place = sent.named?.place ?? (await labelAt(rt, sent.dir));
  if (site !== undefined && place !== undefined) return { file: given, base: await ofSite(rt, { place, site }) };
  const named =
    number === undefined || place === undefined
      ? await namedGeneration(rt, given)
      : await generationOf(rt, place, { given: `--since ${given}`, text: number });
  if (named === undefined) return { file, base: await readBase(rt, file) };
  return { file: given, base: { ...manifestOf(named), exact: false } };
}

async function ofSite(rt: Runtime, { place, site }: { place: LabelPlace; site: string }): Promise<Base> {
  const sites = await sitesOf(rt, place.stateDir);
  const refuse = (what: string, hint: string): RepackError =>
    new RepackError('E_GENERATION', { what, where: `--since site:${site}`, hint });
  const told = sites.find((each) => each.site === site);
  if (told === undefined) {
    const names = sites.map((each) => each.site);
    const near = nearestFew(site, names, 5);
    throw refuse(
      `No site ${JSON.stringify(site)} has told what it has of ${place.label}`,
      names.length === 0
        ? 'Note what came back from it first: repackenv received FILE --site NAME.'
        : `Sites that have: ${(near.length > 0 ? near : names.slice(0, 5)).join(', ')}. For another: repackenv received FILE --site NAME.`,
    );
  }
  for (const { manifest, manifestBytes: bytes, manifestSha256: sha256 } of await listGenerations(rt, place)) {
    if (manifest === undefined || bytes === undefined || sha256 === undefined) continue;
    const found = matching({ manifest, bytes, sha256 }, told.manifestSha256);
    if (found !== undefined) return { ...found, exact: true };
  }
  throw refuse(
    `Site ${site} has generation ${told.generation} of ${place.label}, whose manifest is not kept here`,
    `Give the manifest or the receipt that came back from there (${told.from}) as a file.`,
  );
}

/** This manifest, or the one of some of its platforms that was sent as a set of its own, if it has this digest. */
export function matching(published: StoredManifest, sha256: string): StoredManifest | undefined {
  if (published.sha256 === sha256) return published;
  const platforms = published.manifest.subdirs.filter((subdir) => subdir !== NOARCH).slice(0, MOST_PLATFORMS);
  for (let chosen = 0; chosen < 2 ** platforms.length; chosen++) {
    const some = restrictedTo(
      published,
      platforms.filter((_subdir, bit) => ((chosen >> bit) & 1) === 1),
    );
    if (some.sha256 === sha256) return some;
  }
  return undefined;
}

/** 64 ways to send some of them. */
const MOST_PLATFORMS = 6;
