import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { abilitiesOf } from '../../../../src/engine/conda/abilities.js';
import type { CondaEngine } from '../../../../src/engine/conda/conda-engine.js';
import { createWithConda } from '../../../../src/engine/conda/create-with-conda.js';
import type { CreatedWithConda } from '../../../../src/engine/conda/create-with-conda.js';
import type { Channel } from '../../../../src/conda/channel/channel.js';
import { RepackError } from '../../../../src/base/errors.js';
import { parseMatchSpec } from '../../../../src/conda/spec/match-spec.js';
import type { SolveRequest } from '../../../../src/conda/plan/plan.js';
import type { RepodataSource } from '../../../../src/conda/record/repodata-index.js';
import { scanRepodata } from '../../../../src/conda/record/repodata-scan.js';
import type { ExecCommand, ExecResult } from '../../../../src/runtime/exec.js';
import { tempDir } from '../../../helpers/artifacts.js';
import { testRuntime, type TestRuntime } from '../../../helpers/runtime.js';

export const OWNER: Channel = {
  url: 'https://conda.example/prometeia',
  name: 'prometeia',
  authenticated: true,
  role: 'owner',
};
export const BASE: Channel = {
  url: 'https://base.example/pkgs/main',
  name: 'pkgs/main',
  authenticated: false,
  role: 'base',
};
export const ACCESS = {
  proxyUrl: 'http://run:proxy-pass@127.0.0.1:4711',
  channels: [
    { channel: OWNER, url: 'http://conda.example/prometeia' },
    { channel: BASE, url: 'http://base.example/pkgs/main' },
  ],
};

export const MD5 = 'a'.repeat(32);
export const SHA256 = 'b'.repeat(64);

export interface MetaSpec extends Record<string, unknown> {
  name: string;
  version?: string;
  build?: string;
}

/** What conda-meta says of an artifact of the owner's linux-64 folder. */
export function meta(spec: MetaSpec): Record<string, unknown> {
  const { name, version = '1.0', build = '0' } = spec;
  const fn = `${name}-${version}-${build}.conda`;
  const url = `http://conda.example/prometeia/linux-64/${fn}`;
  return {
    version,
    build,
    build_number: 0,
    depends: [],
    fn,
    url,
    channel: 'http://conda.example/prometeia/linux-64',
    md5: MD5,
    sha256: SHA256,
    subdir: 'linux-64',
    ...spec,
  };
}

/** The channel's record of the same artifact. */
export function published(spec: MetaSpec): [string, Record<string, unknown>] {
  const { name, version = '1.0', build = '0' } = spec;
  return [
    `${name}-${version}-${build}.conda`,
    { version, build, build_number: 0, depends: [], md5: MD5, sha256: SHA256, subdir: 'linux-64', ...spec },
  ];
}

export type Upstream = Record<string, readonly [string, Record<string, unknown>][]>;

/** Keys: `prometeia/linux-64`. */
export function sourceOf(upstream: Upstream): RepodataSource {
  return {
    async repodata(channel, subdir) {
      const records = upstream[`${channel.name}/${subdir}`];
      if (records === undefined) return undefined;
      const document = {
        info: { subdir },
        packages: {},
        'packages.conda': Object.fromEntries(records),
        repodata_version: 1,
      };
      return scanRepodata(Buffer.from(JSON.stringify(document)), `${channel.url}/${subdir}/repodata.json`);
    },
  };
}

export interface FakeConda {
  /** Default: conda. */
  program?: CondaEngine['program'];
  version?: string;
  /** Files that `create` leaves in conda-meta, of its arguments or always these: name -> value (an object becomes JSON). */
  metas?: Record<string, unknown> | ((args: readonly string[]) => Record<string, unknown>);
  create?: Partial<ExecResult> & { out?: string };
  /** Laid over the settings of `config --show`. */
  settings?: Record<string, unknown>;
  sources?: Record<string, unknown>;
  info?: Record<string, unknown>;
  /** The solver to use. */
  solver?: CondaEngine['info']['solver'];
}

export interface FakeRun {
  rt: TestRuntime;
  commands: ExecCommand[];
  runDir: string;
  enginePkgsDir: string;
  engine: CondaEngine;
  create(specs: readonly string[], upstream?: Upstream, request?: Partial<SolveRequest>): Promise<CreatedWithConda>;
}

