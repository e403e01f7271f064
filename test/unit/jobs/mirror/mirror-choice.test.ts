import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CHOICE_NAME, chooseFiles, rememberChoice } from '../../../../src/jobs/mirror/choice-memory.js';
import type { MirrorRequest } from '../../../../src/jobs/mirror/mirror-request.js';
import { parseMirrorText } from '../../../../src/config/mirror-file/read.js';
import { systemClock } from '../../../../src/runtime/clock.js';
import type { Workers } from '../../../../src/runtime/workers.js';
import { tempDir } from '../../../helpers/artifacts.js';
import { testRuntime } from '../../../helpers/runtime.js';
import { channel, sourcesOf } from '../../mirror/mirror-sample.js';

const main = channel('main');
const sources = sourcesOf(main, { 'app-1-0': { depends: ['lib'] }, 'lib-1-0': {} });
const settings = parseMirrorText(
  'mirror_dir: /srv/m/main\nplatforms: [linux-64]\ninclude: [app]\nwith_dependencies: solve\n',
  'mirror.yml',
);
const request = {
  settings,
  channels: [main],
  channelPriority: 'strict',
  profiles: [{ subdir: 'linux-64', virtualPackages: [], client: undefined }],
  reset: false,
} as unknown as MirrorRequest;

/** Threads that die of the first task, for want of memory. */
function dyingWorkers(): Workers & { started: number } {
  const workers = {
    started: 0,
    start: () => {
      workers.started += 1;
      const listeners: ((error: Error) => void)[] = [];
      return {
        post: () => void queueMicrotask(() => listeners.forEach((tell) => tell(new Error('out of memory')))),
        onMessage: () => undefined,
        onError: (listener: (error: Error) => void) => void listeners.push(listener),
        onExit: () => undefined,
        terminate: async () => undefined,
      };
    },
  };
  return workers;
}

describe('the choice of a mirror', () => {
  it('is remembered, and taken up while channels and filter are the same', async () => {
    const stateDir = tempDir();
    const rt = { ...testRuntime(), clock: systemClock() };
    const choice = await chooseFiles(rt, { request, sources, stateDir });
    expect(choice).toMatchObject({ remembered: false, final: true });
    expect(choice.picked.map(({ fn }) => fn)).toEqual(['app-1-0.conda', 'lib-1-0.conda']);
    await rememberChoice(rt, { stateDir }, choice);
    const workers = dyingWorkers();
    const again = await chooseFiles(testRuntime({ workers }), { request, sources, stateDir });
    expect(again).toMatchObject({ remembered: true, final: true });
    expect(again.picked).toEqual(choice.picked.map(({ channel: of, subdir, fn }) => ({ channel: of, subdir, fn })));
    expect(workers.started).toBe(0);
    const other = sourcesOf(main, { 'app-1-0': { depends: ['lib'] }, 'lib-1-0': { size: 2 } });
    expect(await chooseFiles(rt, { request, sources: other, stateDir })).toMatchObject({ remembered: false });
    const reset = { ...request, reset: true };
    expect(await chooseFiles(rt, { request: reset, sources, stateDir })).toMatchObject({ remembered: false });
  });

  it('tells of a list that takes nothing, and of one that forbids what is needed', async () => {
    const lists = parseMirrorText(
      'mirror_dir: /srv/m/main\nplatforms: [linux-64]\ninclude:\n  - app\n  - ap\nblacklist:\n  - lib\nwith_dependencies: all\n',
      'mirror.yml',
    );
    const { findings } = await chooseFiles(testRuntime(), {
      request: { ...request, settings: lists },
      sources,
      stateDir: tempDir(),
    });
    expect(findings.map(({ code, message }) => [code, message])).toEqual([
      ['filter-unmatched', 'include: "ap" (line 5) matches nothing in the channels; is it spelt as the package is?'],
      ['dependency-forbidden', 'blacklist "lib" (line 7) forbids what is needed: linux-64/app-1-0.conda needs lib'],
    ]);
  });

  it.each([
    ['with no filter', '', 'all 4 records'],
    ['with a filter that leaves one out', 'include: [app, lib, odd]\n', 'the 3 wanted records'],
  ])('C8: %s: all records are refused, and it says why, counted', async (_title, filter, said) => {
    const bad = sourcesOf(main, {
      'app-1-0': { sha256: undefined, md5: undefined } as never,
      'lib-1-0': { name: 'other' },
      'odd-1-0': { name: 'another' },
      'rest-1-0': { depends: 'x' } as never,
    });
    const whole = parseMirrorText(`mirror_dir: /srv/m/main\nplatforms: [linux-64]\n${filter}`, 'mirror.yml');
    const error: unknown = await chooseFiles(testRuntime(), {
      request: { ...request, settings: whole },
      sources: bad,
      stateDir: tempDir(),
    }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'E_RECORD',
      what: `Nothing can be mirrored: ${said} of the channels are refused`,
      where: main.url,
      details: [
        '2 records: its name is …, its file name says … (linux-64/lib-1-0.conda, linux-64/odd-1-0.conda)',
        '1 record: it has neither sha256 nor md5, so its file can not be checked (linux-64/app-1-0.conda)',
        ...(filter === '' ? ['1 record: has no usable "depends": not a list of texts (linux-64/rest-1-0.conda)'] : []),
      ],
    });
  });

  it('is made anew after a run in which the solver broke down, twice for the same file', async () => {
    const stateDir = tempDir();
    const workers = dyingWorkers();
    const rt = testRuntime({ workers });
    // The newest of both do not go together: no choice without a solver.
    const knotted = sourcesOf(main, {
      'app-1-0': { depends: ['lib', 'base'] },
      'lib-2-0': { depends: ['base <2'] },
      'lib-1-0': {},
      'base-2-0': {},
      'base-1-0': {},
    });
    const choice = await chooseFiles(rt, { request, sources: knotted, stateDir });
    expect(choice).toMatchObject({ final: false, findings: [{ code: 'not-installable', exit: true }] });
    expect(choice.picked.map(({ fn }) => fn)).toEqual(['app-1-0.conda']);
    await rememberChoice(rt, { stateDir }, choice);
    expect(existsSync(join(stateDir, CHOICE_NAME))).toBe(false);
  });

  it('knows what a file needs whose build string nobody could ask for', async () => {
    const odd = `py3.8_${'x'.repeat(64)}_0`;
    const rt = { ...testRuntime(), clock: systemClock() };
    const sure = sourcesOf(main, { [`app-1-${odd}`]: { depends: ['lib'] }, 'lib-1-0': {} });
    const choice = await chooseFiles(rt, { request, sources: sure, stateDir: tempDir() });
    expect(choice.picked.map(({ fn }) => fn)).toEqual([`app-1-${odd}.conda`, 'lib-1-0.conda']);
    const knotted = sourcesOf(main, {
      [`app-1-${odd}`]: { depends: ['lib', 'base'] },
      'lib-2-0': { depends: ['base <2'] },
      'lib-1-0': {},
      'base-2-0': {},
      'base-1-0': {},
    });
    const solved = await chooseFiles(rt, { request, sources: knotted, stateDir: tempDir() });
    expect(solved.picked).toHaveLength(3);
    expect(solved.findings).toEqual([]);
  });
});
