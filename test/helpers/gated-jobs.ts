import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { makeChannel, type ChannelOptions, type SamplePackage } from '../../scripts/lib/sample-upstream.js';
import { createRedactor } from '../../src/base/redact.js';
import { Secret } from '../../src/base/secret.js';
import type { Channel } from '../../src/conda/channel/channel.js';
import type { TargetProfile } from '../../src/conda/plan/profile.js';
import type { WorkSettings } from '../../src/config/work-settings.js';
import { targetProfile } from '../../src/conda/plan/target.js';
import { parseMatchSpec } from '../../src/conda/spec/match-spec.js';
import { parseMirrorText } from '../../src/config/mirror-file/read.js';
import { capture } from '../../src/jobs/capture.js';
import { doctor } from '../../src/jobs/doctor/doctor.js';
import { importMedia } from '../../src/jobs/import/import.js';
import { merge } from '../../src/jobs/merge/merge.js';
import { cleanMirror } from '../../src/jobs/mirror/clean-mirror.js';
import { mirror } from '../../src/jobs/mirror/mirror.js';
import { plan } from '../../src/jobs/plan.js';
import { rollback } from '../../src/jobs/rollback/rollback.js';
import { update } from '../../src/jobs/update.js';
import { systemClock, type Clock } from '../../src/runtime/clock.js';
import { undiciHttp } from '../../src/runtime/http.js';
import type { Runtime } from '../../src/runtime/runtime.js';
import { tempDir } from './artifacts.js';
import { keepByHand } from './generations.js';
import { importRequest } from './import-site.js';
import { publishSamples, samplePackage } from './label-folders.js';
import { makeDeltaFolder, makeMedium } from './media.js';
import { fakeClock, testRuntime, type TestRuntimeOptions } from './runtime.js';
import { FOLDER_OF_THE_RUN } from './temporary-folders.js';

/** The token of every job here; no channel of theirs asks for one. */
export const GATE_TOKEN = 'xx-01234567-89ab-4cde-8f01-sentineltoken';
const LABEL = 'acme';
const HOUR = 3_600_000;

export type JobRuntimeOptions = Omit<TestRuntimeOptions, 'clock'> & { clock?: Clock };

/** One job, before it runs: a label folder (of generation 1, or damaged, for the doctor), and something to be done to it. */
export interface Gated {
  dir: string;
  root: string;
  labelDir: string;
  stateDir: string;
  cacheDir: string;
  /** Runs the job in a runtime of its own. */
  run(options?: JobRuntimeOptions): Promise<unknown>;
}

export interface GatedOptions {
  /** Of the channel that the job reads: laid over the published records, by file name. */
  patches?: ChannelOptions['patches'];
  /** After all is prepared: what is done to the channel, folder or medium that the job reads. */
  spoil?: (source: string) => void;
  /** What the channel, or the folder of others, has besides. */
  more?: readonly SamplePackage[];
  /** Of what is imported or merged: its signature. */
  signature?: string;
  /** Laid over the request. */
  request?: Record<string, unknown>;
  /** The label folder is not there yet. */
  fresh?: boolean;
}

type Job = (options?: GatedOptions) => Promise<Gated>;

interface Packages {
  one: SamplePackage[];
  two: SamplePackage[];
}

const linux = { subdir: 'linux-64' };
let made: Promise<Packages> | undefined;

/** `app` (linux-64) needs `lib` (noarch); the second generation has a newer `app`. */
export function gatePackages(): Promise<Packages> {
  made ??= (async () => {
    const lib = await samplePackage('lib', '1.0', { noarch: 'generic' });
    const [one, two] = await Promise.all(
      ['1.0', '2.0'].map((version) => samplePackage('app', version, { ...linux, depends: ['lib'] })),
    );
    return { one: [lib, one!], two: [lib, two!] };
  })();
  return made;
}

