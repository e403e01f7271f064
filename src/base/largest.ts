/** The largest of them, 0 at least. `Math.max(...list)` ends with a full stack where the list has a hundred thousand. */
export function largest(numbers: Iterable<number>): number {
  let most = 0;
  for (const each of numbers) most = Math.max(most, each);
  return most;
}
