import { emitFindings } from '../base/emit-findings.js';
import path from 'node:path';
import { isRepackError } from '../base/errors.js';
import type { Manifest } from '../channel/manifest/manifest.js';
import { SIGNATURE_NAME } from '../channel/manifest/manifest.js';
import type { WorkSettings } from '../config/work-settings.js';
import type { StagedChannel, StagedFile } from '../channel/staged.js';
import type { Runtime } from '../runtime/runtime.js';

/** What signs the manifest of a label; undefined where no key was given. */
export function signerOf(
  rt: Runtime,
  { signKey, label }: Pick<WorkSettings, 'signKey'> & { label: string },
): ((manifest: Uint8Array) => Promise<Uint8Array>) | undefined {
  if (signKey === undefined) return undefined;
  return (manifest) => signWith(rt, { keyFile: signKey, manifest, label });
}

/** Before the work, what would else be found out at its end: that the key is not there. Throws E_SIGNATURE. */
export async function requireSignKey(rt: Pick<Runtime, 'fs' | 'machine'>, keyFile: string): Promise<void> {
  const { findSigningKey } = await import('../site/signature/sign.js');
  await findSigningKey(rt, keyFile);
}

/** Only who signs loads what that needs. Throws E_SIGNATURE. */
async function signWith(
  rt: Runtime,
  options: { keyFile: string; manifest: Uint8Array; label: string },
): Promise<Uint8Array> {
  const { signManifest } = await import('../site/signature/sign.js');
  return signManifest(rt, options);
}

export const SITE_FILES_NOT_WRITTEN = 'site-files-not-written';

/**
 * Writes what a site without this tool needs beside the channel folder, which is published by then: what goes wrong here is a finding, not
 * the end of the run. `onlyThere`: what lies there is written anew, nothing else made. To be called with the label locked.
 */
export async function laySiteFiles(
  rt: Runtime,
  {
    labelDir,
    staged,
    onlyThere,
  }: {
    labelDir: string;
    staged: Pick<StagedChannel, 'manifest'> & { files: readonly Pick<StagedFile, 'path' | 'change'>[] };
    onlyThere: boolean;
  },
): Promise<void> {
  const signed = staged.files.some((file) => file.path === SIGNATURE_NAME);
  const changed = staged.files.some(({ change }) => change !== 'unchanged');
  await layBeside(rt, { labelDir, manifest: staged.manifest, signed, onlyThere, changed }).catch((error: unknown) => {
    if (!isRepackError(error)) throw error;
    emitFindings(rt, [
      {
        code: SITE_FILES_NOT_WRITTEN,
        message: `the channel is published, but not what belongs beside it: ${error.what}`,
        subject: error.where ?? labelDir,
        exit: true,
      },
    ]);
  });
}

async function layBeside(
  rt: Runtime,
  {
    labelDir,
    manifest,
    signed,
    onlyThere,
    changed,
  }: { labelDir: string; manifest: Manifest; signed: boolean; onlyThere: boolean; changed: boolean },
): Promise<void> {
  const { makeSiteFiles, needsOfMirror, readRuns, readSiteRecords, writeSiteFiles } = await import('../site/write.js');
  const [dir, label] = [path.dirname(labelDir), path.basename(labelDir)];
  // A night in which nothing is new must not read a mirror's records.
  const needs = changed || manifest.specs.length > 0 ? undefined : await needsOfMirror(rt, { dir, label });
  const records = needs === undefined ? await readSiteRecords(rt, { dir: labelDir, manifest }) : [];
  const files = makeSiteFiles({
    label,
    manifest,
    records,
    signed,
    needs,
    runs: await readRuns(rt, { dir: labelDir, manifest }),
  });
  const { written, removed } = await writeSiteFiles(rt, { dir, files, onlyThere });
  for (const name of [...written, ...removed.map((each) => `${each} (removed)`)])
    rt.events.emit({ type: 'debug', message: `beside the label folder: ${name}` });
}
