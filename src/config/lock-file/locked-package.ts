import { append } from '../../base/append.js';
import { RepackError } from '../../base/errors.js';
import { Secret } from '../../base/secret.js';
import { formatOf, isSubdir, parseDistFilename } from '../../conda/channel/names.js';
import { publishedAt } from '../../conda/channel/token-free-url.js';
import { fileError } from '../yaml/text-file.js';
import { LOCK_FORM } from './form.js';
import type { LockedPackage, LockSource, NotConda } from './lock-file.js';

interface Entry {
  /** As written. */
  url: string;
  sha256?: unknown;
  md5?: unknown;
  where: string;
}

/**
 * An entry of a lock by its URL. A token in it is dropped and treated as a secret (conda/conda-lock#70).
 *
 * @throws RepackError E_LOCK_FILE for a URL of another shape, a digest that is none
 */
export function lockedPackage(entry: Entry, { secrets }: Pick<LockSource, 'secrets'>): LockedPackage | NotConda {
  const { url, where } = entry;
  append(secrets, secretsIn(url));
  const bare = url.replace(/[?#].*$/s, '');
  if (formatOf(bare) === undefined) return { name: nameIn(bare), kind: 'a source package' };
  if (!/^[a-z][a-z0-9+.-]+:\/\//i.test(url))
    return { name: nameIn(bare), kind: 'a file of the machine that made the lock' };
  const at = publishedAt(url);
  if (at === undefined || !isSubdir(at.subdir)) {
    throw fileError(LOCK_FORM, where, {
      what: 'This URL is not that of a package in a channel',
      hint: 'It must be CHANNEL-URL/SUBDIR/NAME-VERSION-BUILD.conda (or .tar.bz2).',
    });
  }
  if (at.channelUrl === PLACEHOLDER) {
    throw fileError(LOCK_FORM, where, {
      what: 'CHANNEL-FOLDER still stands for the folder of the channel',
      hint: 'Put the folder in its place first, as the head of the file says.',
    });
  }
  try {
    parseDistFilename(at.fn);
  } catch (cause) {
    throw fileError(LOCK_FORM, where, {
      what: cause instanceof RepackError ? cause.what : 'This is no file name of a package',
      hint: 'Have the lock made anew.',
      cause,
    });
  }
  return {
    channelUrl: at.channelUrl,
    subdir: at.subdir,
    fn: at.fn,
    sha256: digest(entry.sha256, 64, where),
    md5: digest(entry.md5, 32, where),
    where,
  };
}

export function isLocked(each: LockedPackage | NotConda): each is LockedPackage {
  return 'fn' in each;
}

export function isNotConda(each: LockedPackage | NotConda): each is NotConda {
  return !isLocked(each);
}

/** `site/explicit-lock.ts` writes it. */
const PLACEHOLDER = 'file:///CHANNEL-FOLDER';

/** An empty one is none: conda-lock writes `sha256: ''` where a channel has none. */
function digest(value: unknown, length: number, where: string): string | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  const hex = String(value).toLowerCase();
  if (hex.length === length && /^[0-9a-f]+$/.test(hex)) return hex;
  throw fileError(LOCK_FORM, where, {
    what: `What stands there as ${length === 64 ? 'sha256' : 'md5'} is none`,
    hint: 'Have the lock made anew: without its digests it locks nothing.',
  });
}

/** A mask or the name of a variable (`/t/<TOKEN>/`, `/t/$QUETZ_TOKEN/`) is none. */
function secretsIn(url: string): Secret[] {
  const token = /\/t\/([^/?#]+)(?=\/)/.exec(url)?.[1];
  const password = /^[a-z][a-z0-9+.-]*:\/\/[^/?#@]*:([^/?#@]+)@/i.exec(url)?.[1];
  return [token, password].flatMap((text) => (text === undefined || /^[<$*%]/.test(text) ? [] : [new Secret(text)]));
}

/** The last part of a path or URL. */
function nameIn(text: string): string {
  return text.replace(/\/+$/, '').split('/').at(-1) || text;
}
