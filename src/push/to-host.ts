import { dirname, join } from 'node:path';
import { RepackError } from '../base/errors.js';
import { isMissing } from '../base/fs-errors.js';
import { MANIFEST_NAME } from '../channel/manifest/manifest.js';
import type { ExecResult } from '../runtime/exec.js';
import type { Runtime } from '../runtime/runtime.js';
import type { Cargo, Carrier, Far, FarFile } from './cargo.js';
import type { Target } from './target.js';

export interface HostOptions {
  label: string;
  target: Extract<Target, { kind: 'host' }>;
  /** The folder that holds the label's: artifacts are sent from where they lie. */
  root: string;
  /** An empty folder of this run, for what is not on the disk as it is sent. */
  work: string;
  /** Artifacts are files of the label folder; else (an earlier generation) they are laid out in `work`. */
  inPlace: boolean;
  /** Throws where a file is not as the manifest says: rsync would send it as it is. */
  check: (cargo: readonly Cargo[]) => Promise<void>;
}

/**
 * Another host, by the rsync and ssh of this machine, with the configuration that the user has for them. One call of rsync for each part of the
 * plan. A file is renamed into its place when it is whole; half a file is kept there and gone on with.
 *
 * @throws RepackError E_PUSH: what rsync or ssh say
 */
export function toHost(rt: Runtime, { label, target, root, work, inPlace, check }: HostOptions): Carrier {
  const { host, port, path } = target;
  const top = `${host}:${path.replace(/\/+$/, '') || '/'}/`;
  const rsh =
    rt.env['RSYNC_RSH'] ??
    `ssh -o BatchMode=yes -o ConnectTimeout=20 -o ServerAliveInterval=30 -o ServerAliveCountMax=10${port === undefined ? '' : ` -p ${port}`}`;
  let exists = false;
  /** Paths of files there. */
  let standing = new Set<string>();

  async function rsync(args: readonly string[], input?: string): Promise<ExecResult> {
    rt.signal.throwIfAborted();
    const inherited = Object.entries(rt.env).filter((entry): entry is [string, string] => entry[1] !== undefined);
    const ran = await rt.exec.run({
      file: 'rsync',
      // -s: names reach the other side as they are, past its shell. Their times are told in UTC, numbers without commas.
      args: ['-s', '--no-h', `--timeout=${SILENCE_S}`, '-e', rsh, ...args],
      env: { ...Object.fromEntries(inherited), TZ: 'UTC', LC_ALL: 'C' },
      cwd: work,
      timeoutMs: MOST_MS,
      silentMs: STILL_MS,
      signal: rt.signal,
      ...(input === undefined ? {} : { input: Buffer.from(input) }),
    });
    rt.signal.throwIfAborted();
    return ran;
  }

  async function sound(args: readonly string[], input?: string): Promise<string> {
    const ran = await rsync(args, input);
    if (ran.exitCode !== 0) throw explained(ran, top);
    return text(ran.stdout);
  }

  async function look(): Promise<Far> {
    const filters = ['/', '/**', '.*'].map((end) => `--include=/${label}${end}`);
    const ran = await rsync(['-r', '--list-only', ...filters, `--include=/${MANIFEST_NAME}`, '--exclude=*', top]);
    const nothing = ran.exitCode === 23 && /No such file or directory/.test(text(ran.stderr));
    if (ran.exitCode !== 0 && !nothing) throw explained(ran, top);
    exists = ran.exitCode === 0;
    const files = readListing(text(ran.stdout));
    const isChannel = files.delete(MANIFEST_NAME);
    standing = new Set(files.keys());
    for (const [name, { size }] of files) if (!name.startsWith(`${label}/`) && size < 0) files.delete(name);
    const name = `${label}/${MANIFEST_NAME}`;
    if (!files.has(name)) return { files, manifest: undefined, isChannel };
    const copy = join(work, 'there.json');
    await sound(['-t', `${top}${name}`, copy]);
    const manifest = await rt.fs.readFile(copy).catch((error: unknown) => {
      if (isMissing(error)) return undefined;
      throw error;
    });
    return { files, manifest, isChannel };
  }

  /** Of what is small rsync compares the bytes itself, unless all of it is there already. */
  async function holds({ kind, size, mtimeMs }: Cargo, far: FarFile, same: boolean): Promise<boolean> {
    if (kind !== 'artifact' && !same) return false;
    return far.size === size && Math.abs((far.mtimeMs ?? 0) - mtimeMs) < 2000;
  }

  async function put(cargo: readonly Cargo[], done: (path: string) => Promise<void>): Promise<number> {
    if (cargo.length === 0) return 0;
    const [large, small] = [
      cargo.filter(({ kind }) => kind === 'artifact'),
      cargo.filter(({ kind }) => kind !== 'artifact'),
    ];
    await check(large);
    for (const each of inPlace ? small : cargo) await layOut(each);
    const folder = exists ? [] : ['--mkpath'];
    let bytes = 0;
    for (const [from, group] of [
      [inPlace ? root : work, large],
      [work, small],
    ] as const) {
      if (group.length === 0) continue;
      const compare = group === small ? ['--checksum', '--delay-updates'] : ['--partial-dir=.push-part'];
      const list = group.map(({ path }) => `${path}\0`).join('');
      const out = await sound(
        [
          '-t',
          '-p',
          ...folder,
          ...compare,
          '--info=progress2',
          '--out-format=%b %n',
          '--from0',
          '--files-from=-',
          `${from}/`,
          top,
        ],
        list,
      );
      for (const line of out.split(/[\r\n]/)) bytes += Number(/^(\d+) /.exec(line)?.[1] ?? 0);
    }
    exists = true;
    for (const { path } of cargo) {
      standing.add(path);
      await done(path);
    }
    return bytes;
  }

  async function layOut(each: Cargo): Promise<void> {
    const file = join(work, each.path);
    await rt.fs.mkdirp(dirname(file));
    if ('bytes' in each.from) await rt.fs.writeFile(file, each.from.bytes);
    else {
      const handle = await rt.fs.open(file, 'w', 0o644);
      try {
        for await (const piece of each.from.pieces()) await rt.fs.writeAll(handle, piece);
      } finally {
        await handle.close();
      }
    }
    await rt.fs.chmod(file, each.executable ? 0o755 : 0o644);
    await rt.fs.utimes(file, each.mtimeMs, each.mtimeMs);
  }

  async function remove(paths: readonly string[], done: (path: string) => Promise<void>): Promise<void> {
    for (const path of paths) standing.delete(path);
    const folders = [...standing].map((path) => `${dirname(path)}/`);
    // A folder in which nothing is left goes as a whole.
    const names = new Set(
      paths.map((path) => {
        const stays = path.split('/').length < 3 || folders.some((each) => each.startsWith(`${dirname(path)}/`));
        return stays ? path : dirname(path);
      }),
    );
    // What is named and not here is removed there: a host that allows nothing but rsync is enough. The folders above it must be here.
    const empty = join(work, 'empty');
    await rt.fs.remove(empty);
    await rt.fs.mkdirp(empty);
    for (const name of names) await rt.fs.mkdirp(join(empty, dirname(name)));
    const list = [...names].map((name) => `${name}\0`).join('');
    await sound(['-r', '--delete-missing-args', '--force', '--from0', '--files-from=-', `${empty}/`, top], list);
    for (const path of paths) await done(path);
  }

  return { where: `${top}${label}`, renames: true, look, holds, put, remove, close: async () => undefined };
}

