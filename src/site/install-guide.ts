import { NOARCH } from '../conda/channel/channel.js';
import { parseDistFilename, splitPath } from '../conda/channel/names.js';
import { oldestConda } from '../channel/manifest/oldest-conda.js';
import type { Manifest } from '../channel/manifest/manifest.js';
import { specForAnyShell, wordForAnyShell } from '../base/shell-quote.js';
import { signatureNamespace } from './signature/sign.js';
import { installersSection } from './guide-installers.js';
import { lockSection } from './guide-locks.js';
import { onWindows, urlOf, word, wordsOf } from './guide-words.js';
import type { ExplicitFile } from './explicit-lock.js';
import { SENT_ALONG } from './names.js';
import { code, commands, quoted, section } from './markdown.js';
import { runsSection, type RunningPackage } from './runs.js';
import { mayLackNeeds } from './needs.js';

export interface InstallPage {
  label: string;
  manifest: Manifest;
  explicit: readonly ExplicitFile[];
  signed: boolean;
  /** Whether the folder is enough, as `needsLine` says it. */
  needs: string;
  runs: readonly RunningPackage[];
}

/** `LABEL.INSTALL.md`: what the person at the site does with this folder. Of this generation; nothing in it varies with time or host. */
export function installPage(page: InstallPage): string {
  return [
    ...heading(page),
    ...folderUrl(page),
    ...installersSection(page, specsText(page.manifest)),
    ...installing(page),
    ...runsSection(page.runs),
    ...updating(page),
    ...clients(page),
    ...verifying(page),
    ...synchronising(page),
    ...lockSection(page),
    '',
  ].join('\n');
}

function heading({ label, manifest, needs }: InstallPage): string[] {
  const artifacts = manifest.files.filter(({ kind }) => kind === 'artifact').length;
  const platforms = platformsOf(manifest).join(', ') || NOARCH;
  const about = `Generation ${manifest.generation}: ${artifacts} ${artifacts === 1 ? 'package' : 'packages'} for ${platforms}.`;
  const specs = manifest.specs.map(code).join(', ');
  const whole = mayLackNeeds(needs)
    ? `conda channel for ${specs}`
    : `whole conda channel: everything that ${specs} need`;
  return [
    `# ${label}: installing from this folder`,
    '',
    `The folder \`${label}\` is a ${manifest.specs.length === 0 ? 'conda channel: a mirror' : whole}. ${about}`,
    needs,
  ];
}

function folderUrl({ label }: InstallPage): string[] {
  return section('The folder', [
    `Below, \`/repos/${label}\` stands for the folder's path at your site. As a URL it is`,
    '',
    '| where it lies | URL |',
    '| --- | --- |',
    `| Linux, macOS: \`/repos/${label}\` | \`${urlOf(label)}\` |`,
    `| Windows, a drive: \`D:\\repos\\${label}\` | \`${urlOf(label).replace('///', '///D:/')}\` |`,
    `| Windows, a share: \`\\\\server\\repos\\${label}\` | \`${urlOf(label).replace('///', '//server/')}\` |`,
    '',
    'A blank in the path is written `%20` in the URL. The folder may be read-only.',
  ]);
}

function installing({ label, manifest }: InstallPage): string[] {
  const { url, name } = wordsOf(label);
  const specs = specsText(manifest);
  const first = manifest.specs[0] ?? 'PACKAGE';
  return [
    ...section('Install', [
      'conda, into an environment of its own (`-n` names it):',
      '',
      ...commands([
        `conda create -n ${name} --offline --override-channels -c ${url} ${specs}`,
        `conda activate ${name}`,
      ]),
      '',
      'or for good, so that later commands need neither `-c` nor `--offline`, in the activated environment:',
      '',
      ...commands([
        'conda config --env --set offline yes',
        `conda config --env --add channels ${url}`,
        `conda install ${specs}`,
      ]),
      '',
      ...(manifest.profiles.some(({ client }) => client !== null && /^conda 4\.3\b/.test(client))
        ? [
            'conda 4.3 takes no channel on the command line of `create`. Where there is no environment yet to be activated, make one from the',
            'configuration of your account:',
            '',
            ...commands([
              'conda config --set offline yes',
              `conda config --add channels ${url}`,
              'conda config --remove channels defaults',
              `conda create -n ${name} ${specs}`,
            ]),
            '',
          ]
        : []),
      'mamba or micromamba:',
      '',
      // Without --offline, with which mamba 2.0 reads no folder, and without --no-rc, which it refuses where CONDARC is set; nothing is
      // asked beside the folder in any case.
      ...commands([`micromamba create -n ${name} --override-channels -c ${url} ${specs}`]),
      '',
      'mamba 2.0 reads no folder whose path has a blank.',
      '',
      'pixi, in `pixi.toml` (then `pixi install`); use forward slashes on Windows too:',
      '',
      '```toml',
      '[workspace]',
      `name = ${quoted(label)}`,
      `channels = [${quoted(urlOf(label))}]`,
      `platforms = [${platformsOf(manifest).map(quoted).join(', ')}]`,
      '',
      '[dependencies]',
      ...(manifest.specs.length === 0 ? [`${first} = "*"`] : manifest.specs.map(pixiLine)),
      '```',
    ]),
  ];
}

