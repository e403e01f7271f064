import { Command, CommanderError } from 'commander';
import { RepackError } from '../base/errors.js';
import { nearest } from '../base/nearest.js';
import { VERSION } from '../base/tool-version.js';
import type { CliCommand, Typed } from './command.js';
import { updateOfflineRepoCommand } from './commands/update.js';
import { insteadOfCommand, insteadOfOption } from './former-tools.js';
import { completionScript } from './completion.js';
import { addSettings, givenOptions } from './options.js';
import { PAGES } from './pages.js';
import { fitted, helpLayout, shortHelp } from './short-help.js';
import type { GivenOptions } from '../config/resolve-settings.js';

export type ProgramName = 'update-offline-repo' | 'repackenv';

/** Columns of the help in a pipe; a terminal has its own, up to the widest. */
const HELP_WIDTH = 100;
const WIDEST = 140;

/** What the user asked for, before any value is checked. */
export interface Invocation extends Typed {
  command: CliCommand;
  given: GivenOptions;
  config: string | undefined;
  showConfig: boolean;
  /** As `readToken` takes it. */
  token: string | undefined;
}

/** Parsed command line, or text that answers it (`--help`, `--version`). */
export type Parsed = { kind: 'run'; invocation: Invocation } | { kind: 'text'; text: string };

/**
 * @param args without node and script.
 * @param commands of `repackenv`; the other program is a command itself.
 * @param columns of the terminal; 0 in a pipe.
 * @throws RepackError E_USAGE
 */
export function parseArguments(
  program: ProgramName,
  args: readonly string[],
  commands: readonly CliCommand[],
  columns = 0,
): Parsed {
  let invocation: Invocation | undefined;
  let text = '';
  const take = (taken: Invocation): void => void (invocation = taken);
  const words = program === 'repackenv' ? helpOfCommand(args, commands) : [...args];
  const tree = program === 'repackenv' ? repackenvTree(commands, words[0], take) : updateOfflineRepoTree(take);
  const helpWidth = columns > 0 ? Math.min(columns - 1, WIDEST) : HELP_WIDTH;
  for (const command of [tree, ...tree.commands]) {
    command.exitOverride();
    command.configureOutput({ writeOut: (out) => void (text += out), writeErr: () => undefined });
    command.configureHelp(helpLayout(helpWidth));
    command.helpOption('-h, --help', '-h: a screen; --help: all of it');
  }
  try {
    tree.parse(words, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === 'commander.help') return { kind: 'text', text: tree.helpInformation() };
    if (error.code === 'commander.helpDisplayed') {
      const asked = tree.commands.find((command) => command.name() === words[0]) ?? tree;
      const isShort = asksShort(words) && asked.commands.length === 0;
      return { kind: 'text', text: isShort ? shortHelp(asked, text, helpWidth + 1) : fitted(text, helpWidth) };
    }
    if (error.exitCode === 0) return { kind: 'text', text };
    throw usageError(error, { program, args, commands });
  }
  if (invocation === undefined) return { kind: 'text', text: tree.helpInformation() };
  if (words[0] === 'completion' && program === 'repackenv') {
    const trees = { repackenv: tree, update: updateOfflineRepoTree(take) };
    return { kind: 'text', text: completionScript(words[1] ?? '', trees, PAGES) };
  }
  return { kind: 'run', invocation };
}

function asksShort(words: readonly string[]): boolean {
  const end = words.indexOf('--');
  const before = end < 0 ? words : words.slice(0, end);
  return before.includes('-h') && !before.includes('--help');
}

/** `help COMMAND` is `COMMAND --help`; a page of that name comes first. @throws RepackError E_USAGE: it is neither */
function helpOfCommand(args: readonly string[], commands: readonly CliCommand[]): string[] {
  const [first, topic = ''] = args;
  if (first !== 'help' || !/^\w/.test(topic) || PAGES.some((page) => page === topic)) return [...args];
  const names = commands.map(({ name }) => name);
  if (names.includes(topic)) return [topic, '--help'];
  const near = nearest(topic, [...PAGES, ...names]);
  throw new RepackError('E_USAGE', {
    what: 'There is no page and no command of that name',
    where: 'command line',
    hint: `${near === undefined ? '' : `Did you mean ${near}? `}repackenv help lists the pages, repackenv --help the commands.`,
  });
}

type Take = (invocation: Invocation) => void;

