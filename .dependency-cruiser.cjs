/** Who may import whom (design.md, "Layout"). Runs over the TypeScript sources; oxlint holds the bans on single modules. */
const STAGES = ['engine', 'gateway', 'acquire', 'channel', 'verify', 'publish', 'handoff', 'mirror', 'serve'];

module.exports = {
  forbidden: [
    {
      name: 'model-is-pure',
      comment: 'model/ has no disk, no network, no clock: only itself and pure libraries.',
      severity: 'error',
      from: { path: '^src/model' },
      to: {
        path: '^(src/(?!model)|node:|fs|os|path|crypto|stream|http|https|net|child_process|worker_threads)',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'model-uses-no-core-module',
      severity: 'error',
      from: { path: '^src/model' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'codec-knows-model-only',
      severity: 'error',
      from: { path: '^src/codec' },
      to: { path: '^src/(?!codec|model)' },
    },
    {
      name: 'archive-is-a-leaf',
      severity: 'error',
      from: { path: '^src/archive' },
      to: { path: '^src/(?!archive|codec|model)' },
    },
    {
      name: 'stages-meet-in-commands',
      comment: 'A stage never reaches another one, not even through a third file; commands/ joins them.',
      severity: 'error',
      from: { path: `^src/(${STAGES.join('|')})/` },
      to: { path: `^src/(${STAGES.join('|')}|commands|cli)/`, pathNot: '^src/$1/', reachable: true },
    },
    {
      name: 'stages-take-doors-as-types',
      comment: 'The machine is handed in; only its types may be imported.',
      severity: 'error',
      from: { path: `^src/(${STAGES.join('|')}|archive|commands)/` },
      to: { path: '^src/runtime/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'commands-do-not-print',
      severity: 'error',
      from: { path: '^src/commands/' },
      to: { path: '^src/cli/' },
    },
    {
      name: 'runtime-knows-model-only',
      severity: 'error',
      from: { path: '^src/runtime/' },
      to: { path: '^src/(?!runtime|model)' },
    },
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'src-needs-no-dev-dependency',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
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
