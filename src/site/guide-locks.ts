import { plural } from '../base/plural.js';
import { PLACEHOLDER, type ExplicitFile } from './explicit-lock.js';
import { urlOf, word, wordsOf } from './guide-words.js';
import { commands, section } from './markdown.js';
import { CONDA_LOCK } from './names.js';

/** How exactly the packages of the locks are installed. None where there is none. */
export function lockSection({ label, explicit }: { label: string; explicit: readonly ExplicitFile[] }): string[] {
  const [one] = explicit;
  if (one === undefined) return [];
  const { name: environment } = wordsOf(label);
  const [lock, url] = [word(one.name), urlOf(label)];
  return section('Exactly these packages', [
    'The explicit files list, package by package, what the vendor has tried: with them no solver runs, and every machine gets the same.',
    'They are of one generation.',
    '',
    ...explicit.map(
      ({ name, subdir, packages, digest }) => `- \`${name}\`: ${subdir}, ${plural(packages, 'package')}, ${digest}`,
    ),
    '',
    `Put the folder's URL into the place of \`${PLACEHOLDER}\`, then install:`,
    '',
    ...commands([
      `sed 's|${PLACEHOLDER}|${url}|' ${lock} > lock.txt`,
      `conda create -n ${environment} --offline --file lock.txt`,
    ]),
    '',
    'In PowerShell the first line is',
    '',
    ...commands([
      `(Get-Content ${lock}) -replace '${PLACEHOLDER}', '${url.replace('///', '///D:/')}' | Set-Content -Encoding ascii lock.txt`,
    ]),
    '',
    ...(explicit.some(({ digest }) => digest === 'sha256')
      ? [
          'conda reads the sha256 behind a package from 24.9 on, mamba and micromamba from 2.1 on; an older conda stops with "Could not parse explicit',
          'URL". For those, cut it off after the check above has said that the folder is fine:',
          '',
          ...commands([`sed -e 's|${PLACEHOLDER}|${url}|' -e 's|#sha256:.*||' ${lock} > lock.txt`]),
          '',
        ]
      : []),
    ...(explicit.some(({ digest }) => digest === 'md5')
      ? ['conda 4.3 does not compare the digests of files that it takes from `file://`: run the check above first.', '']
      : []),
    `(\`micromamba create -n ${environment} --offline --file lock.txt\` reads the same file.)`,
    '',
    `\`${label}.${CONDA_LOCK}\` names the same packages, of all platforms together. With the folder's URL in the same place:`,
    '',
    ...commands([
      `sed 's|${PLACEHOLDER}|${url}|' ${word(`${label}.${CONDA_LOCK}`)} > conda-lock.yml`,
      `conda-lock install -n ${environment} conda-lock.yml`,
    ]),
  ]);
}
