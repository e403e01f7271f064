import type { ServerResponse } from 'node:http';

/**
 * Writes a body and ends the response. The next piece is read while the last one is on its way, no more than that: a slow client holds
 * two pieces. A client that takes no piece for `pieceMs`, or a body that fails, leaves the answer incomplete.
 */
export async function sendPieces(
  response: ServerResponse,
  pieces: AsyncIterable<Uint8Array>,
  pieceMs: number,
): Promise<{ bytes: number; complete: boolean }> {
  let bytes = 0;
  let onItsWay: Promise<void> = Promise.resolve();
  try {
    for await (const piece of pieces) {
      await onItsWay;
      onItsWay = write(response, piece, pieceMs);
      // It is awaited with the next piece; where reading fails first, nobody would.
      onItsWay.catch(() => {});
      bytes += piece.length;
    }
    await onItsWay;
    response.end();
    return { bytes, complete: !response.destroyed };
  } catch {
    return { bytes, complete: false };
  }
}

function write(response: ServerResponse, piece: Uint8Array, pieceMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const onClose = (): void => done(new Error('the client went away'));
    const timer = setTimeout(() => done(new Error('the client takes nothing')), pieceMs);
    const done = (error: Error | null | undefined): void => {
      clearTimeout(timer);
      response.off('close', onClose);
      if (error === null || error === undefined) resolve();
      else reject(error);
    };
    response.once('close', onClose);
    if (response.destroyed) return onClose();
    response.write(piece, done);
  });
}

/** Ends the response with a small body, in one write with its head; waits only where the network does not take that at once. */
export async function sendAtOnce(
  response: ServerResponse,
  body: Uint8Array,
  pieceMs: number,
): Promise<{ bytes: number; complete: boolean }> {
  response.end(body);
  if (response.socket?.writableLength === 0) return { bytes: body.length, complete: true };
  if (response.destroyed) return { bytes: 0, complete: false };
  return new Promise((resolve) => {
    const timer = setTimeout(() => response.destroy(), pieceMs);
    response.once('close', () => {
      clearTimeout(timer);
      const complete = response.writableFinished;
      resolve({ bytes: complete ? body.length : 0, complete });
    });
  });
}
