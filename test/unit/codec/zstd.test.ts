import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { inTurns } from '../../../src/codec/limits.js';
import { FAST_ZSTD_LEVEL, zstdCompress, zstdDecompress, zstdDecompressStream } from '../../../src/codec/zstd.js';

const AMPLE = { maxBytes: 64_000_000 };
const text = (value: string) => new TextEncoder().encode(value);
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

const index = text(
  JSON.stringify({
    info: { subdir: 'noarch' },
    packages: Object.fromEntries(
      Array.from({ length: 400 }, (_, i) => [
        `p${i}-1.${i}-0.tar.bz2`,
        { build: '0', depends: ['python >=3.9'], name: `p${i}`, version: `1.${i}` },
      ]),
    ),
  }),
);

// `zstd -19 --check` of the text below, through a pipe: no size declared, with a checksum. By the zstd program 1.5.
const greeting = text('Hello, hello, hello. '.repeat(20));
const byZstd = Buffer.from('KLUv/QRonQAAUEhlbGxvLCBoLiACAIw4FVZcuH05l14=', 'base64');

/** `index`, and blanks behind it up to this length. */
const padded = (length: number) => Buffer.concat([index, Buffer.alloc(length - index.length, ' ')]);
const LARGE = 4 * 1024 * 1024;

type Block = { raw: Uint8Array } | { byte: number; times: number };

/** A frame made by hand: stored and repeated blocks; the declared size where one is given. */
function frame(blocks: readonly Block[], contentSize?: number): Uint8Array {
  const header =
    contentSize === undefined
      ? [0x00, 0x70]
      : [0xe0, ...new Uint8Array(new BigUint64Array([BigInt(contentSize)]).buffer)];
  const body = blocks.flatMap((block, i) => {
    const last = i === blocks.length - 1 ? 1 : 0;
    const [kind, size, bytes] = 'raw' in block ? [0, block.raw.length, [...block.raw]] : [1, block.times, [block.byte]];
    const head = last | (kind << 1) | (size << 3);
    return [head & 255, (head >> 8) & 255, head >> 16, ...bytes];
  });
  return Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, ...header, ...body]);
}

const skippable = Uint8Array.from([0x53, 0x2a, 0x4d, 0x18, 5, 0, 0, 0, 1, 2, 3, 4, 5]);

async function streamed(
  bytes: Uint8Array,
  { pieceBytes = 1 << 18, maxBytes = AMPLE.maxBytes } = {},
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of zstdDecompressStream(inTurns(bytes, pieceBytes), { maxBytes })) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe('zstdCompress', () => {
  it.each([
    ['empty', new Uint8Array(0), undefined, '6fb8543883dafcc2ed0934866b8b3f775231f5b0933add08bf502e9e84944cbd'],
    ['an index', index, undefined, '4db37db9fcd10af5994392b89cd5780ab2ec062be78738dd8c05b1c12331cf59'],
    ['a large index', padded(LARGE + 1), undefined, '8cc61d8e2e55708f1cc2cf616387d4f7f9e2cc310b2ce3e6b2f8157e328302fb'],
    ['an index, fast', index, FAST_ZSTD_LEVEL, '98aaf0ae12026bde696dc06f1c4e2c6b285405a50f66b12e2c3f76ebb5959dd3'],
  ])('gives the same bytes on every Node and OS: %s', async (_, bytes, level, digest) => {
    expect(sha256(await zstdCompress(bytes, level))).toBe(digest);
  });

  it.each([
    [LARGE, 16],
    [LARGE + 1, 12],
  ])('packs an index of %i bytes at level %i', async (length, level) => {
    const found = sha256(await zstdCompress(padded(length)));
    const by = new Map<number, string>();
    for (const each of [12, 16]) by.set(each, sha256(await zstdCompress(padded(length), each)));
    expect(by.get(12)).not.toBe(by.get(16));
    expect(found).toBe(by.get(level));
  });

  it('makes one frame that declares its size', async () => {
    const packed = await zstdCompress(index);
    expect([...packed.subarray(0, 4)]).toEqual([0x28, 0xb5, 0x2f, 0xfd]);
    await expect(zstdDecompress(packed, { maxBytes: index.length - 1 })).rejects.toThrow('more than');
  });

  const available = spawnSync('zstd', ['--version']).error === undefined;
  it.skipIf(!available)('is read by the zstd program', async () => {
    expect(sha256(spawnSync('zstd', ['-dc'], { input: await zstdCompress(index) }).stdout)).toBe(sha256(index));
  });
});