function updating({ label, manifest }: InstallPage): string[] {
  const names = manifest.specs.flatMap((spec) => wordForAnyShell(nameOf(spec)) ?? []).join(' ') || 'PACKAGE';
  return section('Update', [
    'After the folder has been synchronised with a newer generation:',
    '',
    ...commands([`conda update ${names}`]),
    '',
    `(\`micromamba update ${names}\`, \`pixi update\`.) Nothing is fetched from anywhere else.`,
    '',
    'Not every client takes packages back to lower versions in an update. Where the folder has older ones than an environment, since the sender went back to',
    'an earlier generation, ask for the versions that the folder has, in the activated environment, or make the environment anew as above:',
    '',
    ...commands([
      `conda install --offline --override-channels -c ${wordsOf(label).url} ${versionsText(manifest) || 'PACKAGE=VERSION'}`,
    ]),
  ]);
}

/** What was asked for, as this folder has it. */
function versionsText({ specs, files }: Manifest): string {
  const wanted = new Set(specs.map(nameOf));
  const versions = new Map(
    files.flatMap(({ path, kind }) => {
      if (kind !== 'artifact') return [];
      const { name, version } = parseDistFilename(splitPath(path)[1]);
      return wanted.has(name) ? [[name, `${name}=${version}`] as const] : [];
    }),
  );
  return [...versions.values()].flatMap((spec) => specForAnyShell(spec) ?? []).join(' ');
}

function clients({ manifest }: InstallPage): string[] {
  const oldest = oldestConda(manifest.files);
  const rows = [
    `| conda 4.7 and newer | yes |`,
    `| conda 4.4 to 4.6 | ${oldest === '4.7' ? NEEDS_47 : 'yes'} |`,
    `| conda 4.3 | ${oldest === '4.7' ? NEEDS_47 : oldest === '4.4' ? NEEDS_BZ2 : 'yes'} |`,
    '| mamba, micromamba 1.5 and newer; pixi; rattler | yes |',
  ];
  const made = [...new Set(manifest.profiles.flatMap(({ client }) => (client === null ? [] : [client])))];
  return section('Which programs can read it', [
    '| client | |',
    '| --- | --- |',
    ...rows,
    '',
    ...(made.length === 0 ? [] : [`It was made for ${made.join(', ')}.`, '']),
    ...(manifest.profiles.length === 0
      ? []
      : ['It was solved for machines with', '', ...manifest.profiles.map(machine), '']),
    'conda 4.3 and 4.4 put `defaults` below a channel that is added, and 4.3 then fails offline: `conda config --env --remove channels defaults`.',
  ]);
}

const NEEDS_47 = 'no: some packages are `.conda` files, which conda reads from 4.7 on';
const NEEDS_BZ2 = 'no: it needs `repodata.json.bz2`, which the vendor can add (`--index bz2`)';

function machine({ subdir, virtual_packages: virtual }: Manifest['profiles'][number]): string {
  const texts = virtual.map(({ name, version }) => (version === '0' ? name : `${name} ${version}`));
  return `- ${subdir}: ${texts.join(', ') || 'nothing in particular'}`;
}

