import { basename, dirname, join } from 'node:path';
import { folderPage } from '../answers/folder-page.js';
import { runsAtInstall } from '../answers/runs.js';
import type { Asked } from '../answers/asked.js';
import { RepackError, isRepackError } from '../base/errors.js';
import { SIGNATURE_NAME } from '../channel/manifest/manifest.js';
import { isThere } from '../channel/read/list-folder.js';
import { STATE_NAME } from '../delivery/place/root.js';
import { heldText } from '../delivery/generations/hold.js';
import type { Runtime } from '../runtime/runtime.js';
import type { Informants } from '../serve/page-answer.js';
import { readInfos } from '../site/runs.js';
import type { PageRemark } from '../site/page/view.js';
import { generationBefore } from './answers/generation-before.js';
import { openAsked } from './answers/open-asked.js';
import { labelStates } from './labels.js';
import type { LabelState } from './labels.js';

/** A reader who turns pages does not make the state of all labels be read each time. */
const STATES_MS = 2000;

/** What the questions and `repackenv labels` know, for the pages of `serve`. What can't be read is left out there. */
export function makeInformants(rt: Runtime, root: string): Informants {
  let last: { at: number; states: ReturnType<Informants['states']> } | undefined;
  return {
    async tell({ dir }) {
      try {
        const asked = await openOne(rt, dir);
        const signed = await isThere(rt, join(dir, SIGNATURE_NAME));
        const { manifest, packages } = asked;
        const infos = manifest && (await readInfos(rt, { dir, manifest }));
        const runs = infos === undefined || infos.size === 0 ? undefined : runsAtInstall(packages, infos);
        const before = manifest && (await generationBefore(rt, placeOf(dir), manifest));
        return folderPage(asked, { before, ...(runs === undefined ? {} : { runs }), files: [], signed });
      } catch (error) {
        if (isRepackError(error)) return undefined;
        throw error;
      }
    },
    states(names) {
      const now = rt.clock.monotonic();
      if (last === undefined || now - last.at > STATES_MS) {
        const states = labelStates(rt, root, { labels: names }).then(
          (all) => new Map(all.map((each) => [each.label, { published: each.published, remarks: remarksOf(each) }])),
          () => new Map(),
        );
        last = { at: now, states };
      }
      return last.states;
    },
  };
}

async function openOne(rt: Runtime, given: string): Promise<Asked> {
  const [asked] = await openAsked(rt, given);
  if (asked !== undefined) return asked;
  throw new RepackError('E_NOT_A_CHANNEL', { what: 'There is no channel', where: given, hint: 'Look again.' });
}

function placeOf(dir: string): { labelDir: string; stateDir: string } {
  return { labelDir: dir, stateDir: join(dirname(dir), STATE_NAME, basename(dir)) };
}

function remarksOf({ hold, behind, failed, damage }: LabelState): PageRemark[] {
  const sites = behind.map(({ site, generation }) => `${site} (generation ${generation})`).join(', ');
  return [
    ...(failed ? [{ text: 'last update failed', grave: true }] : []),
    ...(damage === null ? [] : [{ text: `its state can't be read: ${damage}`, grave: true }]),
    ...(hold === null ? [] : [{ text: heldText(hold), grave: false }]),
    ...(sites === '' ? [] : [{ text: `behind: ${sites}`, grave: false }]),
  ];
}
