import { isWanted, namesIn, noSuchPackage, wantedFirst } from '../../answers/asked.js';
import { packageSpec } from '../../answers/graph.js';
import type { WhyReport } from '../../answers/schema.js';
import { why } from '../../answers/why.js';
import type { Runtime } from '../../runtime/runtime.js';
import { openAsked } from './open-asked.js';

export interface WhyRequest {
  name: string;
  /** A folder, a manifest, ROOT. */
  where: string;
  /** Empty: all that it is for. */
  subdirs: readonly string[];
  /** Paths shown of each package. */
  most: number;
}

/**
 * `repackenv why NAME WHERE`: what leads to a package; in a mirror, what needs it. Reads only. Throws what `openAsked` throws, E_SPEC; E_USAGE: nothing called so.
 */
export async function whyJob(rt: Runtime, { name, where, ...request }: WhyRequest): Promise<WhyReport> {
  const spec = packageSpec(name);
  const asked = wantedFirst(await openAsked(rt, where));
  const answers = asked.flatMap((each) => {
    const platforms = why(each, { spec, ...request });
    const { given, label, generation } = each;
    return platforms.length === 0 ? [] : [{ given, label, generation, wanted: isWanted(each), platforms }];
  });
  if (answers.length === 0)
    throw noSuchPackage(
      spec,
      where,
      asked.flatMap(({ packages }) => namesIn(packages)),
    );
  return { name, answers };
}
