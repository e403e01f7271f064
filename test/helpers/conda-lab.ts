import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { makeChannel, makePackage } from '../../scripts/lib/sample-upstream.js';
import { openStore } from '../../src/store/store.js';
import { createWithConda } from '../../src/engine/conda/create-with-conda.js';
import type { CreatedWithConda } from '../../src/engine/conda/create-with-conda.js';
import type { CondaEngine } from '../../src/engine/conda/conda-engine.js';
import { detectEngines } from '../../src/engine/detect.js';
import { openGateway } from '../../src/gateway/gateway.js';
import type { Channel } from '../../src/conda/channel/channel.js';
import { parseMatchSpec } from '../../src/conda/spec/match-spec.js';
import type { SolveRequest } from '../../src/conda/plan/plan.js';
import type { TargetProfile } from '../../src/conda/plan/profile.js';
import type { Exec, ExecCommand } from '../../src/runtime/exec.js';
import { execaExec } from '../../src/runtime/exec.js';
import { undiciHttp } from '../../src/runtime/http.js';
import { systemClock } from '../../src/runtime/clock.js';
import { testRuntime, type TestRuntime } from './runtime.js';

/** The customer's client of the lab: as old as the engine. */
export const OLD_PROFILE: TargetProfile = {
  subdir: 'linux-64',
  virtualPackages: [],
  client: {
    name: 'conda',
    version: '4.3',
    readsCondaFormat: false,
    knowsVirtualPackages: false,
    needsBz2Index: true,
    injectsPip: true,
  },
};

export interface CondaLab {
  dir: string;
  /** Folders of the channels, highest priority first. */
  channels: { label: Channel; owner: Channel; base: Channel };
  folders: { label: string; owner: string; base: string };
  /** Whose home the user's configuration is in. */
  home: string;
  commands: ExecCommand[];
  runtime(env?: Record<string, string>): TestRuntime;
  engine(path: string): Promise<CondaEngine>;
  create(engine: CondaEngine, specs: readonly string[], options?: CreateInLab): Promise<CreatedWithConda>;
  /** What is left in the run folder. */
  leftovers(): string[];
  close(): void;
}

export interface CreateInLab {
  channels?: readonly Channel[];
  request?: Partial<SolveRequest>;
  rt?: TestRuntime;
  timeoutMs?: number;
}

/**
 * Channels of small `.tar.bz2` packages without virtual packages, which every conda since 4.3 can install, and what is needed to let a
 * real conda create environments from them through the real gateway.
 */
export async function openCondaLab(): Promise<CondaLab> {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'repackenv-conda-lab-')));
  const folders = { label: join(dir, 'label'), owner: join(dir, 'owner'), base: join(dir, 'base') };
  await fillChannels(folders);
  const runDir = join(dir, 'run');
  const home = join(dir, 'home');
  for (const folder of [runDir, home, join(dir, 'cache')]) mkdirSync(folder, { mode: 0o700 });
  const channels = {
    label: channel(folders.label, 'prometeia/label/halkbank', 'label'),
    owner: channel(folders.owner, 'prometeia', 'owner'),
    base: channel(folders.base, 'pkgs/main', 'base'),
  };
  const commands: ExecCommand[] = [];
  const exec = recordingExec(commands);
  const runtime = (env: Record<string, string> = {}): TestRuntime => ({
    ...testRuntime({
      exec,
      http: undiciHttp(),
      env: { HOME: home, PATH: '/usr/bin:/bin', LANG: 'C.UTF-8', ...env },
      machine: { cwd: dir, randomId: () => Math.random().toString(36).slice(2) },
    }),
    clock: systemClock() as TestRuntime['clock'],
  });
  return {
    dir,
    channels,
    folders,
    home,
    commands,
    runtime,
    async engine(path) {
      const [found] = await detectEngines(runtime(), { enginePath: path });
      if (found?.conda === undefined) throw new Error(`${path}: ${found?.problem ?? 'not found'}`);
      return found.conda;
    },
    async create(engine, specs, options = {}) {
      const rt = options.rt ?? runtime();
      const declared = options.channels ?? [channels.label, channels.owner, channels.base];
      const store = await openStore(rt, join(dir, 'cache'));
      const gateway = await openGateway(rt, {
        channels: declared,
        cacheDir: join(dir, 'cache'),
        view: (index) => index,
        store,
      });
      const request: SolveRequest = {
        specs: specs.map(parseMatchSpec),
        channels: declared,
        channelPriority: 'flexible',
        profile: OLD_PROFILE,
        ...options.request,
      };
      try {
        return await createWithConda(rt, {
          engine,
          request,
          access: await gateway.listen(),
          source: gateway,
          runDir,
          enginePkgsDir: join(dir, 'engine-pkgs', engine.version),
          upstreamFailures: () => gateway.failures(),
          ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
        });
      } finally {
        await gateway.close();
      }
    },
    leftovers: () => readdirSync(runDir),
    close: () => rmSync(dir, { recursive: true, force: true }),
  };
}

