import { SILENT } from '../../base/events.js';
import { nearest } from '../../base/nearest.js';
import { RepackError } from '../../base/errors.js';
import { isFolder } from '../../channel/read/list-folder.js';
import type { Runtime } from '../../runtime/runtime.js';
import { labelsOfRoot, openRoot, type LabelPlace } from './root.js';

/**
 * The place of a label that is there, or was once: for commands that are about what was published. Writes nothing but the state folder of a
 * label folder that came here without one.
 *
 * @throws RepackError E_ROOT, E_LABEL
 */
export async function openKnownLabel(rt: Runtime, root: string, label: string): Promise<LabelPlace> {
  const place = await openRoot(rt, root, label, { create: false });
  const known = (await isFolder(rt, place.labelDir)) || (await isFolder(rt, place.stateDir));
  if (known) return openRoot({ ...rt, events: SILENT }, root, label);
  if (!(await isFolder(rt, place.root))) {
    throw new RepackError('E_ROOT', {
      what: 'There is no such ROOT',
      where: place.root,
      hint: 'Give the folder that holds the label folders: --root ROOT with LABEL, or ROOT/LABEL.',
    });
  }
  const labels = (await labelsOfRoot(rt, place.root)) ?? [];
  const near = nearest(label, labels);
  throw new RepackError('E_LABEL', {
    what: `There is no label ${label} in ROOT`,
    where: place.root,
    hint:
      labels.length === 0
        ? 'No label was published there. Is ROOT the right folder?'
        : `${near === undefined ? '' : `Did you mean ${near}? `}There ${labels.length === 1 ? 'is' : 'are'}: ${labels.slice(0, 10).join(', ')}${labels.length > 10 ? ', …' : ''}`,
  });
}
