/**
 * Writes test/fixtures/versions.json: what conda 4.3.16 and py-rattler say about the order of versions and about constraints. Needs
 * both layers (`npm run layers`); the real channel indexes beside the checkout add a sample of what is published.
 *
 *     npm run build && node dist/scripts/make-versions-fixture.js
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseDependency } from '../src/conda/spec/dependency.js';
import { askOracle, realChannelTexts, type OracleName } from './lib/conda-oracle.js';
import { PROJECT_ROOT } from './lib/layers.js';

const ORACLES: readonly OracleName[] = ['conda43', 'py-rattler'];

/** CEP 33's examples, and what has tripped parsers of conda versions. */
const VERSIONS = [
  ...`0.4 0.4.0 0.4.1.rc 0.4.1.RC 0.4.1+local 0.4.1+0.local 0.4.1 0.4.1+0 0.4.1+1.local 0.5a1 0.5b3 0.5C1 0.5 0.9.6 0.960923 1.0
    1.1dev1 1.1_ 1.1a1 1.1.0dev1 1.1.dev1 1.1.a1 1.1.0rc1 1.1.0 1.1.0.0 1.1 1.1.post1 1.1.0post1 1.1post1 1996.07.12 1!0.4.1
    1!3.1.1.6 2!0.4.1 1.0.1 1.0.1_ 1.0.1a 1.0.1post.a 1.0.1-a 1.9 1.9.0 1.9.3 1.10 1.90 1.9rc1 1.9.1rc2 2.1+sirius6.0.4 2.1
    0.0.0.post105+699b871 20230101123456789012 007 7 9b 9d v0.1 1.4.2 1.4.10 1.5 2.0.0a0 3.10.0 3.9.18 1__2 1..2 1.0-1 1.0_1
    1!1!1 1+1+1 a!1 1,0 1.0-1_2`.split(/\s+/),
  '',
  '1.0 ',
];

const CONSTRAINTS = [
  ...`* 1.9 ==1.9 =1.9 1.9.* 1.9* !=1.9 !=1.9.* ~=1.4.2 ~=1.4 >=1.9 >1.9 <1.9 <=1.9 >=1.9.* >=1.26,<2 >=1.1,<1.9|>=2!0
    (1.1|1.9),!=1.9.3 ((1.*|2.*),>=1.5)|0.5 1.1.*|1.9.* ==1.9.0 =1.0.1a 1.0.1_ >=1.0.1_ 1!0.4.1 >=1!0 0.4.1+local =0.4.1 0.4.1+1.*
    >=3.9,<3.10.0a0 <2.0a0 9b 8d.* 9.* 1.*.3 >= <>1 =>1 1.9, |1.9 (1.9 1.9) >1.9| <=!1.2 ~=1 !1.9 ===1 >=a!1`.split(
    /\s+/,
  ),
  '',
  '>= 1.9 , < 2',
];

const real = realChannelTexts() ?? { versions: [], dependencies: [] };
const published = real.dependencies.flatMap((text) => parseDependency(text).spec?.version ?? []);
const versions = [...new Set([...VERSIONS, ...every(16, real.versions)])];
const constraints = [...new Set([...CONSTRAINTS, ...every(8, published)])];

const order = versions.flatMap((a) => versions.map((b) => [a, b] as const));
const match = constraints.flatMap((constraint) => versions.map((version) => [constraint, version] as const));
const answers = ORACLES.map((name) => [name, askOracle(name, { order, match })] as const);

const fixture = {
  note: 'Made by scripts/make-versions-fixture.ts. Row i, character j: what the program says of (i, versions[j]); "?" where it refuses.',
  versions,
  constraints,
  order: Object.fromEntries(
    answers.map(([name, each]) => [name, rows(each.order.map((sign) => (sign === null ? '?' : '<=>'[sign + 1]!)))]),
  ),
  match: Object.fromEntries(
    answers.map(([name, each]) => [name, rows(each.match.map((yes) => (yes === null ? '?' : yes ? 'y' : 'n')))]),
  ),
};
writeFileSync(join(PROJECT_ROOT, 'test', 'fixtures', 'versions.json'), `${JSON.stringify(fixture, undefined, 1)}\n`);

function every(step: number, texts: readonly string[]): string[] {
  return [...new Set(texts)].sort().filter((_, i) => i % step === 0);
}

function rows(cells: readonly string[]): string[] {
  const found: string[] = [];
  for (let at = 0; at < cells.length; at += versions.length) found.push(cells.slice(at, at + versions.length).join(''));
  return found;
}
