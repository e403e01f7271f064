import { isScalar } from 'yaml';
import { NOARCH } from '../../conda/channel/channel.js';
import type { Subdir } from '../../conda/channel/channel.js';
import type { Finding } from '../../base/findings.js';
import { KNOWN_SUBDIRS, isSubdir, shown } from '../../conda/channel/names.js';
import { DEFAULT_PLATFORMS } from './types.js';
import { nearest } from '../../base/nearest.js';
import { readText, readTexts, refuse, refuseAt, sourceText } from './parse-values.js';
import type { ReadContext } from './parse-values.js';

/** `platforms`: subdirs; noarch always comes along, so it may stand there. */
export function readPlatforms(context: ReadContext, warnings: Finding[]): Subdir[] {
  const example = 'platforms: [linux-64, win-64]';
  const texts = readTexts(context, example);
  if (texts.length === 0) {
    refuse(context, {
      what: 'has no platform',
      hint: `Leave the line out for all platforms, or write for example\n  ${example}`,
    });
  }
  const known = [...new Set([...KNOWN_SUBDIRS, ...DEFAULT_PLATFORMS, 'osx-32'])];
  const platforms = texts.map(({ text, place }) => {
    const near = nearest(
      text.replace(/^(windows|win)-?(?=\d)/i, 'win-').replace(/^(macos|mac|darwin)-?/i, 'osx-'),
      known,
    );
    const advice = near === undefined ? '' : `Did you mean ${near}? `;
    if (!isSubdir(text)) {
      refuseAt(context, place, {
        what: `has ${shown(text)}, which is no platform`,
        hint:
          text === 'all'
            ? 'Leave the line out for all platforms.'
            : `${advice}Platforms are ${known.filter((each) => each !== NOARCH).join(', ')}.`,
      });
    }
    if (!known.includes(text)) {
      warnings.push({
        code: 'unknown-platform',
        message: `${place.where}: no conda that is known here has a platform ${text}. ${advice}`.trim(),
        subject: text,
        exit: false,
        warn: true,
      });
    }
    return text;
  });
  const named = [...new Set(platforms)].filter((each) => each !== NOARCH);
  if (named.length === 0) {
    refuse(context, {
      what: 'has only noarch, which comes along with every platform',
      hint: `Name a platform too, for example\n  ${example}`,
    });
  }
  return named;
}

/** A folder of this machine, as written: `mirror_dir`, `delta_dir`. */
export function readFolder(context: ReadContext): string {
  const { key, value } = context.entry;
  if (isScalar(value) && value.value === null && value.source === '~') {
    refuse(context, {
      what: 'is "~" alone, which YAML reads as nothing',
      hint: `Write a folder in it: ${key}: ~/mirror/main`,
    });
  }
  const { text, place } = readText(context, `${key}: /srv/mirror/main`);
  if ([...text].some((char) => char < ' ')) {
    refuseAt(context, place, {
      what: 'has a tab or line end in the path: YAML makes one of \\t and \\n in double quotes',
      hint: `Write the path in single quotes ('C:\\temp\\mirror') or with slashes (C:/temp/mirror).`,
    });
  }
  const problem = folderProblem(text);
  if (problem !== undefined) {
    refuseAt(context, place, { what: problem, hint: `Write the folder's path: ${key}: /srv/mirror/main` });
  }
  return text;
}

function folderProblem(text: string): string | undefined {
  if (text === '') return 'is empty';
  if (/^~[^\\/]/.test(text)) return 'begins with "~" and a name, which only a shell fills in';
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(text)) return 'is a URL, but must be a folder on this machine';
  if (/[$%]\{?[A-Za-z_]/.test(text)) return 'has a variable in it, and nothing is filled in here';
  return undefined;
}

/** A share: `0.1`, or `10%`. */
export function readShare(context: ReadContext): number {
  const { value } = context.entry;
  const text = isScalar(value) ? sourceText(value).trim() : '';
  const match = /^([0-9]+(?:\.[0-9]+)?|\.[0-9]+)(\s*%)?$/.exec(text);
  const share = match === null ? Number.NaN : Number(match[1]) / (match[2] === undefined ? 1 : 100);
  if (share >= 0 && share <= 1) return share;
  return refuse(
    context,
    {
      what: `must be a share from 0 to 1${text === '' ? '' : `, not ${shown(text)}`}`,
      hint: `Write 0.1 or 10%: that much of the mirror may vanish upstream in one run.${/^[0-9]+$/.test(text) ? ` For ${text} of a hundred write ${text}%.` : ''}`,
    },
    value,
  );
}
