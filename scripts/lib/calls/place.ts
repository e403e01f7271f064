import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findLayer } from '../layers.js';
import { startTokenServer } from '../token-server.js';
import { makeUpstreams, recordsOf, startSlowHost } from './upstreams.js';
import { writeSshKey } from './ssh-key.js';

export const TOKEN = 'xx-5e4d3c2b-calls-4a1b-9c8d-not-a-real-token';

/** Always these: addresses stand in manifests, and so in the digests of all that holds one. */
const PORTS = { recording: 18_712, upstream: 18_713, old: 18_714, slow: 18_715 };

/** One call of one of our programs, and what is arranged around it. */
export type Call = {
  name: string;
  /** Default `repackenv`. */
  program?: 'repackenv' | 'update-offline-repo';
  args: readonly string[];
  /** Default the folder of the place. */
  cwd?: string;
  env?: Readonly<Record<string, string>>;
  before?: () => void | Promise<void>;
  after?: () => void | Promise<void>;
  /** For a program that serves: called with its address; then it is asked to end. What it returns is recorded. */
  ask?: (url: string) => Promise<string>;
};

/** A release engineer's machine and a site's, in one folder that is the same for every recording. */
export type Place = {
  dir: string;
  at(...names: string[]): string;
  url: string;
  /** The upstream whose packages are all `.tar.bz2`, for conda 4.3. */
  oldUrl: string;
  slowUrl: string;
  conda43: string | undefined;
  /** `ssh-ed25519 AAAA…` of `keys/release` and of `keys/other`. */
  keys: { release: string; other: string };
  setGeneration(generation: number): void;
  write(path: string, text: string): string;
  copy(from: string, to: string): void;
  /** Starts a run that holds the label until `letGo`. */
  hold(start: () => Promise<unknown>): Promise<{ letGo(): Promise<void> }>;
  close(): Promise<void>;
};

/** Waits while another recording is under way on this machine: it has the ports. */
export async function openPlace(dir: string): Promise<Place> {
  const underWay = await whenFree(() => startSlowHost(PORTS.recording));
  rmSync(dir, { recursive: true, force: true });
  const at = (...names: string[]): string => join(dir, ...names);
  mkdirSync(at('tmp'), { recursive: true });
  await makeUpstreams({ upstream: at('upstream'), oldUpstream: at('old-upstream') });
  const upstream = await whenFree(() => startTokenServer({ dir: at('upstream'), token: TOKEN, port: PORTS.upstream }));
  const old = await whenFree(() => startTokenServer({ dir: at('old-upstream'), token: TOKEN, port: PORTS.old }));
  const conda43 = findLayer('conda43');
  return {
    dir,
    at,
    url: upstream.url,
    oldUrl: old.url,
    slowUrl: `http://127.0.0.1:${PORTS.slow}`,
    conda43: conda43.available ? conda43.path : undefined,
    keys: { release: writeSshKey(at('keys'), 'release'), other: writeSshKey(at('keys'), 'other') },
    setGeneration: upstream.setGeneration,
    write: (path, text) => {
      mkdirSync(dirname(at(path)), { recursive: true });
      writeFileSync(at(path), text);
      return at(path);
    },
    copy: (from, to) => cpSync(at(from), at(to), { recursive: true, preserveTimestamps: true }),
    hold: async (start) => {
      const host = await whenFree(() => startSlowHost(PORTS.slow));
      const ended = start();
      await Promise.race([host.asked, ended]);
      return {
        letGo: async () => {
          host.letGo();
          await ended;
        },
      };
    },
    close: async () => {
      await upstream.close();
      await old.close();
      underWay.close();
    },
  };
}

/** An environment as conda leaves it, as far as `capture` reads it: `conda-meta` with the records of these files of a channel. */
export function writeEnvironment(
  place: Place,
  name: string,
  packages: readonly { channel: string; folder: string; path: string }[],
): void {
  for (const { channel, folder, path } of packages) {
    const [subdir, fn] = path.split('/') as [string, string];
    const record = recordsOf(place.at('upstream', 'gen1', folder, subdir))[fn];
    if (record === undefined) throw new Error(`no ${path} in ${folder}`);
    const stem = fn.replace(/\.(conda|tar\.bz2)$/, '');
    const meta = { ...record, fn, channel: `${channel}/${subdir}`, url: `${channel}/${path}`, files: [] };
    place.write(join('envs', name, 'conda-meta', `${stem}.json`), `${JSON.stringify(meta, undefined, 2)}\n`);
  }
  place.write(join('envs', name, 'conda-meta', 'history'), '');
}

/** The first file of a folder, by name, that matches. */
export function named(dir: string, name: RegExp): string {
  const found = readdirSync(dir)
    .sort()
    .find((each) => name.test(each));
  if (found === undefined) throw new Error(`${dir}: no ${String(name)} among ${readdirSync(dir).join(', ')}`);
  return found;
}

async function whenFree<T>(open: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await open();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || tries > 1800) throw error;
      if (tries === 0) console.log('waiting: another recording is under way on this machine');
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
}
