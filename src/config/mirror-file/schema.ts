import { z } from 'zod';
import { nearest } from '../../base/nearest.js';
import { NOARCH } from '../../conda/channel/channel.js';
import { KNOWN_SUBDIRS, isSubdir, shown } from '../../conda/channel/names.js';
import { Wrong, step } from '../yaml/step.js';
import { channels, installers, remoteUrl } from './channel-schema.js';
import { day, dependencies, latest, licences, names, pythons, specs } from './filter-schema.js';
import { DEFAULT_MIRROR_DIR, DEFAULT_PLATFORMS, DEFAULT_REMOTE_URL, DEFAULT_SHRINK_LIMIT } from './types.js';
import { flag, text, texts, written } from './values-schema.js';

const PLATFORMS = [...new Set([...KNOWN_SUBDIRS, ...DEFAULT_PLATFORMS, 'osx-32'])];

/** The platform that was meant, as the beginning of a hint: `Did you mean linux-64? `; undefined for one that is known. */
export function platformAdvice(written: string): string | undefined {
  if (PLATFORMS.includes(written)) return undefined;
  const spelled = written.replace(/^(windows|win)-?(?=\d)/i, 'win-').replace(/^(macos|mac|darwin)-?/i, 'osx-');
  const near = nearest(spelled, PLATFORMS);
  return near === undefined ? '' : `Did you mean ${near}? `;
}

/** Subdirs; noarch always comes along, so it may stand there. */
const platforms = texts('platforms', (subdir) => {
  if (isSubdir(subdir)) return subdir;
  return new Wrong(
    `has ${shown(subdir)}, which is no platform`,
    subdir === 'all'
      ? 'Leave the line out for all platforms.'
      : `${platformAdvice(subdir) ?? ''}Platforms are ${PLATFORMS.filter((each) => each !== NOARCH).join(', ')}.`,
  );
});

/** A folder of this machine, as written. */
function folder(key: 'mirror_dir' | 'delta_dir') {
  return text.pipe(
    step((path: string) => {
      if ([...path].some((char) => char < ' ')) {
        return new Wrong(
          'has a tab or line end in the path: YAML makes one of \\t and \\n in double quotes',
          "Write the path in single quotes ('C:\\temp\\mirror') or with slashes (C:/temp/mirror).",
        );
      }
      const problem = folderProblem(path);
      return problem === undefined ? path : new Wrong(problem, `Write the folder's path: ${key}: /srv/mirror/main`);
    }),
  );
}

function folderProblem(path: string): string | undefined {
  if (path === '') return 'is empty';
  if (/^~[^\\/]/.test(path)) return 'begins with "~" and a name, which only a shell fills in';
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(path)) return 'is a URL, but must be a folder on this machine';
  return /[$%]\{?[A-Za-z_]/.test(path) ? 'has a variable in it, and nothing is filled in here' : undefined;
}

/** A share: `0.1`, or `10%`. */
const share = written.pipe(
  step((value: string | number) => {
    const limit = String(value).trim();
    const [, number, percent] = /^([0-9]+(?:\.[0-9]+)?|\.[0-9]+)(\s*%)?$/.exec(limit) ?? [];
    const part = Number(number) / (percent === undefined ? 1 : 100);
    if (part >= 0 && part <= 1) return part;
    return new Wrong(
      `must be a share from 0 to 1, not ${shown(limit)}`,
      `Write 0.1 or 10%: that much of the mirror may vanish upstream in one run.${/^[0-9]+$/.test(limit) ? ` For ${limit} of a hundred write ${limit}%.` : ''}`,
    );
  }),
);

/** What is said of a key beside its schema: in the JSON Schema, and as the example of its complaints. */
function stated<Schema extends z.ZodType>(schema: Schema, description: string, example: unknown, absent?: unknown) {
  const defaults = absent === undefined ? {} : { default: absent };
  return schema.optional().meta({ description, examples: [example], ...defaults });
}

const EMPTY = 'is there but empty, so it is not clear whether all or';

