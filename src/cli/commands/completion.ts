import type { CliCommand } from '../command.js';

/** What it prints is made from the table of all commands: `parseArguments` answers it. */
export const completionCommand: CliCommand = {
  name: 'completion',
  summary: 'a script that lets the Tab key complete commands and options, for bash, zsh, fish or powershell',
  settings: ['quiet'],
  declare: (command) =>
    void command.argument('<SHELL>', 'bash, zsh, fish or powershell').addHelpText('after', EXAMPLES),
  run: () => Promise.reject(new Error('answered by the parser')),
};

const EXAMPLES = `
Examples:
  source <(repackenv completion bash)                                             in ~/.bashrc
  repackenv completion fish > ~/.config/fish/completions/repackenv.fish
  repackenv completion powershell | Out-String | Invoke-Expression                in $PROFILE
`;
