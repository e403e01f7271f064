import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { measured, takeContest, type Bench, type Contender } from './bench-contest.js';
import { artifactsBelow, mirrorArgs, openSources, writeMirrorFile, type Source } from './bench-sources.js';
import { findLayer } from './layers.js';
import { runOurs, runProgram } from './run-program.js';

/** `repackenv mirror` beside conda-mirror: from nothing, and again with nothing new. */
export async function benchMirror(bench: Bench): Promise<void> {
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
