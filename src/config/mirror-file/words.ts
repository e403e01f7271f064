import { nearest } from '../../base/nearest.js';
import { shown } from '../../conda/channel/names.js';
import type { Complaint } from '../yaml/check.js';
import { flow } from '../yaml/flow.js';
import type { Path } from '../yaml/read-yaml.js';
import type { Parts } from '../yaml/text-file.js';
import { MIRROR_SCHEMA } from './schema.js';
import type { MirrorKey } from './schema.js';

/** Keys of the old tools and of their relatives that have another form here: what to write instead. */
const KEYS_ELSEWHERE: readonly (readonly [RegExp, string])[] = [
  [
    /^dest_(site|channel)$/,
    'Nothing is uploaded to a $1: use `delta` and `import` (repackenv export --since, then repackenv import there).',
  ],
  [/^python_versions$/, 'Write `python: ["3.10", "3.11"]`, each version in quotes.'],
  [
    /^(pkg|package)_list$/,
    'Write `include: [numpy, "pandas>=2"]`, and `with_dependencies: all` or `solve` for what they need.',
  ],
  [/^accounts$/, 'An account is a channel: write `channels: [NAME]`.'],
  [/^account_mapping$/, 'One folder is one channel: use --account NAME, or a mirror file for each.'],
  [/^access$/, 'Who may read the mirror is decided where it is served.'],
  [/^api_domain$/, 'Write the channels with their whole address: `channels: [https://host/channel]`.'],
  [/^(api_)?token$/, 'Mark the channel with `token: true` and give the token with --token-file or --token-env.'],
  [/^account$/, 'Use --account NAME.'],
  [/^default_(url|channels)$/, 'Write `channels:` with the addresses of the channels.'],
  [/^(ssl_verify|verify_ssl)$/, 'The certificates are set for the whole program: see --ca-file.'],
];

/** What is said of a value that the schema of mirror files does not take: its own words, else by the kind of the value. */
export function mirrorWords(complaint: Complaint): Parts {
  const { path, message, knownKeys } = complaint;
  if (knownKeys !== undefined) return unknownKey(path, knownKeys);
  const [what = '', ...hint] = message.split('\n');
  return about(String(path[0]), hint.length === 0 ? ofWrongKind(complaint) : { what, hint: hint.join('\n') });
}

/** `"channels" has no channel`; what begins with a colon follows the key. Without a hint it is the key's example. */
export function about(key: string, { what, hint }: Parts): Parts {
  return { what: `"${key}"${what.startsWith(':') ? '' : ' '}${what}`, hint: hint === '' ? example(key) : hint };
}

function unknownKey([key, ...inner]: Path, knownKeys: readonly string[]): Parts {
  const unknown = String(inner.at(-1) ?? key);
  const [form, elsewhere] = KEYS_ELSEWHERE.find(([each]) => inner.length === 0 && each.test(unknown)) ?? [];
  if (form !== undefined) return { what: `"${unknown}" is not read here`, hint: unknown.replace(form, elsewhere!) };
  const near = nearest(unknown, knownKeys);
  const advice = near === undefined ? '' : `Did you mean "${near}"? `;
  if (inner.length === 0) {
    return {
      what: `Unknown key ${shown(unknown)}`,
      hint: `${advice}Known keys: ${knownKeys.toSorted().join(', ')}.`,
    };
  }
  return about(String(key), {
    what: `has an item with the unknown key ${shown(unknown)}`,
    hint: `${advice}Known here: ${knownKeys.join(', ')}. ${example(String(key))}`,
  });
}

function ofWrongKind({ path, value, source }: Complaint): Parts {
  const key = String(path[0]);
  const last = path.at(-1);
  const hint = '';
  if (value === undefined)
    return { what: `has ${path.length === 2 ? 'no' : 'an item without'} \`${String(last)}\``, hint };
  if (value === null && path.length === 1) {
    return source === '~'
      ? { what: 'is "~" alone, which YAML reads as nothing', hint: `Write a folder in it: ${key}: ~/mirror/main` }
      : { what: 'has no value', hint };
  }
  if (value === null && typeof last === 'number')
    return { what: 'has an item with nothing in it', hint: `Delete the item. ${example(key)}` };
  if (value === null) return { what: `has an item whose "${String(last)}" has no value`, hint };
  if (Array.isArray(value)) return { what: 'has a list where one text must stand', hint };
  if (typeof value === 'object') {
    const [[name, first] = ['', null]] = Object.entries(value);
    const what = `has ${name === '' ? 'braces' : `\`${name}:\``} where a text must stand`;
    return { what, hint: `${mappingHint(key, name, { value: first, source })} ${example(key)}` };
  }
  if (typeof value === 'string') return { what: 'has an item that is no `key: value`', hint };
  if (String(value) === source) {
    const type = typeof value === 'number' ? 'a number' : 'true or false';
    const what = `has ${source}, which YAML reads as ${type}, where a text must stand`;
    return { what, hint: `Put it in quotes: "${source}".` };
  }
  return {
    what: `has ${source} without quotes, which YAML reads as the ${typeof value} ${String(value)}`,
    hint: `Write it in quotes: "${source}".`,
  };
}

function mappingHint(key: string, name: string, { value, source }: { value: unknown; source: string }): string {
  if (['name', 'license', 'license_family', 'version', 'build'].includes(name))
    return 'This is the form of conda-mirror. Here names stand as they are, licences under `license_blacklist`, versions and builds under `include` and `exclude`.';
  if (value === null && source.startsWith('{')) return 'A list stands in [ ] and not in { }.';
  if ((key === 'include' || key === 'exclude') && typeof value !== 'object') {
    const version = String(value);
    return `Write name and version as one text, ${shown(`${name}${/^[0-9]/.test(version) ? '=' : ''}${version}`)}.`;
  }
  return 'A colon followed by a blank makes a key in YAML: put the text in quotes.';
}

function example(key: string): string {
  const [value] = (MIRROR_SCHEMA.shape[key as MirrorKey].meta()?.['examples'] ?? []) as unknown[];
  return `Write for example\n  ${key}: ${flow(value)}`;
}
