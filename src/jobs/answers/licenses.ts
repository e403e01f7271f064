import { platformsOf } from '../../answers/asked.js';
import { licenses } from '../../answers/licenses.js';
import type { LicensesReport } from '../../answers/schema.js';
import { NOARCH } from '../../conda/channel/channel.js';
import type { Runtime } from '../../runtime/runtime.js';
import { openAsked } from './open-asked.js';

export interface LicensesRequest {
  where: string;
  /** With noarch; empty: all. */
  subdirs: readonly string[];
}

/** `repackenv licenses WHERE`: what was shipped under which licence, by the records. Reads only. Throws what `openAsked` throws, E_USAGE. */
export async function licensesJob(rt: Runtime, { where, subdirs }: LicensesRequest): Promise<LicensesReport> {
  const answers = (await openAsked(rt, where)).map((asked) => {
    const { given, label, generation } = asked;
    const wanted = subdirs.length === 0 ? [] : [...platformsOf(asked, subdirs), NOARCH];
    return Object.assign({ given, label, generation }, licenses(asked, wanted));
  });
  return { answers };
}
