import { isWanted, namesIn, noSuchPackage, wantedFirst } from '../../answers/asked.js';
import { packageSpec } from '../../answers/graph.js';
import type { TreeReport } from '../../answers/schema.js';
import { tree } from '../../answers/tree.js';
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

/**
 * `repackenv tree WHERE`: what needs what; in a mirror from the packages that nothing there needs. Reads only. Throws what `openAsked` throws, E_SPEC; E_USAGE: nothing called so.
 */
export async function treeJob(rt: Runtime, { where, of, depth, ...request }: TreeRequest): Promise<TreeReport> {
  const spec = of === undefined ? undefined : packageSpec(of);
  const all = await openAsked(rt, where);
  const asked = spec === undefined ? wantedFirst(all) : all;
  const answers = asked.flatMap((each) => {
    const wanted = isWanted(each);
    // Of a mirror thousands of trees would be whole.
    const deep = depth ?? (wanted || spec !== undefined ? Infinity : 1);
    const platforms = tree(each, { ...request, of: spec, depth: deep });
    const { given, label, generation } = each;
    return platforms.length === 0 ? [] : [{ given, label, generation, wanted, platforms }];
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
