import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { bzip2Compress, bzip2Decompress, bzip2DecompressStream } from '../../../src/codec/bzip2.js';
import { cutBlock } from '../../../src/codec/bzip2-encode.js';
import { inTurns } from '../../../src/codec/limits.js';

const AMPLE = { maxBytes: 64_000_000 };
const text = (value: string) => new TextEncoder().encode(value);
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** Bytes that do not pack: xorshift32. */
function noise(length: number): Uint8Array {
  let state = 2463534242;
  return Uint8Array.from({ length }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state & 255;
  });
}

const contents: Record<string, Uint8Array> = {
  empty: new Uint8Array(0),
  'one byte': Uint8Array.of(7),
  'a small index': text(
    '{"info":{"subdir":"noarch"},"packages":{},"packages.conda":{},"removed":[],"repodata_version":1}',
  ),
  'every byte value': Uint8Array.from({ length: 1024 }, (_, i) => i & 255),
  'one long run': new Uint8Array(1_000_000),
  'runs of four, which grow by a quarter': new Uint8Array(750_000).map((_, i) => (i >> 2) & 255),
  'runs of 255 and 256': Uint8Array.from({ length: 5110 }, (_, i) => (i % 511 < 255 ? 1 : 2)),
  'noise over several blocks': noise(950_000),
};

describe('bzip2Compress', () => {
  it('leaves no globals and no process listeners of its encoder behind', async () => {
    const before = ['uncaughtException', 'unhandledRejection'].map((event) => process.listenerCount(event));
    await bzip2Compress(text('x'));
    expect(['uncaughtException', 'unhandledRejection'].map((event) => process.listenerCount(event))).toEqual(before);
    expect(Object.keys(globalThis)).not.toContain('require');
    expect(Object.keys(globalThis)).not.toContain('__dirname');
  });

  it.each(Object.entries(contents))('gives %s back', async (_, content) => {
    const packed = await bzip2Compress(content);
    expect(sha256(await bzip2Decompress(packed, AMPLE))).toBe(sha256(content));
  });

  it.each([
    ['empty', 'd3dda84eb03b9738d118eb2be78e246106900493c0ae07819ad60815134a8058'],
    ['a small index', 'ffe5a7bdff75675dbf0e8faa05a843e6156b544634022cf0bf3868f1f74c219b'],
    ['runs of four, which grow by a quarter', 'b4f6deccc9c5c5fa5b66031fc0a0e625e995080bb9be0c5ef5e9342168cd6727'],
    ['noise over several blocks', 'b9877f8bccd0e0251a56d67cdb71d4ddcdee819767fa141caa78e6fe407afbc1'],
  ])('gives the same bytes on every Node and OS: %s', async (name, digest) => {
    expect(sha256(await bzip2Compress(contents[name]!))).toBe(digest);
  });

  it('cuts blocks so that each fits, whatever the runs', () => {
    const runs = contents['runs of four, which grow by a quarter']!;
    expect(cutBlock(runs, 0)).toBe(719_920);
    expect(cutBlock(noise(1_000_000), 0)).toBe(899_000);
    expect(cutBlock(new Uint8Array(100), 40)).toBe(100);
  });

  const python =
    'import bz2,sys\nd = bz2.BZ2Decompressor()\nsys.stdout.buffer.write(d.decompress(sys.stdin.buffer.read()))\nassert d.eof and not d.unused_data';
  describe.each([
    ['bzip2 -d', 'bzip2', ['-dc']],
    ["Python's decompressor, which stops after the first stream", 'python3', ['-c', python]],
  ])('read by %s', (_, program, args) => {
    const available = spawnSync(program, ['--help']).error === undefined;
    it.skipIf(!available).each(Object.entries(contents))('%s', async (_name, content) => {
      const result = spawnSync(program, args, { input: await bzip2Compress(content), maxBuffer: 1 << 26 });
      expect(result.stderr.toString()).toBe('');
      expect(sha256(result.stdout)).toBe(sha256(content));
    });
  });
});

