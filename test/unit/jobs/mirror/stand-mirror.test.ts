import { appendFileSync, mkdirSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { makeChannel } from '../../../../scripts/lib/sample-upstream.js';
import { snapshot } from '../../../../scripts/lib/snapshot.js';
import { channelAt } from '../../../../src/conda/channel/channel.js';
import { parseMirrorText } from '../../../../src/config/mirror-file/read.js';
import type { MirrorReport } from '../../../../src/jobs/mirror/mirror-report.js';
import type { MirrorRequest } from '../../../../src/jobs/mirror/mirror-request.js';
import { mirror } from '../../../../src/jobs/mirror/mirror.js';
import { systemClock } from '../../../../src/runtime/clock.js';
import { tempDir } from '../../../helpers/artifacts.js';
import { gatePackages, jobRuntime, workSettingsOf, type JobRuntimeOptions } from '../../../helpers/gated-jobs.js';

const DAY = 86_400_000;
const APP = 'linux-64/app-1.0-0.conda';

interface At {
  channel: string;
  mirrorDir: string;
  stateDir: string;
  run(change?: Change, options?: JobRuntimeOptions): Promise<MirrorReport>;
}

type Change = Partial<MirrorRequest> & { lines?: string; delta?: boolean };

/** A mirror that was made by one whole run. */
async function mirrored(): Promise<At> {
  const dir = tempDir();
  const [channel, root] = [join(dir, 'upstream'), join(dir, 'root')];
  await makeChannel(channel, (await gatePackages()).one, { subdirs: ['linux-64'] });
  const { href } = pathToFileURL(channel);
  const at: At = {
    channel,
    mirrorDir: join(root, 'main'),
    stateDir: join(root, '.repackenv', 'main'),
    run: ({ lines = '', delta = false, ...change } = {}, options = {}) => {
      const text = `mirror_dir: ${join(root, 'main')}\nchannels: ["${href}"]\nplatforms: [linux-64]\n${lines}\n`;
      return mirror(jobRuntime(options), {
        ...workSettingsOf(join(dir, 'cache')),
        settings: parseMirrorText(text, 'mirror.yml'),
        root,
        label: 'main',
        channels: [channelAt(href)],
        token: undefined,
        profiles: [],
        deltaDir: delta ? join(dir, 'delta') : undefined,
        reset: false,
        allowShrink: false,
        keepGoing: false,
        ...change,
      });
    },
  };
  const first = await at.run();
  expect([first.published?.generation, stands(first)]).toEqual([1, false]);
  return at;
}

const stands = ({ published }: MirrorReport): boolean => published?.proof.asOf !== undefined;
const later = (ms: number): JobRuntimeOptions => ({ clock: { ...systemClock(), now: () => Date.now() + ms } });

describe('a mirror of what is as it was left', () => {
  it('is not looked into, and the report is that of a whole run that finds nothing new', async () => {
    const at = await mirrored();
    const before = snapshot(at.mirrorDir);
    const quick = await at.run();
    rmSync(join(at.stateDir, 'proven.json'));
    const whole = await at.run();
    expect([stands(quick), stands(whole), whole.published?.unchanged]).toEqual([true, false, true]);
    const { proof, delta, ...done } = whole.published!;
    expect({ ...quick, published: { ...quick.published, proof, delta } }).toEqual({
      ...whole,
      published: { ...done, proof, delta },
    });
    expect(snapshot(at.mirrorDir)).toEqual(before);
    const lastRun = JSON.parse(readFileSync(join(at.stateDir, 'last-run.json'), 'utf8')) as { unchanged: boolean };
    expect(lastRun.unchanged).toBe(true);
  });

  it('tells again, as a whole run would, what the filter brings about', async () => {
    const at = await mirrored();
    const lines = 'blacklist: [nothing-of-that-name]';
    await at.run({ lines });
    const quick = await at.run({ lines });
    rmSync(join(at.stateDir, 'proven.json'));
    const whole = await at.run({ lines });
    expect([stands(quick), stands(whole)]).toEqual([true, false]);
    expect(quick.findings).toEqual(whole.findings);
    expect(quick.findings).toMatchObject([{ code: 'filter-unmatched', warn: false }]);
  });

  it('is delivered whole where it must be, and then stands again', async () => {
    const at = await mirrored();
    writeFileSync(join(at.mirrorDir, 'noarch/other.txt'), '');
    expect(stands(await at.run())).toBe(false);
    expect(stands(await at.run())).toBe(true);
  });
});

describe('all of it is done', () => {
  it.each<[string, (at: At) => unknown, (JobRuntimeOptions | Change)?]>([
    ['an artifact has another time', (at) => utimesSync(join(at.mirrorDir, APP), 1e9, 1e9)],
    ['an artifact is gone', (at) => rmSync(join(at.mirrorDir, APP))],
    ['an index was altered', (at) => appendFileSync(join(at.mirrorDir, 'noarch/repodata.json'), ' ')],
    ['the manifest is gone', (at) => rmSync(join(at.mirrorDir, 'manifest.json'))],
    ['the sums were altered', (at) => appendFileSync(join(at.mirrorDir, 'SHA256SUMS'), '\n')],
    ['another file lies there', (at) => writeFileSync(join(at.mirrorDir, 'noarch/other.txt'), '')],
    ['another folder lies there', (at) => mkdirSync(join(at.mirrorDir, 'noarch/other'))],
    ['a stranger came', (at) => writeFileSync(join(at.mirrorDir, 'README.txt'), '')],
    [
      'a link stands for an artifact',
      (at) => {
        rmSync(join(at.mirrorDir, APP));
        symlinkSync(join(at.channel, APP), join(at.mirrorDir, APP));
      },
    ],
    ['the choice is forgotten', (at) => rmSync(join(at.stateDir, 'choice.json'))],
    ['what was seen is forgotten', (at) => rmSync(join(at.stateDir, 'seen.json'))],
    [
      'what was proven is torn',
      (at) =>
        writeFileSync(
          join(at.stateDir, 'proven.json'),
          readFileSync(join(at.stateDir, 'proven.json'), 'utf8').slice(0, -20),
        ),
    ],
    [
      'the channel has one package more',
      async (at) =>
        makeChannel(at.channel, [...(await gatePackages()).one, (await gatePackages()).two[1]!], {
          subdirs: ['linux-64'],
        }),
    ],
    ['a subdir left the channel', (at) => rmSync(join(at.channel, 'linux-64'), { recursive: true })],
    ['it was a week ago', () => undefined, later(7 * DAY)],
    ['it is asked for', () => undefined, { reset: true }],
    ['the mirror file has another line', () => undefined, { lines: 'blacklist: [lib]' }],
    ['the index is packed otherwise', () => undefined, { indexBz2: true }],
    ['deltas are wanted', () => undefined, { delta: true }],
  ])('where %s', async (_, change, other = {}) => {
    const at = await mirrored();
    expect(stands(await at.run())).toBe(true);
    await change(at);
    const run = 'clock' in other ? at.run({}, other) : at.run(other as Change);
    const report = await run.catch((error: unknown) => error as Error);
    expect(report instanceof Error ? false : stands(report)).toBe(false);
  });
});
