import type { Command } from 'commander';
import { RepackError } from '../../base/errors.js';
import type { TypedRequest } from '../build-request.js';
import { addRequestOptions, requestChanges } from './request-options.js';
import { sayRoot } from '../require-root.js';
import { refuseSwapped } from '../swapped-arguments.js';
import type { CliCommand, CliCall, Typed } from '../command.js';
import { textOption } from '../command.js';
import { finishJob, updateOne } from '../finish-job.js';
import { parseShard } from '../../config/labels/shard.js';
import { SETTING_NAMES } from '../../config/settings.js';

const PACKAGES_HELP = 'MatchSpecs: ratingpro  "numpy>=1.26,<2"  pytho=1.9  "python=3.11.*=*_cpython"';

/** The seed's command, exactly: LABEL TOKEN ROOT PACKAGE... */
export const updateOfflineRepoCommand: CliCommand = {
  name: 'update-offline-repo',
  summary:
    'Make ROOT/LABEL a complete offline conda channel with exactly what PACKAGES need: solved, fetched, checked, indexed, ' +
    'proven installable, then switched into place. Your conda and its environments are never changed.',
  settings: SETTING_NAMES,
  declare: (command) =>
    void addRequestOptions(command)
      .argument('[LABEL]', 'the customer’s label: channel BASE-URL/OWNER/label/LABEL, folder ROOT/LABEL')
      .argument('[TOKEN]', 'env:NAME, file:PATH, - (standard input), the value itself, or none (public packages only)')
      .argument('[ROOT]', 'folder that holds the label folders; created when it is not there')
      .argument('[PACKAGE...]', PACKAGES_HELP)
      .usage('LABEL TOKEN ROOT PACKAGE... [options]')
      .addHelpText('after', UPDATE_EXAMPLES),
  token: ({ args }) => args[1],
  root: ({ args }) => args[2],
  log: ({ args }) => args[0] ?? '',
  check({ args: [label, token, root, ...packages] }) {
    refuseMissing(
      { LABEL: label, TOKEN: token, ROOT: root },
      'update-offline-repo LABEL TOKEN ROOT PACKAGE...   (TOKEN is env:NAME, file:PATH, - or none; see --help)',
    );
    refuseSwapped({ label, token, root, packages });
  },
  run: (call) => runUpdate(call, { label: call.args[0], root: call.args[2], packages: call.args.slice(3) }),
};

export const updateCommand: CliCommand = {
  ...namedCommand('update', 'make or refresh label folders: those that ROOT/repackenv.yml declares, or one by --label'),
  run: (call) => (isOneLabel(call) ? runUpdate(call, namedParts(call)) : runDeclared(call, 'update')),
};

export const planCommand: CliCommand = {
  ...namedCommand('plan', 'solve and show what would be delivered and what changes; writes nothing'),
  silent: ['prove', 'index', 'keep', 'siteFiles', 'dryRun', 'waitLock', 'takeOverLock', 'notify'],
  run: (call) => (isOneLabel(call) ? runPlan(call, namedParts(call)) : runDeclared(call, 'plan')),
};

type Parts = Pick<TypedRequest, 'label' | 'root' | 'packages'>;

function namedCommand(name: 'update' | 'plan', summary: string): Omit<CliCommand, 'run'> {
  return {
    name,
    summary,
    settings: SETTING_NAMES,
    declare: (command) =>
      void declareNamed(command).addHelpText('after', name === 'plan' ? PLAN_EXAMPLES : NAMED_EXAMPLES),
    token: 'options',
    root: (typed) => textOption(typed, 'root'),
    findsRoot: true,
    showsConfig: (typed) => !isOneLabel(typed) && (typed.args.length > 0 || wholeSet(typed) !== undefined),
    // Of several labels each has a log of its own beside that of the run.
    log: (typed) => textOption(typed, 'label') ?? (typed.args.length === 1 ? typed.args[0]! : ''),
    check(typed, root) {
      const label = textOption(typed, 'label');
      const shard = textOption(typed, 'shard');
      if (shard !== undefined) parseShard(shard);
      if (
        textOption(typed, 'queue') !== undefined &&
        (label !== undefined || name === 'plan' || typed.options['dryRun'] === true)
      )
        throw usage('--queue is for updates of declared labels', '--queue', 'Leave it out.');
      if (shard !== undefined && label !== undefined)
        throw usage(
          '--shard is for declared labels',
          '--shard',
          'Leave it out, or name declared labels without --label.',
        );
      refuseSwapped({ label, root: textOption(typed, 'root'), packages: typed.args });
      const set = wholeSet(typed);
      if (set !== undefined && (label !== undefined || typed.args.length > 0))
        throw usage(`${set} ${SETS[set]}`, set, 'Leave it out to name some of them.');
      if (typed.options['all'] === true && typed.options['failed'] === true)
        throw usage(
          '--all and --failed can’t both be meant',
          '--failed',
          '--failed alone takes those whose last update failed, --all every declared one.',
        );
      if (label === undefined && (set !== undefined || typed.args.length > 0)) return;
      const usageOf = `repackenv ${name} --label LABEL --root ROOT [--token-env NAME | --token-file FILE] PACKAGE...`;
      const hint = `Declared labels: repackenv ${name} NAME..., or --all. Others: ${usageOf}   (see --help)`;
      refuseMissing({ LABEL: label, ROOT: root?.root }, hint);
    },
  };
}

