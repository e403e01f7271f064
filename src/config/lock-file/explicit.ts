import type { Subdir } from '../../conda/channel/channel.js';
import { NOARCH } from '../../conda/channel/channel.js';
import { isSubdir } from '../../conda/channel/names.js';
import { fileError } from '../yaml/text-file.js';
import { LOCK_FORM } from './form.js';
import type { LockFile, LockSource } from './lock-file.js';
import { isLocked, isNotConda, lockedPackage } from './locked-package.js';

const URL_LINE = /^[ \t]*(?:https?|file):\/\/\S+\.(?:conda|tar\.bz2)(?:#\S*)?[ \t]*\r?$/im;

export function isExplicit(text: string): boolean {
  return /^[ \t]*@EXPLICIT\b/im.test(text) || URL_LINE.test(text);
}

/** `URL`, `URL#MD5`, `URL#SHA256` or `URL#sha256:SHA256` a line (CEP 23), for the platform that a `# platform:` line names, else for that of its URLs. */
export function fromExplicit(source: LockSource): Omit<LockFile, 'file' | 'secrets'> {
  const { text, file, environment } = source;
  if (environment !== undefined) {
    throw fileError(LOCK_FORM, file, {
      what: 'An explicit lock has no environments',
      hint: 'Leave --lock-environment out.',
    });
  }
  const entries = text.split('\n').flatMap((raw, index) => {
    const line = raw.trim();
    if (line === '' || line.startsWith('#') || /^@EXPLICIT\b/i.test(line)) return [];
    const [url = '', digest = ''] = line.split('#');
    // conda writes a bare sha256 where CEP 23 has `sha256:` before it.
    const sha256 = /^(?:sha256:(.*)|([0-9a-f]{64}))$/i.exec(digest);
    const digests = sha256 === null ? { md5: digest } : { sha256: sha256[1] ?? sha256[2] };
    return [lockedPackage({ url: url.trim(), ...digests, where: `${file}, line ${index + 1}` }, source)];
  });
  const packages = entries.filter(isLocked);
  const platform = platformOf(source, [...new Set(packages.map(({ subdir }) => subdir))]);
  return {
    form: 'explicit lock',
    version: '1',
    packages: new Map([[platform, packages]]),
    notConda: entries.filter(isNotConda),
  };
}

function platformOf({ text, file }: LockSource, subdirs: readonly Subdir[]): Subdir {
  const stated = /^[ \t]*#\s*platform:\s*(\S+)/im.exec(text)?.[1];
  const own = subdirs.filter((subdir) => subdir !== NOARCH);
  const [platform = stated] = own;
  if (own.length > 1 || (stated !== undefined && platform !== stated)) {
    throw fileError(LOCK_FORM, file, {
      what: `The lock names packages of ${[...new Set([...own, ...(stated === undefined ? [] : [stated])])].join(' and ')}: an explicit lock is for one platform`,
      hint: 'Split it by platform, and deliver each under a label of its own, or give a conda-lock.yml or pixi.lock.',
    });
  }
  if (platform !== undefined && platform !== NOARCH && isSubdir(platform)) return platform;
  throw fileError(LOCK_FORM, file, {
    what: subdirs.length === 0 ? 'No package stands in it' : 'It does not say for which platform it is',
    hint: 'Have it made anew, or write a line `# platform: linux-64` into it.',
  });
}
