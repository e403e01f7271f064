import type { PublicBody } from '../runtime/http-door.js';
import type { ByteRange } from './byte-range.js';
import type { OpenFile } from './checked-file.js';

/**
 * Bytes of an open file. Before the last of them is given away the file is looked at once more: where somebody wrote into it meanwhile
 * this throws, and the client is left with a part that can't pass for the whole.
 */
export function fileBody(file: OpenFile, { first, last }: ByteRange): PublicBody {
  let open = true;
  return {
    pieces: (pieceBytes) => readPieces(file, { first, last }, pieceBytes),
    async close() {
      if (!open) return;
      open = false;
      await file.handle.close();
    },
  };
}

async function* readPieces(
  file: OpenFile,
  { first, last }: ByteRange,
  pieceBytes: () => number,
): AsyncGenerator<Uint8Array> {
  // Two, in turn: one is written while the other is filled.
  const buffers: [Uint8Array, Uint8Array] = [new Uint8Array(0), new Uint8Array(0)];
  let position = first;
  for (let turn: 0 | 1 = 0; position <= last; turn = turn === 0 ? 1 : 0) {
    const wanted = Math.min(pieceBytes(), last - position + 1);
    if (buffers[turn].length < wanted) buffers[turn] = Buffer.allocUnsafeSlow(wanted);
    const { bytesRead } = await file.handle.read(buffers[turn], 0, wanted, position);
    position += bytesRead;
    if (bytesRead === 0 || (position > last && !(await file.unchanged()))) throw new Error('the file was written into');
    yield buffers[turn].subarray(0, bytesRead);
  }
}
