import { createHash } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { named, TOKEN, type Call, type Place } from './place.js';
import { putPackage } from './upstreams.js';

type CallOf = (name: string, ...args: string[]) => Call;

/** Any channel folder, ours or not, whole or broken: verify, doctor, diff, merge, serve. */
export function folders(place: Place): Call[] {
  const { at, url, write } = place;
  const ours = at('root', 'halkbank');
  const of =
    (command: string) =>
    (name: string, ...args: string[]): Call => ({
      name: `${command}-${name}`,
      args: [command, ...args],
    });
  const [verify, doctor, diff, merge] = ['verify', 'doctor', 'diff', 'merge'].map(of) as [
    CallOf,
    CallOf,
    CallOf,
    CallOf,
  ];
  const serve: CallOf = (name, ...args) => of('serve')(name, '--port', '18716', ...args);
  const copied = (call: Call, from: string, to: string, change?: (folder: string) => void | Promise<void>): Call => ({
    ...call,
    before: async () => {
      place.copy(from, to);
      await change?.(at(to));
    },
  });
  const upstream = 'upstream/gen2/prometeia';

  return [
    verify('ours', ours),
    verify('ours-json', ours, '--json'),
    verify('quiet', ours, '--quiet'),
    verify('foreign', at(upstream)),
    verify('foreign-json', at(upstream), '--json'),
    verify('mirror', at('mirrors', 'private')),
    verify('nothing', at('keys')),
    verify('no-folder', at('nowhere')),
    copied(verify('damaged', at('broken', 'halkbank')), 'root/halkbank', 'broken/halkbank', breakFolder),
    verify('damaged-json', at('broken', 'halkbank'), '--json'),
    verify('damaged-quiet', at('broken', 'halkbank'), '--quiet'),
    verify('receipt', at('receipt.json')),

    doctor('ours', ours),
    doctor('ours-json', ours, '--json'),
    doctor('ours-repair', ours, '--repair'),
    doctor('damaged', at('broken', 'halkbank')),
    doctor('damaged-json', at('broken', 'halkbank'), '--json'),
    doctor('damaged-repair', at('broken', 'halkbank'), '--repair'),
    copied(
      doctor('no-index', at('mended', 'halkbank'), '--repair', '--json'),
      'root/halkbank',
      'mended/halkbank',
      (dir) => {
        rmSync(join(dir, 'noarch', 'repodata.json'));
        rmSync(join(dir, 'linux-64', 'repodata.json.zst'));
        writeFileSync(join(dir, 'SHA256SUMS'), '');
      },
    ),
    doctor('no-index-again', at('mended', 'halkbank'), '--repair'),
    copied(doctor('foreign', at('stranger')), upstream, 'stranger', breakFolder),
    doctor('foreign-json', at('stranger'), '--json'),
    doctor('foreign-repair', at('stranger'), '--repair'),
    doctor('foreign-prune-json', at('stranger'), '--repair', '--prune', '--json'),
    doctor('foreign-again', at('stranger'), '--repair'),
    doctor('prune-alone', at('stranger'), '--prune'),
    doctor('site-prefix', ours, '--site-prefix', 'C:\\ProgramData\\miniforge3\\envs\\prod'),
    doctor('prefix-length', ours, '--prefix-length', '300', '--json'),
    doctor('nothing', at('keys')),

    diff('same', ours, ours),
    diff('generations', at('kept', 'g1', 'halkbank'), ours),
    diff('generations-json', at('kept', 'g1', 'halkbank'), ours, '--json'),
    diff('quiet', at('kept', 'g1', 'halkbank'), ours, '--quiet'),
    diff('manifest', join(ours, 'manifest.json'), at('kept', 'g1', 'halkbank')),
    diff('receipt', at('receipt.json'), ours),
    diff('set', at('packed', named(at('packed'), /\.set\.json$/)), ours),
    diff('channel', ours, `${url}/pkgs/main`, '--newest', '--cache-dir', at('cache')),
    diff('channel-json', at(upstream), `${url}/prometeia`, '--subdir', 'noarch', '--cache-dir', at('cache'), '--json'),
    diff('no-such-channel', ours, `${url}/pkgs/none`, '--cache-dir', at('cache')),
    diff('nothing', at('keys'), ours),

    copied(merge('channel-dry-run', at('more'), at('site', 'halkbank'), '--dry-run'), upstream, 'more', async (dir) => {
      for (const subdir of ['linux-64', 'osx-arm64', 'win-64']) rmSync(join(dir, subdir), { recursive: true });
      await putPackage(dir, { name: 'extra', version: '1.0' });
    }),
    merge('channel', at('more'), at('site', 'halkbank'), '--json'),
    merge('channel-again', at('more'), at('site', 'halkbank')),
    {
      ...merge('replaced', at('more'), at('site', 'halkbank')),
      before: async () => {
        await putPackage(at('more'), { name: 'extra', version: '1.0', files: { 'share/extra': 'built anew' } });
      },
    },
    merge(
      'replace',
      at('more'),
      at('site', 'halkbank'),
      '--replace',
      'extra-1.0-0.conda',
      '--sign-key',
      at('keys', 'release'),
    ),
    copied(merge('not-ours', at('more'), at('theirs')), 'upstream/gen2/pkgs/main', 'theirs'),
    merge('adopt-dry-run', at('more'), at('theirs'), '--adopt', '--dry-run'),
    merge('adopt', at('more'), at('theirs'), '--adopt', '--json'),
    merge('itself', at('more'), at('more')),
    merge('set', at('usb'), at('site', 'halkbank')),
    merge('nothing', at('keys'), at('site', 'halkbank')),

    { ...serve('label', ours), ask: (base) => ask(base, QUESTIONS) },
    { ...serve('json', ours, '--json', '--log-dir', at('logs', 'serve')), ask: (base) => ask(base, [[INDEX]]) },
    { ...serve('root', at('root')), ask: (base) => ask(base, [['/'], ['/signed/'], ['/none/'], ['/.repackenv/']]) },
    { ...serve('free-port', ours, '--port', '0', '--quiet'), ask: (base) => ask(base, [['/halkbank']]) },
    {
      ...serve('token', ours, '--token-env', 'CONDA_TOKEN'),
      ask: (base) => ask(base, [['/halkbank/'], [`/t/wrong-token${INDEX}`], [`/t/${TOKEN}${INDEX}`]]),
    },
    {
      ...serve('basic', ours, '--basic-auth-file', at('users.txt')),
      before: () => void write('users.txt', 'reader:a-password-that-is-none\n'),
      ask: (base) => ask(base, [['/halkbank/'], [INDEX, { authorization: `Basic ${btoa(USER)}` }]]),
    },
    serve('nothing', at('keys')),
    serve('port-in-use', at('root'), '--port', new URL(url).port),
    serve('bad-port', at('root'), '--port', '99999'),
  ];
}