/** Every job that changes a channel folder. */
export const JOBS = {
  update: async (options = {}) => {
    const at = await labelFolder(options);
    const request = await updateRequest(at, options);
    return gated(at, (rt) => update(rt, request));
  },
  capture: async (options = {}) => {
    const at = await labelFolder(options);
    const channel = await upstream(at, options);
    const prefix = await environment(at, channel);
    const request = {
      ...settings(at),
      label: LABEL,
      root: at.root,
      token: new Secret(GATE_TOKEN),
      tokenBaseUrl: 'https://conda.example/owner',
      prefix,
      virtualPackages: [],
      client: undefined,
      workDir: at.dir,
      writeTargetFolder: false,
      drop: [],
      ...options.request,
    };
    return gated(at, (rt) => capture(rt, request));
  },
  mirror: async (options = {}) => {
    const at = await labelFolder(options);
    const request = await mirrorRequest(at, options, 'shrink_limit: 60%');
    return gated(at, (rt) => mirror(rt, request));
  },
  'clean -f': async (options = {}) => {
    const at = await labelFolder(options);
    const request = await mirrorRequest(at, { ...options, channel: 'one' }, 'blacklist: [lib]');
    return gated(at, (rt) => cleanMirror(rt, request));
  },
  'merge a delta': async (options = {}) => {
    const at = await labelFolder(options);
    const since = readFileSync(join(at.vendor.one, 'manifest.json'));
    const from = makeDeltaFolder({ channel: at.vendor.two, out: join(at.dir, 'deltas'), since, name: 'news' });
    options.spoil?.(from);
    return gated(at, (rt) => merge(rt, mergeRequest(from, at, options)));
  },
  'merge a channel': async (options = {}) => {
    const at = await labelFolder(options);
    const from = join(at.dir, 'channel');
    await makeChannel(from, (await gatePackages()).two, { patches: options.patches ?? {}, subdirs: ['linux-64'] });
    options.spoil?.(from);
    return gated(at, (rt) => merge(rt, mergeRequest(from, at, options)));
  },
  import: async (options = {}) => {
    const at = await labelFolder(options);
    const out = join(at.dir, 'medium');
    const since = readFileSync(join(at.vendor.one, 'manifest.json'));
    await makeMedium({ channel: await signed(at, options), out, ...(options.fresh === true ? {} : { since }) });
    options.spoil?.(out);
    return gated(at, (rt) => importMedia(rt, importRequest(out, at.root, options.request)));
  },
  rollback: async (options = {}) => {
    const at = await labelFolder(options);
    if (options.fresh !== true) {
      keepByHand(at.labelDir);
      rmSync(at.labelDir, { recursive: true });
      cpSync(at.vendor.two, at.labelDir, { recursive: true, preserveTimestamps: true });
    }
    const own = { ...settings(at), label: LABEL, root: at.root, to: '1', why: undefined, from: [], drop: [] };
    const reached = { token: new Secret(GATE_TOKEN), tokenBaseUrl: 'https://conda.example/owner' };
    return gated(at, (rt) => rollback(rt, { ...own, ...reached, ...options.request }));
  },
  'doctor, ours': async (options = {}) => {
    const at = await labelFolder(options);
    writeFileSync(join(at.labelDir, 'linux-64', 'repodata.json'), '{');
    return gated(at, (rt) => repair(rt, at, options));
  },
  'doctor, foreign': async (options = {}) => {
    const at = await labelFolder({ ...options, fresh: true });
    const packages = [...(await gatePackages()).one, ...(options.more ?? [])];
    await makeChannel(at.labelDir, packages, { subdirs: ['linux-64'] });
    writeFileSync(join(at.labelDir, 'linux-64', 'repodata.json'), '{');
    return gated(at, (rt) => repair(rt, at, options));
  },
} as const satisfies Record<string, Job>;

/** The same request as `update`'s; it changes nothing. */
export const planJob: Job = async (options = {}) => {
  const at = await labelFolder(options);
  const request = await updateRequest(at, options);
  return gated(at, (rt) => plan(rt, request));
};

export type JobName = keyof typeof JOBS;
export const JOB_NAMES = Object.keys(JOBS) as JobName[];

interface At extends Omit<Gated, 'run'> {
  /** Both generations as the vendor published them. */
  vendor: { one: string; two: string };
}

let vendor: Promise<At['vendor']> | undefined;

/** Both generations, published once for all tests of a process. */
async function publishVendor(): Promise<At['vendor']> {
  const vendors = mkdtempSync(join(FOLDER_OF_THE_RUN, 'vendors-'));
  const kept = { one: join(vendors, 'one', LABEL), two: join(vendors, 'two', LABEL) };
  const { one, two } = await gatePackages();
  const clock = fakeClock();
  for (const [name, packages] of [['one', one] as const, ['two', two] as const]) {
    clock.advance(24 * HOUR);
    const rt = testRuntime({ clock, machine: { randomId: () => `vendor-${name}` } });
    const live = await publishSamples(rt, { root: join(vendors, 'root'), label: LABEL, packages });
    cpSync(live, kept[name], { recursive: true, preserveTimestamps: true });
  }
  return kept;
}

/** The vendor's first generation at ROOT/LABEL. */
async function labelFolder({ fresh = false }: GatedOptions): Promise<At> {
  vendor ??= publishVendor();
  const { one, two } = await vendor;
  const dir = tempDir();
  const root = join(dir, 'root');
  const labelDir = join(root, LABEL);
  mkdirSync(root);
  if (!fresh) cpSync(one, labelDir, { recursive: true, preserveTimestamps: true });
  const stateDir = join(root, '.repackenv', LABEL);
  return { dir, root, labelDir, stateDir, cacheDir: join(dir, 'cache'), vendor: { one, two } };
}

