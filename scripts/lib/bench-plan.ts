import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { measured, takeContest, type Bench } from './bench-contest.js';
import { findLayer, PROJECT_ROOT } from './layers.js';
import { CLOSURES, makeLargeChannel } from './large-channel.js';
import { runOurs, runProgram } from './run-program.js';

const VERSIONS = 40;
const RECORDS = 480_000;
const VIRTUAL = [
  ['__unix', '0'],
  ['__linux', '4.18'],
  ['__glibc', '2.17'],
];

/** `plan` on a channel of the size of conda-forge's platforms, beside py-rattler's solve on the same file; and how fast we start at all. */
export async function benchPlan(bench: Bench): Promise<void> {
  const few = join(bench.folder, 'few');
  await makeLargeChannel(few, { names: 300, versions: 3 });
  const plan = (channel: string, spec: string) => (home: string) =>
    measured(() => runOurs('repackenv', planArgs(channel, spec, home), { home, watchMemory: true }));
  const node = (home: string) => measured(() => runProgram(process.execPath, ['-e', '0'], { home, watchMemory: true }));
  await takeContest(
    {
      title: 'start',
      contenders: [
        {
          name: 'repackenv',
          phases: {
            '--version': (home) => measured(() => runOurs('repackenv', ['--version'], { home, watchMemory: true })),
            'plan of a small channel': plan(few, 'small-0'),
            'plan of a small channel, again': plan(few, 'small-0'),
          },
        },
        {
          name: 'node -e 0',
          phases: { '--version': node, 'plan of a small channel': node, 'plan of a small channel, again': node },
        },
      ],
      aims: { 'plan of a small channel, again': { time: 5 } },
    },
    { ...bench, rounds: Math.max(bench.rounds, 5) },
  );

  const layer = findLayer('py-rattler');
  if (!layer.available) return bench.skip('plan beside py-rattler', layer.why);
  const many = join(bench.folder, 'many');
  await makeLargeChannel(many, { names: RECORDS / VERSIONS, versions: VERSIONS });
  for (const [closure, aims] of Object.entries({
    small: { first: { time: 2, memory: 0.8 }, again: { time: 0.7, memory: 0.8 } },
    large: { first: { time: 2, memory: 0.55 }, again: { time: 2, memory: 0.55 } },
  })) {
    const ours = plan(many, `${closure}-0`);
    const theirs = (home: string) => solveByRattler(layer.path, { channel: many, spec: `${closure}-0`, home });
    await takeContest(
      {
        title: `plan, ${RECORDS.toLocaleString('en')} records, closure ${CLOSURES[closure as keyof typeof CLOSURES]}`,
        contenders: [
          { name: 'repackenv plan', phases: { first: ours, again: ours } },
          { name: 'py-rattler solve', phases: { first: theirs, again: theirs } },
        ],
        aims,
      },
      bench,
    );
  }
}

function planArgs(channel: string, spec: string, home: string): string[] {
  // The owner has published nothing.
  for (const path of ['vendor', 'vendor/label/none'])
    for (const subdir of ['linux-64', 'noarch']) {
      mkdirSync(join(home, path, subdir), { recursive: true });
      writeFileSync(join(home, path, subdir, 'repodata.json'), `{"info":{"subdir":"${subdir}"},"packages":{}}`);
    }
  const asked = [
    'plan',
    spec,
    '--label',
    'none',
    '--root',
    join(home, 'root'),
    '--channel',
    pathToFileURL(channel).href,
  ];
  return [
    ...asked,
    '--base-url',
    home,
    '--owner',
    'vendor',
    '--subdir',
    'linux-64',
    '--cache-dir',
    join(home, 'cache'),
    '--quiet',
  ];
}

function solveByRattler(python: string, { channel, spec, home }: { channel: string; spec: string; home: string }) {
  const request = {
    channel: pathToFileURL(channel).href,
    specs: [spec],
    subdir: 'linux-64',
    virtual: VIRTUAL,
    pip: false,
  };
  const client = join(PROJECT_ROOT, 'test', 'helpers', 'rattler-client.py');
  // Through a shell, since what is asked goes to standard input; `exec`, so that the memory watched is Python's.
  const script = 'exec "$1" "$2" < "$3"';
  const asked = join(home, 'request.json');
  mkdirSync(home, { recursive: true });
  writeFileSync(asked, JSON.stringify(request));
  return measured(() => runProgram('sh', ['-ec', script, 'sh', python, client, asked], { home, watchMemory: true }));
}
