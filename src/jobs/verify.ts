import path from 'node:path';
import { solveManifest, solverForFolder } from '../delivery/proof/solve-alone.js';
import { openFolder, whereFrom } from '../delivery/generations/generation-folder.js';
import { isRepackError } from '../base/errors.js';
import { MANIFEST_NAME, SIGNATURE_NAME } from '../channel/manifest/manifest.js';
import type { Runtime } from '../runtime/runtime.js';
import { lookAtFolder, verifyFolder } from '../channel/check/verify-folder.js';
import type { VerifyReport } from '../channel/check/verify-folder.js';

export interface VerifyRequest {
  dir: string;
  /** The site's own file of keys that it trusts (`ssh-keygen(1)`, ALLOWED SIGNERS). With it an unsigned folder is a finding. */
  allowedSigners?: string | undefined;
}

export interface CheckedFolder extends VerifyReport {
  /** `verified by …`: by a key that this site trusts; `well formed, not verified`: by some key. */
  signature: string;
}

/**
 * `repackenv verify DIR`: everything that is wrong with a channel folder, or with what is kept of `ROOT/LABEL@N`, as findings. Reads only.
 *
 * @throws RepackError E_GENERATION; E_CONFIG where the file of allowed signers can't be read, before anything of the folder is
 */
export async function verify(machine: Runtime, request: VerifyRequest): Promise<CheckedFolder> {
  const { allowedSigners } = request;
  if (allowedSigners !== undefined) {
    const { findAllowedSigners } = await import('../site/signature/sign.js');
    await findAllowedSigners(machine, allowedSigners);
  }
  const { rt, dir, named, missing } = await openFolder(machine, request.dir);
  const report = await verifyAlone(rt, dir);
  if (named !== undefined && missing.length > 0) {
    const message = `generation ${named.generation} is not complete any more: ${(await whereFrom(rt, named, missing)).join('; ')}`;
    report.findings.push({ code: 'generation-incomplete', message, subject: dir, exit: true });
  }
  if (report.label === undefined) return { ...report, signature: 'absent' };
  return { ...report, ...(await checkSignature(rt, { ...request, dir, label: report.label, report })) };
}

async function verifyAlone(rt: Runtime, dir: string): Promise<VerifyReport> {
  const solver = await solverForFolder(rt, dir);
  try {
    const look = await lookAtFolder(rt, dir);
    const { manifest, indexes } = look;
    return await verifyFolder(rt, look, manifest && (await solveManifest(rt, { dir, indexes, solver }, manifest)));
  } finally {
    await solver.close();
  }
}

async function checkSignature(
  rt: Runtime,
  { dir, label, allowedSigners, report }: VerifyRequest & { label: string; report: VerifyReport },
): Promise<Pick<CheckedFolder, 'signature' | 'findings' | 'ok'>> {
  const { findings, ok } = report;
  const where = path.join(dir, SIGNATURE_NAME);
  const signature = await rt.fs.readFile(where).catch(() => undefined);
  if (signature === undefined && allowedSigners === undefined) return { signature: 'absent', findings, ok };
  const { verifySignature } = await import('../site/signature/sign.js');
  try {
    const manifest = await rt.fs.readFile(path.join(dir, MANIFEST_NAME));
    const options = { manifest, signature, label, allowedSignersFile: allowedSigners, where };
    const check = await verifySignature(rt, options);
    const state = check.state === 'verified' ? `verified by ${check.principal}` : 'well formed, not verified';
    return { signature: state, findings, ok };
  } catch (error) {
    if (!isRepackError(error) || error.code === 'E_CONFIG') throw error;
    const message = `${error.what}${error.hint === undefined ? '' : `. ${error.hint}`}`;
    return {
      signature: signature === undefined ? 'absent' : 'not accepted',
      findings: [...findings, { code: 'signature', message, subject: error.where ?? where, exit: true }],
      ok: false,
    };
  }
}
