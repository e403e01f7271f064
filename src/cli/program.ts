import { Command, CommanderError } from 'commander';
import { RepackError } from '../model/errors.js';
import type { GivenOptions } from './resolve-settings.js';
import { addSettings, givenOptions } from './options.js';
import { VERSION } from '../tool-version.js';

export type ProgramName = 'update-offline-repo' | 'repackenv';

/** What the user asked for, before any value is checked. */
export interface Invocation {
  command: 'update' | 'plan' | 'capture' | 'verify' | 'engines';
  given: GivenOptions;
  config: string | undefined;
  showConfig: boolean;
  label?: string | undefined;
  /** As `readToken` takes it. */
  token?: string | undefined;
  root?: string | undefined;
  packages: string[];
  prefix?: string | undefined;
  dir?: string | undefined;
}

/** Parsed command line, or text that answers it (`--help`, `--version`). */
export type Parsed = { kind: 'run'; invocation: Invocation } | { kind: 'text'; text: string };

/**
 * @param args without node and script.
 * @throws RepackError E_USAGE
 */
export function parseArguments(program: ProgramName, args: readonly string[]): Parsed {
  let invocation: Invocation | undefined;
  let text = '';
  const tree = program === 'repackenv' ? repackenvTree(take) : updateOfflineRepoTree(take);
  for (const command of [tree, ...tree.commands]) {
    command.exitOverride();
    command.configureOutput({ writeOut: (out) => void (text += out), writeErr: () => undefined });
  }
  try {
    tree.parse([...args], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === 'commander.help') return { kind: 'text', text: tree.helpInformation() };
    if (error.exitCode === 0) return { kind: 'text', text };
    throw usageError(error, program, args);
  }
  if (invocation === undefined) return { kind: 'text', text: tree.helpInformation() };
  return { kind: 'run', invocation };

  function take(parts: Omit<Invocation, 'given' | 'config' | 'showConfig'>, command: Command): void {
    const options = command.opts<{ config?: string; showConfig?: boolean }>();
    invocation = {
      ...parts,
      given: givenOptions(command),
      config: options.config,
      showConfig: options.showConfig === true,
    };
  }
}

type Take = (parts: Omit<Invocation, 'given' | 'config' | 'showConfig'>, command: Command) => void;

const PACKAGES_HELP = 'MatchSpecs: ratingpro  "numpy>=1.26,<2"  pytho=1.9  "python=3.11.*=*_cpython"';

function updateOfflineRepoTree(take: Take): Command {
  const command = new Command('update-offline-repo')
    .description(
      'Make ROOT/LABEL a complete offline conda channel with exactly what PACKAGES need: solved, fetched, checked, indexed, ' +
        'proven installable, then switched into place. Your conda and its environments are never changed.',
    )
    .version(VERSION)
    .argument('[LABEL]', 'the customer’s label: channel BASE-URL/OWNER/label/LABEL, folder ROOT/LABEL')
    .argument('[TOKEN]', 'env:NAME, file:PATH, - (standard input), the value itself, or none (public packages only)')
    .argument('[ROOT]', 'folder that holds the label folders; created when it is not there')
    .argument('[PACKAGE...]', PACKAGES_HELP)
    .usage('LABEL TOKEN ROOT PACKAGE... [options]')
    .addHelpText('after', UPDATE_EXAMPLES);
  addSettings(command);
  return command.action((label?: string, token?: string, root?: string, packages: string[] = []) =>
    take({ command: 'update', label, token, root, packages }, command),
  );
}

