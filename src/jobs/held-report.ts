import { SIGNATURE_NAME } from '../channel/manifest/manifest.js';
import { oldestConda } from '../channel/manifest/oldest-conda.js';
import { compareChannels } from '../channel/compare-channels.js';
import { NOARCH, channelAt } from '../conda/channel/channel.js';
import { splitPath } from '../conda/channel/names.js';
import type { Collected } from '../delivery/collect-findings.js';
import type { Hold } from '../delivery/generations/hold.js';
import type { Proof } from '../channel/staged.js';
import type { LabelFolder } from '../delivery/place/label-folder.js';
import type { JobReport } from './job-report.js';
import { reported } from './published-report.js';

/** The end of a job that follows its channels, on a label that is held. */
export function heldReport(
  job: 'update' | 'plan',
  held: Hold,
  folder: Pick<LabelFolder, 'place' | 'live'>,
  findings: Collected['findings'],
): JobReport {
  return { ...asItIs(job, folder, { checks: [] }), findings: findings(), held };
}

/** A label as it is, told from its manifest: nothing was solved, nothing changes. */
export function asItIs(
  job: 'update' | 'plan',
  { place, live }: Pick<LabelFolder, 'place' | 'live'>,
  proof: Proof,
): JobReport {
  const { manifest, manifestSha256 = '' } = live;
  const { specs = [], subdirs = [], channels = [], files = [] } = manifest ?? {};
  const artifacts = files
    .filter(({ kind }) => kind === 'artifact')
    .map(({ path, size, channel }) => {
      const [subdir, fn] = splitPath(path);
      return reported({ subdir, fn, channel: typeof channel === 'string' ? channelAt(channel) : undefined }, size);
    });
  return {
    job,
    label: place.label,
    labelDir: place.labelDir,
    specs,
    subdirs: subdirs.filter((subdir) => subdir !== NOARCH),
    channels,
    engines: [],
    priority: '',
    artifacts,
    bytesTotal: artifacts.reduce((sum, { size = 0 }) => sum + size, 0),
    changes: compareChannels(files, files),
    leaving: [],
    strangers: [...live.strangers],
    findings: [],
    signature: live.files.has(SIGNATURE_NAME) ? 'signed' : 'none',
    ...(job === 'plan' || manifest === undefined
      ? {}
      : {
          published: {
            generation: manifest.generation,
            because: [],
            manifestSha256,
            unchanged: true,
            bytesWritten: 0,
            pooled: { files: 0, bytes: 0 },
            oldestConda: oldestConda(manifest.files),
            proof,
          },
        }),
  };
}