function updateOfflineRepoTree(take: Take): Command {
  const command = new Command(updateOfflineRepoCommand.name).version(VERSION);
  equip(command, updateOfflineRepoCommand, take);
  return command;
}

/** Where `asked` is a command, only that has its options: the others' are hundreds. `completion` tells all. */
function repackenvTree(commands: readonly CliCommand[], asked: string | undefined, take: Take): Command {
  const tree = new Command('repackenv')
    .description(
      'Offline conda channels for customers without a line: made from packages, or from an environment, or mirrored; proven, ' +
        'carried on media, served.',
    )
    .version(VERSION)
    .helpCommand(false);
  const isOne = asked !== 'completion' && (asked === '--version' || commands.some(({ name }) => name === asked));
  for (const definition of commands) {
    const command = tree.command(definition.name);
    if (!isOne || definition.name === asked) equip(command, definition, take);
  }
  return tree;
}

function equip(command: Command, definition: CliCommand, take: Take): void {
  command.description(definition.summary);
  definition.declare?.(command);
  if (definition.folders !== undefined && command.options.every(({ long }) => long !== '--root'))
    command.option('--root <DIR>', 'folder that holds the label folders, where a label is named alone');
  if (definition.token === 'options') addTokenOptions(command);
  addSettings(command, definition.settings, definition.silent);
  command.action((...received: unknown[]) => {
    const args = received.slice(0, -2).flatMap((arg) => (Array.isArray(arg) ? arg : [arg]));
    const options = command.opts<Record<string, unknown>>();
    const typed: Typed = { args: args.filter((arg) => typeof arg === 'string'), options };
    take({
      ...typed,
      command: definition,
      given: givenOptions(command),
      config: typeof options['config'] === 'string' ? options['config'] : undefined,
      showConfig: options['showConfig'] === true,
      token: definition.token === 'options' ? tokenOption(options) : definition.token?.(typed),
    });
  });
}

function addTokenOptions(command: Command): void {
  command
    .option('--token-env <NAME>', 'environment variable that holds the token')
    .option('--token-file <FILE>', 'file that holds the token (- for standard input)');
}

function tokenOption({ tokenEnv, tokenFile }: Record<string, unknown>): string {
  if (tokenEnv !== undefined && tokenFile !== undefined) {
    throw new RepackError('E_USAGE', {
      what: 'Both --token-env and --token-file are given',
      where: 'command line',
      hint: 'Give one of them.',
    });
  }
  if (typeof tokenEnv === 'string') return `env:${tokenEnv}`;
  if (tokenFile === '-') return '-';
  return typeof tokenFile === 'string' ? `file:${tokenFile}` : 'none';
}

interface Typing {
  program: ProgramName;
  args: readonly string[];
  commands: readonly CliCommand[];
}

/** commander repeats what was typed; `--token=VALUE` and the like must not be. */
function usageError(error: CommanderError, { program, args, commands }: Typing): RepackError {
  const [said = '', near] = error.message.replace(/^error: /, '').split(/\n\(?(Did you mean .*?\?)\)?$/);
  const message = said.replace(/(--?[A-Za-z][\w-]*=)[^'\s]*/g, '$1…');
  const former = formerTool(error, args, commands);
  if (former !== undefined) return former;
  const mayBeValue = error.code === 'commander.unknownOption' && near === undefined;
  const behind = mayBeValue ? ' A value that begins with "-" goes behind "--".' : '';
  const known = program === 'repackenv' && error.code !== 'commander.unknownCommand';
  const command = known && args[0] !== undefined ? ` ${args[0]}` : '';
  return new RepackError('E_USAGE', {
    what: `${message.charAt(0).toUpperCase()}${message.slice(1)}${near === undefined ? '' : `. ${near}`}`,
    where: 'command line',
    hint: `See ${program}${/^ [a-z]+$/.test(command) ? command : ''} --help.${behind}`,
  });
}

function formerTool(
  error: CommanderError,
  args: readonly string[],
  commands: readonly CliCommand[],
): RepackError | undefined {
  const isOurs = commands.length === 0 || commands.some(({ name }) => name === args[0]);
  const word = isOurs ? undefined : insteadOfCommand(args);
  const found = word ?? (error.code === 'commander.unknownOption' ? insteadOfOption(args) : undefined);
  if (found === undefined) return undefined;
  return new RepackError('E_USAGE', {
    what: `${found.typed} is ${word === undefined ? 'an option' : 'a command'} of another tool`,
    where: 'command line',
    hint: `Type ${found.instead}.`,
  });
}
