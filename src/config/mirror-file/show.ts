import { MIRROR_KEYS } from './types.js';
import type { MirrorKey, MirrorSettings } from './types.js';
import type { ListEntry } from './filter.js';

/**
 * `mirror --show-config`: everything in force, a line each, as a mirror file that can be used again, with where it comes from. Token-free.
 * `overrides`: keys that an option has set (`{mirror_dir: '--account'}`).
 */
export function mirrorConfigText(settings: MirrorSettings, overrides: Partial<Record<MirrorKey, string>> = {}): string {
  const values = inForce(settings);
  const rows = MIRROR_KEYS.filter((key) => values[key] !== undefined).map((key) => {
    const { from, line } = settings.origins[key];
    const origin = overrides[key] ?? (line === undefined ? from : `${settings.file ?? from}, line ${line}`);
    return [`${key}: ${values[key]!}`, origin] as const;
  });
  const width = Math.min(60, Math.max(...rows.map(([text]) => text.length)));
  const account =
    settings.account === undefined
      ? []
      : [`# account: ${settings.account} (--account): the mirror is the folder of that name in mirror_dir`];
  const silent = MIRROR_KEYS.filter((key) => values[key] === undefined);
  return [
    `# mirror file: ${settings.file ?? 'none'}`,
    ...account,
    ...rows.map(([text, origin]) => `${text.padEnd(width)}  # ${origin}`),
    ...(silent.length === 0 ? [] : [`# not set: ${silent.join(', ')}`]),
    ...settings.warnings.map((warning) => `# warning: ${warning.message.replaceAll(/\s*\n\s*/g, ' ')}`),
    '',
  ].join('\n');
}

/** Each key's value as YAML; undefined where nothing is in force. */
function inForce(settings: MirrorSettings): Record<MirrorKey, string | undefined> {
  const { filter } = settings;
  const { latest, since, until } = filter;
  return {
    channels: `[${settings.channels.map((each) => (each.token ? `{url: ${quoted(each.text)}, token: true}` : quoted(each.text))).join(', ')}]`,
    platforms: `[${settings.platforms.join(', ')}]`,
    mirror_dir: quoted(settings.mirrorDir),
    remote_url: quoted(settings.remoteUrl),
    fetch_installers: String(settings.fetchInstallers),
    installers: some(
      settings.installers.map(
        (each) => `{url: ${quoted(each.url)}, sha256: ${quoted(each.sha256)}, name: ${quoted(each.name)}}`,
      ),
    ),
    license_blacklist: texts(filter.licenseBlacklist),
    blacklist: texts(filter.blacklist),
    whitelist: texts(filter.whitelist),
    include: texts(filter.include),
    exclude: texts(filter.exclude),
    python: some(filter.python.map((each) => JSON.stringify(each.text))),
    since: since?.text,
    until: until?.text,
    latest: latest === undefined ? undefined : `{count: ${latest.count}, per: ${latest.per}}`,
    with_dependencies: filter.dependencies === 'none' ? 'no' : filter.dependencies,
    delta: String(settings.delta),
    delta_dir: settings.deltaDir === undefined ? undefined : quoted(settings.deltaDir),
    shrink_limit: String(settings.shrinkLimit),
  };
}

function texts(entries: readonly ListEntry[]): string | undefined {
  return some(entries.map((each) => quoted(each.text)));
}

function some(items: readonly string[]): string | undefined {
  return items.length === 0 ? undefined : `[${items.join(', ')}]`;
}

/** Plain where YAML reads it back as the same text, else in double quotes (JSON is YAML). */
function quoted(text: string): string {
  const plain = /^[A-Za-z_/][A-Za-z0-9_./+-]*$/.test(text) && !/^(?:true|false|null|yes|no|on|off|y|n)$/i.test(text);
  return plain || /^https?:\/\/[A-Za-z0-9_./:+-]*[A-Za-z0-9_/+-]$/.test(text) ? text : JSON.stringify(text);
}
