import { emitFindings } from '../base/emit-findings.js';
import path from 'node:path';
import { acquire } from '../store/acquire.js';
import type { Policy } from '../conda/policy/policy.js';
import type { AcquiredArtifact, RepackPlan } from '../conda/plan/plan.js';
import { askedPackages } from '../answers/asked.js';
import type { NotesSection } from '../answers/notes-markdown.js';
import { exceptionSections, policyVerdict } from '../answers/policy.js';
import type { RepackRequest } from './request.js';
import type { WorkSettings } from '../config/work-settings.js';
import type { Collected } from '../delivery/collect-findings.js';
import { deliver, type Delivered } from '../delivery/deliver.js';
import { labelInstallers } from './label-installers.js';
import type { JobReport } from './job-report.js';
import { refuseSmallDisks } from './run/disk-room.js';
import type { JobTools } from './run/job-tools.js';
import type { LabelFolder } from '../delivery/place/label-folder.js';
import { paperMaker } from './papers.js';
import { code } from '../site/markdown.js';
import { attestationsLeftOut } from './stated-attestations.js';
import { publishedReport } from './published-report.js';

export interface Repack {
  job: 'update' | 'capture';
  request: WorkSettings & Pick<RepackRequest, 'drop' | 'installers' | 'pip'>;
  policy: Policy | undefined;
  plan: RepackPlan;
  packageCaches: readonly string[];
  folder: LabelFolder;
  tools: JobTools;
}

export interface Repacked extends Delivered {
  report: JobReport;
}

/** From a plan to a published label folder: fetch, then deliver. */
export async function repack({ rt, findings }: Collected, task: Repack): Promise<Repacked> {
  const { job, request, policy, plan, packageCaches, folder, tools } = task;
  const { store, gateway, runDir, enginePkgsDir } = tools;
  await refuseSmallDisks(rt, { artifacts: plan.artifacts, store, folder, cacheDir: request.cacheDir });
  const acquired = await acquire(rt, {
    artifacts: plan.artifacts,
    store,
    live: folder.live,
    caches: packageCaches,
    fetch: gateway.fetchArtifact,
    downloaded: gateway.fetchedForEngine,
  });
  emitFindings(rt, acquired.findings);
  await rt.reach('update:acquired');

  const attested = request.attestations
    ? await (
        await import('./collect-attestations.js')
      ).collectAttestations(rt, { artifacts: acquired.artifacts, gateway, store })
    : { side: [], findings: attestationsLeftOut(acquired.artifacts) };
  emitFindings(rt, [...attested.findings, ...gateway.findings()]);

  const installers = await labelInstallers(rt, folder.live, request.installers, tools);

  const { indexBz2, replace, keep, signKey, adopt } = request;
  const delivered = await deliver(
    rt,
    {
      job,
      content: {
        kind: 'channel',
        plan,
        artifacts: acquired.artifacts,
        side: [...attested.side, ...installers],
        indexBz2,
        replace,
        signKey,
        papers: paperMaker(rt, request, folder, [
          ...(policy === undefined ? [] : exceptionsOf(policy, acquired.artifacts)),
          ...leftToPip(request.pip),
        ]),
      },
      proof: { kind: 'installable', plan, request, tools },
      from: [...new Set(plan.solved.map(({ engine }) => `${engine.kind} ${engine.version}`))].join(', '),
      policy,
      adopt,
      keep,
      drop: request.drop,
      siteFiles: request.siteFiles ? 'make' : 'leave',
      alsoScanned: [runDir, path.join(enginePkgsDir, 'urls.txt'), path.join(enginePkgsDir, 'urls')],
    },
    folder,
  );
  const report = publishedReport({
    job,
    plan,
    folder,
    request,
    fetched: acquired.counts,
    ...delivered,
    findings: findings(),
  });
  return { ...delivered, report };
}

function leftToPip(pip: RepackRequest['pip']): NotesSection[] {
  const lines = pip?.entries.map(({ text }) => `- ${code(text)}`) ?? [];
  return lines.length === 0 ? [] : [{ title: 'Left to pip, and not in the folder', lines }];
}

function exceptionsOf(policy: Policy, artifacts: readonly AcquiredArtifact[]): NotesSection[] {
  const packages = askedPackages(artifacts);
  return exceptionSections(policyVerdict(policy, { given: '', manifest: undefined, packages }));
}
