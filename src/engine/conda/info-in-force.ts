import type { VirtualPackage } from '../../conda/plan/profile.js';
import type { CondaInfo } from '../conda-info.js';
import { scrubUrls } from '../printed-json.js';
import type { ExpectedConfig, ForeignSetting } from './expected-config.js';

/** What `info` says after names, aliases and custom channels were resolved: the very URLs that will be asked for. */
export function foreignChannels(info: CondaInfo, expected: ExpectedConfig): ForeignSetting[] {
  const wanted = new Set(expected.channels.flatMap((url) => [`${url}/${expected.subdir}`, `${url}/noarch`]));
  const inForce = new Set(info.channels);
  const rewritten = [...wanted].filter((url) => !inForce.has(url));
  if (rewritten.length > 0) {
    const keys = [
      'custom_channels',
      'migrated_custom_channels',
      'channel_alias',
      'migrated_channel_aliases',
      'channels',
    ];
    return [{ keys, value: `channels in force: ${info.channels.map(scrubUrls).join(', ')}` }];
  }
  const more = expected.channelsByOption ? [] : info.channels.filter((url) => !wanted.has(url));
  return more.length === 0 ? [] : [{ keys: ['channels', 'channel'], value: more.map(scrubUrls).join(', ') }];
}

/**
 * What mamba has in force that is not ours. It reads no file but the one it is given and has no settings to read back but those of
 * `info`: with one file, and an environment of ours, there is nowhere else for a setting to come from.
 */
export function foreignInMamba(
  info: CondaInfo,
  expected: ExpectedConfig & {
    condarcPath: string;
    virtualPackages: readonly VirtualPackage[];
    overridesArchspec: boolean;
  },
): ForeignSetting[] {
  const foreign = (key: string, value: readonly string[]): ForeignSetting => ({ keys: [key], value: value.join(', ') });
  const files = info.configFiles.filter((file) => file !== expected.condarcPath);
  const caches = info.pkgsDirs.filter((dir) => dir !== expected.pkgsDir);
  const virtual = (info.virtualPackages ?? [])
    .filter((text) => expected.overridesArchspec || !text.startsWith('__archspec='))
    .filter((text) => !isExpected(text, expected.virtualPackages));
  return [
    ...(info.configFiles.includes(expected.condarcPath) ? [] : [foreign('rc_files', ['ours was not read'])]),
    ...(files.length === 0 ? [] : [foreign('rc_files', files)]),
    ...(caches.length === 0 ? [] : [foreign('pkgs_dirs', caches)]),
    ...(info.platform === expected.subdir ? [] : [foreign('platform', [info.platform])]),
    ...(virtual.length === 0 ? [] : [foreign('virtual packages', virtual)]),
    ...foreignChannels(info, expected),
  ];
}

/** `__glibc=2.17=0`. Of what is to be absent mamba keeps a shell without version, which satisfies no bound: `__linux=0=0`. */
function isExpected(text: string, wanted: readonly VirtualPackage[]): boolean {
  const [name, version, build] = text.split('=');
  const expected = wanted.find((each) => each.name === name);
  return expected === undefined
    ? build === '0' && (version === '0' || name === '__archspec')
    : expected.version === version && expected.build === build;
}
