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
    tests: ['test/unit/delivery/switch/*.test.ts'],
  },
  publish: { files: ['src/delivery/publish.ts'], tests: ['test/unit/delivery/publish*.test.ts'] },
  generations: {
    files: ['src/delivery/generations/*.ts'],
    tests: ['test/unit/delivery/generations/*.test.ts', 'test/unit/delivery/odd-notes.test.ts'],
  },
};

/** What no test can notice, without its place, and why: `FILE MUTATOR: REPLACEMENT`. It counts as not noticed all the same. */
export const EQUIVALENT: Readonly<Record<string, string>> = {
  'src/delivery/publish.ts BooleanLiteral: true': 'a folder that was published is not empty, so it is not removed',
  'src/delivery/publish.ts ConditionalExpression: false': 'what is undefined is not written',
  'src/delivery/generations/pool.ts ArrowFunction: () => undefined': 'what is not read is of nobody',
  'src/delivery/generations/pool.ts StringLiteral: ""': 'whoever is not dead counts',
  'src/delivery/generations/pool.ts StringLiteral: "Stryker was here!"':
    'it is neither an owner nor the code of an error',
  'src/delivery/generations/prune.ts ArrayDeclaration: ["Stryker was here"]': 'no file of the pool is called so',
  'src/delivery/generations/pushed.ts StringLiteral: "Stryker was here!"': 'it is no JSON, as nothing is',
  'src/delivery/generations/keep-generation.ts ArrowFunction: () => undefined': 'what is not read says nothing',
  'src/delivery/generations/keep-generation.ts StringLiteral: "Stryker was here!"': 'it is no JSON, as nothing is',
  'src/delivery/generations/read-generations.ts ArrowFunction: () => undefined': 'what is not read says nothing',
  'src/delivery/generations/read-generations.ts StringLiteral: "Stryker was here!"': 'it is no JSON, as nothing is',
  'src/delivery/generations/read-generations.ts ConditionalExpression: false': 'nobody asks for one without a digest',
  "src/delivery/generations/read-generations.ts EqualityOperator: (a.seen[0] ?? '') <= (b.seen[0] ?? '')":
    'of two that were seen at one time none is first',
  'src/delivery/generations/received.ts EqualityOperator: a.site <= b.site': 'each site stands there once',
  'src/delivery/switch/recover.ts BooleanLiteral: true': 'nobody asks it after a recovery',
  'src/delivery/switch/recover.ts ArrayDeclaration: ["Stryker was here"]': 'what has no phase is not carried out',
  'src/delivery/switch/undo.ts BooleanLiteral: true': 'nobody asks it after a way back',
  'src/delivery/switch/undo.ts ArrayDeclaration: ["Stryker was here"]': 'nobody asks it after a way back',
  'src/delivery/switch/undo.ts MethodExpression: files': 'what is fresh has nothing that could be copied',
  'src/delivery/switch/reduced-index.ts Regex: /\\.(zst|bz2)/': 'no folder of a channel has that in its name',
  'src/delivery/switch/operations.ts EqualityOperator: rank(a.path) <= rank(b.path)': 'no path stands twice in a phase',
  'src/delivery/switch/retry.ts StringLiteral: "Stryker was here!"': 'no error has that code',
  'src/delivery/lock/lock.ts StringLiteral: "Stryker was here!"': 'no error has that code',
  'src/delivery/lock/lock.ts Regex: /^\\d+/': 'what is no number is not less than one',
  'src/delivery/lock/lock-owner.ts ArrayDeclaration: ["Stryker was here"]': 'it is neither of the answers',
  'src/delivery/lock/lock-owner.ts BlockStatement: {}': 'undefined is given either way',
  'src/delivery/lock/lock-owner.ts ConditionalExpression: true': 'no time is later than another',
  'src/delivery/lock/lock-owner.ts StringLiteral: "Stryker was here!"': 'it is no owner, as nothing is',
  'src/channel/manifest/make-manifest.ts EqualityOperator: a.path <= b.path': 'no two files have one path',
  'src/channel/manifest/make-manifest.ts EqualityOperator: a.subdir <= b.subdir': 'no two profiles are of one subdir',
  'src/channel/manifest/make-manifest.ts EqualityOperator: a.name <= b.name': 'no two virtual packages have one name',
  'src/channel/manifest/make-manifest.ts StringLiteral: ""': 'an encoding of no name is UTF-8',
  'src/channel/manifest/read-manifest.ts StringLiteral: "Stryker was here!"': 'no channel is called so',
  'src/conda/spec/version.ts ConditionalExpression: true': 'what is kept between calls changes no answer',
  'src/conda/spec/version.ts ConditionalExpression: false':
    'what is kept, and small numbers as large ones, change no answer',
  'src/conda/spec/version.ts EqualityOperator: cache.size > CACHE_LIMIT': 'how much is kept changes no answer',
  'src/conda/spec/version.ts EqualityOperator: cache.size < CACHE_LIMIT': 'how much is kept changes no answer',
  'src/conda/spec/version.ts EqualityOperator: digits.length < 15': 'a number is compared alike in both forms',
  'src/conda/spec/version.ts EqualityOperator: i <= a.length': 'what is missing is 0, on both sides',
  'src/conda/spec/version.ts EqualityOperator: i <= b.length': 'what is missing is 0, on both sides',
  'src/conda/spec/version.ts StringLiteral: ""': 'every text holds the empty one; no digits are 0',
  'src/conda/spec/version.ts Regex: /[0-9]/': 'a run is of digits or has none',
  'src/conda/spec/version-spec.ts ConditionalExpression: true': 'what is kept between calls changes no answer',
  'src/conda/spec/version-spec.ts EqualityOperator: cache.size > CACHE_LIMIT': 'how much is kept changes no answer',
  'src/conda/spec/version-spec.ts EqualityOperator: cache.size < CACHE_LIMIT': 'how much is kept changes no answer',
  'src/conda/spec/version-spec.ts Regex: /\\s/g': 'blanks go one by one as well',
  'src/conda/spec/version-spec.ts Regex: /(==|!=|<=|>=|~=|=|<|>)?(.*)$/': 'all may be missing, so it fits at the start',
  'src/conda/spec/version-spec.ts Regex: /^(==|!=|<=|>=|~=|=|<|>)?(.*)/': 'a token has one line',
  'src/conda/spec/spec-parts.ts Regex: /([^\\s=<>!~]*)(.*)$/s': 'all may be missing, so it fits at the start',
  'src/conda/spec/spec-parts.ts Regex: /^([^\\s=<>!~]*)(.*)/s': 'the last part takes all there is',
  'src/conda/spec/spec-parts.ts Regex: /=+\\s*/': 'the text begins with one',
  'src/conda/spec/spec-parts.ts MethodExpression: rest': 'its pieces are trimmed once more',
  'src/conda/spec/spec-parts.ts EqualityOperator: cut <= 0': 'a build is never at the very start',
  'src/conda/spec/spec-parts.ts StringLiteral: "Stryker was here!"': 'without a build nothing is ambiguous',
  'src/conda/spec/spec-parts.ts ObjectLiteral: {}': 'what is missing is undefined',
  'src/conda/spec/spec-entry.ts Regex: /((?:[^\\s=<>!~[]*::)?)([^\\s=<>!~[]*)(.*)$/s':
    'all may be missing, so it fits at the start',
  'src/conda/spec/spec-entry.ts Regex: /^((?:[^\\s=<>!~[]*::)?)([^\\s=<>!~[]*)(.*)/s':
    'the last part takes all there is',
  'src/conda/spec/spec-entry.ts StringLiteral: ""': 'a plain name is compared alike in both ways',
  'src/conda/spec/version-spec.ts EqualityOperator: rows.length * more.length >= MAX_CLAUSES':
    'so many rows of two clauses or more are too many',
  'src/conda/spec/dependency.ts ConditionalExpression: true': 'what is kept between calls changes no answer',
  'src/conda/spec/dependency.ts EqualityOperator: cache.size > CACHE_LIMIT': 'how much is kept changes no answer',
  'src/conda/spec/dependency.ts EqualityOperator: cache.size < CACHE_LIMIT': 'how much is kept changes no answer',
  'src/conda/spec/dependency.ts Regex: /.*:/': 'it takes all up to the last colon of one line',
  'src/conda/spec/dependency.ts Regex: /#.*/s': 'it takes all to the end',
  'src/conda/record/expected-digest.ts ConditionalExpression: true':
    'no list and no object is spelt in hexadecimal digits',
  'src/conda/record/open-dependencies.ts ConditionalExpression: false': 'a text known again only saves memory',
  'src/conda/record/record-table.ts ConditionalExpression: true':
    'sums are compared before the names themselves only to be faster; so is a plain name before one with escapes',
  'src/conda/record/record-table.ts ConditionalExpression: false': 'a text of ASCII is found in both ways',
  'src/conda/record/record-table.ts EqualityOperator: index <= count': 'behind the last is nothing that is asked for',
  'src/conda/record/record-table.ts EqualityOperator: size <= count * 2': 'more room changes no answer',
  'src/conda/record/record-table.ts ArithmeticOperator: slot - 1': 'another order of places changes no answer',
  'src/conda/record/record-table.ts EqualityOperator: at <= 0': 'no name ends where it begins',
  'src/conda/record/record-table.ts BlockStatement: {}': 'a text of ASCII is found in both ways',
  'src/conda/record/record-table.ts EqualityOperator: code >= 0x7f': 'a text of ASCII is found in both ways',
  'src/conda/record/record-table.ts EqualityOperator: at <= end': 'behind a name is its quote',
  'src/conda/record/record-table.ts BooleanLiteral: true': 'a name without escapes is read alike',
  'src/conda/record/run-scan.ts ArithmeticOperator: keyEnd + 1': 'behind a file name is no dash',
  'src/conda/record/run-scan.ts StringLiteral: ""':
    'what is neither "member" nor "end" is a record, whose map is named before it',
  'src/conda/record/run-scan.ts ArithmeticOperator: slot - 1': 'another order of places changes no answer',
  'src/conda/record/run-scan.ts EqualityOperator: at <= end': 'each sum has its quote in it then',
  'src/conda/record/run-scan.ts ArithmeticOperator: Math.imul(low ^ byte, 0x5bd1e995) - (low >>> 13)':
    'another sum of as many bits',
  'src/conda/record/run-scan.ts EqualityOperator: size * 4 >= slots.length': 'more room changes no answer',
  'src/conda/record/run-scan.ts EqualityOperator: at <= before.length': 'a place that is none is put nowhere',
  'src/conda/record/run-scan.ts ConditionalExpression: true': 'a place that is none is put nowhere',
  'src/conda/record/run-scan.ts EqualityOperator: end <= 0': 'no name ends where it begins',
  'src/conda/record/run-scan.ts ArithmeticOperator: base - at': 'its end is known when its record is',
  'src/conda/record/repodata-document.ts ConditionalExpression: true': 'a file is looked for again',
  'src/conda/record/repodata-document.ts EqualityOperator: at <= table.count': 'behind the last is nothing kept',
  'src/conda/record/repodata-document.ts EqualityOperator: start <= range[0]': 'a map begins with its brace',
  'src/conda/record/repodata-document.ts EqualityOperator: start > range[1]': 'behind a map is a comma or a brace',
  'src/conda/record/reachable.ts ArrayDeclaration: ["Stryker was here"]': 'no package is called so',
  'src/conda/record/reachable.ts ConditionalExpression: false': 'a list read once more reaches nothing new',
  'src/conda/record/record-bytes.ts BlockStatement: {}': 'nothing else is thrown there',
  'src/conda/record/record-bytes.ts ConditionalExpression: false': 'nothing else is thrown there',
  'src/base/secret-forms.ts EqualityOperator: at <= bytes.length': 'a piece of nothing holds nothing',
  'src/base/secret-forms.ts ConditionalExpression: true':
    'what is kept between calls and one more turn of others change no answer; beside a run is no character of one',
  'src/base/secret-forms.ts EqualityOperator: content.length >= PIECE': 'one more turn of others changes no answer',
  'src/base/secret-forms.ts ArithmeticOperator: start - least': 'what lies behind is looked at in its turn as well',
  'src/base/secret-forms.ts EqualityOperator: end <= to': 'behind a run is no character of one',
  'src/base/secret-forms.ts ArithmeticOperator: start - 2 * least': 'more digests are looked into than need be',
  'src/base/secret-forms.ts ArithmeticOperator: 2 / least': 'more digests are looked into than need be',
  'src/base/secret-forms.ts EqualityOperator: other <= start': 'more digests are looked into than need be',
  'src/base/secret-forms.ts ArithmeticOperator: text.length - 1': 'an escape undone is shorter by two',
};
