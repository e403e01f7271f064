import { describe, expect, it } from 'vitest';
import { relay, type Relay } from '../../../../src/gateway/engine/relay.js';

const text = async (body: AsyncIterable<Uint8Array>): Promise<string> => {
  let all = '';
  for await (const chunk of body) all += Buffer.from(chunk).toString();
  return all;
};
const send = async ({ tap }: Relay, ...pieces: string[]): Promise<void> => {
  for (const piece of pieces) await tap.write(Buffer.from(piece));
};

describe('relay', () => {
  it('passes all pieces, the last one only at the end', async () => {
    const one = relay();
    one.tap.start(6);
    expect(await one.started).toBe(6);
    await send(one, 'ab', 'cd', 'ef');
    const iterator = one.body[Symbol.asyncIterator]();
    expect(Buffer.from((await iterator.next()).value as Uint8Array).toString()).toBe('abcd');
    const rest = text({ [Symbol.asyncIterator]: () => iterator });
    one.end();
    expect(await rest).toBe('ef');
  });

  it('goes on after a restart with the same bytes, cut differently', async () => {
    const one = relay();
    await send(one, 'ab', 'cd', 'ef');
    one.tap.restart(6);
    await send(one, 'a', 'bcd', 'efg', 'h');
    one.end();
    expect(await text(one.body)).toBe('abcdefgh');
  });

  it('goes on after two restarts, the second within what was known', async () => {
    const one = relay();
    await send(one, 'abc', 'def', 'x');
    one.tap.restart(7);
    await send(one, 'ab');
    one.tap.restart(2);
    await send(one, 'abcdefghi');
    one.end();
    expect(await text(one.body)).toBe('abcdefghi');
  });

  it('breaks off after a restart with other bytes', async () => {
    const one = relay();
    await send(one, 'ab', 'cd', 'ef');
    one.tap.restart(6);
    await send(one, 'aXcdef', 'gh');
    one.end();
    await expect(text(one.body)).rejects.toThrow(/broke off/);
  });

  it('a piece that was held back is given up without a trace', async () => {
    const one = relay();
    await send(one, 'wrong');
    one.tap.restart(5);
    await send(one, 'right');
    one.end();
    expect(await text(one.body)).toBe('right');
  });

  it('breaks off when the whole has another size, when it fails, and when the second try is shorter', async () => {
    const other = relay();
    other.tap.start(5);
    other.tap.start(6);
    await expect(text(other.body)).rejects.toThrow();
    const failed = relay();
    await send(failed, 'ab', 'cd');
    failed.fail();
    await expect(text(failed.body)).rejects.toThrow();
    const short = relay();
    await send(short, 'abcd', 'ef');
    short.tap.restart(6);
    await send(short, 'ab');
    short.end();
    await expect(text(short.body)).rejects.toThrow();
  });

  it('does not hold up the store when the engine goes away', async () => {
    const one = relay();
    const iterator = one.body[Symbol.asyncIterator]();
    await send(one, 'a', 'b');
    await iterator.next();
    const big = Buffer.alloc(3 << 20);
    const writing = (async () => {
      for (let piece = 0; piece < 5; piece += 1) await one.tap.write(big);
    })();
    await iterator.return?.();
    await writing;
    one.end();
  });
});
