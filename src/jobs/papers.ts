import path from 'node:path';
import { askedPackages, type Asked } from '../answers/asked.js';
import type { PapersSource } from '../answers/papers.js';
import type { ArtifactInfo } from '../archive/artifact-info.js';
import { inParallel } from '../base/parallel.js';
import type { Manifest } from '../channel/manifest/manifest.js';
import type { LiveFolder } from '../channel/staged.js';
import type { AcquiredArtifact } from '../conda/plan/plan.js';
import type { WorkSettings } from '../config/work-settings.js';
import type { LabelFolder } from '../delivery/place/label-folder.js';
import type { PaperMaker, PapersInput } from '../delivery/proposal.js';
import type { Runtime } from '../runtime/runtime.js';
import { artifactInfo } from '../store/artifact-info.js';
import { generationBefore } from './answers/generation-before.js';

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
        before: await generationBefore(rt, place, manifest, liveNumber(manifest, live)),
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

/** Where the live generation is the one before. */
function liveNumber({ previous }: Manifest, live: LiveFolder): number | undefined {
  return live.manifestSha256 === previous ? live.manifest?.generation : undefined;
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
