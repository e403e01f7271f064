import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { TOKEN, writeEnvironment, type Call, type Place } from './place.js';
import { DAMAGED, MISSING, REPLACED } from './upstreams.js';

export type RunCall = (call: Call) => Promise<unknown>;

/** The vendor's side: update, plan, capture, with every way in which they refuse. */
export function deliveries(place: Place, run: RunCall): Call[] {
  const { at, url, oldUrl, conda43, setGeneration } = place;
  const common = ['--base-url', url, '--owner', 'prometeia', '--channel', 'pkgs/main', '--cache-dir', at('cache')];
  const embedded = [...common, '--engine', 'embedded'];
  const both = [...embedded, '--subdir', 'linux-64', '--subdir', 'win-64'];
  const linux = [...embedded, '--subdir', 'linux-64'];
  const asked = ['ratingpro', 'pytho'];
  /** The upstream has one label, so each delivery of something else has a ROOT of its own. */
  const update = (name: string, root: string, packages: readonly string[], ...options: string[]): Call => ({
    name,
    program: 'update-offline-repo',
    args: ['halkbank', 'env:CONDA_TOKEN', at(root), ...packages, ...options],
  });
  const plan = (name: string, ...options: string[]): Call => ({
    name,
    args: ['plan', '--label', 'halkbank', '--root', at('root'), '--token-env', 'CONDA_TOKEN', ...asked, ...options],
  });
  const inGeneration = (generation: number, call: Call): Call =>
    Object.assign({}, call, { before: () => setGeneration(generation) });
  let held: { letGo(): Promise<void> } | undefined;

  return [
    inGeneration(1, plan('plan', ...both)),
    plan('plan-json', ...both, '--json'),
    update('dry-run', 'root', asked, ...both, '--dry-run'),
    update('update', 'root', asked, ...both),
    update('update-again', 'root', asked, ...both),
    update('update-again-json', 'root', asked, ...both, '--json'),
    update('update-quiet', 'root', asked, ...both, '--quiet'),
    { name: 'keep-generation-1', args: ['--version'], after: () => place.copy('root/halkbank', 'kept/g1/halkbank') },
    inGeneration(2, plan('plan-2', ...both)),
    plan('plan-2-quiet', ...both, '--quiet'),
    update('dry-run-2-json', 'root', asked, ...both, '--dry-run', '--json'),
    update('update-2-json', 'root', asked, ...both, '--json', '--log-dir', at('logs', 'update')),
    update('update-fewer', 'root', ['ratingpro=2.4.0'], ...linux),
    update('update-back', 'root', asked, ...both),
    {
      name: 'update-named',
      args: [
        'update',
        '--label',
        'halkbank',
        '--root',
        at('roots/named'),
        '--token-file',
        at('token'),
        'halkdata',
        'ratedocs',
        'oldmath',
        ...linux,
      ],
      before: () => void place.write('token', `${TOKEN}\n`),
    },
    inGeneration(2, update('update-index-bz2', 'roots/old', ['bothways', 'oldmath'], ...linux, '--index', 'bz2')),
    update('update-no-site-files', 'roots/bare', ['ratemodels'], ...linux, '--site-files', 'off', '--json'),
    update(
      'update-signed',
      'roots/signed',
      ['halkdata', 'alib'],
      ...linux,
      '--label-path',
      'label',
      '--sign-key',
      at('keys', 'release'),
      '--log-dir',
      at('logs', 'signed'),
    ),
    update('update-signed-again', 'roots/signed', ['halkdata', 'alib'], ...linux, '--sign-key', at('keys', 'release')),
    update('update-bad-key', 'roots/bad-key', ['halkdata', 'alib'], ...linux, '--sign-key', at('keys', 'release.pub')),
    update('update-attested', 'root', asked, ...both, '--attestations', '--json'),
    update('update-attested-off', 'root', asked, ...both),
    update('update-strict', 'roots/strict', ['alib'], ...linux, '--channel-priority', 'strict'),
    update('update-disabled', 'roots/disabled', ['alib'], ...linux, '--channel-priority', 'disabled'),
    update('update-glibc', 'roots/glibc', ['numpy<2'], ...linux, '--virtual-package', '__glibc=2.17'),
    update('update-glibc-old', 'roots/glibc', ['numpy<2'], ...linux, '--virtual-package', '__glibc=2.12'),
    update('update-for-old-client', 'roots/client', ['oldmath'], ...linux, '--client', 'conda 4.3'),
    update('update-new-for-old-client', 'roots/client', ['pytho'], ...linux, '--client', 'conda 4.3', '--json'),
    {
      ...update('update-packages-file', 'roots/file', ['halkdata'], ...linux, '--packages-file', at('packages.txt')),
      before: () => void place.write('packages.txt', '# by the customer\nratedocs\nnumpy>=1.26,<2\n'),
    },
    update('update-docs', 'roots/docs', ['ratedocs'], ...linux),
    {
      name: 'update-public',
      program: 'update-offline-repo',
      args: ['halkbank', 'none', at('roots/public'), 'ratedocs', ...linux],
    },
    update('not-found', 'root', ['ratingpor'], ...linux),
    update('not-found-json', 'root', ['ratingpor'], ...linux, '--json'),
    update('unsolvable', 'root', ['ratingpro=2.4.0', 'pytho=2.0'], ...linux),
    update('unsolvable-json', 'root', ['ratingpro=2.4.0', 'pytho=2.0'], ...linux, '--json'),
    update('two-subdirs-unsolvable', 'root', ['python 3.9.17'], ...both),
    inGeneration(DAMAGED, update('damaged', 'roots/damaged', ['pytho=2.0'], ...linux, '--cache-dir', at('cache-2'))),
    update('damaged-json', 'roots/damaged', ['pytho=2.0'], ...linux, '--cache-dir', at('cache-2'), '--json'),
    inGeneration(MISSING, update('missing', 'roots/missing', ['pytho=2.0'], ...linux, '--cache-dir', at('cache-2'))),
    inGeneration(REPLACED, update('replaced', 'roots/named', ['halkdata', 'ratedocs', 'oldmath'], ...linux)),
    update('replaced-json', 'roots/named', ['halkdata', 'ratedocs', 'oldmath'], ...linux, '--json'),
    update(
      'replace',
      'roots/named',
      ['halkdata', 'ratedocs', 'oldmath'],
      ...linux,
      '--replace',
      'ratedocs-5.1-0.conda',
      '--json',
    ),
    {
      name: 'token-refused',
      program: 'update-offline-repo',
      args: ['halkbank', 'env:WRONG_TOKEN', at('root'), ...asked, ...linux],
      env: { WRONG_TOKEN: 'xx-wrong-wrong-wrong' },
      before: () => setGeneration(2),
    },
    update('no-such-channel', 'root', asked, ...linux, '--channel', 'pkgs/none'),
    update('unreachable', 'root', asked, ...linux, '--base-url', 'http://127.0.0.1:1', '--json'),
    {
      ...update('locked', 'root', asked, ...linux),
      before: async () => {
        const slow = update('holds', 'root', asked, ...linux, '--channel', `${place.slowUrl}/pkgs`);
        held = await place.hold(() => run(slow));
      },
    },
    update('locked-json', 'root', asked, ...linux, '--json'),
    { name: 'locked-doctor', args: ['doctor', at('root', 'halkbank'), '--repair'] },
    { name: 'locked-plan', args: plan('', ...linux).args, after: () => held?.letGo() },
    update('after-locked', 'root', asked, ...both),
    {
      ...update('not-ours', 'roots/foreign', ['ratedocs'], ...linux),
      before: () => place.copy('upstream/gen2/prometeia', 'roots/foreign/halkbank'),
    },
    update('adopt-dry-run', 'roots/foreign', ['ratedocs'], ...linux, '--adopt', '--dry-run'),
    update('adopt', 'roots/foreign', ['ratedocs'], ...linux, '--adopt'),
    ...(conda43 === undefined ? [] : withConda43(conda43)),
    ...captures(),
  ];

  /** The seed's command with either engine, over packages that conda 4.3 can read. */
  function withConda43(program: string): Call[] {
    const old = ['--base-url', oldUrl, '--owner', 'prometeia', '--channel', 'pkgs/main', '--subdir', 'linux-64'];
    const client = [...old, '--client', 'conda 4.3'];
    const seed = (name: string, folder: string, packages: readonly string[], ...options: string[]): Call => ({
      name: `seed-${name}`,
      program: 'update-offline-repo',
      args: ['halkbank', 'env:CONDA_TOKEN', at(folder), ...packages, ...options],
    });
    const own = ['--engine', 'embedded', '--cache-dir', at('cache-embedded')];
    const conda = ['--engine', 'conda', '--engine-path', program, '--cache-dir', at('cache-conda')];
    return [
      seed('embedded', 'by-embedded', asked, ...client, ...own),
      seed('conda', 'by-conda', asked, ...client, ...conda),
      { name: 'seed-engines-differ', args: ['diff', at('by-embedded', 'halkbank'), at('by-conda', 'halkbank')] },
      seed('embedded-json', 'by-embedded', asked, ...client, ...own, '--json'),
      seed('conda-json', 'by-conda', asked, ...client, ...conda, '--json'),
      seed('conda-unsolvable', 'by-conda', ['ratingpro=2.4.0', 'pytho=0.9'], ...client, ...conda),
      seed('prove-install', 'by-embedded', asked, ...client, ...own, '--prove', `install=${program}`),
      update('prove-fails', 'roots/proof', ['pytho'], ...linux, '--prove', `install=${program}`),
      update('prove-fails-json', 'roots/proof', ['pytho'], ...linux, '--prove', `install=${program}`, '--json'),
    ];
  }

  function captures(): Call[] {
    const main = `${url}/pkgs/main`;
    const owner = `${url}/prometeia`;
    const of = (channel: string, folder: string, paths: readonly string[]) =>
      paths.map((path) => ({ channel, folder, path }));
    const installed = [
      ...of(main, 'pkgs/main', [
        'linux-64/numpy-2.0.2-py39_0.conda',
        'linux-64/python-3.9.18-h0_0_cpython.conda',
        'noarch/tzdata-2024a-h04d1e81_0.conda',
        'noarch/pip-24.2-py_0.conda',
        'noarch/wheel-0.43.0-py_0.tar.bz2',
        'noarch/setuptools-72.1.0-py_0.conda',
      ]),
      ...of(owner, 'prometeia', ['noarch/pytho-1.9-py_0.conda', 'noarch/ratedocs-5.1-0.conda']),
      ...of(`${owner}/label/halkbank`, 'label/halkbank', ['noarch/halkdata-2024.6-0.conda']),
      ...of(owner, 'prometeia', ['noarch/bothways-1.0-0.tar.bz2']),
    ];
    const capture = (name: string, ...options: string[]): Call => ({
      name: `capture-${name}`,
      args: [
        'capture',
        at('captured'),
        '--base-url',
        url,
        '--owner',
        'prometeia',
        '--token-env',
        'CONDA_TOKEN',
        '--engine',
        'embedded',
        '--cache-dir',
        at('cache'),
        ...options,
      ],
    });
    const site = join('envs', 'prod', 'lib', 'python3.9', 'site-packages', 'handmade-1.0.dist-info');
    const prefix = ['--prefix', at('envs', 'prod')];
    return [
      { ...capture('dry-run', ...prefix, '--dry-run'), before: () => writeEnvironment(place, 'prod', installed) },
      capture('prefix', ...prefix),
      {
        ...capture('pip-json', ...prefix, '--json'),
        before: () => {
          place.write(join(site, 'METADATA'), 'Metadata-Version: 2.1\nName: handmade\nVersion: 1.0\n');
          place.write(join(site, 'INSTALLER'), 'pip\n');
          place.write(join(site, 'RECORD'), 'handmade.py,,\n');
        },
      },
      capture('label', ...prefix, '--label', 'frozen', '--site-files', 'off'),
      capture('no-prefix', '--prefix', at('envs', 'none')),
      { ...capture('no-envinfo'), cwd: at('envs') },
      {
        ...capture('envinfo', '--json'),
        cwd: at('work'),
        before: () => {
          rmSync(at(site), { recursive: true });
          const info = {
            conda_version: '4.4.11',
            platform: 'linux-64',
            pkgs_dirs: [],
            active_prefix: at('envs', 'prod'),
          };
          place.write('work/envinfo.json', JSON.stringify(info));
        },
      },
    ];
  }
}