/** So long rsync waits for a sign of the other side; who sends takes a full pipe for one, so that is not all. */
const SILENCE_S = 300;
/** What is sent is told each second. The other side may be reading what it has of a large file. */
const STILL_MS = 1_800_000;
/** A day: a first push over a slow line. */
const MOST_MS = 86_400_000;

/** Lines of `rsync --list-only`: rights, size, date, time, name. Folders are left out; what is no file has size -1. */
export function readListing(listing: string): Map<string, FarFile> {
  const files = new Map<string, FarFile>();
  for (const line of listing.split('\n')) {
    const [, type, size, day, time, name] =
      /^(.)\S{9,10} +([\d,.]+) (\d{4}\/\d\d\/\d\d) (\d\d:\d\d:\d\d) (.+)$/.exec(line) ?? [];
    if (type === undefined || type === 'd') continue;
    const mtimeMs = Date.parse(`${day!.replaceAll('/', '-')}T${time}Z`);
    if (type === '-') files.set(name!, { size: Number(size!.replaceAll(/[,.]/g, '')), mtimeMs });
    else files.set(name!.replace(/ -> .*/, ''), { size: -1 });
  }
  return files;
}

/** rsync(1), EXIT VALUES. 255 is ssh's. */
function explained(ran: ExecResult, where: string): RepackError {
  // ssh ends its lines as a terminal would.
  const last = text(ran.stderr)
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '' && !line.startsWith('rsync error:'));
  const say = (what: string, hint: string): RepackError =>
    new RepackError('E_PUSH', { what, where, hint, details: last.slice(-5) });
  const again = 'Push again: what has arrived is kept, and it goes on there.';
  if (ran.startError !== undefined) {
    return say(
      'rsync is not on this machine',
      'Install rsync and ssh (Debian: apt-get install rsync openssh-client), or push to a folder.',
    );
  }
  const said = last.join('\n');
  if (/REMOTE HOST IDENTIFICATION HAS CHANGED/.test(said)) {
    return say(
      'That host shows another key than the one that ssh knows: it was set up anew, or it is another host',
      'Ask who runs it for its key, compare, and then take the old one out (ssh-keygen -R HOST).',
    );
  }
  if (/Host key verification failed/.test(said))
    return say('ssh does not know this host', 'Log in there once by hand (ssh USER@HOST), and compare its key.');
  if (/Permission denied \(/.test(said))
    return say(
      'ssh is not let in',
      'Check the user and its key: ssh -o BatchMode=yes USER@HOST must work without a question.',
    );
  if (/command not found|not found.*rsync|rsync: not found/.test(said))
    return say('rsync is not on that host', 'Install rsync there.');
  if (/No space left on device|Disk quota exceeded/.test(said)) {
    return new RepackError('E_DISK_FULL', {
      what: 'The disk of that host is full',
      where,
      hint: `Free some space there. ${again}`,
      details: last.slice(-5),
    });
  }
  if (/Permission denied/.test(said))
    return say('That account may not write there', 'Check the rights of the folder at the target.');
  if (ran.timedOut)
    return say(
      'rsync stood still for half an hour, or came to no end within a day',
      `See that the host is well, and its disk. ${again}`,
    );
  if (ran.exitCode === 30 || /Connection timed out during banner exchange/.test(said))
    return say(
      'That host accepts the connection, or did, and says nothing',
      `See that it is well, and the line. ${again}`,
    );
  if (ran.exitCode === 255 || [10, 12, 35].includes(ran.exitCode ?? -1))
    return say('The connection to that host failed, or broke', `Check its name, port and the line. ${again}`);
  return say(`rsync ended with ${ran.exitCode ?? ran.signal ?? 'nothing'}`, again);
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8');
}
