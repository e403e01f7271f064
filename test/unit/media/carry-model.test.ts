import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import type { SamplePackage } from '../../../scripts/lib/sample-upstream.js';
import { changesBetween, snapshot, type Snapshot } from '../../../scripts/lib/snapshot.js';
import { importMedia, type ImportRequest } from '../../../src/jobs/import/import.js';
import { isRepackError, type RepackError } from '../../../src/base/errors.js';
import { tempDir } from '../../helpers/artifacts.js';
import { exportTo } from '../../helpers/carry.js';
import { faultFs } from '../../helpers/fault-fs.js';
import { importRequest, siteRuntime } from '../../helpers/import-site.js';
import { fakeClock, testRuntime, type FakeClock } from '../../helpers/runtime.js';
import { breaches } from '../../helpers/tiny-channel.js';
import {
  packagePool,
  publishHistory,
  sumsProblems,
  type Generation,
  type GenerationChoice,
} from '../../helpers/vendor-history.js';

/**
 * A vendor's generations, carried to a site on whatever media, in whatever order and state. The model knows which generation the site is at;
 * the folder must be that one, byte for byte, with the packages' times, or exactly as it was.
 */

let pool: SamplePackage[];
beforeAll(async () => {
  pool = await packagePool();
});

const FAULTS = ['none', 'none', 'none', 'missing', 'cut', 'flipped', 'swapped', 'foreign', 'empty', 'longer'] as const;

interface Carry {
  /** Sets on the way: where each leads, where it begins (a delta: the manifest of that generation, or what the site has), how it is cut. */
  sets: { to: number; from: number | null; kind: 'full' | 'manifest' | 'receipt'; parts: number; zstd: boolean }[];
  sticks: number;
  /** Whether two sticks hold everything. */
  doubled: boolean;
  fault: (typeof FAULTS)[number];
  where: number;
  rollback: boolean;
  dryRun: boolean;
  /** The run is cut off at this step. */
  kill: number | null;
  /** Before it, somebody damages this file of the folder. */
  harm: number | null;
  upper: boolean;
}

const nat = (max: number): fc.Arbitrary<number> => fc.nat({ max });
const generation: fc.Arbitrary<GenerationChoice> = fc.record({
  packages: nat(1023),
  bz2: fc.boolean(),
  signed: fc.boolean(),
  attested: fc.boolean(),
  installer: fc.boolean(),
  days: nat(3),
});
const carry: fc.Arbitrary<Carry> = fc.record({
  sets: fc.array(
    fc.record({
      to: nat(3),
      from: fc.option(nat(3)),
      kind: fc.constantFrom('full', 'manifest', 'receipt'),
      parts: nat(6),
      zstd: fc.boolean(),
    }),
    { minLength: 1, maxLength: 3 },
  ),
  sticks: nat(2),
  doubled: fc.boolean(),
  fault: fc.constantFrom(...FAULTS),
  where: nat(100_000),
  rollback: fc.boolean(),
  dryRun: fc.boolean(),
  kill: fc.option(nat(30), { freq: 3 }),
  harm: fc.option(nat(30), { freq: 3 }),
  upper: fc.boolean(),
});

/** A few each time; `CARRY_RUNS=500` for a long look. */
const RUNS = Number(process.env['CARRY_RUNS'] ?? 5);
const SLOW = 3_600_000;

it(
  'G8 G9 a site is always at exactly one generation of the vendor',
  async () => {
    const history = fc.array(generation, { minLength: 1, maxLength: 4 });
    const way = fc.array(carry, { minLength: 1, maxLength: 5 });
    await fc.assert(fc.asyncProperty(history, way, carryAll), { numRuns: RUNS });
  },
  SLOW,
);

interface Site {
  root: string;
  folder: string;
  clock: FakeClock;
  /** Index into the history; undefined: nothing there. */
  at: number | undefined;
  /** Somebody changed something since. */
  harmed: boolean;
  /** Files that somebody ever changed: bytes that replace other bytes are always later. */
  touched: Set<string>;
  runs: number;
}

