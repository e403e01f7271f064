import { pathToFileURL } from 'node:url';
import { specForAnyShell, wordForAnyShell, wordForSh } from '../../base/shell-quote.js';
import type { Proof } from '../../channel/staged.js';
import type { JobReport } from '../../jobs/job-report.js';
import { formatBytes, localTimestamp, plural, sourcesText } from './format.js';
import { heldLines } from './hold-text.js';
import { changeSections, findingsSection, otherFilesSection, section, travelLine } from './sections.js';

/** The end of a job as a person reads it. Ends with a line feed. `beside`: files for the site lie beside the folder. */
export function reportText(report: JobReport, windows: boolean, beside = false): string {
  const { held } = report;
  if (held !== undefined && report.rollback === undefined)
    return `${heldLines({ ...report, held }, windows).join('\n')}\n`;
  return [
    ...headline(report),
    ...changeLines(report),
    ...findingsSection(report.findings),
    ...whereLines(report, windows, beside),
    '',
  ].join('\n');
}

function engineText({ kind, version, solver }: JobReport['engines'][number]): string {
  return `${kind} ${version}${solver === undefined ? '' : ` with ${solver}`}`;
}

function headline(report: JobReport): string[] {
  const artifacts = `${plural(report.artifacts.length, 'artifact')}, ${formatBytes(report.bytesTotal)}`;
  const engine = report.engines.map(engineText).join(', ');
  // A mirror is asked for by its file.
  const asked = report.specs.length === 0 ? [] : [`  asked for   ${report.specs.join('  ')}`];
  const { rollback } = report;
  // What is captured was solved when the environment was made, by whom is not known.
  const captured = report.engines.every((one) => one.kind === 'capture');
  const solved =
    rollback !== undefined
      ? `  taken from  generation ${rollback.to}, for ${report.subdirs.join(', ')}`
      : captured
        ? `  taken from  an environment, for ${report.subdirs.join(', ')}`
        : `  solved by   ${engine}, priority ${report.priority}, for ${report.subdirs.join(', ')}`;
  const signature = `  signature   ${report.signature}`;
  if (report.published === undefined)
    return [`${report.label}: would deliver ${artifacts}`, ...asked, solved, signature];
  const { generation, because, unchanged, proof, oldestConda } = report.published;
  return [
    unchanged
      ? `${report.label}: nothing new; generation ${generation} stays, 0 bytes written`
      : because.length > 0
        ? `${report.label}: generation ${generation} is published`
        : `${report.label}: generation ${generation} stays; of its papers or indexes some were written anew`,
    ...(because.length === 0 ? [] : [`  because     ${because.join(', ')}`]),
    ...asked,
    solved,
    `  delivered   ${artifacts}`,
    ...(report.fetched === undefined ? [] : [`  fetched     ${sourcesText(report.fetched)}`]),
    `  proven      ${provenText(proof)}${sinceText(proof)}`,
    `  readable by conda ${oldestConda} and newer, mamba, pixi`,
    ...policyLine(report),
    signature,
    ...papersLine(report),
    ...(report.held === undefined ? [] : [`  held        until it is released: repackenv release; ${report.held.why}`]),
  ];
}

/** What each check of the proof comes to for a person; the checks themselves stand in `--json`. */
const PROVEN: Readonly<Record<string, string>> = {
  files: 'complete',
  index: 'complete',
  plan: 'complete',
  closure: 'complete',
  manifest: 'intact',
  solve: 'installs offline',
  install: 'really installed',
};

export function provenText({ checks }: Proof, words: Readonly<Record<string, string>> = {}): string {
  return [...new Set(checks.map(({ name }) => words[name] ?? PROVEN[name] ?? name))].join(', ');
}

function policyLine({ policy }: JobReport): string[] {
  if (policy === undefined) return [];
  const { policies, denied, excepted } = policy;
  const by = new Set(excepted.map(({ path }) => path)).size;
  const not = new Set(denied.map(({ path }) => path)).size;
  const all = not === 0 ? 'allows all' : `does not allow ${plural(not, 'package')}`;
  return [`  policy      ${policies.join(', ')} ${all}${by === 0 ? '' : `, ${by} by an exception`}`];
}

function sinceText({ asOf }: Pick<Proof, 'asOf'>): string {
  if (asOf === undefined) return '';
  return `; as of generation ${asOf.generation}, ${localTimestamp(Date.parse(asOf.at))}: nothing changed since`;
}

/** A folder of before there were papers gets them with its next generation, unless somebody asks. */
function papersLine({ papers, published }: JobReport): string[] {
  if (papers === undefined) return [];
  const { names, made } = papers;
  if (names.length === 0)
    return published?.because.length === 0
      ? ['  papers      none; made with the next generation, or now: --papers']
      : [];
  const anew = made.length > 0 && made.length < names.length ? `; new: ${made.join(', ')}` : '';
  return [`  papers      ${names.join(', ')}${anew}`];
}

/** What a plan can tell of scripts and shortcuts: only of what lies on this machine. */
function runsLines({ runs }: JobReport): string[] {
  if (runs === undefined) return [];
  const lines = runs.packages.map(
    ({ name, version, subdir, what }) => `${name} ${version}  (${subdir}): ${what.join(', ')}`,
  );
  const unread = plural(runs.unread, 'package');
  return [
    ...section('runs at installation', lines),
    ...(runs.unread === 0
      ? []
      : [`  not known   what ${unread} run at installation: their bytes are not on this machine yet`]),
  ];
}

function changeLines(report: JobReport): string[] {
  const { changes } = report;
  return [
    ...changeSections(changes),
    ...otherFilesSection(report.leaving),
    ...runsLines(report),
    `  kept        ${changes.kept}`,
    ...pooledLine(report),
    travelLine(changes, report.published !== undefined),
    ...section('not ours, left alone', report.strangers),
  ];
}

function pooledLine({ published }: JobReport): string[] {
  const { files = 0, bytes = 0 } = published?.pooled ?? {};
  return files === 0 ? [] : [`  in the pool ${plural(files, 'file')}, ${formatBytes(bytes)}, for earlier generations`];
}

function whereLines(report: JobReport, windows: boolean, beside: boolean): string[] {
  if (report.published === undefined) return [`  folder      ${report.labelDir} (not touched)`];
  const { href } = pathToFileURL(report.labelDir);
  const url = windows ? (wordForAnyShell(href) ?? 'URL') : wordForSh(href);
  const words = report.specs.map((spec) => (windows ? (specForAnyShell(spec) ?? 'PACKAGE') : wordForSh(spec)));
  const configuring = [
    'conda config --env --set offline yes',
    `conda config --env --add channels ${url}`,
    // conda 4.3 lists defaults below every channel that is added, and fails offline, since it can't reach them.
    ...(report.client?.needsBz2Index === true ? ['conda config --env --remove channels defaults'] : []),
  ];
  return [
    `  folder      ${report.labelDir}`,
    ...(beside ? [`  send too    ${report.label}.INSTALL.md and the other ${report.label}.* beside it`] : []),
    '',
    'At the site, in the environment of choice (with the folder’s place there):',
    `  ${configuring.join(' && ')}`,
    `  conda install ${words.length === 0 ? 'PACKAGE' : words.join(' ')}`,
  ];
}
