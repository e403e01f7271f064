/** Adds every item of each list. `push(...list)` ends with a full stack where the list has a hundred thousand. */
export function append<T>(to: T[], ...lists: readonly Iterable<T>[]): void {
  for (const list of lists) for (const item of list) to.push(item);
}
