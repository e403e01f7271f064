import { isBlank } from '../../base/json-bytes.js';
import { plural } from '../../base/plural.js';
import { RepackError } from '../../base/errors.js';
import { unpackIndex } from '../../channel/index/forms.js';
import type { Channel } from '../../conda/channel/channel.js';
import { mostUnpacked, type GatewayLimits } from '../limits.js';
import type { IndexFile } from './cache.js';

interface AnsweredFile {
  channel: Channel;
  file: IndexFile;
}

/** The index that came in one of its forms. Throws E_REPODATA, TooLarge. */
export async function unpackAnswer(
  bytes: Uint8Array,
  request: AnsweredFile,
  limits: GatewayLimits,
): Promise<Uint8Array> {
  return unpack(received(bytes, request), request.file, limits);
}

/** A file of 0 bytes, or of blanks, in a folder is an empty index (CEP 36); from a server it is an answer that broke. Throws E_REPODATA. */
function received(bytes: Uint8Array, { channel, file }: AnsweredFile): Uint8Array {
  if (!isBlank(bytes)) return bytes;
  const inFolder = channel.url.startsWith('file:');
  if (inFolder && file === 'repodata.json') return new TextEncoder().encode('{}');
  throw new RepackError('E_REPODATA', {
    what: `${inFolder ? 'The file' : 'The answer'} is empty (${plural(bytes.length, 'byte')}): no index`,
    hint: 'Try again; if it stays, tell whoever runs the channel.',
  });
}

async function unpack(bytes: Uint8Array, file: IndexFile, limits: GatewayLimits): Promise<Uint8Array> {
  const head = Buffer.from(bytes.subarray(0, 64)).toString('latin1').trimStart();
  if (head.startsWith('<')) {
    throw new RepackError('E_REPODATA', {
      what: 'A web page came instead of the index: a login page, a proxy, or a wrong address',
      hint: 'Open the address in a browser on this machine, and check the channel and the proxy in the configuration.',
    });
  }
  return unpackIndex(file, bytes, mostUnpacked(bytes, limits));
}
