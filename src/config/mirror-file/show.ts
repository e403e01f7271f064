import { largest } from '../../base/largest.js';
import { flow } from '../yaml/flow.js';
import { MIRROR_KEYS } from './schema.js';
import type { MirrorKey } from './schema.js';
import type { MirrorSettings } from './read.js';
import type { ListEntry } from './filter.js';

/**
 * `mirror --show-config`: everything in force, a line each, as a mirror file that can be used again, with where it comes from. Token-free.
 * */
export function mirrorConfigText(settings: MirrorSettings): string {
  const values = inForce(settings);
  const rows = MIRROR_KEYS.filter((key) => values[key] !== undefined).map((key) => {
    const { from, line } = settings.origins[key];
    const origin = line === undefined ? from : `${settings.file ?? from}, line ${line}`;
    return [`${key}: ${values[key]!}`, origin] as const;
  });
  const width = Math.min(60, largest(rows.map(([text]) => text.length)));
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
  const texts = (entries: readonly ListEntry[]) => entries.map(({ text }) => text);
  const values: Record<MirrorKey, unknown> = {
    channels: settings.channels.map(({ text, token }) => (token ? { url: text, token } : text)),
    platforms: settings.platforms,
    mirror_dir: settings.mirrorDir,
    remote_url: settings.remoteUrl,
    fetch_installers: settings.fetchInstallers,
    installers: settings.installers.map(({ url, sha256, name }) => ({ url, sha256, name })),
    license_blacklist: texts(filter.licenseBlacklist),
    blacklist: texts(filter.blacklist),
    whitelist: texts(filter.whitelist),
    include: texts(filter.include),
    exclude: texts(filter.exclude),
    python: texts(filter.python),
    since: filter.since?.text,
    until: filter.until?.text,
    latest: filter.latest && { count: filter.latest.count, per: filter.latest.per },
    with_dependencies: filter.dependencies,
    delta: settings.delta,
    delta_dir: settings.deltaDir,
    shrink_limit: settings.shrinkLimit,
  };
  const isSet = (value: unknown) => value !== undefined && !(Array.isArray(value) && value.length === 0);
  const shown = MIRROR_KEYS.map((key) => [key, isSet(values[key]) ? flow(values[key]) : undefined]);
  return { ...Object.fromEntries(shown), ...(filter.dependencies === 'none' ? { with_dependencies: 'no' } : {}) };
}