const INDEX = '/halkbank/noarch/repodata.json';
const ARTIFACT = '/halkbank/noarch/pip-24.2-py_0.conda';
const USER = 'reader:a-password-that-is-none';

type Question = readonly [path: string, headers?: Readonly<Record<string, string>>, method?: string];

const QUESTIONS: readonly Question[] = [
  ['/'],
  ['/halkbank/'],
  ['/halkbank/noarch/'],
  [INDEX],
  [`${INDEX}.zst`],
  [INDEX, {}, 'HEAD'],
  ['/halkbank/linux-64/current_repodata.json'],
  ['/halkbank/manifest.json'],
  ['/halkbank/SHA256SUMS'],
  [ARTIFACT],
  [ARTIFACT, { range: 'bytes=100-199' }],
  [ARTIFACT, { range: 'bytes=999999-' }],
  [ARTIFACT, { 'if-none-match': '*' }],
  [ARTIFACT, {}, 'DELETE'],
  ['/halkbank/noarch/none-1.0-0.conda'],
  ['/halkbank/../../keys/release'],
  ['/halkbank/%2e%2e/.repackenv/halkbank/manifest.json'],
];

const OF_THE_CONNECTION = new Set(['date', 'connection', 'keep-alive', 'transfer-encoding']);

/** Status, headers and body (or its digest) of each answer. */
async function ask(base: string, questions: readonly Question[]): Promise<string> {
  const answers: string[] = [];
  for (const [path, headers = {}, method = 'GET'] of questions) {
    const answer = await fetch(new URL(path, base), { method, headers, redirect: 'manual' });
    const bytes = Buffer.from(await answer.arrayBuffer());
    const told = [...answer.headers].filter(([name]) => !OF_THE_CONNECTION.has(name));
    const type = answer.headers.get('content-type') ?? '';
    const body = type.startsWith('text/') ? bytes.toString('utf8') : createHash('sha256').update(bytes).digest('hex');
    const shown = told.map(([name, value]) => `  ${name}: ${value}`);
    answers.push(
      `${method} ${path} ${JSON.stringify(headers)}\n${[String(answer.status), ...shown].join('\n')}\n${body}\n`,
    );
  }
  return answers.join('\n');
}

/** Cuts one package, puts one that no index names, takes one away, and lets the indexes differ. */
function breakFolder(dir: string): void {
  const noarch = join(dir, 'noarch');
  const path = (name: RegExp): string => join(noarch, named(noarch, name));
  writeFileSync(path(/^pytho-/), 'cut');
  rmSync(path(/^ratingpro-/));
  writeFileSync(join(noarch, 'unnamed-1.0-0.conda'), 'no package');
  rmSync(path(/^repodata\.json\.zst$/));
}
