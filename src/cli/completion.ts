import type { Command } from 'commander';
import { RepackError } from '../base/errors.js';
import { nearest } from '../base/nearest.js';

interface Words {
  /** Empty: those of `update-offline-repo`. */
  command: string;
  summary: string;
  /** Options, and what an option takes where it is one of few. */
  options: { flag: string; help: string; choices: string[] }[];
  /** What the first argument may be. */
  first: readonly string[];
}

const SHELLS = { bash, zsh, fish, powershell };
export type Shell = keyof typeof SHELLS;
export const SHELL_NAMES = Object.keys(SHELLS) as Shell[];

/** A script that completes commands, options and their choices, made from the tables that the programs parse with. @throws RepackError E_USAGE */
export function completionScript(
  shell: string,
  trees: { repackenv: Command; update: Command },
  topics: readonly string[],
): string {
  if (!Object.hasOwn(SHELLS, shell)) {
    const near = nearest(shell, SHELL_NAMES);
    throw new RepackError('E_USAGE', {
      what: 'Completion is written for bash, zsh, fish and powershell',
      where: 'command line',
      hint: `${near === undefined ? '' : `Did you mean ${near}? `}Type: repackenv completion bash`,
    });
  }
  const firsts: Readonly<Record<string, readonly string[]>> = { help: topics, completion: SHELL_NAMES };
  const commands = trees.repackenv.commands.map((command) =>
    wordsOf(command, command.name(), firsts[command.name()] ?? []),
  );
  return SHELLS[shell as Shell]([...commands, wordsOf(trees.update, '', [])]);
}

function wordsOf(command: Command, name: string, first: readonly string[]): Words {
  const options = command.options.filter(({ hidden }) => !hidden);
  return {
    command: name,
    summary: command.description(),
    first,
    options: options.map(({ long, short, flags, description }) => ({
      flag: long ?? short ?? '',
      help: description.split(/[:;] | \(/)[0]!,
      choices: /<([a-z0-9-]+(?:\|[a-z0-9-]+)+)>/.exec(flags)?.[1]?.split('|') ?? [],
    })),
  };
}

const flags = ({ options }: Words): string => options.map(({ flag }) => flag).join(' ');
const names = (all: readonly Words[]): string => all.flatMap(({ command }) => command || []).join(' ');

/** Option -> its choices, each once: they mean the same in every command. */
function choices(all: readonly Words[]): [string, string][] {
  const found = all.flatMap(({ options }) => options.filter((each) => each.choices.length > 0));
  return [...new Map(found.map((each) => [each.flag, each.choices.join(' ')]))];
}

function bash(all: readonly Words[]): string {
  const cases = all.map(
    (words) => `    ${words.command || "''"}) words='${flags(words)}'; first='${words.first.join(' ')}' ;;`,
  );
  const values = choices(all).map(
    ([flag, each]) => `    ${flag}) COMPREPLY=($(compgen -W '${each}' -- "$cur")); return ;;`,
  );
  return `# bash: source <(repackenv completion bash), in ~/.bashrc
_repackenv() {
  local cur=\${COMP_WORDS[COMP_CWORD]} command=\${COMP_WORDS[1]} words='' first=''
  case \${COMP_WORDS[COMP_CWORD-1]} in
${values.join('\n')}
  esac
  if [[ \${1##*/} == update-offline-repo* ]]; then command=''
  elif [[ $COMP_CWORD -eq 1 ]]; then COMPREPLY=($(compgen -W '${names(all)} --help --version' -- "$cur")); return; fi
  case $command in
${cases.join('\n')}
  esac
  if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W "$words" -- "$cur"))
  elif [[ $COMP_CWORD -eq 2 && -n $first ]]; then COMPREPLY=($(compgen -W "$first" -- "$cur")); fi
}
complete -o default -F _repackenv repackenv update-offline-repo
`;
}

function zsh(all: readonly Words[]): string {
  const cases = all.map(
    (words) => `    ${words.command || "''"}) options=(${flags(words)}); first=(${words.first.join(' ')}) ;;`,
  );
  const values = choices(all).map(([flag, each]) => `    ${flag}) compadd -- ${each}; return ;;`);
  return `#compdef repackenv update-offline-repo
# zsh: source <(repackenv completion zsh), in ~/.zshrc behind compinit
_repackenv() {
  local command=$words[2]
  local -a options first
  case $words[CURRENT-1] in
${values.join('\n')}
  esac
  if [[ \${words[1]:t} == update-offline-repo ]]; then command=''
  elif (( CURRENT == 2 )); then compadd -- ${names(all)} --help --version; return; fi
  case $command in
${cases.join('\n')}
  esac
  if [[ $PREFIX == -* ]]; then compadd -- $options
  elif (( CURRENT == 3 && $#first )); then compadd -- $first
  else _files; fi
}
compdef _repackenv repackenv update-offline-repo
`;
}

function fish(all: readonly Words[]): string {
  const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  const lines = all.flatMap(({ command, summary, options, first }) => {
    const program = command === '' ? 'update-offline-repo' : 'repackenv';
    const on = `complete -c ${program}${command === '' ? '' : ` -n '__fish_seen_subcommand_from ${command}'`}`;
    return [
      ...(command === ''
        ? []
        : [`complete -c repackenv -n __fish_use_subcommand -f -a ${command} -d ${quoted(summary)}`]),
      ...(first.length === 0 ? [] : [`${on} -f -a '${first.join(' ')}'`]),
      ...options.map(({ flag, help, choices: few }) => {
        const name = flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`;
        return `${on} ${name} -d ${quoted(help)}${few.length === 0 ? '' : ` -x -a '${few.join(' ')}'`}`;
      }),
    ];
  });
  return `# fish: repackenv completion fish > ~/.config/fish/completions/repackenv.fish\n${lines.join('\n')}\n`;
}

function powershell(all: readonly Words[]): string {
  const list = (text: string): string =>
    text
      .split(' ')
      .flatMap((word) => (word === '' ? [] : [`'${word}'`]))
      .join(',');
  const cases = all.map(
    (words) =>
      `  '${words.command}' = @{ options = @(${list(flags(words))}); first = @(${list(words.first.join(' '))}) }`,
  );
  const values = choices(all).map(([flag, each]) => `  '${flag}' = @(${list(each)})`);
  return `# PowerShell: repackenv completion powershell | Out-String | Invoke-Expression, in $PROFILE
$repackenvWords = @{
${cases.join('\n')}
}
$repackenvChoices = @{
${values.join('\n')}
}
Register-ArgumentCompleter -Native -CommandName repackenv, update-offline-repo -ScriptBlock {
  param($word, $ast, $position)
  $typed = @($ast.CommandElements | ForEach-Object { $_.ToString() })
  if ($word -eq '') { $typed += '' }
  $command = if ($typed[0] -like '*update-offline-repo*') { '' } else { $typed[1] }
  $before = $typed[$typed.Count - 2]
  $known = $repackenvWords[$command]
  $words = if ($repackenvChoices.ContainsKey($before)) { $repackenvChoices[$before] }
    elseif ($command -ne '' -and $typed.Count -le 2) { @(${list(names(all))}) }
    elseif ($null -eq $known) { @() }
    elseif ($word -like '-*') { $known.options } elseif ($typed.Count -eq 3) { $known.first } else { @() }
  $words | Where-Object { $_ -like "$word*" } | ForEach-Object { [System.Management.Automation.CompletionResult]::new($_) }
}
`;
}
