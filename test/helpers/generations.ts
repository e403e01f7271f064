import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { sha256Of } from '../../src/codec/digests.js';
import { formatOf } from '../../src/conda/channel/names.js';
import type { Manifest } from '../../src/channel/manifest/manifest.js';
import type { PublishReceipt } from '../../src/channel/staged.js';

export function stateOf(labelDir: string): string {
  return join(dirname(labelDir), '.repackenv', basename(labelDir));
}

/** Where the bytes of this digest are kept when no folder of ROOT has them any more (design D15). */
export function pooled(labelDir: string, sha256: string): string {
  return join(dirname(labelDir), '.repackenv', '.kept', sha256.slice(0, 2), sha256);
}

/**
 * What is live in a label folder, kept as a generation in the layout of design D15, artifacts in the pool too, whatever the run itself has
 * kept. Gives its folder.
 */
export function keepByHand(labelDir: string, { pool = true }: { pool?: boolean } = {}): string {
  const bytes = readFileSync(join(labelDir, 'manifest.json'));
  const manifest = JSON.parse(bytes.toString('utf8')) as Manifest;
  const dir = join(stateOf(labelDir), 'generations', String(manifest.generation));
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'manifest.json'), bytes);
  const signature = join(labelDir, 'manifest.json.sig');
  if (existsSync(signature)) cpSync(signature, join(dir, 'manifest.json.sig'));
  for (const { path, sha256 } of manifest.files) {
    const from = join(labelDir, path);
    if (path.endsWith('/repodata.json.zst')) {
      mkdirSync(join(dir, dirname(path)), { recursive: true });
      cpSync(from, join(dir, path));
    } else if (pool && (formatOf(path) !== undefined || path.endsWith('.sigs'))) {
      mkdirSync(dirname(pooled(labelDir, sha256)), { recursive: true });
      cpSync(from, pooled(labelDir, sha256));
    }
  }
  const receipt = receiptOf(labelDir, sha256Of(bytes));
  if (receipt !== undefined) writeFileSync(join(dir, 'receipt.json'), JSON.stringify(receipt));
  return dir;
}

/** The receipt of the run that published this manifest. */
function receiptOf(labelDir: string, manifestSha256: string): PublishReceipt | undefined {
  const folder = join(stateOf(labelDir), 'receipts');
  const names = existsSync(folder) ? readdirSync(folder) : [];
  return names
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as PublishReceipt)
    .find((receipt) => receipt.manifestSha256 === manifestSha256 && !receipt.unchanged);
}
