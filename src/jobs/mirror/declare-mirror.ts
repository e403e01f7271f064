import path from 'node:path';
import type { MirrorChannel, MirrorSettings } from '../../config/mirror-file/read.js';
import type { Channel } from '../../conda/channel/channel.js';
import { baseChannel } from '../../conda/channel/declare-channels.js';
import { RepackError, isRepackError } from '../../base/errors.js';
import { parseLabel, safeSegment } from '../../conda/channel/names.js';
import type { Machine } from '../../runtime/runtime.js';
import { pathInFile } from '../../config/path-in-file.js';

export interface MirrorChannelOptions {
  baseUrl: string;
  owner: string | undefined;
  hasToken: boolean;
}

/**
 * The mirror file's channels, highest priority first. The token goes to those that are marked (`token: true`, or a token stood in the
 * URL) and to those below the owner's URL.
 *
 * @throws RepackError E_CHANNEL; E_MIRROR_FILE where a channel is marked and no token is given
 */
export function declareMirrorChannels(settings: MirrorSettings, options: MirrorChannelOptions): Channel[] {
  const { baseUrl, owner, hasToken } = options;
  const declared = settings.channels.flatMap((written) =>
    baseChannel(written.text, { baseUrl, owner, hasToken, subdirs: settings.platforms }).map((channel) =>
      written.token ? marked(channel, { written, settings, options }) : opened(channel, options),
    ),
  );
  const seen = new Set<string>();
  return declared.filter(({ url }) => !seen.has(url) && seen.add(url));
}

function marked(
  channel: Channel,
  { written, settings, options }: { written: MirrorChannel; settings: MirrorSettings; options: MirrorChannelOptions },
): Channel {
  if (!options.hasToken) {
    throw new RepackError('E_MIRROR_FILE', {
      what: `The channel ${written.text} is marked with token: true, and no token is given`,
      where: placeOf(settings, written.line),
      hint: 'Give it with --token-env NAME or --token-file FILE.',
    });
  }
  return opened({ ...channel, authenticated: true }, options);
}

/** The name of an authenticated channel tells the gateway what follows `/t/TOKEN/` on the wire. */
function opened(channel: Channel, { baseUrl }: MirrorChannelOptions): Channel {
  if (!channel.authenticated) return channel;
  const base = `${baseUrl.replace(/\/+$/, '')}/`;
  const name = channel.url.startsWith(base) ? channel.url.slice(base.length) : new URL(channel.url).pathname.slice(1);
  return { ...channel, name };
}

/** ROOT and label of a mirror folder, absolute; the state of the mirror lies beside it, in `ROOT/.repackenv/LABEL`. */
export interface MirrorPlace {
  root: string;
  label: string;
}

/**
 * `mirror_dir`, or the folder of the account in it. `~` is the user's home; a relative path counts from the folder of the mirror file, as
 * cron starts programs anywhere.
 *
 * @throws RepackError E_MIRROR_FILE where the folder's name can't be used, or it has no folder above it
 */
export function mirrorPlace(machine: Machine, settings: MirrorSettings): MirrorPlace {
  const base = resolveFolder(machine, settings, settings.mirrorDir);
  const { account } = settings;
  const dir = account === undefined ? base : path.join(base, safeSegment(account, 'the account'));
  const root = path.dirname(dir);
  const where = `${placeOf(settings, settings.origins.mirror_dir.line)}: mirror_dir ${dir}`;
  if (root === dir || path.parse(dir).root === root) {
    throw new RepackError('E_MIRROR_FILE', {
      what: 'The mirror folder needs a folder above it: lock, journal and receipts lie beside the mirror, never in it',
      where,
      hint: `Take one more level, for example mirror_dir: ${path.join(dir, 'main')}`,
    });
  }
  try {
    return { root, label: parseLabel(path.basename(dir)) };
  } catch (error) {
    if (!isRepackError(error)) throw error;
    throw new RepackError('E_MIRROR_FILE', {
      what: `The mirror folder can't have this name: ${error.what}`,
      where,
      hint: 'Name it with a letter first, then letters, digits, "_", "-" or ".", for example main.',
      cause: error,
    });
  }
}

/** A folder that the mirror file names, absolute. */
export function resolveFolder(machine: Machine, { file }: MirrorSettings, written: string): string {
  const folder = file === undefined ? machine.cwd : path.dirname(path.resolve(machine.cwd, file));
  return pathInFile(machine, folder, written);
}

/**
 * Where deltas are left; undefined: no deltas.
 *
 * @throws RepackError E_MIRROR_FILE where that is the mirror itself or a folder in it: they would travel to the sites with it
 */
export function deltaFolder(
  machine: Machine,
  settings: MirrorSettings,
  { root, label }: MirrorPlace,
): string | undefined {
  if (!settings.delta || settings.deltaDir === undefined) return undefined;
  const folder = resolveFolder(machine, settings, settings.deltaDir);
  const mirror = path.join(root, label);
  const inside = path.relative(mirror, folder);
  if (inside !== '' && (inside.startsWith('..') || path.isAbsolute(inside))) return folder;
  throw new RepackError('E_MIRROR_FILE', {
    what: `delta_dir is ${inside === '' ? 'the mirror itself' : 'a folder in the mirror'}, so the deltas would travel to the sites with it`,
    where: `${placeOf(settings, settings.origins.delta_dir.line)}: delta_dir ${folder}`,
    hint: `Choose a folder beside it, for example delta_dir: ${mirror}-delta`,
  });
}

function placeOf({ file = 'mirror file' }: MirrorSettings, line: number | undefined): string {
  return line === undefined ? file : `${file}, line ${line}`;
}
