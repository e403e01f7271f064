import { whatIsAsked } from '../../answers/asked.js';
import type { PolicyAnswer, PolicyReport } from '../../answers/schema.js';
import { listed } from '../../delivery/collect-findings.js';
import { plural } from './format.js';
import { oneLine } from './printable.js';

/** Packages that are shown; `--json` has all. */
const MOST = 100;

/** The answer of `repackenv policy check`. Ends with a line feed. */
export function policyText({ answers }: PolicyReport): string {
  return `${answers.flatMap(answerLines).map(oneLine).join('\n')}\n`;
}

function answerLines(answer: PolicyAnswer): string[] {
  const { policies, at, packages, denied, unsigned, excepted, undated, ended } = answer;
  const what = whatIsAsked(answer);
  if (policies.length === 0) return [`${what}: no policy`];
  const not = new Set(denied.map(({ path }) => path)).size;
  const says =
    not === 0
      ? `allows all of ${plural(packages, 'package')}`
      : `does not allow ${not} of ${plural(packages, 'package')}`;
  return [
    `${what}: ${policies.join(' and ')} ${says}, judged at ${at}`,
    ...(unsigned ? ['  require signature: the manifest is not signed'] : []),
    ...denied
      .slice(0, MOST)
      .flatMap(({ path, rule, because, way }) =>
        [`  ${path}: ${rule} (${because})`].concat(way === null ? [] : `    ${way}`),
      ),
    ...(denied.length > MOST ? [`  … and ${denied.length - MOST} more (--json has all)`] : []),
    ...excepted
      .slice(0, MOST)
      .map(({ path, rule, reason, until }) => `  let through until ${until}: ${path}, though ${rule}: ${reason}`),
    ...ended.map(
      ({ packages: of, until }) => `  the exception for ${of.join(', ')} ended on ${until} and counts no more`,
    ),
    ...(undated.length === 0 ? [] : [`  without a date: ${listed(undated.slice(0, 8), undated.length)}`]),
  ];
}