function repackenvTree(take: Take): Command {
  const tree = new Command('repackenv')
    .description(
      'Offline conda channels for customers without a line: made from packages, or from an environment, and proven.',
    )
    .version(VERSION);

  for (const name of ['update', 'plan'] as const) {
    const command = tree
      .command(name)
      .description(
        name === 'update'
          ? 'make or refresh a label folder (as update-offline-repo, with named options)'
          : 'solve and show what would be delivered and what changes; writes nothing',
      )
      .argument('[PACKAGE...]', PACKAGES_HELP)
      .option('--label <LABEL>', 'the customer’s label')
      .option('--root <DIR>', 'folder that holds the label folders');
    addTokenOptions(command);
    addSettings(command);
    command.action((packages: string[] = []) => {
      const { label, root } = command.opts<{ label?: string; root?: string }>();
      take({ command: name, label, root, token: tokenOption(command), packages }, command);
    });
  }

  const capture = tree
    .command('capture')
    .description(
      'repack an environment that exists: --prefix ENV, or the active one by the envinfo.json in this folder',
    )
    .argument('[ROOT]', 'folder that holds the label folders')
    .option('--prefix <ENV>', 'the environment’s folder')
    .option('--label <LABEL>', 'label (default: the environment’s folder name)');
  addTokenOptions(capture);
  addSettings(capture, ['subdirs', 'packagesFile', 'channels', 'labelPath']);
  capture.action((root?: string) => {
    const { label, prefix } = capture.opts<{ label?: string; prefix?: string }>();
    take({ command: 'capture', label, root, prefix, token: tokenOption(capture), packages: [] }, capture);
  });

  const verify = tree
    .command('verify')
    .description('check a channel folder: index = files = manifest, every digest, installable offline; changes nothing')
    .argument('<DIR>', 'a label folder, or any channel folder');
  addSettings(verify);
  verify.action((dir: string) => take({ command: 'verify', dir, packages: [] }, verify));

  const engines = tree.command('engines').description('list the engines that were found and what each can do here');
  addSettings(engines);
  engines.action(() => take({ command: 'engines', packages: [] }, engines));
  return tree;
}

function addTokenOptions(command: Command): void {
  command
    .option('--token-env <NAME>', 'environment variable that holds the token')
    .option('--token-file <FILE>', 'file that holds the token (- for standard input)');
}

function tokenOption(command: Command): string {
  const { tokenEnv, tokenFile } = command.opts<{ tokenEnv?: string; tokenFile?: string }>();
  if (tokenEnv !== undefined && tokenFile !== undefined) {
    throw new RepackError('E_USAGE', {
      what: 'Both --token-env and --token-file are given',
      where: 'command line',
      hint: 'Give one of them.',
    });
  }
  if (tokenEnv !== undefined) return `env:${tokenEnv}`;
  if (tokenFile === '-') return '-';
  return tokenFile === undefined ? 'none' : `file:${tokenFile}`;
}

/** commander repeats what was typed; `--token=VALUE` and the like must not be. */
function usageError(error: CommanderError, program: ProgramName, args: readonly string[]): RepackError {
  const message = error.message.replace(/^error: /, '').replace(/(--?[A-Za-z][\w-]*=)[^'\s]*/g, '$1…');
  const known = program === 'repackenv' && error.code !== 'commander.unknownCommand';
  const command = known && args[0] !== undefined ? ` ${args[0]}` : '';
  return new RepackError('E_USAGE', {
    what: message.charAt(0).toUpperCase() + message.slice(1),
    where: 'command line',
    hint: `See ${program}${/^ [a-z]+$/.test(command) ? command : ''} --help. A value that begins with "-" goes behind "--".`,
  });
}

const UPDATE_EXAMPLES = `
Examples:
  update-offline-repo halkbank env:CONDA_TOKEN /srv/repos ratingpro pytho --owner acme --channel conda-forge
  update-offline-repo halkbank file:token.txt D:\\repos ratingpro "numpy>=1.26,<2" --subdir win-64 --subdir linux-64
  update-offline-repo halkbank none /srv/repos --packages-file packages.txt --dry-run

Owner and base channels are best kept in ROOT/repackenv.yml:
  owner: acme
  channels: [conda-forge]
  client: "conda 4.12"

Quote MatchSpecs that hold < > = ! * or write them into a --packages-file: the shell (cmd.exe above all) takes them otherwise.

Exit codes: 0 done, 1 done with findings, 2 usage or configuration, 3 unsolvable, 4 artifact missing or wrong, 5 publish,
  6 another run holds the label, 7 upstream unreachable or token refused, 8 proof failed, 70 a bug, 130/143 interrupted.
`;
