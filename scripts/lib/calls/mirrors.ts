import { createHash } from 'node:crypto';
import type { RunCall } from './deliver.js';
import type { Call, Place } from './place.js';
import { SHRUNK } from './upstreams.js';

const INSTALLER = '#!/bin/sh\necho "an installer (sample)"\n';

/** Mirrors, their filters, what `clean -f` takes, and the delta folders they leave for `merge`. */
export function mirrors(place: Place, run: RunCall): Call[] {
  const { at, url, setGeneration, write } = place;
  const options = ['--base-url', url, '--cache-dir', at('cache-mirror'), '--virtual-package', '__glibc=2.28'];
  const mirror = (name: string, file: string, ...more: string[]): Call => ({
    name: `mirror-${name}`,
    args: ['mirror', '-f', at(`${file}.yml`), ...options, ...more],
  });
  const clean = (name: string, ...args: string[]): Call => ({
    name: `clean-${name}`,
    args: ['clean', ...args, ...options.slice(0, 4)],
  });
  const filed = (call: Call, file: string, lines: readonly string[], generation?: number): Call => ({
    ...call,
    before: () => {
      const own = lines.some((line) => line.startsWith('mirror_dir')) ? [] : [`mirror_dir: ${at('mirrors', file)}`];
      write(`${file}.yml`, `${[...lines, ...own].join('\n')}\n`);
      if (generation !== undefined) setGeneration(generation);
    },
  });
  const MAIN = ['channels: [pkgs/main]', 'platforms: [linux-64]'];
  const TOKENED = [
    `channels:`,
    `  - {url: ${url}/prometeia, token: true}`,
    '  - pkgs/main',
    'platforms: [linux-64, win-64]',
  ];
  const withToken = ['--token-env', 'CONDA_TOKEN'];
  const delta = [...MAIN, 'delta: true', `delta_dir: ${at('deltas')}`];
  const sha256 = createHash('sha256').update(INSTALLER).digest('hex');
  const installers = (digest: string): string[] => [
    ...MAIN,
    'include: [six]',
    'installers:',
    `  - {url: "${url}/pkgs/main/noarch/Mini-Linux.sh", sha256: ${digest}}`,
  ];
  let held: { letGo(): Promise<void> } | undefined;

  return [
    filed(mirror('show-config', 'main', '--show-config'), 'main', MAIN, 1),
    mirror('show-config-json', 'main', '--show-config', '--json'),
    mirror('dry-run', 'main', '--dry-run'),
    mirror('first', 'main'),
    mirror('again', 'main', '--json'),
    mirror('reset', 'main', '--reset', '--json'),
    mirror('index-bz2', 'main', '--index', 'bz2', '--sign-key', at('keys', 'release')),
    filed(mirror('filter-dry-run-json', 'main', '--dry-run', '--json'), 'main', [
      ...MAIN,
      'blacklist: [numpy]',
      'license_blacklist: [PSF]',
      'whitelist: [python]',
      'exclude: ["pytz"]',
    ]),
    mirror('explain', 'main', '--explain', 'numpy'),
    mirror('explain-json', 'main', '--explain', 'python', '--json'),
    mirror('explain-none', 'main', '--explain', 'nmupy'),
    mirror('filter', 'main'),
    clean('mirror-dry-run', '-f', at('main.yml'), '--dry-run'),
    clean('mirror-json', '-f', at('main.yml'), '--json'),
    clean('mirror-again', '-f', at('main.yml')),
    filed(mirror('no-token', 'private'), 'private', TOKENED, 1),
    mirror('token', 'private', ...withToken),
    filed(mirror('generation-2', 'private', ...withToken, '--json'), 'private', TOKENED, 2),
    mirror('explain-shadowed', 'private', ...withToken, '--explain', 'blib'),
    filed(mirror('latest', 'latest', ...withToken, '--json'), 'latest', [
      ...TOKENED,
      'latest: {count: 1, per: name}',
      'since: 2024-01-01',
      'with_dependencies: all',
    ]),
    filed(mirror('include-solve', 'solve', ...withToken), 'solve', [
      ...TOKENED,
      'include: [ratingpro, "numpy<2"]',
      'python: ["3.9"]',
      'with_dependencies: solve',
    ]),
    mirror('explain-solve', 'solve', ...withToken, '--explain', 'pandas'),
    filed(mirror('dependency-forbidden', 'forbidden', ...withToken), 'forbidden', [
      ...TOKENED,
      'include: [ratingpro]',
      'blacklist: [pandas]',
      'with_dependencies: all',
      'exclude: ["nothing=1"]',
    ]),
    mirror('dependency-forbidden-json', 'forbidden', ...withToken, '--json'),
    {
      ...filed(mirror('installer', 'installer'), 'installer', installers(sha256), 2),
      before: () => {
        write('installer.yml', `${[...installers(sha256), `mirror_dir: ${at('mirrors', 'installer')}`].join('\n')}\n`);
        write('upstream/gen2/pkgs/main/noarch/Mini-Linux.sh', INSTALLER);
      },
    },
    filed(mirror('installer-differs', 'installer-2'), 'installer-2', installers('0'.repeat(64))),
    filed(mirror('delta-1', 'delta'), 'delta', delta, 1),
    { name: 'keep-mirror', args: ['--version'], after: () => place.copy('mirrors/delta', 'far/delta') },
    filed(
      mirror('delta-2-json', 'delta', '--json'),
      'delta',
      [...delta.slice(0, 1), 'platforms: [linux-64, win-64]', ...delta.slice(2)],
      2,
    ),
    { name: 'merge-delta-dry-run', args: ['merge', at('deltas', 'delta-g1-to-g2'), at('far', 'delta'), '--dry-run'] },
    { name: 'merge-delta', args: ['merge', at('deltas', 'delta-g1-to-g2'), at('far', 'delta'), '--json'] },
    { name: 'merge-delta-again', args: ['merge', at('deltas', 'delta-g1-to-g2'), at('far', 'delta')] },
    { name: 'merge-delta-elsewhere', args: ['merge', at('deltas', 'delta-g1-to-g2'), at('site', 'halkbank')] },
    filed(mirror('shrunk', 'delta'), 'delta', [...delta], SHRUNK),
    mirror('shrunk-json', 'delta', '--json'),
    mirror('shrink-dry-run', 'delta', '--dry-run'),
    mirror('allow-shrink', 'delta', '--allow-shrink', '--keep-going'),
    {
      name: 'mirror-cas',
      args: ['mirror', '--cas', ...options, '--dry-run', '--json'],
      before: () =>
        void write(
          'home/.cas-mirror',
          `channels:\n  - ${url}/pkgs/main\nplatforms:\n  - linux-64\nmirror_dir: ${at('mirrors', 'cas')}\nlicense_blacklist: GPL\n`,
        ),
    },
    filed(mirror('foreign-key', 'foreign'), 'foreign', [...MAIN, 'dest_site: usb', 'pkg_list: [numpy]']),
    filed(mirror('bad-file', 'bad'), 'bad', [...MAIN, 'latest: many', 'since: yesterday']),
    filed(mirror('bad-file-json', 'bad', '--json'), 'bad', [...MAIN, '* numpy', 'include: [x']),
    mirror('no-file', 'none'),
    filed(mirror('no-such-channel', 'gone'), 'gone', ['channels: [pkgs/none]', 'platforms: [linux-64]'], 2),
    {
      ...filed(mirror('locked', 'locked'), 'locked', MAIN),
      before: async () => {
        const lines = [`channels: [${place.slowUrl}/pkgs]`, 'platforms: [linux-64]'];
        write('locked.yml', `${[...lines, `mirror_dir: ${at('mirrors', 'locked')}`].join('\n')}\n`);
        held = await place.hold(() => run(mirror('holds', 'locked')));
      },
    },
    { ...clean('while-locked', '-f', at('locked.yml')), after: () => held?.letGo() },
    clean('caches-dry-run', '--dry-run'),
    clean('caches-root', '--root', at('root'), '--dry-run', '--json'),
    clean('max-size', '--max-size', '1KB', '--older-than', '1d', '--json'),
    clean('bad-time', '--older-than', 'soon'),
    {
      ...clean('root', '--root', at('root')),
      before: () => void write('root/halkbank/linux-64/left-1.0-0.conda.part', 'left over'),
    },
  ];
}
