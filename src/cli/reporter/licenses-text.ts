import { whatIsAsked } from '../../answers/asked.js';
import type { LicensesAnswer, LicensesReport } from '../../answers/schema.js';
import { plural } from './format.js';
import { oneLine } from './printable.js';

/** Names of one licence that are shown; `--json` and `--csv` have all. */
const NAMES_SHOWN = 20;

export function licensesText({ answers }: LicensesReport): string {
  return `${answers.flatMap(answerLines).map(oneLine).join('\n')}\n`;
}

function answerLines(answer: LicensesAnswer): string[] {
  const { packages, totals } = answer;
  const disagree = packages.filter(({ disagrees }) => disagrees);
  return [
    `${whatIsAsked(answer)}: ${plural(packages.length, 'package')}`,
    `  by family   ${Object.entries(totals.families)
      .map(([family, count]) => `${family} ${count}`)
      .join(', ')}`,
    ...totals.licenses.map(({ license, packages: count }) => {
      const of = packages.filter((each) => each.license === license);
      const names = [...new Set(of.map(({ name }) => name))];
      const shown = names.slice(0, NAMES_SHOWN).join(', ');
      const more = names.length > NAMES_SHOWN ? `, and ${names.length - NAMES_SHOWN} more` : '';
      const spdx = license === null || of.some((each) => each.spdx) ? '' : ' (not SPDX)';
      return `  ${license ?? 'none stated'}${spdx}  ${count}: ${shown}${more}`;
    }),
    ...disagree.map(
      ({ name, version, license, families }) =>
        `  ${name} ${version} states ${license ?? 'nothing'} and another family beside it: taken as ${families.join(' and ')}`,
    ),
  ];
}