/** The second generation, signed where a signature is given. */
async function signed(at: At, { signature }: GatedOptions): Promise<string> {
  if (signature === undefined) return at.vendor.two;
  const root = join(at.dir, 'signed');
  cpSync(at.vendor.one, join(root, LABEL), { recursive: true, preserveTimestamps: true });
  const sign = () => Promise.resolve(Buffer.from(signature));
  return publishSamples(jobRuntime(), { root, label: LABEL, packages: (await gatePackages()).two, sign });
}

/** A channel in a folder: the second generation, unless said otherwise. */
async function upstream(
  at: At,
  { patches = {}, spoil, channel = 'two', more = [] }: GatedOptions & { channel?: 'one' | 'two' },
): Promise<Channel> {
  const dir = join(at.dir, 'upstream');
  const packages = (await gatePackages())[channel];
  await makeChannel(dir, [...packages, ...more], { patches, subdirs: ['linux-64'] });
  spoil?.(dir);
  return { url: pathToFileURL(dir).href, name: 'upstream', authenticated: false, role: 'base' };
}

/** An environment in which the second generation is installed. */
async function environment(at: At, channel: Channel): Promise<string> {
  const prefix = join(at.dir, 'envs', LABEL);
  mkdirSync(join(prefix, 'conda-meta'), { recursive: true });
  for (const { distFilename: fn, subdir, record } of (await gatePackages()).two) {
    const meta = { ...record, fn, url: `${channel.url}/${subdir}/${fn}`, channel: channel.url, files: [] };
    writeFileSync(join(prefix, 'conda-meta', `${record.name}-${record.version}-0.json`), JSON.stringify(meta));
  }
  return prefix;
}

async function updateRequest(at: At, options: GatedOptions) {
  return {
    ...settings(at),
    label: LABEL,
    root: at.root,
    token: new Secret(GATE_TOKEN),
    specs: [parseMatchSpec('app')],
    channels: [await upstream(at, options)],
    subdirs: ['linux-64'],
    profiles: [profileOf('linux-64')],
    drop: [],
    ...options.request,
  };
}

export function profileOf(subdir: string): TargetProfile {
  return targetProfile({ subdir, virtualPackages: [], client: undefined });
}

async function mirrorRequest(at: At, options: GatedOptions & { channel?: 'one' | 'two' }, filter: string) {
  const channel = await upstream(at, options);
  const text = `mirror_dir: ${at.labelDir}\nchannels: ["${channel.url}"]\nplatforms: [linux-64]\n${filter}\n`;
  return {
    ...settings(at),
    settings: parseMirrorText(text, 'mirror.yml'),
    root: at.root,
    label: LABEL,
    channels: [channel],
    token: undefined,
    profiles: [],
    deltaDir: undefined,
    reset: false,
    allowShrink: false,
    keepGoing: false,
    ...options.request,
  };
}

function mergeRequest(from: string, at: At, { request = {} }: GatedOptions) {
  const own = { from, channel: at.labelDir, dryRun: false, adopt: false, replace: [], siteFiles: false };
  return { ...own, waitLockMs: 0, takeOverLock: false, ...request };
}

function repair(rt: Runtime, at: At, { request = {} }: GatedOptions) {
  const own = { dir: at.labelDir, repair: true, prune: false, site: undefined };
  return doctor(rt, { ...own, waitLockMs: 0, takeOverLock: false, ...request });
}

function settings({ cacheDir }: At): WorkSettings {
  return workSettingsOf(cacheDir);
}

export function workSettingsOf(cacheDir: string): WorkSettings {
  return {
    channelPriority: 'flexible',
    engine: 'embedded',
    enginePath: undefined,
    keep: undefined,
    papers: ['none'],
    cacheDir,
    allowHttp: [],
    maxIndexMb: 450,
    requestsPerSecond: undefined,
    proxy: undefined,
    noProxy: [],
    caFiles: [],
    waitLockMs: 0,
    takeOverLock: false,
    prove: { kind: 'solve' },
    indexBz2: false,
    replace: [],
    signKey: undefined,
    siteFiles: false,
    attestations: false,
    adopt: false,
    dryRun: false,
  };
}

function redactor() {
  const made_ = createRedactor();
  made_.register(new Secret(GATE_TOKEN));
  return made_;
}

function gated(at: At, run: (rt: Runtime) => Promise<unknown>): Gated {
  const { dir, root, labelDir, stateDir, cacheDir } = at;
  return { dir, root, labelDir, stateDir, cacheDir, run: (options = {}) => run(jobRuntime(options)) };
}

let ids = 0;

/** In the real time, by which the solver and the doctor go. */
export function jobRuntime({ clock = systemClock(), secrets = redactor(), ...rest }: JobRuntimeOptions = {}): Runtime {
  const machine = { randomId: () => `job-${(ids += 1)}`, ...rest.machine };
  return { ...testRuntime({ http: undiciHttp(), ...rest, secrets, machine }), clock };
}
