import { platformsOf } from '../../answers/asked.js';
import { licenses } from '../../answers/licenses.js';
import type { LicensesReport } from '../../answers/schema.js';
import { NOARCH } from '../../conda/channel/channel.js';
import type { Runtime } from '../../runtime/runtime.js';
import { readInfos } from '../../site/runs.js';
import { openAsked } from './open-asked.js';

export interface LicensesRequest {
  where: string;
  /** With noarch; empty: all. */
  subdirs: readonly string[];
}

/** `repackenv licenses WHERE`: what was shipped under which licence, by the records, and its licence files by the folder's bill of materials. Reads only. Throws what `openAsked` throws, E_USAGE. */
export async function licensesJob(rt: Runtime, { where, subdirs }: LicensesRequest): Promise<LicensesReport> {
  const answers: LicensesReport['answers'] = [];
  for (const asked of await openAsked(rt, where)) {
    const { given, label, generation, manifest } = asked;
    const wanted = subdirs.length === 0 ? [] : [...platformsOf(asked, subdirs), NOARCH];
    const infos = manifest === undefined ? undefined : await readInfos(rt, { dir: given, manifest });
    answers.push(Object.assign({ given, label, generation }, licenses(asked, wanted, infos)));
  }
  return { answers };
}