/** A launcher named conda that sets variables before it starts the real one: a valid engine path. */
export function launcher(dir: string, conda: string, variables: Record<string, string>): string {
  const folder = mkdtempSync(join(dir, 'launcher-'));
  const path = join(folder, 'conda');
  const lines = Object.entries(variables).map(([name, value]) => `export ${name}='${value}'`);
  writeFileSync(path, ['#!/bin/sh', ...lines, `exec '${conda}' "$@"`, ''].join('\n'), { mode: 0o755 });
  return path;
}

export async function fillChannels(folders: CondaLab['folders']): Promise<void> {
  const tarBz2 = 'tar.bz2' as const;
  const linux = { subdir: 'linux-64', format: tarBz2 };
  const generic = { noarch: 'generic' as const, format: tarBz2 };
  const python = {
    name: 'python',
    version: '3.9.18',
    build: 'lab_0',
    depends: ['tzdata'],
    files: { 'bin/python': 'not one' },
    ...linux,
  };
  await makeChannel(
    folders.base,
    [
      await makePackage(python),
      await makePackage({
        name: 'pip',
        version: '24.2',
        build: 'py_0',
        depends: ['python'],
        files: { 'share/pip': '24.2' },
        ...generic,
      }),
      await makePackage({ name: 'tzdata', version: '2024a', files: { 'share/tz': 'UTC' }, ...generic }),
      await makePackage({
        name: 'numpy',
        version: '1.26.4',
        build: 'py39_0',
        depends: ['python >=3.9,<3.10.0a0'],
        files: { 'lib/np': '1' },
        ...linux,
      }),
      await makePackage({ name: 'alib', version: '1.0', depends: ['blib <2'], files: { 'lib/a': '1' }, ...linux }),
      await makePackage({ name: 'blib', version: '1.0', files: { 'lib/b': '1' }, ...linux }),
    ],
    { subdirs: ['linux-64'] },
  );
  await makeChannel(
    folders.owner,
    [
      await makePackage({
        name: 'pytho',
        version: '1.8',
        depends: ['python'],
        files: { 'share/pytho': '1.8' },
        ...generic,
      }),
      await makePackage({
        name: 'pytho',
        version: '1.9',
        depends: ['python'],
        files: { 'share/pytho': '1.9' },
        ...generic,
      }),
      await makePackage({
        name: 'ratemodels',
        version: '0.7',
        depends: ['numpy', 'tzdata <2024'],
        files: { 'share/models': '0.7' },
        ...generic,
      }),
      await makePackage({
        name: 'ratingpro',
        version: '2.4.0',
        depends: ['pytho >=1.8', 'ratemodels'],
        files: { 'share/rating': '2.4.0' },
        ...linux,
      }),
      await makePackage({ name: 'blib', version: '2.0', files: { 'lib/b': '2' }, ...linux }),
      await makePackage({
        name: 'clash',
        version: '1.0',
        depends: ['alib', 'blib 1.0'],
        files: { 'share/clash': '1' },
        ...linux,
      }),
    ],
    { subdirs: ['linux-64'], patches: { 'ratemodels-0.7-0.tar.bz2': { depends: ['numpy'] } } },
  );
  await makeChannel(
    folders.label,
    [
      await makePackage({
        name: 'ratingpro',
        version: '2.4.1',
        depends: ['pytho >=1.8', 'ratemodels'],
        files: { 'share/rating': '2.4.1' },
        ...linux,
      }),
    ],
    { subdirs: ['linux-64'] },
  );
}

function channel(folder: string, name: string, role: Channel['role']): Channel {
  return { url: pathToFileURL(folder).href, name, authenticated: false, role };
}

function recordingExec(commands: ExecCommand[]): Exec {
  const real = execaExec();
  return {
    run: async (command) => {
      commands.push(command);
      return real.run(command);
    },
  };
}
