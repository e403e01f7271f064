import { describe, expect, it } from 'vitest';
import { sha256Of } from '../../../src/codec/digests.js';
import { concat } from '../../../src/codec/limits.js';
import { zstdCompress } from '../../../src/codec/zstd.js';
import { zstdFrameWalker } from '../../../src/codec/zstd-frames.js';
import {
  FRAME_BYTES,
  maxPackedBytes,
  zstdCompressFrames,
  zstdDecompressFrames,
} from '../../../src/codec/zstd-stream.js';

const MORE_THAN_TWO_FRAMES = sample(2 * FRAME_BYTES + 12_345);

describe('zstdCompressFrames', () => {
  it('makes independent frames of 4 MiB, each with its size, the same for whatever pieces come', async () => {
    const packed = await packedOf(MORE_THAN_TWO_FRAMES, 1 << 20);
    const walker = zstdFrameWalker({ streamed: false });
    expect(walker.push(packed).map(({ contentSize }) => contentSize)).toEqual([FRAME_BYTES, FRAME_BYTES, 12_345]);
    walker.finish();
    for (const pieces of [7_777, FRAME_BYTES, 3 * FRAME_BYTES]) {
      expect(sha256Of(await packedOf(MORE_THAN_TWO_FRAMES, pieces))).toBe(sha256Of(packed));
    }
    // The bytes on media must not change with a new version of the encoder.
    expect(sha256Of(packed)).toBe('b981b48e42292c2c48ff024d462bc276925c80d0e0258e73fe266b30b5c4a897');
  });

  it.each([0, 1, FRAME_BYTES - 1, FRAME_BYTES, FRAME_BYTES + 1])('comes back for %i bytes', async (size) => {
    const bytes = sample(size);
    const packed = await packedOf(bytes, 100_000);
    expect(packed.length).toBeGreaterThan(0);
    expect(sha256Of(await unpacked(packed, size))).toBe(sha256Of(bytes));
  });

  it.each([0, 1, 1000, 131_072, FRAME_BYTES, FRAME_BYTES + 5])(
    'is never larger than reckoned, for %i bytes that do not pack',
    async (size) => {
      const packed = await packedOf(noise(size), 1 << 20);
      expect(packed.length).toBeLessThanOrEqual(maxPackedBytes(size));
    },
  );
});

describe('zstdDecompressFrames', () => {
  it.each([1, 1000, 65_536, 1 << 24])('unpacks from pieces of %i bytes', async (pieces) => {
    const bytes = pieces === 1 ? sample(5000) : MORE_THAN_TWO_FRAMES;
    const packed = await packedOf(bytes, 1 << 20);
    expect(sha256Of(await unpacked(packed, bytes.length, pieces))).toBe(sha256Of(bytes));
  });

  it('keeps to one frame in memory: the first comes out before the second is asked for', async () => {
    const packed = await packedOf(MORE_THAN_TWO_FRAMES, 1 << 20);
    let asked = 0;
    async function* counted(): AsyncGenerator<Uint8Array> {
      for await (const piece of inPieces(packed, 1000)) {
        asked += piece.length;
        yield piece;
      }
    }
    const frames = zstdDecompressFrames(counted(), { maxBytes: MORE_THAN_TWO_FRAMES.length });
    expect((await frames.next()).value).toHaveLength(FRAME_BYTES);
    const [first] = zstdFrameWalker({ streamed: false }).push(packed);
    expect(asked).toBeLessThan(first!.end + 1000);
    await frames.return(undefined);
  });

  it('G4 stops at the bytes allowed, before the frame beyond them is unpacked', async () => {
    const packed = await packedOf(MORE_THAN_TWO_FRAMES, 1 << 20);
    const taken: number[] = [];
    await expect(async () => {
      for await (const chunk of zstdDecompressFrames(inPieces(packed, 4096), { maxBytes: 2 * FRAME_BYTES - 1 }))
        taken.push(chunk.length);
    }).rejects.toMatchObject({ code: 'E_DECOMPRESS', message: expect.stringContaining('allowed') as string });
    expect(taken).toEqual([FRAME_BYTES]);
  });

  it('G4 refuses a frame larger than ours are, however small it is packed', async () => {
    const bomb = await zstdCompress(new Uint8Array(FRAME_BYTES + 1), 1);
    expect(bomb.length).toBeLessThan(2000);
    await expect(unpacked(bomb, 1e9)).rejects.toMatchObject({ code: 'E_DECOMPRESS' });
  });

  it('G4 gives up on a frame that never ends', async () => {
    let given = 0;
    // A magic number, a header without size, and then raw blocks for ever.
    async function* endless(): AsyncGenerator<Uint8Array> {
      yield Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58);
      for (; given < 100 * FRAME_BYTES; given += 131_072) {
        yield Uint8Array.of(0x00, 0x00, 0x10);
        yield new Uint8Array(131_072);
      }
    }
    await expect(collect(zstdDecompressFrames(endless(), { maxBytes: 1e12 }))).rejects.toMatchObject({
      code: 'E_DECOMPRESS',
    });
    expect(given).toBeLessThan(2 * FRAME_BYTES);
  });

  it.each([
    ['cut short', (bytes: Uint8Array) => bytes.subarray(0, bytes.length - 1)],
    ['cut between', (bytes: Uint8Array) => bytes.subarray(0, 3)],
    ['empty', () => new Uint8Array(0)],
    ['with something behind it', (bytes: Uint8Array) => concat([bytes, Uint8Array.of(1, 2, 3, 4, 5)])],
    ['of something else', () => Buffer.from('<html>not here</html>')],
  ])('G11 refuses data %s', async (_name, damage) => {
    const packed = await packedOf(sample(10_000), 4096);
    await expect(unpacked(damage(packed), 1e6)).rejects.toMatchObject({ code: 'E_DECOMPRESS' });
  });
});

/** Text-like: packs to a part of it. */
function sample(size: number): Uint8Array {
  const line = (index: number): string =>
    `{"build":"py39_${index % 97}","name":"package-${index}","size":${index * 31}},\n`;
  let text = '';
  for (let index = 0; text.length < size; index++) text += line(index);
  return Buffer.from(text.slice(0, size));
}

function noise(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let state = 88_172_645;
  for (let at = 0; at < size; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[at] = state & 0xff;
  }
  return bytes;
}

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  const piece = new Uint8Array(size);
  for (let at = 0; at < bytes.length; at += size) {
    const part = bytes.subarray(at, at + size);
    // As a file is read: into the same memory again.
    piece.set(part);
    yield piece.subarray(0, part.length);
  }
}

function packedOf(bytes: Uint8Array, pieces: number): Promise<Uint8Array> {
  return collect(zstdCompressFrames(inPieces(bytes, pieces)));
}

function unpacked(packed: Uint8Array, maxBytes: number, pieces = 65_536): Promise<Uint8Array> {
  return collect(zstdDecompressFrames(inPieces(packed, pieces), { maxBytes }));
}

async function collect(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk.slice());
  return concat(chunks);
}
