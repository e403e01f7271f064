import { describe, expect, it } from 'vitest';
import { numbered, numberLists } from '../../../../src/conda/record/numbered.js';

describe('numbered', () => {
  it('gives each text one number, in the order in which they are met, by which it is found', () => {
    const { of, texts } = numbered();
    const met = ['b', '', 'a', 'b', 'constructor', '', '__proto__', 'a', 'c'];
    expect(met.map(of)).toEqual([0, 1, 2, 0, 3, 1, 4, 2, 5]);
    expect(texts).toEqual(['b', '', 'a', 'constructor', '__proto__', 'c']);
    expect(met.map((text) => texts[of(text)])).toEqual(met);
  });

  it('begins anew each time', () => {
    numbered().of('a');
    const { of, texts } = numbered();
    expect([of('b'), texts]).toEqual([0, ['b']]);
  });
});

describe('numberLists', () => {
  /** So many lists, the n-th with `length(n)` numbers of its own. */
  const made = (count: number, length: (n: number) => number): number[][] =>
    Array.from({ length: count }, (_, n) => Array.from({ length: length(n) }, (_, at) => 100_000 * n + at));

  it.each<[string, number[][]]>([
    ['none', []],
    ['one that is empty', [[]]],
    ['empty ones first, last and between', [[], [7], [], [], [0xffffffff, 0], []]],
    ['more lists than there is room for at the beginning', made(5000, () => 1)],
    ['more of empty ones', made(3000, () => 0)],
    ['more numbers than there is room for', made(100, (n) => n)],
    ['one list that is longer than the room', [[1], ...made(1, () => 5000), [2, 3]]],
    ['as many numbers as there is room for', [...made(1, () => 1024), [1], []]],
    ['as many lists as there is room for', [...made(1024, () => 0), [1]]],
  ])('gives back each list that was added: %s', (_what, lists) => {
    const kept = numberLists();
    expect(kept.count).toBe(0);
    const counts = lists.map((list) => {
      kept.add(list);
      return kept.count;
    });
    expect(counts).toEqual(lists.map((_, at) => at + 1));
    expect(lists.filter((list, at) => kept.at(at).join() !== list.join())).toEqual([]);
    // What was taken before stays as it was.
    const [first] = lists;
    if (first !== undefined) {
      const before = kept.at(0);
      kept.add(made(1, () => 3000)[0]!);
      expect([...before]).toEqual(first);
    }
  });
});
