import { join } from 'node:path';
import type { Command } from 'commander';
import { EXIT, RepackError } from '../../base/errors.js';
import type { CliCall, CliCommand, Typed } from '../command.js';
import { appended, OUTPUT_SETTINGS, textOption, textsOption } from '../command.js';
import type { SettingName } from '../../config/settings.js';

export const EXPORT_SETTINGS = [
  'signKey',
  'siteFiles',
  'logDir',
  ...OUTPUT_SETTINGS,
] as const satisfies readonly SettingName[];

export const exportCommand: CliCommand = {
  name: 'export',
  summary: 'write a label folder or a mirror to media: one archive, or parts, with digests; --since makes a delta',
  folders: [0],
  settings: EXPORT_SETTINGS,
  declare(command) {
    declareExport(command, { since: false });
    command.addHelpText(
      'after',
      `
Examples:
  repackenv export /srv/conda/halkbank --to /media/usb --part-size fat32
  repackenv export /srv/conda/halkbank --to out --per-platform --zstd
  repackenv export /srv/conda/halkbank --to out --since halkbank-g6.manifest.json`,
    );
  },
  root: ({ args }) => rootOf(args[0]),
  log: ({ args }) => nameOf(args[0]),
  check: (typed) => demand(typed, ['to'], 'export'),
  run: runExport,
};

/** Arguments and options that `export` and `delta` share; `delta` can't do without `--since`. */
export function declareExport(command: Command, { since }: { since: boolean }): void {
  const what =
    'what the site has: its manifest.json or receipt, NAME.manifest.json of the set sent last, a generation (7, -1, 2026-11-21, ROOT/LABEL@7) or site:NAME';
  command
    .argument('<DIR>', 'a label folder, ROOT/LABEL@N, or a mirror (it has a manifest.json); only read')
    .option('--to <OUT>', 'folder of the medium (required); what is there stays')
    .option('--zstd', 'pack the archives with zstd (artifacts are packed already: gains little)')
    .option('--part-size <SIZE>', 'no archive larger than this: 4GiB, 650MB, or fat32, dvd, dvd-dl, cd')
    .option('--subdir <SUBDIR>', 'this platform only (and noarch); may be repeated', appended)
    .option('--per-platform', 'a set of its own for each platform (each with noarch)');
  if (since) command.option('--since <FILE>', `${what} (required)`);
  else command.option('--since <FILE>', `only what changed: a delta to ${what}`);
}

export async function runExport(call: CliCall): Promise<(typeof EXIT)['done']> {
  const { args, options, values, rt, reporter } = call;
  const { exportToMedium } = await import('../../jobs/export.js');
  const report = await exportToMedium(rt, {
    dir: args[0] ?? '.',
    out: textOption(call, 'to') ?? '',
    zstd: options['zstd'] === true,
    partSize: textOption(call, 'partSize'),
    subdirs: textsOption(call, 'subdir'),
    perPlatform: options['perPlatform'] === true,
    signKey: values.signKey,
    siteFiles: values.siteFiles === 'on',
    since: textOption(call, 'since'),
  });
  reporter.result((await import('../reporter/export-text.js')).exportText(report), { ...report });
  return EXIT.done;
}

/**
 * Not by commander's requiredOption: `--show-config` answers without them.
 * @throws RepackError E_USAGE
 */
export function demand(typed: Typed, names: readonly string[], command: string): void {
  for (const name of names) {
    if ((textOption(typed, name) ?? '') !== '') continue;
    throw new RepackError('E_USAGE', {
      what: `--${name} is missing`,
      where: 'command line',
      hint: `See repackenv ${command} --help.`,
    });
  }
}

/** The folder that holds the channel folder. */
export function rootOf(dir: string | undefined): string | undefined {
  return dir === undefined ? undefined : join(dir, '..');
}

/** The label, as far as the folder's name tells it. */
export function nameOf(dir: string | undefined): string {
  return dir?.split(/[\\/]/).findLast((segment) => segment !== '') ?? '';
}
