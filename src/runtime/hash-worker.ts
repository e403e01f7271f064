/** Takes one digest (`workerData` says which) of the blocks that come, and tells when it is through with each; asked with null, the digest in hex. */
import { createHash } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';

const hash = createHash(workerData as string);
const port = parentPort!;
port.on('message', (block: Uint8Array | null) => {
  if (block !== null) hash.update(block);
  port.postMessage(block === null ? hash.digest('hex') : '');
});
