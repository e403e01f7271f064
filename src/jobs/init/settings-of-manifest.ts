import type { Manifest } from '../../channel/manifest/manifest.js';
import { profileOfManifest } from '../../channel/manifest/profile.js';
import { isRepackError } from '../../base/errors.js';
import { declareChannels } from '../../conda/channel/declare-channels.js';
import { NOARCH } from '../../conda/channel/channel.js';
import { parseVirtualPackage, targetProfile } from '../../conda/plan/target.js';

/** What a published label was asked for, by the keys of a `repackenv.yml`. */
export interface LabelSettings {
  label: string;
  packages: readonly string[];
  settings: Readonly<Record<string, string | boolean | readonly string[]>>;
  /** What the manifest can't say, a line each. */
  open: readonly string[];
}

/** @returns a clause that says why there is nothing to declare, for a mirror or a folder that was not made from channels of an owner */
export function settingsOfManifest(manifest: Manifest, signed: boolean): LabelSettings | string {
  const { label, specs, profiles, files } = manifest;
  if (specs.length === 0) return 'it is a mirror: declared by its mirror file';
  const place = channelsOf(manifest);
  if (place === undefined) return 'its channels are not those of a label: made from an environment, or by a merge';
  const [client] = profiles.map((profile) => profile.client);
  const settings: Record<string, string | boolean | readonly string[]> = {
    ...place,
    subdirs: profiles.map(({ subdir }) => subdir).filter((subdir) => subdir !== NOARCH),
  };
  const open: string[] = [];
  if (client !== null && client !== undefined) settings['client'] = client;
  const virtual = virtualPackagesOf(manifest);
  if (virtual === undefined)
    open.push('virtual_packages: they differ between the platforms, and stay as last published');
  else if (virtual.length > 0) settings['virtual_packages'] = virtual;
  const hasBz2 = files.some(({ path, kind }) => kind === 'index' && path.endsWith('.bz2'));
  const needsBz2 = profiles.some((profile) => profileOfManifest(profile).client?.needsBz2Index === true);
  if (hasBz2 && !needsBz2) settings['index'] = ['bz2'];
  if (files.some(({ kind, path }) => kind === 'side' && path.includes('.sigs'))) settings['attestations'] = true;
  if (signed) open.push('sign_key: FILE   (the folder is signed: without its key it can’t be updated)');
  return { label, packages: specs, settings, open };
}

/** The declaration that gives the same channels again; undefined where there is none. */
function channelsOf({ label, channels, profiles }: Manifest): Record<string, string | readonly string[]> | undefined {
  const [first = '', ...rest] = channels;
  const match = /^(.+)\/([^/]+)\/(label|channel)\/([^/]+)$/.exec(first);
  if (match === null || match[4] !== label) return undefined;
  const [, baseUrl = '', owner = '', labelPath = ''] = match;
  const ownBase = rest.filter((url) => url !== `${baseUrl}/${owner}`);
  const subdirs = profiles.map(({ subdir }) => subdir);
  const short = shortNames(ownBase, baseUrl);
  const declaration = { baseUrl, owner, label, labelPath: labelPath as 'label', hasToken: false, subdirs };
  const found = [short, ownBase].find((baseChannels) => {
    try {
      const made = declareChannels({ ...declaration, baseChannels }).map(({ url }) => url);
      return made.join('\n') === channels.join('\n');
    } catch (error) {
      if (isRepackError(error)) return false;
      throw error;
    }
  });
  if (found === undefined) return undefined;
  return {
    ...(baseUrl === 'https://conda.anaconda.org' ? {} : { base_url: baseUrl }),
    owner,
    ...(labelPath === 'label' ? {} : { label_path: labelPath }),
    ...(found.length === 0 ? {} : { channels: found }),
  };
}

/** `conda-forge`, `defaults`, names below the base URL. */
function shortNames(urls: readonly string[], baseUrl: string): string[] {
  const isDefaults = (url: string): boolean => /^https:\/\/repo\.anaconda\.com\/pkgs\/(main|r|msys2)$/.test(url);
  const names = urls.map((url) => {
    if (url === 'https://conda.anaconda.org/conda-forge') return 'conda-forge';
    if (isDefaults(url)) return 'defaults';
    return url.startsWith(`${baseUrl}/`) ? url.slice(baseUrl.length + 1) : url;
  });
  return names.filter((name, at) => name !== 'defaults' || names.indexOf(name) === at);
}

/** Those that are not what every machine of the platform is taken to have; undefined where no one list gives all platforms theirs. */
function virtualPackagesOf({ profiles }: Manifest): string[] | undefined {
  const text = ({ name, version, build }: Manifest['profiles'][number]['virtual_packages'][number]): string =>
    `${name}=${version}${build === '0' ? '' : `=${build}`}`;
  const own = profiles.flatMap(({ subdir, virtual_packages }) => {
    const usual = new Set(targetProfile({ subdir, virtualPackages: [], client: undefined }).virtualPackages.map(text));
    return virtual_packages.map(text).filter((each) => !usual.has(each));
  });
  const list = [...new Set(own)];
  const same = profiles.every(({ subdir, virtual_packages }) => {
    const virtualPackages = list.map(parseVirtualPackage);
    const made = targetProfile({ subdir, virtualPackages, client: undefined }).virtualPackages.map(text).sort();
    return made.join('\n') === virtual_packages.map(text).sort().join('\n');
  });
  return same ? list : undefined;
}
