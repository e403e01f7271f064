import path from 'node:path';
import { askedPackages, type Asked } from '../answers/asked.js';
import type { PapersSource } from '../answers/papers.js';
import type { ArtifactInfo } from '../archive/artifact-info.js';
import { inParallel } from '../base/parallel.js';
import type { Manifest } from '../channel/manifest/manifest.js';
import type { LiveFolder } from '../channel/staged.js';
import type { AcquiredArtifact } from '../conda/plan/plan.js';
import type { WorkSettings } from '../config/work-settings.js';
import { listGenerations } from '../delivery/generations/read-generations.js';
import type { LabelFolder } from '../delivery/place/label-folder.js';
import type { PaperMaker, PapersInput } from '../delivery/proposal.js';
import type { Runtime } from '../runtime/runtime.js';
import { artifactInfo } from '../store/artifact-info.js';
import { openAsked } from './answers/open-asked.js';

/**
 * Who makes the papers of a label (design D18), as `--papers` wishes: without it all that there are. `sections` go into CHANGES.md. Throws as
 * the disk does; a generation before that can't be read counts as not known.
 */
export function paperMaker(
  rt: Runtime,
  { papers, cacheDir }: Pick<WorkSettings, 'papers' | 'cacheDir'>,
  { place }: Pick<LabelFolder, 'place'>,
  sections: PapersSource['sections'] = [],
): PaperMaker {
  const storeDir = path.join(cacheDir, 'store');
  return {
    names: papers?.flatMap((word) => NAMES[word] ?? []),
    async make({ manifest, artifacts, live }, { all = Object.values(NAMES), wanted }) {
      const { PAPERS } = await import('../answers/papers.js');
      const source = {
        asked: askedOf(place.labelDir, manifest, artifacts),
        before: await generationBefore(rt, place, { manifest, live }),
        infos: await infosOf(rt, storeDir, artifacts),
        names: all,
        sections,
      };
      return Object.values(PAPERS)
        .filter(({ name }) => wanted(name))
        .map(({ name, text }) => ({ name, bytes: Buffer.from(text(source), 'utf8') }));
    },
  };
}

/** What each word of `--papers` stands for. */
const NAMES: Readonly<Record<string, string>> = {
  changes: 'CHANGES.md',
  licenses: 'licenses.csv',
  sbom: 'sbom.cdx.json',
  page: 'index.html',
};

function askedOf(
  given: string,
  manifest: Manifest,
  artifacts: readonly AcquiredArtifact[],
): Asked & { manifest: Manifest } {
  const { label, generation } = manifest;
  return { given, label, generation, manifest, packages: askedPackages(artifacts) };
}

/** That which `previous` names: the live one, or, where this generation is the live one, the one that is kept of before. */
async function generationBefore(
  rt: Runtime,
  place: LabelFolder['place'],
  { manifest, live }: { manifest: Manifest; live: LiveFolder },
): Promise<Asked | 'none' | 'unknown'> {
  const { previous } = manifest;
  if (previous === null) return 'none';
  const known = live.manifestSha256 === previous ? live.manifest : undefined;
  const kept = known === undefined ? await listGenerations(rt, place) : [];
  const number = known?.generation ?? kept.find((each) => each.manifestSha256 === previous)?.generation;
  if (number === undefined) return 'unknown';
  try {
    // What is wrong with it has been told.
    const quiet = { ...rt, events: { emit: () => undefined } };
    const [asked] = await openAsked(quiet, known === undefined ? `${place.labelDir}@${number}` : place.labelDir);
    // Parsed here, where what is wrong with its index is caught.
    for (const each of asked?.packages ?? []) void each.record;
    return asked ?? 'unknown';
  } catch (error) {
    rt.events.emit({ type: 'debug', message: `the generation before, ${number}: ${String(error)}` });
    return 'unknown';
  }
}

async function infosOf(
  rt: Runtime,
  storeDir: string,
  artifacts: PapersInput['artifacts'],
): Promise<ReadonlyMap<string, ArtifactInfo>> {
  const read = await inParallel(artifacts, 4, async ({ fn, sha256, storePath }) => {
    rt.signal.throwIfAborted();
    const info = await artifactInfo(rt, storeDir, { fn, sha256, path: storePath });
    return info === undefined ? [] : [[sha256, info] as const];
  });
  return new Map(read.flat());
}