describe('zstdDecompress', () => {
  const unpack = (bytes: Uint8Array, maxBytes = AMPLE.maxBytes) => zstdDecompress(bytes, { maxBytes });

  it.each([
    ['what zstdCompress made', () => zstdCompress(index), index],
    ['nothing, packed', () => zstdCompress(new Uint8Array(0)), new Uint8Array(0)],
    ['a frame of unknown size with a checksum', () => byZstd, greeting],
    [
      'several frames, declared and not',
      () => Buffer.concat([frame([{ raw: text('a') }]), frame([{ raw: text('bc') }], 2), byZstd]),
      Buffer.concat([text('abc'), greeting]),
    ],
    ['a skippable frame before and behind', () => Buffer.concat([skippable, byZstd, skippable]), greeting],
    [
      'repeated blocks',
      () => frame([{ byte: 97, times: 100_000 }, { raw: text('!') }]),
      text(`${'a'.repeat(100_000)}!`),
    ],
  ])('unpacks %s', async (_, bytes, expected) => {
    expect(sha256(await unpack(await bytes()))).toBe(sha256(expected));
  });

  it('C2 refuses data that is truncated anywhere, naming the byte', async () => {
    for (let length = 1; length < byZstd.length; length++) {
      await expect(unpack(byZstd.subarray(0, length)), `${length} bytes`).rejects.toMatchObject({
        code: 'E_DECOMPRESS',
        what: expect.stringContaining('truncated'),
        where: `byte ${length} of the compressed data`,
      });
    }
  });

  it('C3 never gives other bytes when one bit is flipped, whichever (XXH64)', async () => {
    let refused = 0;
    for (let bit = 0; bit < byZstd.length * 8; bit++) {
      const flipped = Uint8Array.from(byZstd);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      const result = await unpack(flipped).catch((error: unknown) => error);
      if (result instanceof Error) {
        expect(result).toMatchObject({ code: 'E_DECOMPRESS' });
        refused++;
      } else expect(sha256(result as Uint8Array)).toBe(sha256(greeting));
    }
    // What may pass: a larger window, which is room only, and bits that no decoder reads.
    expect(refused).toBeGreaterThan(byZstd.length * 8 - 24);
  });

  const repeated = (blocks: number): Block[] => Array.from({ length: blocks }, () => ({ byte: 0, times: 131_072 }));

  it('N9 refuses a bomb that declares its size, before anything is allocated', async () => {
    const before = process.memoryUsage().arrayBuffers;
    await expect(unpack(frame(repeated(8000), 8000 * 131_072), 1_000_000)).rejects.toMatchObject({
      code: 'E_DECOMPRESS',
      what: expect.stringContaining('more than the 1000000 bytes allowed'),
    });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64_000_000);
  });

  it('N9 refuses a bomb that does not declare its size, at the cap', async () => {
    const bomb = frame(repeated(100));
    await expect(unpack(bomb, 100 * 131_072 - 1)).rejects.toThrow('more than the 13107199 bytes allowed');
    expect(await unpack(bomb, 100 * 131_072)).toHaveLength(100 * 131_072);
  });

  it('N9 refuses a bomb in many small frames', async () => {
    const bomb = Buffer.concat(Array.from({ length: 20 }, () => frame(repeated(1))));
    await expect(unpack(bomb, 10 * 131_072)).rejects.toThrow('more than the 1310720 bytes allowed');
  });
});

