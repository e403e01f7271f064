import { expect, it } from 'vitest';
import { askOracle, realChannelTexts, type OracleName } from '../../scripts/lib/conda-oracle.js';
import { parseDependency } from '../../src/conda/spec/dependency.js';
import { compareVersions } from '../../src/conda/spec/version.js';
import { parseVersionSpec, versionMatches, versionSpecText } from '../../src/conda/spec/version-spec.js';
import stars from '../fixtures/version-specs.json' with { type: 'json' };
import { describeWithLayers } from '../helpers/layers.js';

/** Constraints of the real channels that a program reads otherwise than CEP 29 has them. */
const OWN_WAY: Readonly<Record<OracleName, readonly string[]>> = {
  // Excludes only a version called "8.3.*".
  conda43: ['>=5.3.0,!=8.3.*'],
  // Takes it for 1.*; conda wants a second dot.
  'py-rattler': ['1.*.*'],
};

/** Canonical texts that a program reads otherwise. */
const OTHERWISE: Readonly<Record<OracleName, RegExp>> = {
  // It excludes only a version called "1.2.*".
  conda43: /!=[^,|]*\*/,
  // No star before the end of a version; takes 1.2rc1 to begin with 1.2.0; takes words of a local version as a whole.
  'py-rattler': /\*[^,|]|(?:[._-]0?|\+[^,|]*)\.\*/,
};

const real = realChannelTexts();
const canonical = [
  ...new Set(
    Object.entries(stars.constraints).flatMap(([constraint, conda]) =>
      conda === null ? [] : versionSpecText(parseVersionSpec(constraint)),
    ),
  ),
];

for (const oracle of ['conda43', 'py-rattler'] as const) {
  describeWithLayers([oracle], `${oracle} and the versions of real channels`, () => {
    it.skipIf(real === undefined)('orders them alike', () => {
      const { versions } = real!;
      const order = versions.flatMap((a, i) =>
        [1, 2, 7, 61].map((step) => [a, versions[(i * step + step) % versions.length]!] as const),
      );
      const answers = askOracle(oracle, { order }).order;
      const wrong = order.filter(([a, b], i) => answers[i] !== null && answers[i] !== compareVersions(a, b));
      expect(wrong).toEqual([]);
      expect(answers.filter((answer) => answer !== null).length).toBeGreaterThan(3000);
    });

    it('reads what becomes of a star, wherever it was written, as conda 26 read that', () => {
      const match = canonical
        .filter((text) => !OTHERWISE[oracle].test(text))
        .flatMap((text) => stars.versions.map((version) => [text, version] as const));
      const answers = askOracle(oracle, { match }).match;
      expect(
        match.filter(([text, version], i) => answers[i] !== null && answers[i] !== versionMatches(text, version)),
      ).toEqual([]);
      expect(answers.filter((answer) => answer !== null).length).toBeGreaterThan(3000);
    });

    it.skipIf(real === undefined)('matches their constraints alike', () => {
      const constraints = [...new Set(real!.dependencies.flatMap((text) => parseDependency(text).spec?.version ?? []))];
      const match = constraints
        .filter((constraint) => !OWN_WAY[oracle].includes(constraint))
        .flatMap((constraint) =>
          real!.versions.filter((_, i) => i % 9 === 0).map((version) => [constraint, version] as const),
        );
      const answers = askOracle(oracle, { match }).match;
      const wrong = match.filter(
        ([constraint, version], i) => answers[i] !== null && answers[i] !== versionMatches(constraint, version),
      );
      expect(wrong).toEqual([]);
      expect(answers.filter((answer) => answer !== null).length).toBeGreaterThan(30_000);
    });
  });
}
