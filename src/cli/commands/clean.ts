import type { CleanRequest } from '../../jobs/clean/clean.js';
import { RepackError } from '../../base/errors.js';
import type { ExitCode } from '../../base/errors.js';
import {
  MIRROR_SETTINGS,
  buildMirrorRequest,
  declareMirrorFile,
  mirrorLogName,
  takeMirrorSettings,
} from '../build-mirror-request.js';
import type { CliCall, CliCommand, Typed } from '../command.js';
import { exitOf, textOption } from '../command.js';

const DEFAULT_AGE = '30d';

export const cleanCommand: CliCommand = {
  name: 'clean',
  summary:
    'remove what no manifest or index names, and old caches; with -f FILE what a mirror’s filter no longer matches',
  settings: MIRROR_SETTINGS,
  declare: (command) =>
    void declareMirrorFile(command)
      .option(
        '--root <DIR>',
        'also what nothing names in the label folders of this ROOT, and leftovers of broken-off runs',
      )
      .option(
        '--older-than <TIME>',
        'caches: what was not used for so long, e.g. 30d, 12h (default 30d, or none with --max-size)',
      )
      .option('--max-size <SIZE>', 'caches: the least recently used until the rest is within this size, e.g. 20GB')
      .addHelpText('after', EXAMPLES),
  token: 'options',
  root: (typed) => textOption(typed, 'root'),
  log: (typed) => (isOfMirror(typed) ? mirrorLogName(typed) : 'clean'),
  check: check,
  async run(call) {
    if (isOfMirror(call)) return cleanOneMirror(call);
    const { args, options, values, rt, reporter } = call;
    const { clean } = await import('../../jobs/clean/clean.js');
    const report = await clean(rt, {
      root: textOption({ args, options }, 'root'),
      cacheDir: values.cacheDir,
      limits: limitsOf({ args, options }),
      dryRun: values.dryRun,
    });
    reporter.result(
      (await import('../reporter/clean-text.js')).cleanText(report),
      { ...report },
      { answer: report.dryRun },
    );
    return exitOf(report.findings);
  },
};

async function cleanOneMirror(call: CliCall): Promise<ExitCode> {
  const { cleanMirror } = await import('../../jobs/mirror/clean-mirror.js');
  const report = await cleanMirror(call.rt, await buildMirrorRequest(call, await takeMirrorSettings(call)));
  call.reporter.result(
    (await import('../reporter/clean-text.js')).cleanMirrorText(report),
    { ...report },
    { answer: report.dryRun },
  );
  return exitOf(report.findings);
}

function isOfMirror({ options }: Typed): boolean {
  return options['file'] !== undefined || options['mirrorConfig'] !== undefined || options['cas'] === true;
}

function check(typed: Typed): void {
  const { options } = typed;
  const limits = ['root', 'olderThan', 'maxSize'].filter((name) => options[name] !== undefined);
  if (isOfMirror(typed) && limits.length > 0) {
    throw usage(
      '--root, --older-than and --max-size have no meaning with a mirror file',
      'clean -f FILE removes what the filter no longer matches; run clean without -f for the caches.',
    );
  }
  limitsOf(typed);
}

function limitsOf(typed: Typed): CleanRequest['limits'] {
  const [age, size] = [textOption(typed, 'olderThan'), textOption(typed, 'maxSize')];
  const wanted = age ?? (size === undefined ? DEFAULT_AGE : undefined);
  return {
    olderThanMs: wanted === undefined ? undefined : parseAge(wanted),
    maxBytes: size === undefined ? undefined : parseSize(size),
  };
}

const TIMES: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

function parseAge(text: string): number {
  const match = /^(\d{1,6})\s*([mhdw])$/i.exec(text.trim());
  if (match === null) throw usage(`--older-than ${text} is no time`, 'Write it like 30d, 12h or 6w (m, h, d, w).');
  return Number(match[1]) * TIMES[match[2]!.toLowerCase()]!;
}

const SIZES: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12 };

/** Decimal as everywhere here; `GiB` means what it says. */
function parseSize(text: string): number {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)\s*([kmgt]?)(i?)b?$/i.exec(text.trim());
  if (match === null) throw usage(`--max-size ${text} is no size`, 'Write it like 20GB, 500MB or 2GiB.');
  const factor = SIZES[match[2]!.toLowerCase()]!;
  const binary = match[3] !== '' && factor > 1 ? 1.024 ** (Math.log10(factor) / 3) : 1;
  return Math.round(Number(match[1]) * factor * binary);
}

function usage(what: string, hint: string): RepackError {
  return new RepackError('E_USAGE', { what, where: 'command line', hint });
}

const EXAMPLES = `
Examples:
  repackenv clean --dry-run                       what of the caches was not used for 30 days
  repackenv clean --root /srv/conda-offline       also leftovers in label folders
  repackenv clean --max-size 20GB --older-than 90d
  repackenv clean -f mirror.yml --dry-run         what the mirror's filter no longer matches

A run that is at work is left alone; one that begins meanwhile waits. What goes is listed with its
size.
`;