/** conda as a table: what it prints and what it leaves behind. */
export function fakeConda(fake: FakeConda = {}, env: Record<string, string> = {}): FakeRun {
  const program = fake.program ?? 'conda';
  const version = fake.version ?? (program === 'conda' ? '26.7.1' : '2.0.5');
  const commands: ExecCommand[] = [];
  const runDir = tempDir();
  const enginePkgsDir = join(tempDir(), 'engine-pkgs');
  const rt = testRuntime({
    env,
    exec: {
      run: async (command) => {
        commands.push(command);
        return answer(command, fake, enginePkgsDir);
      },
    },
  });
  const engine: CondaEngine = {
    program,
    path: `/opt/conda/bin/${program}`,
    version,
    abilities: abilitiesOf({ program, version }),
    info: {
      condaVersion: version,
      mamba: undefined,
      platform: 'linux-64',
      pkgsDirs: [],
      rootPrefix: '/opt/conda',
      activePrefix: undefined,
      defaultPrefix: '/opt/conda',
      condaPrefix: undefined,
      channels: [],
      configFiles: [],
      virtualPackages: undefined,
      solver: fake.solver,
    },
  };
  return {
    rt,
    commands,
    runDir,
    enginePkgsDir,
    engine,
    create: (specs, upstream = {}, request = {}) =>
      createWithConda(rt, {
        engine,
        access: ACCESS,
        source: sourceOf(upstream),
        runDir,
        enginePkgsDir,
        request: {
          specs: specs.map(parseMatchSpec),
          channels: [OWNER, BASE],
          channelPriority: 'flexible',
          profile: {
            subdir: 'linux-64',
            virtualPackages: [{ name: '__glibc', version: '2.17', build: '0' }],
            client: undefined,
          },
          ...request,
        },
      }),
  };
}

export async function failure(work: Promise<unknown>): Promise<RepackError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof RepackError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

/** For a test that changes something of this process. */
export function undoAfterTest(undo: () => void): void {
  onTestFinished(undo);
}

function answer(command: ExecCommand, fake: FakeConda, pkgsDir: string): ExecResult {
  const [verb, what] = command.args;
  if (verb === 'config')
    return printed(what === '--show' ? { ...settingsInForce(pkgsDir), ...fake.settings } : (fake.sources ?? {}));
  if (verb === 'info') {
    const info = fake.program === undefined ? infoInForce(pkgsDir) : mambaInfo(command, pkgsDir);
    return printed({ ...info, ...fake.info });
  }
  const prefix = command.args[command.args.indexOf('--prefix') + 1]!;
  mkdirSync(join(prefix, 'conda-meta'), { recursive: true });
  writeFileSync(join(prefix, 'conda-meta', 'history'), '==> now <==\n');
  const metas = typeof fake.metas === 'function' ? fake.metas(command.args) : (fake.metas ?? {});
  for (const [name, value] of Object.entries(metas)) {
    writeFileSync(join(prefix, 'conda-meta', name), typeof value === 'string' ? value : JSON.stringify(value));
  }
  const { out, ...result } = fake.create ?? {};
  return { ...printed({ success: true }), ...(out === undefined ? {} : { stdout: Buffer.from(out) }), ...result };
}

function settingsInForce(pkgsDir: string): Record<string, unknown> {
  return {
    channels: ACCESS.channels.map((each) => each.url),
    pkgs_dirs: [pkgsDir],
    proxy_servers: { http: ACCESS.proxyUrl, https: ACCESS.proxyUrl },
    offline: false,
    add_anaconda_token: false,
    add_pip_as_python_dependency: true,
    use_only_tar_bz2: false,
    subdir: 'linux-64',
    track_features: [],
    disallowed_packages: [],
    create_default_packages: [],
    pinned_packages: [],
  };
}

function infoInForce(pkgsDir: string): Record<string, unknown> {
  const channels = ACCESS.channels.flatMap(({ url }) => [`${url}/linux-64`, `${url}/noarch`]);
  return { conda_version: '26.7.1', platform: 'linux-64', pkgs_dirs: [pkgsDir], channels };
}

function mambaInfo({ args, env }: ExecCommand, pkgsDir: string): Record<string, unknown> {
  return {
    'libmamba version': '2.0.5',
    'micromamba version': '2.0.5',
    platform: 'linux-64',
    'package cache': [pkgsDir],
    channels: ACCESS.channels.flatMap(({ url }) => [`${url}/linux-64`, `${url}/noarch`]),
    'populated config files': [args[args.indexOf('--rc-file') + 1]],
    'virtual packages': ['__unix=0=0', `__glibc=${env['CONDA_OVERRIDE_GLIBC']}=0`, '__linux=0=0', '__archspec=1=0'],
  };
}

function printed(value: unknown): ExecResult {
  return {
    exitCode: 0,
    signal: undefined,
    stdout: Buffer.from(JSON.stringify(value)),
    stderr: Buffer.alloc(0),
    truncated: false,
    timedOut: false,
    aborted: false,
    startError: undefined,
  };
}
