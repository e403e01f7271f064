import type { FileSystem } from '../../runtime/fs.js';

/** Settings that decide what is solved, with their older and other names (conda `conda/base/context.py`); `solver` is taken over. */
const DECIDE: readonly string[] = [
  'allowlist_channels',
  'channel_settings',
  'cooldown',
  'cooldown_exclude',
  'denylist_channels',
  'disallow',
  'disallowed_packages',
  'exclude_newer',
  'exclude_newer_package',
  'override_virtual_packages',
  'pinned_packages',
  'track_features',
  'virtual_packages',
  'whitelist_channels',
];
const KEY = new RegExp(`^["']?(${DECIDE.join('|')})["']?\\s*:`, 'gm');

/** `exclude_newer (/home/me/.condarc)`: what the user's and the installation's configuration would change, and the isolated environment does not take. */
export async function ignoredSettings(fs: FileSystem, files: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const file of files) {
    const text = await fs.readText(file).catch(() => '');
    for (const [, key] of text.matchAll(KEY)) found.push(`${key} (${file})`);
  }
  return found;
}
