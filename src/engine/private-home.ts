import { join, sep } from 'node:path';
import type { Runtime } from '../runtime/runtime.js';
import { removeTree } from './conda/remove-tree.js';
import { personalEnv } from './user-environment.js';

/** A home in which an engine is asked what the user has: the user's configuration files copied, all else empty, no way to the network. */
export interface PrivateHome {
  env: Readonly<Record<string, string>>;
  /** The user's place of a path that was printed in here. */
  usersPath(path: string): string;
}

type Doors = Pick<Runtime, 'fs' | 'env' | 'machine' | 'clock' | 'events'>;

const PREFIX = 'repackenv-engine-';
const LONGEST_QUESTION_MS = 60 * 60_000;

/** A proxy where nothing listens: what a program that is to stay offline would reach. */
export const NOWHERE = 'http://127.0.0.1:9';

/** Where conda (`conda/base/constants.py`, SEARCH_PATH) and mamba (`libmamba/src/api/configuration.cpp`) look for configuration in a home. */
const FOLDERS = ['', '.conda', '.mamba', '.config/conda', '.config/mamba'];
const FILES = ['.condarc', 'condarc', '.mambarc', 'mambarc'];
const DROP_INS = ['condarc.d', 'mambarc.d'];

/**
 * Runs `work` with a private home that is gone afterwards. Even `info` writes into a home (conda: `.cache/conda/notices`), and a conda of
 * one file that was never started installs itself there.
 */
export async function withPrivateHome<T>(rt: Doors, work: (home: PrivateHome) => Promise<T>): Promise<T> {
  await sweep(rt);
  const dir = join(rt.machine.tmpdir, `${PREFIX}${rt.machine.pid}-${rt.machine.randomId()}`);
  // Fails where something is there already, a symlink that someone laid included.
  await rt.fs.mkdir(dir, 0o700);
  try {
    return await work(await furnished(rt, dir));
  } finally {
    await removeTree(rt, dir);
  }
}

/** Homes that a killed run left: they hold copies of the user's configuration. No question takes so long; what is another user's stays. */
async function sweep(rt: Doors): Promise<void> {
  const { fs, machine, clock } = rt;
  for (const { name } of await fs.readdir(machine.tmpdir).catch(() => [])) {
    if (!name.startsWith(PREFIX)) continue;
    const left = join(machine.tmpdir, name);
    const stats = await fs.lstat(left).catch(() => undefined);
    if (stats?.isDirectory() !== true || clock.now() - stats.mtimeMs < LONGEST_QUESTION_MS) continue;
    await fs.remove(left).catch(() => undefined);
  }
}

async function furnished(rt: Doors, dir: string): Promise<PrivateHome> {
  const own = personalEnv(rt);
  const home = join(dir, 'home');
  const usersHome = (rt.machine.platform === 'win32' ? own['USERPROFILE'] : own['HOME']) ?? rt.machine.homedir;
  const xdgConfig = own['XDG_CONFIG_HOME'];
  /** Each with what stands for it in here. */
  const moved = {
    APPDATA: [own['APPDATA'] ?? join(usersHome, 'AppData', 'Roaming'), join(dir, 'roaming')],
    LOCALAPPDATA: [own['LOCALAPPDATA'] ?? join(usersHome, 'AppData', 'Local'), join(dir, 'local')],
    XDG_CACHE_HOME: [own['XDG_CACHE_HOME'] ?? join(usersHome, '.cache'), join(dir, 'cache')],
    XDG_DATA_HOME: [own['XDG_DATA_HOME'] ?? join(usersHome, '.local', 'share'), join(dir, 'data')],
    XDG_STATE_HOME: [join(usersHome, '.local', 'state'), join(dir, 'state')],
    ...(xdgConfig === undefined ? {} : { XDG_CONFIG_HOME: [xdgConfig, join(dir, 'config')] }),
    HOME: [usersHome, home],
  } satisfies Record<string, [string, string]>;
  const places = Object.entries(moved);
  for (const [, [, place]] of places) await rt.fs.mkdirp(place, 0o700);
  await Promise.all(FOLDERS.map((folder) => copyConfiguration(rt, join(usersHome, folder), join(home, folder))));
  if (xdgConfig !== undefined) {
    const copies = ['conda', 'mamba'].map((name) =>
      copyConfiguration(rt, join(xdgConfig, name), join(dir, 'config', name)),
    );
    await Promise.all(copies);
  }
  const proxies = ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY'].map((name) => [name, NOWHERE]);
  return {
    env: {
      ...own,
      ...Object.fromEntries(places.map(([name, [, place]]) => [name, place])),
      USERPROFILE: home,
      TMPDIR: dir,
      TEMP: dir,
      TMP: dir,
      ...Object.fromEntries(proxies),
    },
    usersPath: (path) => {
      const [users, here] = places.find(([, [, place]]) => path === place || path.startsWith(place + sep))?.[1] ?? [];
      return users === undefined ? path : users + path.slice(here!.length);
    },
  };
}

/** What can't be read is not in force for the user's engine either. */
async function copyConfiguration({ fs }: Doors, from: string, to: string): Promise<void> {
  const dropIns = await Promise.all(
    DROP_INS.map(async (folder) =>
      (await fs.readdir(join(from, folder)).catch(() => [])).map((entry) => join(folder, entry.name)),
    ),
  );
  for (const file of [...FILES, ...dropIns.flat()]) {
    const bytes = await fs.readFile(join(from, file)).catch(() => undefined);
    if (bytes === undefined) continue;
    await fs.mkdirp(join(to, file, '..'), 0o700);
    await fs.writeNew(join(to, file), bytes);
  }
}