function declareNamed(command: Command): Command {
  return addRequestOptions(command)
    .argument('[NAME...]', `declared labels, or patterns of them: 'bank-*'. With --label, ${PACKAGES_HELP}`)
    .option('--all', 'every declared label')
    .option('--failed', 'the declared labels whose last update failed or was broken off')
    .option('--shard <K/N>', 'of these the K-th of N parts, for one of N hosts; each label is in one')
    .option('--queue <URL>', 'put them into the queue of a Redis, for hosts that run `repackenv work` (or env:NAME)')
    .option('--label <LABEL>', 'one label, with its PACKAGES on the command line, declared or not')
    .option('--root <DIR>', ROOT_HELP);
}

const ROOT_HELP =
  'folder that holds the label folders (else REPACKENV_ROOT, or the nearest folder from here upwards whose repackenv.yml has labels:)';

const SETS = { '--all': 'is every declared label', '--failed': 'is every declared label whose last update failed' };

function wholeSet({ options }: Typed): keyof typeof SETS | undefined {
  return options['all'] === true ? '--all' : options['failed'] === true ? '--failed' : undefined;
}

function isOneLabel(typed: Typed): boolean {
  return textOption(typed, 'label') !== undefined;
}

function namedParts(call: CliCall): Parts {
  const { root, rt, resolved } = call;
  const label = textOption(call, 'label');
  const say = (message: string): void => rt.events.emit({ type: 'note', message });
  if (root?.said !== undefined) sayRoot(rt, root);
  if (resolved.declared?.labels.has(label ?? '') === true)
    say(`${label} is declared in ${resolved.declared.file}; --label goes by the command line alone`);
  return { label, root: root?.root, packages: call.args };
}

async function runDeclared(call: CliCall, job: 'update' | 'plan') {
  const { runDeclared: run } = await import('../declared-labels.js');
  return run(call, call.values.dryRun ? 'plan' : job);
}

async function runUpdate(call: CliCall, parts: Parts) {
  if (call.values.dryRun) return runPlan(call, parts);
  return updateOne(call, { label: parts.label ?? '', root: parts.root, declared: false }, async () => {
    const { buildRepackRequest } = await import('../build-request.js');
    return buildRepackRequest(call.rt, { ...parts, ...requestChanges(call) }, call);
  });
}

async function runPlan(call: CliCall, parts: Parts) {
  const { buildRepackRequest } = await import('../build-request.js');
  const request = await buildRepackRequest(call.rt, { ...parts, ...requestChanges(call) }, call);
  const { plan } = await import('../../jobs/plan.js');
  return finishJob(await plan(call.rt, request), call);
}

/** Told in the order in which they are typed. */
function refuseMissing(wanted: Record<string, string | undefined>, hint: string): void {
  const missing = Object.entries(wanted).flatMap(([name, value]) => (value === undefined ? [name] : []));
  if (missing.length === 0) return;
  throw usage(`${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing`, 'command line', hint);
}

function usage(what: string, where: string, hint: string): RepackError {
  return new RepackError('E_USAGE', { what, where, hint });
}

const NAMED_EXAMPLES = `
Examples:
  repackenv update halkbank                     as ROOT/repackenv.yml declares it
  repackenv update 'bank-*' --root /srv/repos   some of the declared labels
  repackenv update --all --jobs 4 --notify /usr/local/bin/tell
  repackenv update --failed                     those whose last update failed
  repackenv update --all --shard 3/8            on the third of eight hosts
  repackenv plan --all                          what a run would change
  repackenv update halkbank --show-config       what is in force for it, and from where
  repackenv update --label halkbank --root /srv/repos --token-env CONDA_TOKEN ratingpro pytho

Several labels: one that fails stops no other; the exit code is the highest.
`;

const PLAN_EXAMPLES = `
Examples:
  repackenv plan --all                          what a run would change
  repackenv plan halkbank --root /srv/repos     as ROOT/repackenv.yml declares it
  repackenv plan --label halkbank --root /srv/repos --token-env CONDA_TOKEN ratingpro pytho

Every option of repackenv update is taken; those that a plan does not need are not listed here.
`;

const UPDATE_EXAMPLES = `
Examples:
  update-offline-repo halkbank env:CONDA_TOKEN /srv/repos ratingpro pytho --owner acme --channel conda-forge
  update-offline-repo halkbank file:token.txt D:\\repos ratingpro "numpy>=1.26,<2" --subdir win-64 --subdir linux-64
  update-offline-repo halkbank none /srv/repos --packages-file packages.txt --dry-run
  update-offline-repo halkbank env:CONDA_TOKEN /srv/repos                    the same packages as the last time
  update-offline-repo halkbank env:CONDA_TOKEN /srv/repos --add "numpy>=2"   one more

Owner and base channels are best kept in ROOT/repackenv.yml:
  owner: acme
  channels: [conda-forge]
  client: "conda 4.12"

Quote MatchSpecs that hold < > = ! * or write them into a --packages-file: the shell (cmd.exe above
all) takes them otherwise.

Exit codes: 0 done, 1 done with findings, 2 usage or configuration, 3 unsolvable, 4 artifact missing
or wrong, 5 publish, 6 another run holds the label, 7 upstream unreachable or token refused, 8 proof
failed or policy, 70 a bug, 130/143 interrupted.
`;
