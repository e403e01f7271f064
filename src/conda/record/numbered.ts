import { larger } from './record-table.js';

/** Numbers for texts, by which they are known again. */
export interface Numbered {
  readonly of: (text: string) => number;
  readonly texts: readonly string[];
}

export function numbered(): Numbered {
  const [numbers, texts] = [new Map<string, number>(), [] as string[]];
  const of = (text: string): number => {
    const known = numbers.get(text);
    if (known !== undefined) return known;
    numbers.set(text, texts.length);
    return texts.push(text) - 1;
  };
  return { of, texts };
}

/** Lists of numbers, one behind the other: `at(n)` is the list that was added as the n-th, from 0. */
export interface NumberLists {
  readonly count: number;
  add(list: readonly number[]): void;
  at(index: number): Uint32Array;
}

export function numberLists(): NumberLists {
  let numbers = new Uint32Array(1024);
  let ends = new Uint32Array(1024);
  let [length, count] = [0, 0];
  return {
    get count() {
      return count;
    },
    add(list) {
      for (const number of list) {
        if (length === numbers.length) numbers = larger(numbers);
        numbers[length] = number;
        length += 1;
      }
      if (count === ends.length) ends = larger(ends);
      ends[count] = length;
      count += 1;
    },
    at: (index) => numbers.subarray(ends[index - 1] ?? 0, ends[index]),
  };
}
