import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { measured, takeContest, type Bench, type Contender } from './bench-contest.js';
import type { Aims } from './bench-figures.js';
import { artifactsBelow, mirrorArgs, openSources, writeMirrorFile, type Source } from './bench-sources.js';
import { addVersion, makeLargeChannel } from './large-channel.js';
import { findLayer } from './layers.js';
import { runOurs, runProgram } from './run-program.js';

/** Beside conda-mirror, on channels of real sizes; on large ones beside what reading the index once takes. */
export async function benchMirror(bench: Bench): Promise<void> {
  await besideCondaMirror(bench);
  await besideParse(bench, { names: 12_000, versions: 40, dry: true, aims: { time: 5, megabytes: 700 } });
  await besideParse(bench, { names: 2500, versions: 20, dry: false, aims: { time: 4, megabytes: 200 } });
}

/** A dry run of a mirror of nothing; or the run that finds nothing new, and the one that finds one record more. */
async function besideParse(
  bench: Bench,
  { dry, aims, ...size }: { names: number; versions: number; dry: boolean; aims: Aims },
): Promise<void> {
  const channel = join(bench.folder, `of-${size.names}`);
  await makeLargeChannel(channel, { ...size, artifacts: !dry });
  const file = (root: string): string => {
    const text = { channels: [pathToFileURL(channel).href], platforms: ['linux-64'], mirror_dir: join(root, 'main') };
    mkdirSync(root, { recursive: true });
    writeFileSync(join(root, 'mirror.yml'), JSON.stringify(text));
    return join(root, 'mirror.yml');
  };
  const run = (root: string, home: string) =>
    measured(() =>
      runOurs('repackenv', [...mirrorArgs(file(root), root), ...(dry ? ['--dry-run'] : [])], {
        home,
        watchMemory: true,
      }),
    );
  const kept = join(bench.folder, `kept-${size.names}`);
  // The second notes what the third stands on: the files of the first are too young.
  if (!dry) for (const _ of [1, 2]) await run(kept, join(kept, 'home'));
  const phase = dry ? 'dry run' : 'nothing new';
  const more = 'one record more';
  const parse = `JSON.parse(require('node:fs').readFileSync(process.argv[1], 'utf8'))`;
  const index = join(channel, 'linux-64', 'repodata.json');
  await takeContest(
    {
      title: `mirror, ${(size.names * size.versions).toLocaleString('en')} records`,
      contenders: [
        {
          name: 'repackenv mirror',
          phases: dry
            ? { [phase]: (home) => run(join(home, 'root'), home) }
            : {
                [phase]: () => run(kept, join(kept, 'home')),
                [more]: async () => {
                  addVersion(channel);
                  const sample = await run(kept, join(kept, 'home'));
                  // As above, for the next round.
                  await run(kept, join(kept, 'home'));
                  return sample;
                },
              },
        },
        {
          name: 'JSON.parse of the index',
          phases: Object.fromEntries(
            (dry ? [phase] : [phase, more]).map((each) => [
              each,
              (home: string) =>
                measured(() => runProgram(process.execPath, ['-e', parse, index], { home, watchMemory: true })),
            ]),
          ),
        },
      ],
      aims: { [phase]: aims },
    },
    bench,
  );
  for (const made of [channel, kept]) rmSync(made, { recursive: true, force: true });
}

async function besideCondaMirror(bench: Bench): Promise<void> {
  const layer = findLayer('conda-mirror');
  if (!layer.available) return bench.skip('conda-mirror', layer.why);
  const sources = await openSources(bench);
  try {
    for (const source of sources) {
      let model: string | undefined;
      await takeContest(
        {
          title: `mirror of ${source.title}`,
          contenders: [ours(source), condaMirror(source, layer.path)],
          before: (home) => void mkdirSync(join(home, 'main'), { recursive: true }),
          after(home, name) {
            const list = [...artifactsBelow(join(home, 'main')).keys()].join(' ');
            if (list !== (model ??= list))
              throw new Error(`${name} did not fetch the same artifacts:\n${list}\n${model}`);
          },
        },
        // 4,211 requests, one after the other, take conda-mirror a while.
        { ...bench, rounds: source.name === 'wheels' ? bench.rounds : Math.min(bench.rounds, 2) },
      );
    }
  } finally {
    await Promise.all(sources.map(({ server }) => server.close()));
  }
}

function ours(source: Source): Contender {
  const run = (home: string) =>
    measured(() =>
      runOurs('repackenv', mirrorArgs(writeMirrorFile(source, home), home), {
        home: join(home, 'home'),
        watchMemory: true,
      }),
    );
  return { name: 'repackenv mirror', phases: { 'first run': run, 'nothing new': run } };
}

/** One platform a run. The second run with the option that reads no file again, as ours does not. */
function condaMirror({ url, platforms }: Source, program: string): Contender {
  const run = (home: string, options: readonly string[]) => {
    const target = join(home, 'main');
    const args = ['--upstream-channel', url, '--target-directory', target, '--temp-directory', home, '--no-progress'];
    const subdirs = [...platforms, 'noarch'];
    const each = subdirs.map((subdir) => async () => {
      return runProgram(program, [...args, '--platform', subdir, ...options], { home, watchMemory: true });
    });
    return measured(...each);
  };
  return {
    name: 'conda-mirror',
    phases: { 'first run': (home) => run(home, []), 'nothing new': (home) => run(home, ['--no-validate-target']) },
  };
}