async function carryAll(choices: GenerationChoice[], carries: Carry[]): Promise<void> {
  const dir = join(tempDir(), 'x');
  mkdirSync(dir);
  try {
    const clock = fakeClock();
    const history = await publishHistory(testRuntime({ clock }), dir, { pool, choices });
    const root = join(dir, 'site');
    const site: Site = {
      root,
      folder: join(root, 'acme'),
      clock: fakeClock(Date.UTC(2027, 5, 1)),
      at: undefined,
      harmed: false,
      touched: new Set(),
      runs: 0,
    };
    for (const [number, each] of carries.entries()) await carryOnce(join(dir, `c${number}`), { history, site, each });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function carryOnce(
  dir: string,
  { history, site, each }: { history: Generation[]; site: Site; each: Carry },
): Promise<void> {
  const plain = join(dir, 'plain');
  const goals: { to: number; full: boolean }[] = [];
  for (const [index, set] of each.sets.entries()) {
    const to = set.to % history.length;
    const since = baseOf(set, { history, site });
    const out = join(dir, `set${index}`);
    const from = existsSync(plain) ? plain : out;
    const report = await exportTo(from, history[to]!.dir, { zstd: set.zstd, partSize: sizeOf(set), since }).catch(
      (error: unknown) => {
        if (isRepackError(error) && ['E_WRONG_BASE', 'E_OUT', 'E_PART_SIZE'].includes(error.code)) return undefined;
        throw error;
      },
    );
    if (report === undefined || report.nothingNew) continue;
    if (from === out) renameSync(out, plain);
    goals.push({ to, full: since === undefined });
  }
  if (goals.length === 0) return;
  expect(sumsProblems(plain), 'SHA256SUMS of the medium').toEqual([]);
  const { sticks, broken } = layOut(dir, plain, each);
  if (each.harm !== null && site.at !== undefined) harm(site, each.harm);

  const before = snapshot(site.folder);
  const reached: string[] = [];
  const outcome = await run(site, sticks, each, reached);
  const now = snapshot(site.folder);
  if (outcome.killed) {
    if (!site.harmed) expect(await breaches(site.folder).catch(() => []), `killed at ${reached.at(-1)}`).toEqual([]);
    const again = await run(site, sticks, { ...each, kill: null }, []);
    return settle(again, { before, now: snapshot(site.folder), partly: now });
  }
  return settle(outcome, { before, now, partly: undefined });

  function settle(
    ended: Outcome,
    { before: was, now: is, partly }: { before: Snapshot; now: Snapshot; partly: Snapshot | undefined },
  ): void {
    const newest = Math.max(...goals.map(({ to }) => to));
    if (ended.error !== undefined) {
      const { error } = ended;
      const told = [error.what, error.where, error.hint, ...error.details].join('\n');
      expect(['E_MEDIUM', 'E_WRONG_BASE', 'E_ROLLBACK', 'E_USAGE'], `${error.message}\n${error.stack}`).toContain(
        error.code,
      );
      expect((error.hint ?? '').length, told).toBeGreaterThan(10);
      if (error.code === 'E_MEDIUM') {
        expect(broken, `refused though nothing is wrong: ${told}`).not.toBeUndefined();
        expect(told, 'names the file').toMatch(new RegExp(broken!.map(escaped).join('|'), 'i'));
      }
      if (partly === undefined) expect(changesBetween(was, is), told).toEqual([]);
      else if (changesBetween(partly, is).length > 0) site.harmed = true;
      if (partly !== undefined) locate(is);
      // A whole full set of the newest generation is always taken, unless it is a step back.
      const should =
        broken === undefined && !twoForms(goals, history) && goals.some(({ to, full }) => full && to === newest);
      if (
        should &&
        (site.at === undefined || newest > site.at) &&
        !history.some((one, at) => at === site.at && numberOf(one) === numberOf(history[newest]!))
      )
        expect.unreachable(`a full set of generation ${newest + 1} was refused at ${site.at}: ${told}`);
      return;
    }
    if (each.dryRun) {
      if (partly === undefined) expect(changesBetween(was, is)).toEqual([]);
      return;
    }
    const to = history.findIndex((one) => manifestOf(one.files) === ended.manifest);
    expect(to).toBeGreaterThanOrEqual(0);
    expectSame(is, history[to]!.files, site);
    expect(sumsProblems(site.folder), 'SHA256SUMS at the site').toEqual([]);
    site.at = to;
    site.harmed = false;
  }

  /** After a run that was cut off and did not come to its end the second time either. */
  function locate(is: Snapshot): void {
    const at = history.findIndex((one) => manifestOf(one.files) === manifestOf(is));
    if (at >= 0) site.at = at;
    if (at >= 0 && !site.harmed) expectSame(is, history[at]!.files, site);
  }
}

function numberOf(one: Generation): number {
  return (JSON.parse(readFileSync(join(one.dir, 'manifest.json'), 'utf8')) as { generation: number }).generation;
}

function twoForms(goals: readonly { to: number }[], history: readonly Generation[]): boolean {
  const newest = Math.max(...goals.map(({ to }) => numberOf(history[to]!)));
  return (
    new Set(goals.filter(({ to }) => numberOf(history[to]!) === newest).map(({ to }) => manifestOf(history[to]!.files)))
      .size > 1
  );
}

function manifestOf(files: Snapshot): string | undefined {
  return files.get('manifest.json')?.sha256;
}

/**
 * Bytes of all; times of the packages, but of those that ever replaced others under their name. The signature may be one that an earlier set of
 * the same manifest brought.
 */
function expectSame(is: Snapshot, should: Snapshot, { touched }: Site): void {
  const digests = (files: Snapshot): Record<string, string> =>
    Object.fromEntries(
      [...files]
        .filter(([path]) => !['manifest.json.sig', 'SHA256SUMS'].includes(path))
        .map(([path, { sha256 }]) => [path, sha256]),
    );
  expect(digests(is)).toEqual(digests(should));
  for (const [path, { mtimeMs }] of should)
    if (
      !touched.has(path) &&
      !/\/[bn]-1\.0-0\.conda$/.test(path) &&
      /\/[^/]*(?<!repodata\.json)\.(conda|tar\.bz2)$/.test(path)
    )
      expect(`${path} ${is.get(path)?.mtimeMs}`).toBe(`${path} ${mtimeMs}`);
}

function baseOf(
  set: Carry['sets'][number],
  { history, site }: { history: Generation[]; site: Site },
): string | undefined {
  if (set.kind === 'full' || set.from === null) return undefined;
  if (set.kind === 'manifest') return join(history[set.from % history.length]!.dir, 'manifest.json');
  const receipts = join(site.root, '.repackenv/acme/site-receipts');
  const [receipt] = existsSync(receipts) ? readdirSync(receipts).sort().reverse() : [];
  return receipt === undefined ? undefined : join(receipts, receipt);
}

function sizeOf({ parts }: Carry['sets'][number]): string | undefined {
  return parts === 0 ? undefined : String(9000 + parts * 1777);
}

/** Spreads a medium over sticks and breaks one of its parts. Gives the names, one of which a refusal must tell. */
function layOut(dir: string, plain: string, each: Carry): { sticks: string[]; broken: string[] | undefined } {
  const sticks = Array.from({ length: each.sticks + 1 }, (_, index) => join(dir, `stick${index}`));
  const names = readdirSync(plain);
  const parts = names.filter((name) => /\.tar(\.zst)?$/.test(name));
  for (const [index, stick] of sticks.entries()) {
    mkdirSync(stick);
    for (const [at, name] of names.entries()) {
      const isPart = parts.includes(name);
      if (isPart && !each.doubled && at % sticks.length !== index) continue;
      copyFileSync(join(plain, name), join(stick, each.upper ? name.toUpperCase() : name));
    }
  }
  const called = (name: string): string => (each.upper ? name.toUpperCase() : name);
  const holding = (name: string): string[] =>
    sticks.map((stick) => join(stick, called(name))).filter((path) => existsSync(path));
  const victim = parts[each.where % parts.length]!;
  const other = parts[(each.where + 1) % parts.length]!;
  switch (each.fault) {
    case 'none':
      return { sticks, broken: undefined };
    case 'missing':
      for (const path of holding(victim)) rmSync(path);
      break;
    case 'swapped': {
      if (other === victim) return { sticks, broken: undefined };
      for (const path of holding(victim)) copyFileSync(join(plain, other), path);
      for (const path of holding(other)) copyFileSync(join(plain, victim), path);
      return { sticks, broken: [victim, other] };
    }
    case 'foreign':
      for (const path of holding(victim)) writeFileSync(path, 'no part at all'.repeat(each.where % 999));
      break;
    default: {
      const [path] = holding(victim);
      const { size } = statSync(path!);
      if (each.fault === 'cut') truncateSync(path!, each.where % size);
      if (each.fault === 'empty') truncateSync(path!, 0);
      if (each.fault === 'longer')
        writeFileSync(path!, Buffer.concat([readFileSync(path!), Buffer.alloc(1 + (each.where % 700))]));
      if (each.fault === 'flipped') {
        const bytes = readFileSync(path!);
        bytes[each.where % size]! ^= 1 << (each.where % 8);
        writeFileSync(path!, bytes);
      }
    }
  }
  return { sticks, broken: [victim] };
}

function harm(site: Site, which: number): void {
  const files = [...snapshot(site.folder).keys()].filter((path) => path.includes('/'));
  const name = files[which % files.length]!;
  const path = join(site.folder, name);
  site.touched.add(name);
  if (which % 2 === 0) rmSync(path);
  else writeFileSync(path, 'harmed');
  site.harmed = true;
}

interface Outcome {
  killed: boolean;
  manifest: string | undefined;
  error: RepackError | undefined;
}

async function run(site: Site, sticks: string[], each: Carry, reached: string[]): Promise<Outcome> {
  site.clock.advance(86_400_000);
  let dead = false;
  const { fs } = faultFs(() => (dead ? 'EIO' : undefined));
  let ids = 0;
  const number = (site.runs += 1);
  const rt = siteRuntime({
    fs,
    clock: site.clock,
    exec: { run: async () => ({ ...NO_PROGRAM }) },
    // Of no process: what it leaves is a dead one's.
    machine: { tmpdir: join(site.root, '..'), pid: 4_194_400 + number, randomId: () => `r${number}-${(ids += 1)}` },
    reach: (step) => {
      reached.push(step);
      if (reached.length - 1 === each.kill) {
        dead = true;
        throw new Error('killed');
      }
    },
  });
  const more: Partial<ImportRequest> = { allowRollback: each.rollback, dryRun: each.dryRun };
  try {
    const { manifestSha256 } = await importMedia(
      rt,
      importRequest(each.where % 2 === 0 ? sticks : sticks.toReversed(), site.root, more),
    );
    return { killed: false, manifest: manifestSha256, error: undefined };
  } catch (error) {
    if (dead) return { killed: true, manifest: undefined, error: undefined };
    if (!isRepackError(error)) throw error;
    return { killed: false, manifest: undefined, error };
  }
}

const NO_PROGRAM = {
  exitCode: undefined,
  signal: undefined,
  stdout: new Uint8Array(),
  stderr: new Uint8Array(),
  timedOut: false,
  startError: 'ENOENT',
} as never as Awaited<ReturnType<ReturnType<typeof siteRuntime>['exec']['run']>>;

function escaped(text: string): string {
  return text.replace(/[.+]/g, '\\$&');
}