function verifying({ label, signed }: InstallPage): string[] {
  return section(signed ? 'Is it whole, and what the vendor sent?' : 'Is it whole?', [
    ...commands([`sh ${word(`${label}.verify.sh`)} ${wordsOf(label).path}`]),
    '',
    'or on Windows:',
    '',
    ...commands([
      `powershell -NoProfile -ExecutionPolicy Bypass -File ${onWindows(`${label}.verify.ps1`)} ${onWindows(`D:\\repos\\${label}`)}`,
    ]),
    '',
    'Without a folder they take the one beside the script. Exit code 0: fine; 1: files are missing, extra or changed, each is named;',
    '2: it can not be checked; 3: half-synchronised, synchronise again. In the folder, `sha256sum -c SHA256SUMS` says the same of the bytes, that of',
    'busybox too. On Windows, where no script may run (AllSigned), `certutil -hashfile FILE SHA256` gives the digest to compare with `SHA256SUMS`.',
    '',
    ...(signed
      ? signatureLines(label)
      : [
          'The vendor has not signed this generation. The check compares with `manifest.json` in the folder; who wrote that, it can not tell.',
        ]),
  ]);
}

function signatureLines(label: string): string[] {
  return [
    "Who made it: the manifest is signed, and lists every file with its sha256. With the vendor's public key, **that you got on another",
    'way than this folder**, in a file `allowed_signers` (a line `NAME ssh-ed25519 AAAA...`):',
    '',
    ...commands([
      `ssh-keygen -Y verify -f allowed_signers -I NAME -n ${word(signatureNamespace(label))} -s ${word(`/repos/${label}/manifest.json.sig`)} < ${word(`/repos/${label}/manifest.json`)}`,
    ]),
    '',
    'Then run the check above: signature, manifest, files.',
  ];
}

function synchronising({ label }: InstallPage): string[] {
  return section('Synchronise', [
    'In two passes, so that no client ever meets an index that names a file which is not there yet: first the packages, then everything,',
    'deleting what is gone; last what lies beside the folder: this page, and the checks. Linux:',
    '',
    ...commands([
      `rsync -rt --exclude=repodata.json\\* --exclude=manifest.json\\* --exclude=SHA256SUMS --exclude=/papers/ ${word(`SOURCE/${label}/`)} ${word(`/repos/${label}/`)}`,
      `rsync -rt --delay-updates --delete-delay ${word(`SOURCE/${label}/`)} ${word(`/repos/${label}/`)}`,
      `rsync -t ${beside(label)
        .map((name) => word(`SOURCE/${name}`))
        .join(' ')} /repos/`,
    ]),
    '',
    'Windows (an exit code below 8 is success):',
    '',
    ...commands([
      `robocopy ${onWindows(`SOURCE\\${label}`)} ${onWindows(`D:\\repos\\${label}`)} /E /XF repodata.json* manifest.json* SHA256SUMS /XD papers /R:5 /W:5`,
      `robocopy ${onWindows(`SOURCE\\${label}`)} ${onWindows(`D:\\repos\\${label}`)} /MIR /R:5 /W:5`,
      `robocopy SOURCE D:\\repos ${beside(label).map(onWindows).join(' ')} /R:5 /W:5`,
    ]),
  ]);
}

function beside(label: string): string[] {
  return SENT_ALONG.map((name) => `${label}.${name}`);
}

function platformsOf(manifest: Manifest): string[] {
  return manifest.subdirs.filter((subdir) => subdir !== NOARCH);
}

function specsText(manifest: Manifest): string {
  return manifest.specs.flatMap((spec) => specForAnyShell(spec) ?? []).join(' ') || 'PACKAGE';
}

/** The name in a canonical spec; a text that is none stays what it is. */
export function nameOf(spec: string): string {
  return /^(?:.*::)?([A-Za-z0-9_.-]+)/.exec(spec)?.[1] ?? spec;
}

/** The version part of a canonical spec is what pixi takes as it is; a build or a key is left to the solver, which has one choice. */
function pixiLine(spec: string): string {
  const name = nameOf(spec);
  const rest = spec.replace(/^.*::/, '').slice(name.length);
  const version = /^(?:=(?!=)(?<fuzzy>[^=[\s]+)|(?<other>[<>=!~][^[\s]*))/.exec(rest)?.groups;
  const text =
    version?.['fuzzy'] === undefined ? (version?.['other'] ?? '*') : `${version['fuzzy'].replace(/\.?\*$/, '')}.*`;
  return `${/^[A-Za-z0-9_-]+$/.test(name) ? name : quoted(name)} = ${quoted(text)}`;
}
