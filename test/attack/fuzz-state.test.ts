import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createRedactor } from '../../src/base/redact.js';
import { eventRelay, runCli } from '../../src/cli/run.js';
import { execaExec } from '../../src/runtime/exec.js';
import { undiciHttp } from '../../src/runtime/http.js';
import { tempDir } from '../helpers/artifacts.js';
import { holdsForAny } from '../helpers/attack.js';
import { pushHere } from '../helpers/pushing.js';
import { testRuntime } from '../helpers/runtime.js';
import { sharedThread } from '../helpers/shared-thread.js';
import { digests } from '../helpers/tiny-channel.js';
import { packagePool, publishHistory } from '../helpers/vendor-history.js';

const workers = sharedThread();
afterAll(() => workers.end());
afterAll(() => rmSync(before, { recursive: true, force: true }));

/** All that reads what this program has noted of a label, and a little that writes. */
const CALLS: readonly (readonly string[])[] = [
  ['history', 'acme'],
  ['history', 'acme', '--json'],
  ['labels'],
  ['labels', '--json'],
  ['find', 'a'],
  ['verify', '{root}/acme'],
  ['doctor', '{root}/acme'],
  ['diff', '{root}/acme@1', '{root}/acme'],
  ['notes', '{root}/acme@1', '{root}/acme'],
  ['why', 'a', '{root}/acme'],
  ['rollback', 'acme', '--to', '1', '--dry-run'],
  ['export', '{root}/acme', '--to', '{root}/../out'],
  ['push', '{root}/acme', '{root}/../site', '--dry-run'],
  ['push', '{root}/acme', '{root}/../site'],
  ['received', '{root}/../g2/acme/manifest.json', '--site', 'third'],
  ['clean', '--dry-run'],
  ['release', 'acme'],
  ['rollback', 'acme', '--to', '2'],
];

/** What a note may hold that is JSON, and not what this program writes. */
const ODD: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e300,
  '',
  'x',
  '../../x',
  '2026-13-99T99:99:99Z',
  'a'.repeat(70_000),
  [],
  [null],
  [[]],
  [0],
  {},
  { x: null },
];

/** One value of a JSON document, each as likely, is another, is gone, or is there twice. */
const oddity = fc.record({
  which: fc.nat(),
  at: fc.nat(),
  odd: fc.oneof(fc.nat(ODD.length - 1), fc.constant('gone' as const)),
  calls: fc.shuffledSubarray(
    CALLS.map((_, at) => at),
    { minLength: 4, maxLength: 4 },
  ),
});
type Oddity = typeof oddity extends fc.Arbitrary<infer Value> ? Value : never;

function made(value: unknown, { at, odd }: Oddity): unknown {
  const places: { holder: Record<string, unknown>; key: string }[] = [];
  const top: Record<string, unknown> = { all: value };
  const walk = (holder: Record<string, unknown>, key: string): void => {
    places.push({ holder, key });
    const here = holder[key];
    if (typeof here !== 'object' || here === null) return;
    for (const name of Object.keys(here)) walk(here as Record<string, unknown>, name);
  };
  walk(top, 'all');
  const { holder, key } = places[at % places.length]!;
  if (odd !== 'gone') holder[key] = ODD[odd];
  else if (Array.isArray(holder)) holder.splice(Number(key), 1);
  else delete holder[key];
  return top['all'];
}

const KNOWN = new Set(['vendor', 'site', 'g2', 'home', 'cache', 'out']);

let before: string;
beforeAll(async () => {
  before = mkdtempSync(join(tmpdir(), 'repackenv-state-'));
  const root = join(before, 'vendor');
  const usual = { bz2: false, signed: false, attested: false, installer: false, days: 1 };
  const choices = [0b0010000101, 0b0110000110, 0b0110010010].map((packages) => Object.assign({ packages }, usual));
  await publishHistory(testRuntime({ workers }), before, { pool: await packagePool(), choices });
  await pushHere({ labelDir: join(root, 'acme') }, join(before, 'site'), { site: 'bank' });
  const received = ['received', join(before, 'g2', 'acme', 'manifest.json'), '--site', 'other'];
  for (const args of [received, ['hold', 'acme', '--why', 'because']]) {
    const { code, said } = await run(root, args);
    expect(code, said).toBe(0);
  }
  for (const name of ['g1', 'g3', 'cache', 'home']) rmSync(join(before, name), { recursive: true, force: true });
}, 120_000);

it('the calls are right where nothing is odd', async () => {
  for (const args of CALLS) {
    const { code, said } = await run(join(copied(), 'vendor'), args);
    expect(code, `${args.join(' ')}: ${said}`).toBeLessThanOrEqual(1);
  }
}, 300_000);

function copied(): string {
  const dir = join(tempDir(), 'copy');
  cpSync(before, dir, { recursive: true, preserveTimestamps: true });
  return dir;
}

async function run(root: string, args: readonly string[]): Promise<{ code: number; said: string }> {
  const relay = eventRelay();
  const redactor = createRedactor();
  let said = '';
  const sink = {
    write: (text: string) => void (said += text),
    interactive: false,
    columns: 0,
    rows: 0,
    colours: false,
  };
  const terminal = { stdout: sink, stderr: sink, readStdin: async () => '' };
  const home = join(root, '..', 'home');
  mkdirSync(home, { recursive: true });
  const rt = {
    ...testRuntime({
      workers,
      secrets: redactor,
      http: undiciHttp(),
      exec: execaExec(),
      machine: { homedir: home, cwd: root },
    }),
    events: relay,
  };
  const given = args.map((each) => each.replace('{root}', root));
  const env = { REPACKENV_ROOT: root, REPACKENV_CACHE_DIR: join(root, '..', 'cache') };
  return { code: await runCli('repackenv', given, { rt: { ...rt, env }, relay, terminal, redactor }), said };
}

it(
  'D6 M12 a note of the program with one odd value in it: no crash, and no file of the label changed by who only reads',
  { timeout: 3_600_000 },
  async (context) => {
    const sizes = { smoke: 8, ci: 80, long: 4000 };
    await holdsForAny(context, { name: 'state', cases: oddity, sizes }, async (given) => {
      const dir = copied();
      const root = join(dir, 'vendor');
      const notes = readdirSync(join(root, '.repackenv'), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.json') && !name.includes('manifest.json'))
        .sort();
      const note = notes[given.which % notes.length]!;
      const path = join(root, '.repackenv', note);
      writeFileSync(path, JSON.stringify(made(JSON.parse(readFileSync(path, 'utf8')), given)) ?? '');
      const was = await digests(join(root, 'acme'));
      for (const args of CALLS) {
        const where = `${note}, then ${args.join(' ')}`;
        const { code, said } = await run(root, args);
        expect(code, `${where}: ${said}`).not.toBe(70);
        expect(said.length, where).toBeLessThan(200_000);
        if (args === CALLS.at(-1)) break;
        expect(await digests(join(root, 'acme')), where).toEqual(was);
      }
      expect(readdirSync(dir).filter((name) => !KNOWN.has(name))).toEqual([]);
      rmSync(dir, { recursive: true });
    });
  },
);
