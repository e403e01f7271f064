import { emitFindings } from '../base/emit-findings.js';
import { VERSION } from '../base/tool-version.js';
import { MANIFEST_NAME } from '../channel/manifest/manifest.js';
import type { Manifest } from '../channel/manifest/manifest.js';
import type { Collected } from '../delivery/collect-findings.js';
import { laySiteFiles } from '../delivery/hand-over.js';
import type { LabelFolder } from '../delivery/place/label-folder.js';
import { readSeen } from '../delivery/place/seen.js';
import { recordUnchanged } from '../delivery/receipts.js';
import type { Runtime } from '../runtime/runtime.js';
import { asItIs } from './held-report.js';
import type { JobReport } from './job-report.js';
import { papersIn } from './published-report.js';
import type { RepackRequest } from './request.js';
import type { JobTools } from './run/job-tools.js';
import type { Proven } from './run/proven.js';
import { readsTheSame, siteFilesStand } from './run/proven-file.js';

interface Task {
  request: RepackRequest;
  proven: Proven;
  /** Looked at quickly. */
  folder: LabelFolder;
  tools: Pick<JobTools, 'gateway' | 'conda'>;
}

/**
 * The end of an update whose request is the one that was proven, where folder and indexes are so too: nothing is solved, staged or proven, the
 * proof that is there stands for the same bytes (design D9). Undefined where anything is not as it was: then all of it is to be done. Throws what
 * the gateway does where a channel can't be read, as a whole update would.
 */
export async function standOnProof({ rt, findings }: Collected, task: Task): Promise<JobReport | undefined> {
  const { request, proven, folder, tools } = task;
  const { place, live, startedAt } = folder;
  const { manifest } = live;
  if (manifest === undefined || tools.conda !== undefined || findings().length > 0) return undefined;
  if (
    !(await isAsProven(rt, { proven, folder, manifest })) ||
    !(await readsTheSame(proven, { gateway: tools.gateway, channels: request.channels }))
  )
    return undefined;

  emitFindings(rt, [...proven.findings, ...tools.gateway.findings()]);
  const proof = { checks: proven.checks, asOf: { generation: manifest.generation, at: proven.at } };
  const engines = [...new Map(proven.solved.map(({ engine }) => [engine.kind, engine])).values()];
  await recordUnchanged(rt, place, {
    manifest,
    manifestSha256: proven.manifestSha256,
    engine: engines.map(({ kind, version }) => `${kind} ${version}`).join(', '),
    tool: `repackenv ${VERSION}`,
    startedAt,
    proof: proof.asOf,
  });
  if (request.siteFiles && !(await siteFilesStand(rt, proven, place))) {
    const files = [...live.files.keys()].map((path) => ({ path, change: 'unchanged' as const }));
    await laySiteFiles(rt, { labelDir: place.labelDir, staged: { manifest, files }, onlyThere: false });
  }
  const report = asItIs('update', folder, proof);
  const none = { artifacts: 0, bytes: 0 };
  return {
    ...report,
    engines,
    client: request.profiles[0]?.client,
    priority: [...new Set(proven.solved.map(({ priority }) => priority))].join(', '),
    fetched: {
      download: none,
      cache: none,
      store: { artifacts: report.artifacts.length, bytes: report.bytesTotal },
    },
    papers: papersIn(
      request,
      manifest.files.map(({ path, kind }) => ({ path, kind, change: 'unchanged' })),
    ),
    findings: findings(),
  };
}

/** Each file is there with the time it had and the bytes that were proven, and no other. */
async function isAsProven(
  rt: Runtime,
  { proven, folder: { place, live }, manifest }: Pick<Task, 'proven' | 'folder'> & { manifest: Manifest },
): Promise<boolean> {
  if (live.state !== 'ours' || live.manifestSha256 !== proven.manifestSha256) return false;
  const meant = new Map([
    ...manifest.files.map(({ path, sha256 }): [string, string] => [path, sha256]),
    ...Object.entries(proven.beside),
    [MANIFEST_NAME, proven.manifestSha256],
  ]);
  const seen = await readSeen(rt, place.stateDir);
  return (
    meant.size === live.files.size &&
    [...live.files].every(([path, file]) => meant.get(path) === file.sha256 && seen.get(path)?.mtimeMs === file.mtimeMs)
  );
}
