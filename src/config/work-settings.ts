import type { ChannelLogin } from '../base/channel-login.js';
import { parseClient } from '../conda/plan/target.js';
import type { SettingValues } from './settings.js';

/** How installability is proven before publish: always by an offline solve, on request also by a real installation. */
export type ProofKind = { kind: 'solve' } | { kind: 'install'; enginePath: string | undefined };

/** Settings that jobs take as they are. */
const AS_GIVEN = [
  'channelPriority',
  'engine',
  'enginePath',
  'cacheDir',
  'allowHttp',
  'maxIndexMb',
  'requestsPerSecond',
  'proxy',
  'noProxy',
  'caFiles',
  'takeOverLock',
  'replace',
  'keep',
  'signKey',
  'papers',
  'attestations',
  'adopt',
  'dryRun',
] as const satisfies readonly (keyof SettingValues)[];

type Taken = Pick<SettingValues, (typeof AS_GIVEN)[number]>;

type Frozen<T> = { readonly [K in keyof T]: T[K] extends (infer E)[] ? readonly E[] : T[K] };

/** The settings as jobs take them: what every job needs to reach channels and to work on this machine. */
export interface WorkSettings extends Frozen<Taken> {
  logins?: readonly ChannelLogin[] | undefined;
  /** How long to wait for another run on the same label; 0: not at all. */
  waitLockMs: number;
  prove: ProofKind;
  indexBz2: boolean;
  /** Write what a site without this tool needs beside the label folder. */
  siteFiles: boolean;
}

/** `values` as resolved: paths are absolute. */
export function workSettings(values: SettingValues & Pick<WorkSettings, 'logins'>): WorkSettings {
  const [kind, enginePath] = values.prove.split(/=(.*)/s);
  return {
    ...(Object.fromEntries(AS_GIVEN.map((name) => [name, values[name]])) as Taken),
    logins: values.logins,
    waitLockMs: values.waitLock * 1000,
    prove: kind === 'install' ? { kind, enginePath } : { kind: 'solve' },
    // A client that reads only `.bz2` indexes gets them without being asked for: conda 4.3 offline.
    indexBz2:
      values.index.includes('bz2') ||
      (values.client !== undefined && values.client !== 'none' && parseClient(values.client).needsBz2Index),
    siteFiles: values.siteFiles === 'on',
  };
}
