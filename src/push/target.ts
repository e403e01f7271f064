import { RepackError } from '../base/errors.js';

/** Where a push goes: the folder, the far folder or the prefix that the label's folder lies in. */
export type Target =
  | { kind: 'folder'; path: string }
  /** `host` as ssh takes it, with its user; `path` may be relative to the home there. */
  | { kind: 'host'; host: string; port: string | undefined; path: string }
  /** `prefix` without slashes at its ends, perhaps empty. */
  | { kind: 'bucket'; bucket: string; prefix: string };

/**
 * `s3://bucket/prefix`, `ssh://user@host:port/path`, `user@host:path`, or a folder (`/srv/x`, `..\x`, `D:\x`, `\\server\share`). Its last part must
 * not be the label: the label's folder is made in it.
 *
 * @throws RepackError E_TARGET
 */
export function parseTarget(text: string, label: string): Target {
  if (text.trim() === '' || /\p{Cc}/u.test(text)) throw refused('TARGET is empty, or holds a control character', text);
  const target = read(text);
  const path = target.kind === 'bucket' ? target.prefix : target.path;
  if (path.split(/[\\/]/).findLast((part) => part !== '') !== label) return target;
  throw refused(
    `TARGET ends in ${label}: the folder of the label is made in it, so this would be ${label} in ${label}`,
    text,
    'Give the folder above it.',
  );
}

function read(text: string): Target {
  const scheme = /^([a-z][a-z0-9+.-]+):\/\//i.exec(text)?.[1]?.toLowerCase();
  // Nothing of it is shown: a password may hold any sign.
  if (scheme !== undefined && /^[^:]+:\/\/.*(?::.*@|@.*:.*@)/.test(text)) {
    throw refused(
      'Keys and passwords do not stand in TARGET',
      `${scheme}://…`,
      'For a bucket give AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; ssh takes a key.',
    );
  }
  if (scheme === 's3') return bucket(text);
  if (scheme === 'ssh') {
    const [, host = '', , port, path = ''] = /^ssh:\/\/((?:[^/@\s]+@)?[^/@:\s]+)(:(\d+))?(\/.*)$/i.exec(text) ?? [];
    if (path === '' || path === '/') throw refused('This names no folder of a host', text, `ssh://USER@HOST/FOLDER`);
    return { kind: 'host', host: plainHost(host, text), port, path: path.replace(/^\/~\//, '') };
  }
  if (scheme !== undefined) {
    throw refused(
      `Nothing is pushed to ${scheme}://`,
      text,
      'Give a folder, user@host:/folder, or s3://bucket/prefix.',
    );
  }
  const far = /^((?:[^/\\@:\s]+@)?(?:[^/\\@:\s]{2,}|\[[0-9a-f:]+\])):(.*)$/i.exec(text);
  if (far === null) return { kind: 'folder', path: text };
  if (far[2] === '') throw refused('This names no folder of a host', text, 'Give user@host:/folder.');
  return { kind: 'host', host: plainHost(far[1]!, text), port: undefined, path: far[2]! };
}

function bucket(text: string): Target {
  const [, name = '', rest = ''] = /^s3:\/\/([^/]*)(\/.*)?$/i.exec(text)!;
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name)) throw refused('This is not the name of a bucket', text);
  const parts = rest.split('/').filter((part) => part !== '');
  if (parts.some((part) => part === '.' || part === '..')) throw refused('The prefix holds a dot as a part', text);
  return { kind: 'bucket', bucket: name, prefix: parts.join('/') };
}

/** It becomes an argument of ssh. */
function plainHost(host: string, text: string): string {
  if (/^[\p{L}\p{N}_][\p{L}\p{N}_.@:[\]-]*$/u.test(host) && !host.includes('@-')) return host;
  throw refused('This is not the name of a host', text);
}

export function refused(what: string, where: string, hint?: string): RepackError {
  return new RepackError('E_TARGET', {
    what,
    where,
    hint: hint ?? 'Give a folder, user@host:/folder, or s3://bucket/prefix; the label’s folder is made in it.',
  });
}
