import { pathToFileURL } from 'node:url';
import { isRepackError } from '../base/errors.js';
import { safeSegment } from '../conda/channel/names.js';
import { Wrong } from './yaml/step.js';

/** A program that brings a client to a machine without one (Miniforge, micromamba), as a file names it. */
export interface Installer {
  readonly url: string;
  readonly sha256: string;
  /** File name in `installers/`. */
  readonly name: string;
  readonly line?: number | undefined;
}

export const SHA256 = /^[0-9a-f]{64}$/;
export const NO_SHA256 = new Wrong(
  'has a sha256 that is not 64 hexadecimal digits',
  'Installers are taken by URL and sha256: copy the digest from the publisher’s list of files.',
);

/** As it stands below a label: `url`, or `file`, a path that counts from the file's folder. */
export interface WrittenInstaller {
  url?: string | undefined;
  file?: string | undefined;
  sha256?: string | undefined;
  name?: string | undefined;
}

/** What is wrong with one of a label's, but that its name is another's. */
export function installerOf({ url, file, sha256, name }: WrittenInstaller, full: (path: string) => string) {
  if (url === undefined && file === undefined) return new Wrong('has an item without `url` or `file`', EXAMPLE);
  if (url !== undefined && file !== undefined) return new Wrong('has an item with both `url` and `file`', EXAMPLE);
  if (file !== undefined && /^[a-z][a-z0-9+.-]+:\/\//i.test(file))
    return new Wrong('has a URL as `file`', `Write it as url: ${file}`);
  if (sha256 === undefined)
    return new Wrong(
      'has an item without `sha256`',
      'Without it nobody can tell what is delivered: copy the digest from the publisher’s list of files.',
    );
  if (!SHA256.test(sha256)) return NO_SHA256;
  return installerAt(url ?? pathToFileURL(full(file!)).href, { sha256, name });
}

const EXAMPLE = 'Write for each\n  - {url: https://host/Miniforge3-Linux-x86_64.sh, sha256: …}';

/** An installer at that address, called as its last part where it has no name. */
export function installerAt(
  url: string,
  { sha256, name, line }: { sha256: string; name?: string | undefined; line?: number | undefined },
): Installer | Wrong {
  const problem = urlProblem(url);
  if (problem !== undefined)
    return new Wrong(`has a URL that ${problem}`, 'Write it as https://host/path/file, or file:///folder/file.');
  const called = name ?? decodeURIComponent(new URL(url).pathname.split('/').at(-1)!);
  try {
    return { url, sha256, name: safeSegment(called, 'installer'), line };
  } catch (error) {
    if (!isRepackError(error)) throw error;
    return new Wrong(
      `has an installer whose file name can't be used: ${error.what}`,
      'Give it a plain one with `name: …`.',
    );
  }
}

export function urlProblem(address: string): string | undefined {
  let url: URL;
  try {
    url = new URL(address);
    decodeURIComponent(url.pathname);
  } catch {
    return 'can’t be read';
  }
  if (!['https:', 'http:', 'file:'].includes(url.protocol)) return 'can’t be read';
  if (url.username !== '' || url.password !== '') return 'holds a user name or password';
  if (/\/t\/[^/]/.test(url.pathname)) return 'holds a token';
  return url.search === '' && url.hash === '' ? undefined : 'has a query or a fragment (?… or #…)';
}