describe.each([
  ['zstdDecompress', (bytes: Uint8Array) => zstdDecompress(bytes, AMPLE)],
  ['zstdDecompressStream', (bytes: Uint8Array) => streamed(bytes)],
])('%s', (_, unpack) => {
  it.each([
    ['empty data', new Uint8Array(0), 'it is empty'],
    ['another format', text('<html>404</html>'), 'does not start as zstd does'],
    ['what follows the last frame and is none', Buffer.concat([byZstd, text('garbage')]), 'something else follows'],
    [
      'a frame that needs a dictionary',
      Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, 0x21, 9, 1, 1, 0, 0]),
      'needs a dictionary',
    ],
    ['a reserved header bit', Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, 0x28, 1, 1, 0, 0]), 'reserved bit'],
    [
      'a window of 4 GiB',
      Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xb0, 1, 0, 0]),
      'asks for a window of 4294967296 bytes',
    ],
    ['a block of the reserved kind', Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, 0x20, 1, 0x07, 0, 0]), 'impossible kind'],
    ['a size that the blocks can not hold', frame([{ raw: text('a') }], 5_000_000), 'declares more than it can hold'],
  ])('refuses %s', async (_name, bytes, reason) => {
    await expect(unpack(bytes)).rejects.toMatchObject({ code: 'E_DECOMPRESS', what: expect.stringContaining(reason) });
  });
});

describe('zstdDecompressStream', () => {
  const mixed = Buffer.concat([
    skippable,
    frame([{ raw: text('a') }]),
    byZstd,
    frame([{ raw: text('z') }], 1),
    skippable,
  ]);
  const mixedContent = Buffer.concat([text('a'), greeting, text('z')]);

  it.each([1, 2, 7, 1 << 18])('unpacks several frames from pieces of %i bytes', async (pieceBytes) => {
    expect(Buffer.from(await streamed(mixed, { pieceBytes })).toString()).toBe(mixedContent.toString());
  });

  it('unpacks what refers far back', async () => {
    const packed = await zstdCompress(Buffer.concat([index, index, index]));
    expect(sha256(await streamed(packed, { pieceBytes: 5000 }))).toBe(sha256(Buffer.concat([index, index, index])));
  });

  it('C2 refuses data that is truncated anywhere', async () => {
    for (let length = 1; length < byZstd.length; length++) {
      await expect(streamed(byZstd.subarray(0, length)), `${length} bytes`).rejects.toThrow('truncated');
    }
  });

  it('N9 refuses a frame that would have it keep a window of 200 MB, at its header', async () => {
    const packed = frame(
      Array.from({ length: 2000 }, () => ({ byte: 0, times: 131_072 })),
      200_000_000,
    );
    await expect(streamed(packed.subarray(0, 40), { maxBytes: 1e9 })).rejects.toThrow('a window of 200000000 bytes');
  });

  it('N9 refuses a bomb at the cap, having yielded no more', async () => {
    const bomb = frame(Array.from({ length: 100 }, () => ({ byte: 0, times: 131_072 })));
    await expect(streamed(bomb, { maxBytes: 1_000_000 })).rejects.toThrow('more than the 1000000 bytes allowed');
  });

  it('stops reading when the consumer stops, and closes its source', async () => {
    const packed = frame(Array.from({ length: 50 }, (_, i) => ({ byte: i, times: 100_000 })));
    let pulled = 0;
    let closed = false;
    async function* source() {
      try {
        for await (const chunk of inTurns(packed, 32)) {
          pulled += chunk.length;
          yield chunk;
        }
      } finally {
        closed = true;
      }
    }
    for await (const chunk of zstdDecompressStream(source(), AMPLE)) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
    expect(closed).toBe(true);
    expect(pulled).toBe(32);
  });
});
