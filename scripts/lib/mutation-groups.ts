/**
 * What `npm run attack -- --mutation` mutates, by group: files, and the tests that must notice (the fewer, the faster). Stryker changes one
 * place at a time; a mutant that no test notices shows what no test asks for.
 */
export interface MutationGroup {
  files: readonly string[];
  tests: readonly string[];
}

export const MUTATION_GROUPS: Readonly<Record<string, MutationGroup>> = {
  names: {
    files: ['src/conda/channel/names.ts', 'src/conda/channel/channel.ts'],
    tests: ['test/unit/conda/channel/*.test.ts'],
  },
  specs: {
    files: ['src/conda/spec/*.ts'],
    tests: ['test/unit/conda/spec/*.test.ts'],
  },
  records: {
    files: ['src/conda/record/*.ts'],
    tests: ['test/unit/conda/record/*.test.ts'],
  },
  secrets: {
    files: ['src/base/redact.ts', 'src/base/secret.ts', 'src/base/secret-forms.ts', 'src/base/token-like.ts'],
    tests: [
      'test/unit/base/redact.test.ts',
      'test/unit/base/secret-forms.test.ts',
      'test/unit/base/token-like.test.ts',
    ],
  },
  digests: {
    files: ['src/codec/digests.ts', 'src/conda/record/expected-digest.ts'],
    tests: ['test/unit/codec/digests.test.ts', 'test/unit/conda/record/expected-digest.test.ts'],
  },
  manifest: {
    files: ['src/channel/manifest/*.ts'],
    tests: ['test/unit/channel/manifest/*.test.ts', 'test/unit/channel/oldest-conda.test.ts'],
  },
  guard: { files: ['src/delivery/guard.ts'], tests: ['test/unit/delivery/guard.test.ts'] },
  policy: {
    files: ['src/conda/policy/*.ts', 'src/delivery/policy-gate.ts'],
    tests: [
      'test/unit/conda/policy/*.test.ts',
      'test/unit/delivery/policy-gate.test.ts',
      'test/unit/delivery/judge-staged.test.ts',
    ],
  },
  lock: { files: ['src/delivery/lock/*.ts'], tests: ['test/unit/delivery/lock/*.test.ts'] },
  journal: {
    files: ['src/delivery/switch/*.ts'],
    tests: ['test/unit/delivery/switch/*.test.ts', 'test/unit/delivery/publish.test.ts'],
  },
  publish: { files: ['src/delivery/publish.ts'], tests: ['test/unit/delivery/publish.test.ts'] },
  generations: {
    files: ['src/delivery/generations/*.ts'],
    tests: ['test/unit/delivery/generations/*.test.ts'],
  },
};

/** What no test can notice, without its place, and why: `FILE MUTATOR: REPLACEMENT`. It counts as not noticed all the same. */
export const EQUIVALENT: Readonly<Record<string, string>> = {
  'src/channel/manifest/make-manifest.ts EqualityOperator: a.path <= b.path': 'no two files have one path',
  'src/channel/manifest/make-manifest.ts EqualityOperator: a.subdir <= b.subdir': 'no two profiles are of one subdir',
  'src/channel/manifest/make-manifest.ts EqualityOperator: a.name <= b.name': 'no two virtual packages have one name',
  'src/channel/manifest/make-manifest.ts StringLiteral: ""': 'an encoding of no name is UTF-8',
  'src/channel/manifest/read-manifest.ts StringLiteral: "Stryker was here!"': 'no channel is called so',
};
