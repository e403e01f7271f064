import path from 'node:path';
import { EXIT, RepackError } from '../../base/errors.js';
import { chainOf } from '../../config/labels/chain.js';
import type { SettingsLayer } from '../../config/resolve-settings.js';
import { SETTINGS, SETTING_NAMES } from '../../config/settings.js';
import type { InitReport } from '../../jobs/init/init.js';
import type { Scheduler } from '../../jobs/init/scheduler-files.js';
import type { CliCall, CliCommand } from '../command.js';
import { OUTPUT_SETTINGS, textOption } from '../command.js';

const SCHEDULERS: readonly Scheduler[] = ['cron', 'systemd', 'windows'];

export const initCommand: CliCommand = {
  name: 'init',
  summary: 'write ROOT/repackenv.yml, which declares the labels: those that are published there are taken over',
  settings: OUTPUT_SETTINGS,
  declare: (command) =>
    void command
      .argument(
        '[ROOT]',
        'folder that holds the label folders (default: --root, REPACKENV_ROOT, the working directory)',
      )
      .option('--root <DIR>', 'the same')
      .option('--add-missing', 'put labels that an existing file lacks behind its own; nothing else in it is changed')
      .option(
        '--scheduler <KIND>',
        `write files for a nightly update --all into the working directory: ${SCHEDULERS.join(', ')}`,
      )
      .option('--at <HH:MM>', 'when the scheduler starts it', '02:30')
      .addHelpText('after', EXAMPLES),
  root: rootOf,
  findsRoot: true,
  async run(call) {
    const root = path.resolve(call.rt.machine.cwd, rootOf(call) ?? call.root?.root ?? '.');
    if (textOption(call, 'scheduler') !== undefined) return writeSchedule(call, root);
    const { init } = await import('../../jobs/init/init.js');
    const { declared } = call.resolved;
    const report = await init(call.rt, {
      root,
      declared: [...(declared?.labels.keys() ?? [])],
      known: knownByKey(call),
      addMissing: call.options['addMissing'] === true,
      ask: call.values.json || call.values.quiet ? undefined : call.terminal.ask,
    });
    call.reporter.result(textOf(report), { ...report }, { answer: report.outcome === 'to-paste' });
    return report.outcome === 'to-paste' ? EXIT.findings : EXIT.done;
  },
};

function rootOf({ args, options }: Pick<CliCall, 'args' | 'options'>): string | undefined {
  return args[0] ?? (typeof options['root'] === 'string' ? options['root'] : undefined);
}

/** What the file sets for each of its labels. */
function knownByKey({ resolved }: CliCall): Record<string, unknown> {
  const { declared } = resolved;
  const sets = chainOf([], Object.fromEntries(declared?.defaults ?? []));
  const layers = sets.map((name): SettingsLayer => {
    const { values, origin } = declared!.defaults.get(name)!;
    return { values, origin, file: declared!.file };
  });
  const { values, origins } = resolved.under(layers);
  const set = SETTING_NAMES.filter((name) => !['default', 'environment'].includes(origins[name]));
  return Object.fromEntries(set.map((name) => [SETTINGS[name].key ?? name, values[name]]));
}

function textOf({ file, root, outcome, labels, passedOver, block }: InitReport): string {
  const count = `${labels.length} ${labels.length === 1 ? 'label' : 'labels'}`;
  const said = {
    written: `${file} is written: ${labels.length === 0 ? 'no label was published there yet; declare them in it' : `${count} taken over`}`,
    extended: `${file}: ${count} added: ${labels.join(', ')}`,
    complete: `${file} declares every label that is published there`,
    'to-paste': `${file} is there and was not changed. It lacks ${count}; below labels: in it (or by --add-missing):\n\n${block ?? ''}`,
  }[outcome];
  const over = passedOver.map(({ label, why }) => `  not taken over: ${label}, ${why}`);
  const next =
    outcome === 'written' || outcome === 'extended'
      ? [`next: read it, name the token's source in it, then repackenv plan --all --root ${root}`]
      : [];
  return [said.trimEnd(), ...over, ...next, ''].join('\n');
}

async function writeSchedule(call: CliCall, root: string) {
  const { rt, reporter } = call;
  const scheduler = SCHEDULERS.find((each) => each === textOption(call, 'scheduler'));
  const at = textOption(call, 'at') ?? '';
  if (scheduler === undefined || !/^([01]?\d|2[0-3]):[0-5]\d$/.test(at)) {
    throw new RepackError('E_USAGE', {
      what: scheduler === undefined ? 'This scheduler is not known' : 'This is no time of a day',
      where: scheduler === undefined ? '--scheduler' : '--at',
      hint: scheduler === undefined ? `Known are ${SCHEDULERS.join(', ')}.` : 'Write it like 02:30.',
    });
  }
  const { schedulerFiles } = await import('../../jobs/init/scheduler-files.js');
  const { notWritten } = await import('../../jobs/init/not-written.js');
  const files = schedulerFiles({ scheduler, root, program: rt.machine.startedAs, at });
  for (const { name, text, encoding } of files) {
    const target = path.join(rt.machine.cwd, name);
    try {
      await rt.fs.writeNew(target, Buffer.from(text, encoding));
    } catch (cause) {
      const hint = 'Nothing is overwritten: move an older one away, or change to another folder.';
      throw notWritten('E_OUT', { name, where: target, hint, cause });
    }
  }
  const names = files.map(({ name }) => name);
  const install = files[0]?.install ?? '';
  reporter.result(`written: ${names.join(', ')}\nto put it in force: ${install}\n`, {
    job: 'init',
    scheduler,
    files: names,
    install,
  });
  return EXIT.done;
}

const EXAMPLES = `
A file that is there is never overwritten. What a published folder can't tell, as where the token
is, stands in the new file as a comment.

Examples:
  repackenv init /srv/repos
  repackenv init /srv/repos --add-missing
  repackenv init /srv/repos --scheduler systemd --at 01:15
`;
