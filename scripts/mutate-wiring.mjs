// Takes one gate at a time out of a copy of the sources and runs the tests that must see it: `node scripts/mutate-wiring.mjs [NAME…]`.
// Ends with 1 where one is not noticed, or is no longer found in the sources: then the list here has to follow them.
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const JOBS = 'test/unit/jobs';
/** A call that does nothing, whatever its arguments. */
const NOTHING = '(() => undefined)(';
const FREE_LOCK = 'await (async () => ({ assertHeld: async () => undefined, release: async () => undefined }))(';

/**
 * `find` is looked for in every file of src/, so that a move changes nothing here; every place of it is replaced. `only`: in files whose
 * path matches. Tests need no optional layer.
 */
const MUTATIONS = [
  {
    name: 'no proof of a label',
    find: /await proveStaged\(/g,
    replace: 'await (() => ({ checks: [] }))(',
    tests: 'gates',
  },
  {
    name: 'no proof of what is mirrored, merged, imported, mended',
    find: /return proveConsistent\(/g,
    replace: 'return (() => ({ checks: [] }))(',
    tests: 'gates',
  },
  { name: 'no proof of indexes alone', find: /=> proveIndexes\(/g, replace: `=> ${NOTHING}`, tests: 'gates' },
  { name: 'no secret scan', find: /await refuseLeak\(/g, replace: NOTHING, tests: 'gates-content' },
  { name: 'no record conflict', find: /before\.url !== artifact\.url/g, replace: 'false', tests: 'gates-shared' },
  {
    name: 'no lock of the engine cache',
    find: /await withEngineCache\(rt, enginePkgsDir, /g,
    replace: 'await ((work) => work())(',
    tests: 'gates-shared',
  },
  {
    name: 'no label lock',
    find: /await lockLabel\(/g,
    replace: FREE_LOCK,
    only: /delivery\/place/,
    tests: 'gates',
  },
  { name: 'no look at free space', find: /await checkFreeSpace\(/g, replace: NOTHING, tests: 'gates-content' },
  { name: 'no look before fetching', find: /await refuseSmallDisks\(/g, replace: NOTHING, tests: 'gates-content' },
  {
    name: 'no shrink limit of mirrors',
    find: /(?<!function )refuseShrink\(\{/g,
    replace: `${NOTHING}{`,
    tests: 'gates-content',
  },
  {
    name: 'no shrink limit of the doctor',
    find: /(?<!function )refuseShrink\(rebuilt,/g,
    replace: `${NOTHING}rebuilt,`,
    tests: 'gates-content',
  },
  {
    name: 'no signature asked for',
    find: /await checkSignature\(rt, \{ opened/g,
    replace: "await (() => 'absent')(rt, { opened",
    tests: 'gates-content',
  },
  { name: 'token kept on redirect', find: /withoutToken\(to, rules\.token\)/g, replace: 'to', tests: 'gates-content' },
  {
    name: 'nothing asked of what leaves',
    find: /(?<!function )guard\(rt, /g,
    replace: `${NOTHING}rt, `,
    tests: 'gates-content',
  },
  {
    name: 'no policy',
    find: /verdict = await allowed\(/g,
    replace: 'verdict = await (async () => undefined)(',
    tests: 'gates-content',
  },
  { name: 'no policy on what no record tells', find: /await guardKnown\(/g, replace: NOTHING, tests: 'gates-content' },
  { name: 'no policy before fetching', find: /await guardPlan\(/g, replace: NOTHING, tests: 'gates-content' },
  {
    name: 'a repair that leaves nothing to install from',
    find: /await refuseUnsolvable\(/g,
    replace: NOTHING,
    tests: 'damaged-package',
  },
  { name: 'no recovery', find: /await recoverLabel\(/g, replace: NOTHING, tests: 'gates' },
  {
    name: 'clean beside a running job',
    find: /if \(running !== undefined\) return running;/g,
    replace: '',
    tests: 'gates-shared',
  },
  { name: 'job beside a running clean', find: /await waitWhileCleaning\(/g, replace: NOTHING, tests: 'gates-shared' },
  { name: 'not asked whose folder', find: /(?<!function )requireOurs\(/g, replace: NOTHING, tests: 'gates' },
  { name: 'changed folder published', find: /await refuseChanged(Folder)?\(/g, replace: NOTHING, tests: 'gates' },
  {
    name: 'a held label changed by what somebody brings',
    find: /await refuse(Held|Other)\(/g,
    replace: NOTHING,
    tests: 'gates',
  },
  { name: 'a held label changed in the night', find: /await readHold\(/g, replace: NOTHING, tests: 'gates' },
  {
    name: 'pip of the artifact taken out',
    find: / \|\| \(Array\.isArray\(own\) && own\.some\(isPip\)\)/g,
    replace: '',
    tests: '../conda/record/cache-record',
  },
];

if (!existsSync(join(ROOT, 'dist'))) throw new Error('its tests run compiled workers: first `npm run build`');
const wanted = process.argv.slice(2);
const chosen = MUTATIONS.filter(({ name }) => wanted.length === 0 || wanted.some((text) => name.includes(text)));
const copy = mkdtempSync(join(tmpdir(), 'repackenv-mutate-'));
let bad = 0;
try {
  for (const name of ['src', 'test', 'scripts', 'bin', 'package.json', 'package-lock.json', 'tsconfig.json'])
    cpSync(join(ROOT, name), join(copy, name), { recursive: true });
  // Threads run the compiled sources, which stay as they are.
  for (const name of ['node_modules', 'dist']) symlinkSync(join(ROOT, name), join(copy, name));
  const files = [...new Set(chosen.map(testFile))];
  if (outcome(files) !== 'not noticed') throw new Error(`these tests fail without any mutation: ${files.join(', ')}`);
  for (const mutation of chosen) {
    const places = apply(mutation);
    const verdict = places.length === 0 ? 'not found' : outcome([testFile(mutation)]);
    for (const [path, text] of places) writeFileSync(path, text);
    if (verdict !== 'noticed') bad += 1;
    console.log(`${verdict.padEnd(12)} ${mutation.name} (${places.length} ${places.length === 1 ? 'file' : 'files'})`);
  }
} finally {
  rmSync(copy, { recursive: true, force: true });
}
process.exitCode = bad === 0 ? 0 : 1;

function testFile({ tests }) {
  return join(JOBS, `${tests}.test.ts`);
}

/** Path and former text of the files that were changed. */
function apply({ find, replace, only = /./ }) {
  const changed = [];
  for (const name of readdirSync(join(copy, 'src'), { recursive: true })) {
    const path = join(copy, 'src', name);
    if (!name.endsWith('.ts') || !only.test(path.slice(copy.length).replaceAll('\\', '/'))) continue;
    const text = readFileSync(path, 'utf8');
    const mutated = text.replaceAll(find, () => replace);
    if (mutated === text) continue;
    writeFileSync(path, mutated);
    changed.push([path, text]);
  }
  return changed;
}

/** `broken`: no test passes, so that nothing is told by those that fail. */
function outcome(files) {
  const vitest = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
  const args = [
    vitest,
    'run',
    '--config',
    'test/vitest.config.ts',
    '--maxWorkers',
    '1',
    '--reporter',
    'json',
    ...files,
  ];
  const { stdout } = spawnSync(process.execPath, args, { cwd: copy, encoding: 'utf8', maxBuffer: 1 << 26 });
  const { numFailedTests: failed = 0, numPassedTests: passed = 0 } = JSON.parse(/^\{.*\}$/m.exec(stdout)?.[0] ?? '{}');
  if (passed === 0) return 'broken';
  return failed === 0 ? 'not noticed' : 'noticed';
}
