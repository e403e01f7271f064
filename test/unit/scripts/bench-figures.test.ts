import { describe, expect, it } from 'vitest';
import { outcomeKey, outcomes, outcomeTable, pageTable, type Outcome } from '../../../scripts/lib/bench-figures.js';

const taken = (name: string, seconds: readonly number[], peakRss?: number) => ({
  name,
  phases: new Map([['cold', seconds.map((each) => ({ seconds: each, peakRss }))]]),
});
const last = (median: number): Map<string, Outcome> => {
  const outcome = { work: 'job: cold', beside: 'theirs', time: { min: median, median, max: median } };
  return new Map([[outcomeKey(outcome), outcome]]);
};

describe('figures of a run of the bench', () => {
  it.each<[what: string, ours: number[], before: number | undefined, named: boolean]>([
    ['more than a fifth worse, in each round', [2.5, 2.6, 2.7], 2, true],
    ['more than a fifth worse, but for one round that was as before', [2, 2.6, 2.7], 2, false],
    ['a fifth worse', [2.4, 2.4, 2.4], 2, false],
    ['better', [1, 1, 1], 2, false],
    ['not measured before', [9, 9, 9], undefined, false],
  ])('%s: named %#', (_what, ours, before, named) => {
    const all = outcomes({ title: 'job' }, [taken('ours', ours), taken('theirs', [1, 1, 1])]);
    const table = outcomeTable(all, before === undefined ? new Map() : last(before));
    expect(table.includes('WORSE than last: 2.0')).toBe(named);
  });

  it.each<[what: string, ours: number, aim: number, said: string]>([
    ['below', 0.5, 1, '1: met'],
    ['at it', 1, 1, '1: met'],
    ['above', 1.1, 1, '1: missed'],
  ])('an aim: %s', (_what, ours, aim, said) => {
    const contest = { title: 'job (24 artifacts)', aims: { cold: { time: aim, megabytes: 200 } } };
    const all = outcomes(contest, [taken('ours', [ours], 250e6), taken('theirs', [1], 100e6)]);
    expect(all).toMatchObject([{ work: 'job: cold', memory: 2.5, megabytes: 250 }]);
    expect(outcomeTable(all, new Map())).toContain(`${said}; 200 MB: missed`);
  });

  it('what the page says is what was measured, and only what has a peer is compared', () => {
    const all = outcomes({ title: 'job' }, [taken('ours', [1, 3, 2]), taken('a | b', [4, 4, 4])]);
    expect(pageTable(all).split('\n').at(-1)).toBe('| job: cold | a \\| b | 0.50 (0.25-0.75) |  |  |');
    expect(outcomes({ title: 'job' }, [taken('ours', [1])])).toEqual([]);
  });
});
