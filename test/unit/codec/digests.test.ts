import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { digestsOf, digestsOfFile } from '../../../src/codec/digests.js';

const BYTES = Buffer.alloc(2_500_000, 'conda');
const hex = (algorithm: string): string => createHash(algorithm).update(BYTES).digest('hex');
const RIGHT = { size: BYTES.length, sha256: hex('sha256'), md5: hex('md5') };

describe('digestsOf', () => {
  it('gives size, sha256 and md5', () => {
    expect(digestsOf(BYTES)).toEqual(RIGHT);
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
