import { RepackError } from '../../base/errors.js';
import { contentOf } from '../../channel/manifest/make-manifest.js';
import { MANIFEST_NAME } from '../../channel/manifest/manifest.js';
import { parseManifest, type StoredManifest } from '../../channel/manifest/read-manifest.js';
import type { Far } from '../../push/cargo.js';
import type { Load } from './load-cargo.js';

interface Question {
  label: string;
  where: string;
  generation: StoredManifest;
  far: Far;
  /** Something was pushed there from here before, or begun to be. */
  known: boolean;
  load: Load;
  adopt: boolean;
  allowRollback: boolean;
}

/**
 * Whether the label may go there: what lies at the target is ours, of this label, and not newer (design D15). Gives its manifest.
 *
 * @throws RepackError E_TARGET, E_ROLLBACK
 */
export function refuseTarget(question: Question): StoredManifest | undefined {
  const { label, where, generation, far, known, load, adopt, allowRollback } = question;
  const refuse = (what: string, hint: string): never => {
    throw new RepackError('E_TARGET', { what, where, hint: `${hint} Nothing was changed.` });
  };
  if (far.isChannel) {
    refuse(
      `TARGET is itself a channel folder (it has a ${MANIFEST_NAME})`,
      'Give the folder that label folders lie in.',
    );
  }
  if (far.manifest === undefined) {
    const ours = new Set(load.cargo.map(({ path }) => path));
    const foreign = [...far.files.keys()].filter((path) => path.startsWith(`${label}/`) && !ours.has(path));
    if (foreign.length === 0 || known || adopt) return undefined;
    return refuse(
      `There lies something of the name ${label} that was not pushed from here: ${foreign.slice(0, 3).join(', ')}${foreign.length > 3 ? ', …' : ''}`,
      'Choose another target, or take it over with --adopt: packages and indexes that are not of this label are removed then.',
    );
  }
  const parsed = parseManifest(far.manifest);
  if (parsed.kind !== 'sound') {
    if (adopt) return undefined;
    return refuse(
      `The ${MANIFEST_NAME} there is ${parsed.kind === 'newer' ? 'of a newer version of repackenv' : 'broken, or not of repackenv'}`,
      'See what it is. With --adopt it is replaced.',
    );
  }
  const { manifest, sha256 } = parsed;
  const ours = generation.manifest;
  if (manifest.label !== ours.label && !adopt) {
    refuse(
      `What lies there is label ${manifest.label}, not ${ours.label}`,
      'Choose another target. With --adopt it is replaced.',
    );
  }
  if (sha256 === generation.sha256 || manifest.label !== ours.label || allowRollback) return parsed;
  const isOtherForm = manifest.previous === ours.previous && contentOf(manifest) === contentOf(ours);
  if (manifest.generation < ours.generation || (manifest.generation === ours.generation && isOtherForm)) return parsed;
  throw new RepackError('E_ROLLBACK', {
    what:
      manifest.generation === ours.generation
        ? `The target has another generation ${ours.generation} of ${ours.label}: it was pushed from another ROOT`
        : `The target has generation ${manifest.generation} of ${ours.label}, and this is generation ${ours.generation}`,
    where,
    hint: 'Generations go forward only: to send an older content, publish it anew (repackenv rollback), then push. --allow-rollback pushes all the same. Nothing was changed.',
  });
}
