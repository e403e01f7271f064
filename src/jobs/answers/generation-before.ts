import type { Asked } from '../../answers/asked.js';
import type { Manifest } from '../../channel/manifest/manifest.js';
import { SILENT } from '../../base/events.js';
import { listGenerations } from '../../delivery/generations/read-generations.js';
import type { LabelPlace } from '../../delivery/place/root.js';
import type { Runtime } from '../../runtime/runtime.js';
import { openAsked } from './open-asked.js';

/**
 * The generation that the manifest's `previous` names, whatever its number. Null: there was none. Undefined: it is not kept here, or can't be read.
 * `known`: its number, where it need not be looked for.
 */
export async function generationBefore(
  rt: Runtime,
  place: Pick<LabelPlace, 'labelDir' | 'stateDir'>,
  { previous }: Pick<Manifest, 'previous'>,
  known?: number,
): Promise<Asked | null | undefined> {
  if (previous === null) return null;
  try {
    const kept = known === undefined ? await listGenerations(rt, place) : [];
    const number = known ?? kept.find((each) => each.manifestSha256 === previous)?.generation;
    if (number === undefined) return undefined;
    // What is wrong with it has been told.
    const quiet = { ...rt, events: SILENT };
    const [asked] = await openAsked(quiet, `${place.labelDir}@${number}`);
    // Parsed here, where what is wrong with its index is caught.
    for (const each of asked?.packages ?? []) void each.record;
    return asked;
  } catch (error) {
    rt.events.emit({ type: 'debug', message: `the generation before: ${String(error)}` });
    return undefined;
  }
}
