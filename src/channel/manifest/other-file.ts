import { dirname, join } from 'node:path';
import { objectIn } from '../../base/json.js';
import type { FileSystem } from '../../runtime/fs.js';
import { MANIFEST_NAME } from './manifest.js';
import { readManifest, type StoredManifest } from './read-manifest.js';

/** What a file is that was given where a manifest is wanted, and what to give instead. */
export interface OtherFile {
  is: string;
  instead: string;
}

const BESIDE = `the ${MANIFEST_NAME} that lies beside it`;

/** Known by their text, wherever they lie. */
const TEXTS: readonly (readonly [sign: RegExp, is: string, instead: string])[] = [
  [/^\s*@EXPLICIT\b/m, 'an explicit lock', `the folder whose packages it lists, or its ${MANIFEST_NAME}`],
  [/^[0-9a-f]{64} [ *]\S/, 'a list of digests (SHA256SUMS)', BESIDE],
  [/^-----BEGIN SSH SIGNATURE-----/, 'a signature', BESIDE],
  [/^PK[^\w\s]{2}|^\(\ufffd\/\ufffd|^[^\n]{257,}?ustar/s, 'an archive', 'the NAME.manifest.json that lies beside it'],
];

const FORMATS: Readonly<Record<string, OtherFile>> = {
  'repackenv-part': { is: 'the header of a part', instead: 'the NAME.manifest.json of its set' },
  'repackenv-delta': { is: 'the header of a delta', instead: BESIDE },
  'repackenv-set': { is: 'the description of a set', instead: 'the NAME.manifest.json that lies beside it' },
};

/** Undefined for what is nothing that is known here: a manifest among it. */
export function otherFile(bytes: Uint8Array): OtherFile | undefined {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    .toString('utf8')
    .replace(/^\uFEFF/, '');
  const receipt = receiptIn(text);
  if (receipt !== undefined) {
    const { label, generation } = receipt;
    return {
      is: `the receipt of the run that published generation ${generation} of ${label}: it states the digest of the manifest only`,
      instead: `the manifest of that generation: ${label}-g${generation}.manifest.json of the set that was sent, or the receipt that the site sent back (import --receipt)`,
    };
  }
  const found = TEXTS.find(([sign]) => sign.test(text.slice(0, 10_000)));
  if (found !== undefined) return { is: found[1], instead: found[2] };
  // Behind the events of the run.
  const value = objectIn(text) ?? objectIn(text.trimEnd().split('\n').at(-1) ?? '');
  const format = value?.['format'];
  if (typeof format === 'string' && Object.hasOwn(FORMATS, format)) return FORMATS[format];
  if (value?.['type'] === 'report' || value?.['type'] === 'error')
    return { is: 'what a run printed with --json', instead: `the folder that it is about, or its ${MANIFEST_NAME}` };
  if (value?.['packages'] !== undefined || value?.['packages.conda'] !== undefined)
    return { is: 'the index of a channel', instead: `the folder that it lies in, or its ${MANIFEST_NAME}` };
  return undefined;
}

/** The manifest that a run's receipt is of, where it lies beside it, is kept, or is still the one beside the receipts or in the label folder. */
export async function manifestOfReceipt(
  rt: { fs: Pick<FileSystem, 'readFile'> },
  { bytes, where }: { bytes: Uint8Array; where: string },
): Promise<StoredManifest | undefined> {
  const receipt = receiptIn(Buffer.from(bytes).toString('utf8'));
  if (receipt === undefined) return undefined;
  const stateDir = dirname(dirname(where));
  const kept = join(stateDir, 'generations', String(receipt.generation));
  for (const folder of [dirname(where), kept, stateDir, join(dirname(dirname(stateDir)), receipt.label)]) {
    const stored = await readManifest(rt, join(folder, MANIFEST_NAME));
    if (stored?.sha256 === receipt.manifestSha256) return stored;
  }
  return undefined;
}

/** As `writeReceipt` writes it. */
export function receiptIn(text: string): { label: string; generation: number; manifestSha256: string } | undefined {
  const { label, generation, manifestSha256, startedAt } = objectIn(text) ?? {};
  if (typeof label !== 'string' || typeof generation !== 'number') return undefined;
  if (typeof manifestSha256 !== 'string' || typeof startedAt !== 'string' || !/^[\w.+-]+$/.test(label))
    return undefined;
  return { label, generation, manifestSha256 };
}