/** A list that is there must have something in it. */
function filled<List extends z.ZodType<unknown[]>>(schema: List, what: string, absent = 'all'): List {
  const hint = `Leave the line out for ${absent}, or name what is wanted.`;
  return schema.refine((items) => items.length > 0, new Wrong(what, hint).message);
}

/** A mirror file: the keys of cas-mirror and anaconda-server-sync-conda as they are, and our own, in the order in which they are shown. */
export const MIRROR_SCHEMA = z.strictObject({
  channels: stated(
    filled(channels, 'has no channel', '`defaults`'),
    'channels, the first that has a name wins: names, URLs, or {url, token: true}',
    ['conda-forge', { url: 'https://host/channel', token: true }],
    ['defaults'],
  ),
  platforms: stated(
    filled(platforms, 'has no platform').refine(
      (subdirs) => subdirs.length === 0 || subdirs.some((subdir) => subdir !== NOARCH),
      new Wrong('has only noarch, which comes along with every platform', 'Name a platform too: linux-64, win-64.')
        .message,
    ),
    'platforms; noarch comes along',
    ['linux-64', 'win-64'],
    DEFAULT_PLATFORMS,
  ),
  mirror_dir: stated(
    folder('mirror_dir'),
    'folder of the mirror; a relative one counts from this file’s folder, and its last part is the label',
    '/srv/mirror/main',
    DEFAULT_MIRROR_DIR,
  ),
  remote_url: stated(
    remoteUrl,
    'where installers that are named by `file` are; "": none',
    DEFAULT_REMOTE_URL,
    DEFAULT_REMOTE_URL,
  ),
  fetch_installers: stated(flag(), 'mirror the installers; default: where some are named', true),
  installers: stated(
    installers,
    'installers, by `url`, or by `file` below `remote_url`, each with its sha256',
    [{ url: 'https://host/Miniforge3-Linux-x86_64.sh', sha256: '<64 hexadecimal digits>' }],
    [],
  ),
  license_blacklist: stated(
    licences,
    'families of licences that are left out; GPL is GPL, GPL2 and GPL3',
    ['GPL3', 'AGPL'],
    [],
  ),
  blacklist: stated(names('blacklist'), 'package names that are left out', ['flask', 'readline'], []),
  whitelist: stated(names('whitelist'), 'package names that come in spite of both lists', ['flask', 'readline'], []),
  include: stated(filled(specs('include'), `${EMPTY} nothing is wanted`), 'only these MatchSpecs (and the whitelist)', [
    'python',
    'numpy>=1.26,<2',
  ]),
  exclude: stated(specs('exclude'), 'MatchSpecs that are left out', ['python', 'numpy>=1.26,<2'], []),
  python: stated(
    filled(pythons, `${EMPTY} no pythons are wanted`),
    'versions in quotes; builds for other pythons are left out',
    ['3.10', '3.11'],
  ),
  since: stated(day('since'), 'first day, by the record’s timestamp, in UTC', '2024-01-31'),
  until: stated(day('until'), 'last day, by the record’s timestamp, in UTC', '2024-01-31'),
  latest: stated(latest, 'newest versions of each name, or of each name for each python', {
    count: 2,
    per: 'name-python',
  }),
  with_dependencies: stated(
    dependencies,
    'solve: what a solver takes for each file; all: every version that a dependency can mean; or no',
    'solve',
    'no',
  ),
  delta: stated(flag(), 'leave what each run changed in `delta_dir`', true, false),
  delta_dir: stated(folder('delta_dir'), 'folder of the deltas; default: mirror_dir with -delta behind', '/srv/deltas'),
  shrink_limit: stated(
    share,
    'that share of the mirror may vanish upstream in one run without --allow-shrink: 0.1, or 10%',
    '10%',
    DEFAULT_SHRINK_LIMIT,
  ),
});

export type MirrorKey = keyof typeof MIRROR_SCHEMA.shape;

export const MIRROR_KEYS = Object.keys(MIRROR_SCHEMA.shape) as MirrorKey[];
