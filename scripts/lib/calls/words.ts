import type { Call, Place } from './place.js';

const COMMANDS = [
  'update',
  'plan',
  'capture',
  'verify',
  'mirror',
  'diff',
  'import',
  'merge',
  'doctor',
  'clean',
  'export',
  'delta',
  'serve',
  'engines',
];

/** Help, versions, settings, engines, and what is refused before anything is begun. */
export function words({ at, url, conda43, write }: Place): Call[] {
  const main = 'update-offline-repo' as const;
  const target = ['--base-url', url, '--owner', 'prometeia', '--channel', 'pkgs/main', '--engine', 'embedded'];
  const refused = (name: string, ...args: string[]): Call => ({
    name: `refused-${name}`,
    program: main,
    args: [...args, '--cache-dir', at('cache')],
  });
  const withFile = (name: string, text: string): Call => ({
    name: `refused-${name}`,
    program: main,
    args: ['halkbank', 'env:CONDA_TOKEN', at('settings'), 'pytho', ...target],
    before: () => void write('settings/repackenv.yml', text),
  });
  return [
    { name: 'help-main', program: main, args: ['--help'] },
    { name: 'help', args: ['--help'] },
    ...COMMANDS.map((command) => ({ name: `help-${command}`, args: [command, '--help'] })),
    { name: 'version-main', program: main, args: ['--version'] },
    { name: 'version', args: ['--version'] },
    { name: 'nothing-main', program: main, args: [] },
    { name: 'nothing', args: [] },
    { name: 'unknown-command', args: ['updaet'] },
    { name: 'unknown-option', args: ['verify', at('root'), '--jsn'] },
    { name: 'unknown-option-json', args: ['verify', at('root'), '--jsn', '--json'] },
    { name: 'missing-argument', args: ['export', '--to', at('usb')] },
    {
      name: 'show-config',
      program: main,
      args: ['halkbank', 'env:CONDA_TOKEN', at('settings'), 'pytho', '--index', 'bz2', '--show-config'],
      env: { REPACKENV_WAIT_LOCK: '3' },
      before: () =>
        void write(
          'settings/repackenv.yml',
          [
            'owner: prometeia',
            `base_url: ${url}`,
            'channels: [pkgs/main]',
            'subdirs: [linux-64, win-64]',
            'client: "conda 4.12"',
            'virtual_packages: ["__glibc=2.17"]',
            'log_dir: logs',
            '',
          ].join('\n'),
        ),
    },
    {
      name: 'show-config-json',
      args: ['plan', '--label', 'halkbank', '--root', at('settings'), '--show-config', '--json'],
    },
    ...['verify', 'export', 'import', 'serve', 'doctor', 'diff', 'merge', 'clean'].map((command) => ({
      name: `show-config-${command}`,
      args: [command, ...operandsOf(command, at('settings')), '--show-config'],
    })),
    { name: 'engines', args: ['engines'] },
    { name: 'engines-json', args: ['engines', '--json'] },
    { name: 'engines-quiet', args: ['engines', '--quiet'] },
    ...(conda43 === undefined
      ? []
      : [{ name: 'engines-conda43', args: ['engines', '--engine', 'conda', '--engine-path', conda43] }]),
    { name: 'engines-none', args: ['engines', '--engine', 'mamba'] },
    refused('label', '../halkbank', 'env:CONDA_TOKEN', at('root'), 'pytho', ...target),
    refused('spec', 'halkbank', 'env:CONDA_TOKEN', at('root'), 'pytho>>1', ...target),
    refused('spec-json', 'halkbank', 'env:CONDA_TOKEN', at('root'), 'pytho>>1', ...target, '--json'),
    refused('token', 'halkbank', 'env:NO_SUCH_TOKEN', at('root'), 'pytho', ...target),
    refused('token-file', 'halkbank', `file:${at('no-token')}`, at('root'), 'pytho', ...target),
    refused('owner', 'halkbank', 'env:CONDA_TOKEN', at('root'), 'pytho', '--base-url', url),
    refused('subdir', 'halkbank', 'none', at('root'), 'pytho', ...target, '--subdir', 'linux-65'),
    refused('http', 'halkbank', 'none', at('root'), 'pytho', ...target, '--channel', 'http://conda.example/x'),
    refused('client', 'halkbank', 'none', at('root'), 'pytho', ...target, '--client', 'conda'),
    refused('profile', 'halkbank', 'none', at('root'), 'pytho', ...target, '--virtual-package', 'glibc'),
    refused('engine', 'halkbank', 'none', at('root'), 'pytho', ...target, '--engine', 'micromamba'),
    refused('root', 'halkbank', 'none', at('keys', 'release.pub'), 'pytho', ...target),
    refused('packages-file', 'halkbank', 'none', at('root'), '--packages-file', at('no-file'), ...target),
    refused('nothing-asked', 'halkbank', 'none', at('root'), ...target),
    withFile('config-key', 'owner: prometeia\nsubdir: [linux-64]\n'),
    withFile('config-type', 'owner: prometeia\nwait_lock: soon\n'),
    withFile('config-yaml', 'owner: [prometeia\n'),
  ];
}

function operandsOf(command: string, folder: string): string[] {
  if (command === 'export') return [folder, '--to', folder];
  if (command === 'import') return [folder, '--root', folder];
  if (command === 'diff' || command === 'merge') return [folder, folder];
  return command === 'clean' ? [] : [folder];
}