describe('bzip2Decompress', () => {
  // `bzip2 -1` of the text below: two blocks of 100 kB, made by the bzip2 program 1.0.8.
  const lines = text(Array.from({ length: 9000 }, (_, i) => `line ${i % 97} of many\n`).join(''));
  const byBzip2 = Buffer.from(
    'QlpoMTFBWSZTWSavaa0AeZLZgAAQQAB/4CMngCBQBB4AAAAAUDTQyMmIUDTQyMmIUDTQyMmIUDTQyMmIFKqmj0e9VImhp6nqEQvtEQv3CIXyB3' +
      'gfcD2gcgaB5gfMD6geIH6gfcDxA0DQO0DQNA0DQNA0DQO8DQNA0D3gaBoGgaBoGgdQNA0DQNA+IGgaBoGgaB8QNA0DQNA0DqBoGgaBoHvA0DQN' +
      'A0DQNA7wNA0DQO0DQNA0DQNA0DQPEDQNA9oGgaBgMBgMBgMBwDQGAwGAwGAwGA+4HUDqB1A6gdQPMDzA8wPIHIGgaBoGgaBoGgYDAcSE7aBoHv' +
      'A0DQNA0DQOAYDwkJoGgaB7wNA0DQNAwGA7pCaBoGgaB8QNA0DQMBgOkhNA0DQNA0DqBoGgYDAfCQnsBoGgaBoGgaB4gaBgOyQnIHIHIHIHIHIH' +
      'IHiBwD2SE5A5A5A5A5A5A5A4BwgXIHIHIHIHIHIHIHAOAV+QiF/kRC9QiF6REL6/IRC7wiF6REL1CIXaEQvEIhf8xQVkmU1lOUFIGABRbWYAAE' +
      'EAAf+AjJ4AgQAMcOKEUIFA00MjJiFA00MjJiCaqqh7VH+9SqNAeoFKqFHtvVUTamI3/qRJ6UiT+1Ik9vcror0V2KxXsV7lfwroror4K9FdFYrF' +
      'dysVisVisVisV5KxWKxXgrFYrFYrBqPKNRqNRqPVGo1Go1Go9UajUajUajyjUajUaj6UajUajUajVXkrFYrFdysVisVisGoxPsTExPlRiYmJ8d' +
      'o7R2jtHaNR2o7R2jtGo1Go1H5o8o8o8o8o8o7R2jpO0co1Go1Go1GKxWpYrgoYrFdysVisVisVisV0KGKxWK8FYrFYrFYrFeRQxNRqNR6o1Go1' +
      'Go1HlVDxisVisVivJWK6pYrFfoUOxWKxWKxWKxXRWpYruKHCuFcK4VwrhXKXRXCuxIcK4VwrhXEco4TlHIUuUco5RyjlHKOE5RylT+iUl/olJe' +
      'xKS9xKS/USkvBKS9xKS9iUl8xKS+olJf8XckU4UJADDoFc',
    'base64',
  );

  it("reads the bzip2 program's own output, several blocks of the smallest size", async () => {
    expect(sha256(await bzip2Decompress(byBzip2, AMPLE))).toBe(sha256(lines));
  });

  it('reads streams one after the other as one, also of different block sizes', async () => {
    const both = Buffer.concat([
      byBzip2,
      await bzip2Compress(text('the end\n')),
      await bzip2Compress(new Uint8Array(0)),
    ]);
    expect(sha256(await bzip2Decompress(both, AMPLE))).toBe(sha256(Buffer.concat([lines, text('the end\n')])));
  });

  it.each([1, 3, 4096])('reads pieces of %i bytes', async (pieceBytes) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of bzip2DecompressStream(inTurns(byBzip2, pieceBytes), AMPLE)) chunks.push(chunk);
    expect(sha256(Buffer.concat(chunks))).toBe(sha256(lines));
  });

  const small = () => bzip2Compress(text('A small index. A small index.'));

  it('C2 refuses data that is truncated anywhere, naming the byte', async () => {
    const packed = await small();
    for (let length = 1; length < packed.length; length++) {
      await expect(bzip2Decompress(packed.subarray(0, length), AMPLE), `${length} bytes`).rejects.toMatchObject({
        code: 'E_DECOMPRESS',
        what: expect.stringContaining('truncated'),
        where: `byte ${length} of the compressed data`,
      });
    }
  });

  it('C3 never gives other bytes when one bit is flipped, whichever', async () => {
    const packed = await small();
    const original = Buffer.from(await bzip2Decompress(packed, AMPLE));
    let refused = 0;
    for (let bit = 0; bit < packed.length * 8; bit++) {
      const flipped = packed.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      const result = await bzip2Decompress(flipped, AMPLE).catch((error: unknown) => error);
      if (result instanceof Error) {
        expect(result).toMatchObject({ code: 'E_DECOMPRESS' });
        refused++;
      } else expect(Buffer.from(result as Uint8Array)).toEqual(original);
    }
    // What may pass: another block size, which is room only, and the padding at the end.
    expect(refused).toBeGreaterThan(packed.length * 8 - 16);
  });

  it.each([
    ['empty', new Uint8Array(0), 'it is empty', 0],
    ['another format', text('<html>404</html>'), 'does not start as bzip2 does', 3],
    ['an impossible block size', text('BZh0xxxxxxxxxxxxxx'), 'does not start as bzip2 does', 4],
    ['no block after the header', text('BZh9xxxxxxxxxxxxxx'), 'neither a block nor the end', 14],
  ])('refuses %s', async (_, bytes, reason, byte) => {
    await expect(bzip2Decompress(bytes, AMPLE)).rejects.toMatchObject({
      code: 'E_DECOMPRESS',
      what: expect.stringContaining(reason),
      where: `byte ${byte} of the compressed data`,
    });
  });

  it('refuses what follows the end of a stream and is none', async () => {
    const packed = Buffer.concat([await small(), text('trailing garbage')]);
    await expect(bzip2Decompress(packed, AMPLE)).rejects.toThrow('something else follows the end of the stream');
  });

  it('N9 refuses a bomb at the cap, and takes exactly the cap', async () => {
    const bomb = await bzip2Compress(new Uint8Array(3_000_000));
    expect(bomb.length).toBeLessThan(200);
    await expect(bzip2Decompress(bomb, { maxBytes: 2_999_999 })).rejects.toMatchObject({
      code: 'E_DECOMPRESS',
      what: expect.stringContaining('more than the 2999999 bytes allowed'),
    });
    expect(await bzip2Decompress(bomb, { maxBytes: 3_000_000 })).toHaveLength(3_000_000);
  });

  it('N9 yields nothing beyond the cap on the way to refusing', async () => {
    const bomb = await bzip2Compress(new Uint8Array(3_000_000));
    let total = 0;
    await expect(
      (async () => {
        for await (const chunk of bzip2DecompressStream(inTurns(bomb), { maxBytes: 1_000_000 })) total += chunk.length;
      })(),
    ).rejects.toThrow('allowed here');
    expect(total).toBeLessThanOrEqual(1_000_000);
  });

  it('stops reading soon after the consumer stops, and closes its source', async () => {
    const packed = await bzip2Compress(noise(4_500_000));
    let pulled = 0;
    let closed = false;
    async function* source() {
      try {
        for await (const chunk of inTurns(packed, 65_536)) {
          pulled += chunk.length;
          yield chunk;
        }
      } finally {
        closed = true;
      }
    }
    for await (const chunk of bzip2DecompressStream(source(), AMPLE)) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
    expect(closed).toBe(true);
    expect(pulled).toBeLessThan(2_700_000);
  });

  it('hands a fault of its source on as it is', async () => {
    const fault = new Error('EIO');
    async function* source() {
      yield text('BZh9');
      throw fault;
    }
    await expect(bzip2DecompressStream(source(), AMPLE).next()).rejects.toBe(fault);
  });
});
