/**
 * Who may import whom (CONTRIBUTING.md, "The design in ten minutes"). Runs over the TypeScript sources; oxlint holds the bans on single
 * modules. The folders of src/ lie in layers; each may use what lies below it, and stages of one layer never meet.
 */
const FLOOR = ['base', 'conda'];
const LEAVES = ['codec', 'archive'];
const STAGES = ['engine', 'gateway', 'store', 'media', 'mirror', 'serve', 'answers', 'push'];
/** Development packages that scripts/bundle.mjs takes into the program. */
const BUNDLED =
  '@cyclonedx/cyclonedx-library|@msgpack/msgpack|aws4fetch|commander|execa|fs-extra|fzstd|modern-tar|packageurl-js|semver|spdx-expression-parse|undici|yaml|yauzl|zod';
const STAGE = `^src/(${STAGES.join('|')})/`;

/** `folder` may import only itself and `below`; type-only imports of doors are for everybody above the floor. */
function layer(folder, below, doors = true) {
  const allowed = [folder, ...below].join('|');
  return {
    name: `${folder}-looks-down-only`,
    severity: 'error',
    from: { path: `^src/${folder}/` },
    to: { path: `^src/(?!(?:${allowed}${doors ? '|runtime' : ''})/)` },
  };
}

module.exports = {
  forbidden: [
    {
      name: 'floor-uses-no-core-module',
      comment: 'base/ and conda/ have no disk, no network, no clock: only themselves and pure libraries.',
      severity: 'error',
      from: { path: `^src/(${FLOOR.join('|')})/` },
      to: { dependencyTypes: ['core'] },
    },
    layer('base', [], false),
    layer('conda', ['base'], false),
    layer('codec', ['base', 'conda'], false),
    layer('archive', ['codec', ...FLOOR], false),
    layer('config', FLOOR),
    layer('channel', [...LEAVES, ...FLOOR]),
    layer('site', ['channel', ...LEAVES, ...FLOOR]),
    ...STAGES.map((stage) => layer(stage, ['site', 'channel', 'config', ...LEAVES, ...FLOOR])),
    layer('delivery', ['engine', 'gateway', 'store', 'answers', 'site', 'channel', 'config', ...LEAVES, ...FLOOR]),
    layer('jobs', ['delivery', 'config', ...STAGES, 'site', 'channel', ...LEAVES, ...FLOOR]),
    layer('runtime', ['base'], false),
    {
      name: 'stages-never-meet',
      comment: 'A stage never reaches another one, not even through a third file; delivery/ and jobs/ join them.',
      severity: 'error',
      from: { path: STAGE },
      to: { path: STAGE, pathNot: '^src/$1/', reachable: true },
    },
    {
      name: 'doors-are-types',
      comment:
        'The machine is handed in; only its types may be imported. Files of the program itself are as its modules.',
      severity: 'error',
      from: { path: `^src/(${[...STAGES, 'site', 'config', 'channel', 'delivery', 'jobs', 'archive'].join('|')})/` },
      to: { path: '^src/runtime/(?!program-files\\.)', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'one-door-to-a-form',
      comment:
        'A file that is parsed by a schema is parsed in one place: a manifest.json in channel/manifest/read-manifest.ts.',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot:
          '^src/(config/|answers/schema|channel/manifest/read-manifest|media/set/headers|site/attestations|engine/(conda-info|prefix-records))',
      },
      to: { path: '^node_modules/zod/' },
    },
    {
      name: 'one-reader-of-yaml',
      comment: 'A YAML file of a user is read by config/yaml/: encoding, size, line and column, schema.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/config/yaml/' },
      to: { path: '^node_modules/yaml/' },
    },
    {
      name: 'one-reader-of-channel-folders',
      comment:
        'A channel folder is listed, hashed and its indexes read by channel/read/; the others here have an index at hand.',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot:
          '^src/(conda|channel/(read|doctor))/|^src/(gateway/repodata/(fetch|ranged|shards)|serve/channel-folder|site/records|media/(set/indexes|import/stage))\\.|^src/(jobs/(mirror/read-mirror|doctor/repair-foreign)|delivery/(proof/prove-consistent|policy-gate))\\.',
      },
      to: { path: '^src/conda/record/repodata-scan' },
    },
    {
      name: 'one-reader-of-sets',
      comment:
        'The headers of sets are read by media/archive/ (on media) and media/delta/ (in a folder), and both come to media/set/content.ts; the others here read a site receipt or name what they compare.',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot: '^src/(media/(archive|delta|set)/|(media/export/base|media/site-receipt|jobs/diff/open-side)\\.)',
      },
      to: { path: '^src/media/set/(headers|indexes)\\.', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'one-path-into-a-channel-folder',
      comment:
        'Whoever wants to change a channel folder hands a proposal to delivery/deliver.ts, the only caller of publish().',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/delivery/deliver\\.ts$' },
      to: { path: '^src/delivery/(publish|secret-scan)\\.ts$' },
    },
    {
      name: 'one-way-to-hold-a-label',
      comment:
        'A label is locked, and what broke off is finished, by delivery/place/locked-label.ts; the others here lock a cache, notes, or the pool.',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot:
          '^src/(delivery/(place/locked-label|switch/|lock/|generations/(received|prune))|jobs/(push|fleet/last-update|clean/cache-part|run/(engine-cache|cache-guard))\\.)',
      },
      to: { path: '^src/delivery/(lock/lock|switch/recover)\\.', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'one-path-through-staging-and-proof',
      comment:
        'Staging and proofs are asked by delivery/deliver.ts; a job may ask only what staging would refuse, and for free space.',
      severity: 'error',
      from: { path: '^src/(?!delivery/)' },
      to: { path: '^src/delivery/(stage/(?!staging|compare-live)|proof/(?!solve-alone))' },
    },
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'src-needs-no-tool',
      comment: 'The program is made of its own modules, `dependencies`, and the packages that are bundled into it.',
      severity: 'error',
      from: { path: '^src/' },
      to: {
        dependencyTypes: ['npm-dev'],
        dependencyTypesNot: ['type-only'],
        pathNot: `^node_modules/(${BUNDLED}|bullmq|ioredis)/`,
      },
    },
    { name: 'nothing-imports-tests', severity: 'error', from: { path: '^(src|scripts|bin)/' }, to: { path: '^test/' } },
    { name: 'src-imports-no-script', severity: 'error', from: { path: '^src/' }, to: { path: '^scripts/' } },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: 'specify',
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
