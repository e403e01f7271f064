import { describe, expect, it } from 'vitest';
import type { SolverTask } from '../../../../src/engine/embedded/protocol.js';
import type { EmbeddedSolver, SolverAnswer } from '../../../../src/engine/embedded/solver.js';
import { solverPool } from '../../../../src/engine/embedded/solver-pool.js';

const TASK = {} as SolverTask;

/** Solvers whose answers a test gives; `most`: how many can be opened. */
function solvers(most = Infinity) {
  const opened: { closed: boolean; answer(answer: SolverAnswer | Error): void }[] = [];
  const open = (): EmbeddedSolver => {
    if (opened.length >= most) throw new Error('no memory');
    const waiting: ((answer: SolverAnswer | Error) => void)[] = [];
    const one = { closed: false, answer: (answer: SolverAnswer | Error) => waiting.shift()!(answer) };
    opened.push(one);
    return {
      solve: () =>
        new Promise((resolve, reject) =>
          waiting.push((answer) => (answer instanceof Error ? reject(answer) : resolve(answer))),
        ),
      close: async () => void (one.closed = true),
    };
  };
  return { opened, open };
}

const picks = (fn: string): SolverAnswer => ({ picks: [{ noarch: true, fn }] });
const turn = () => new Promise(setImmediate);

describe('solverPool', () => {
  it.each([
    ['no more threads than asked for', 2, Infinity],
    ['no more than can be had', 8, 2],
  ])('%s: each solves one at a time, the others wait', async (_, size, most) => {
    const { opened, open } = solvers(most);
    const pool = solverPool(size, open);
    expect(opened).toHaveLength(0);
    const [a, b, c] = [pool.solve(TASK), pool.solve(TASK), pool.solve(TASK)];
    await turn();
    expect(opened).toHaveLength(2);
    opened[1]!.answer(picks('b'));
    expect(await b).toEqual(picks('b'));
    await turn();
    opened[1]!.answer(picks('c'));
    expect(await c).toEqual(picks('c'));
    opened[0]!.answer(picks('a'));
    expect(await a).toEqual(picks('a'));
    await pool.close();
    expect(opened.every(({ closed }) => closed)).toBe(true);
  });

  it('a solve that breaks down is met by its own caller only', async () => {
    const { opened, open } = solvers();
    const pool = solverPool(1, open);
    const [first, second] = [pool.solve(TASK), pool.solve(TASK)];
    await turn();
    opened[0]!.answer(new Error('died'));
    await expect(first).rejects.toThrow('died');
    await turn();
    opened[0]!.answer(picks('x'));
    expect(await second).toEqual(picks('x'));
  });

  it('throws where no thread can be had at all', async () => {
    await expect(solverPool(2, solvers(0).open).solve(TASK)).rejects.toThrow('no memory');
  });
});
