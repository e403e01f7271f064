import { namesIn, noSuchPackage } from '../../answers/asked.js';
import { packageSpec } from '../../answers/graph.js';
import type { TreeReport } from '../../answers/schema.js';
import { tree } from '../../answers/tree.js';
import { RepackError } from '../../base/errors.js';
import type { Runtime } from '../../runtime/runtime.js';
import { openAsked } from './open-asked.js';

export interface TreeRequest {
  where: string;
  subdirs: readonly string[];
  /** As typed: from this package on; with `invert`, up from it. */
  of: string | undefined;
  invert: boolean;
  depth: number | undefined;
}

/** `repackenv tree WHERE`: what needs what. Reads only. Throws what `openAsked` throws, E_SPEC; E_USAGE: nothing called so, nothing named. */
export async function treeJob(
  rt: Runtime,
  { where, of, depth = Infinity, ...request }: TreeRequest,
): Promise<TreeReport> {
  const spec = of === undefined ? undefined : packageSpec(of);
  const all = await openAsked(rt, where);
  const asked = all.filter(({ manifest }) => spec !== undefined || (manifest?.specs.length ?? 0) > 0);
  if (asked.length === 0) {
    throw new RepackError('E_USAGE', {
      what: 'Nothing was asked for in it by name, so no tree begins there: it is a mirror, or a channel of others',
      where,
      hint: 'Name a package: --of NAME shows what it needs, --invert NAME what needs it.',
    });
  }
  const answers = asked.flatMap((each) => {
    const platforms = tree(each, { ...request, of: spec, depth });
    const { given, label, generation } = each;
    return platforms.length === 0 ? [] : [{ given, label, generation, platforms }];
  });
  if (answers.length === 0 && spec !== undefined) {
    throw noSuchPackage(
      spec,
      where,
      asked.flatMap(({ packages }) => namesIn(packages)),
    );
  }
  return { answers };
}
