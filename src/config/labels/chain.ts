type Sets = Readonly<Record<string, { from?: readonly string[] | undefined } | null>>;

/** The set of `defaults:` that every label has without naming it. */
const FOR_ALL = 'all';

/**
 * The sets that speak for a label, in this order: those of its `from`, each before the sets it is itself made from, and last `all`. No set
 * stands twice; there are no circles.
 */
export function chainOf(from: readonly string[], sets: Sets): string[] {
  const chain: string[] = [];
  const add = (name: string): void => {
    if (chain.includes(name) || !Object.hasOwn(sets, name)) return;
    chain.push(name);
    for (const next of sets[name]?.from ?? []) add(next);
  };
  for (const name of [...from, FOR_ALL]) add(name);
  return chain;
}

/** Sets that are made from themselves: `['a', 'b', 'a']`. */
export function circleIn(sets: Sets): string[] | undefined {
  const done = new Set<string>();
  const walk = (name: string, way: readonly string[]): string[] | undefined => {
    if (way.includes(name)) return [...way.slice(way.indexOf(name)), name];
    if (done.has(name) || !Object.hasOwn(sets, name)) return undefined;
    for (const next of sets[name]?.from ?? []) {
      const found = walk(next, [...way, name]);
      if (found !== undefined) return found;
    }
    done.add(name);
    return undefined;
  };
  for (const name of Object.keys(sets)) {
    const found = walk(name, []);
    if (found !== undefined) return found;
  }
  return undefined;
}
