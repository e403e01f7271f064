import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { changesBetween, snapshot, type Snapshot } from '../../scripts/lib/snapshot.js';
import { ERROR_EXIT, type ErrorCode } from '../../src/base/errors.js';
import type { Manifest } from '../../src/channel/manifest/manifest.js';
import { openWorkplace, type Ran, type UpdateOptions, type Workplace } from './programs.js';
import { TOKEN, type TestUpstream } from './upstream.js';

export interface Refusal {
  code: ErrorCode;
  /** Must stand in what was printed, over and above what every refusal has. */
  says?: readonly (string | RegExp)[];
  /** Another secret of this run than the sample upstream's token. */
  secret?: string;
  /** Refusals that have no place to name (an empty ROOT). */
  nowhere?: boolean;
}

/** What every refusal is (design D12): the right exit code; what, where, what to do now; the code; no stack; no token. */
export function expectRefusal(ran: Ran, { code, says = [], secret, nowhere = false }: Refusal): void {
  const all = ran.stdout + ran.stderr;
  expect(ran.stderr).toContain(`  [${code}]\n`);
  expect(ran.exitCode, all).toBe(ERROR_EXIT[code]);
  const [, message = '', ...more] = ran.stderr.split(/^error: /m);
  expect(more, 'one message').toEqual([]);
  expect(message.split('\n')[0]!.length).toBeGreaterThan(10);
  if (!nowhere) expect(message).toMatch(/^ {2}where: \S/m);
  expect(message).toMatch(/^ {2}what to do: \S.{10}/m);
  expectClean(ran, secret);
  for (const text of says) {
    if (typeof text === 'string') expect(all).toContain(text);
    else expect(all).toMatch(text);
  }
}

/** No stack trace and no token, whatever the outcome. */
export function expectClean(ran: Ran, secret: string = TOKEN): void {
  const all = ran.stdout + ran.stderr;
  expect(all).not.toMatch(/^\s+at .*[:(]/m);
  expect(all).not.toContain(secret);
}

/** A workplace where generation 1 of halkbank is published, which no refusal may change. */
export interface GuardedWorkplace extends Workplace {
  /** Refused, and the label folder is as it was, times too. */
  refuses(options: UpdateOptions, refusal: Refusal): Promise<Ran>;
  /** Refused before any write below ROOT and any request. */
  refusesAtOnce(options: UpdateOptions, refusal: Refusal): Promise<Ran>;
  /** After everything that was refused: the folder verifies, the next plain run has nothing to do, and nothing is left over. */
  expectSound(): Promise<void>;
}

export async function openGuardedWorkplace(options: { upstream?: TestUpstream } = {}): Promise<GuardedWorkplace> {
  const work = await openWorkplace(options);
  const first = await work.update();
  expect(first.exitCode, first.stderr).toBe(0);
  const published = work.published();
  const unchanged = (): void => expect(changesBetween(published, work.published())).toEqual([]);
  return {
    ...work,
    refuses: async (options, refusal) => {
      const ran = await work.update(options);
      expectRefusal(ran, refusal);
      unchanged();
      return ran;
    },
    refusesAtOnce: async (options, refusal) => {
      const requests = work.upstream.requests.length;
      const before = snapshot(work.root);
      const ran = await work.update(options);
      expectRefusal(ran, refusal);
      expect(work.upstream.requests.length, 'requests').toBe(requests);
      expect(changesBetween(before, snapshot(work.root))).toEqual([]);
      return ran;
    },
    expectSound: async () => {
      const verified = await work.verify();
      expect(verified.exitCode, verified.stdout).toBe(0);
      const next = await work.update();
      expect(next.exitCode, next.stderr).toBe(0);
      expect(next.stdout).toContain('nothing new; generation 1 stays');
      unchanged();
      expectNothingLeft(work);
    },
  };
}

/** Staging, journals and run folders of ended runs. */
export function expectNothingLeft(work: Pick<Workplace, 'root' | 'cache' | 'tmp'>): void {
  const left = [...snapshot(work.root).keys()].filter((path) =>
    /^\.repackenv\/[^/]+\/(?:staging\/|journal)/.test(path),
  );
  expect(left).toEqual([]);
  expect([...snapshot(`${work.cache}/runs`).keys()]).toEqual([]);
  expect([...snapshot(work.tmp).keys()]).toEqual([]);
}

/** Delivers into a ROOT of its own, and tells what is there then. */
export async function deliver(
  work: Pick<GuardedWorkplace, 'update'>,
  options: UpdateOptions & { root: string },
): Promise<{ stderr: string; manifest: Manifest; files: Snapshot }> {
  const ran = await work.update(options);
  expect(ran.exitCode, ran.stderr).toBe(0);
  expectClean(ran);
  const dir = join(options.root, 'halkbank');
  const manifest = JSON.parse(readFileSync(join(dir, 'manifest.json'), 'utf8')) as Manifest;
  return { stderr: ran.stderr, manifest, files: snapshot(dir) };
}
