import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { digestsOf, digestsOfFile, digestStream, piecesOf, sha256Of, uuidOf } from '../../../src/codec/digests.js';

const BYTES = Buffer.alloc(2_500_000, 'conda');
const hex = (algorithm: string): string => createHash(algorithm).update(BYTES).digest('hex');
const RIGHT = { size: BYTES.length, sha256: hex('sha256'), md5: hex('md5') };

describe('digestsOf', () => {
  it('gives size, sha256 and md5', () => {
    expect(digestsOf(BYTES)).toEqual(RIGHT);
  });
});

describe('digestStream', () => {
  it('knows its size on the way', () => {
    const stream = digestStream();
    stream.update(BYTES);
    expect(stream.size).toBe(BYTES.length);
    expect(stream.digest()).toEqual(RIGHT);
  });

  // FIPS 180-2, B.1
  it('gives the sha256 of a text', () => {
    expect(sha256Of('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });
});

describe('uuidOf', () => {
  // As uuid.uuid5 of Python makes them in the same name space.
  it.each([
    ['acme', '235ec4e8-2a7a-5e72-9001-6c06846eb0b1'],
    ['', 'dbb66984-821d-5fdf-bfbc-70496971b5bc'],
  ])('of %j is a version 5 UUID', (text, uuid) => {
    expect(uuidOf(Buffer.from(text))).toBe(uuid);
  });
});

describe('piecesOf', () => {
  it('reads many files at once, each with a piece of its own', async () => {
    const readers = Array.from({ length: 12 }, () => piecesOf(openFile()));
    const first = await Promise.all(readers.map((reader) => reader.next()));
    expect(new Set(first.map(({ value }) => (value as Uint8Array).buffer)).size).toBe(12);
    for (const reader of readers) await reader.return(undefined);
  });

  it('takes the piece of a file that was read for the next one', async () => {
    const buffers = new Set<unknown>();
    for (let file = 0; file < 20; file += 1) for await (const piece of piecesOf(openFile())) buffers.add(piece.buffer);
    expect(buffers.size).toBe(1);
  });
});

describe('digestsOfFile', () => {
  it('computes both where nothing is stated, a piece at a time', async () => {
    let pieces = 0;
    expect(await digestsOfFile(openFile(), { onPiece: () => (pieces += 1) })).toEqual(RIGHT);
    expect(pieces).toBe(3);
  });

  it('does not compute the md5 of bytes that have the stated sha256', async () => {
    const stated = { sha256: RIGHT.sha256, md5: 'as stated' };
    expect(await digestsOfFile(openFile(), { stated })).toEqual({ ...RIGHT, md5: 'as stated' });
  });

  it('believes nothing of what is stated where the sha256 is another', async () => {
    const stated = { sha256: '0'.repeat(64), md5: 'as stated' };
    expect(await digestsOfFile(openFile(), { stated })).toEqual(RIGHT);
  });

  it('ends when the caller says so', async () => {
    const onPiece = (): never => {
      throw new Error('interrupted');
    };
    await expect(digestsOfFile(openFile(), { onPiece })).rejects.toThrow('interrupted');
    const stated = { sha256: '0'.repeat(64), md5: 'as stated' };
    let pieces = 0;
    const inSecondReading = (): void => {
      pieces += 1;
      if (pieces > 3) throw new Error('interrupted later');
    };
    await expect(digestsOfFile(openFile(), { stated, onPiece: inSecondReading })).rejects.toThrow('interrupted later');
  });
});

/** An open file, as far as reading by position goes. */
function openFile(): Parameters<typeof digestsOfFile>[0] {
  const read = async (buffer: Uint8Array, offset: number, length: number, position: number) => {
    const bytesRead = BYTES.copy(buffer, offset, position, position + length);
    return { bytesRead, buffer };
  };
  return { read } as Parameters<typeof digestsOfFile>[0];
}
