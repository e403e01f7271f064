/**
 * npm run record-calls -- OUT [--program DIR]
 * npm run record-calls -- --compare OUT1 OUT2
 *
 * Makes every kind of call of our two programs against the sample upstream and writes, for each, its arguments, exit code, output and
 * the files that it added, changed, touched or removed. Times, run ids, ports and folders of the machine are taken out, so two recordings
 * of one build are the same bytes, and a comparison before and after a change of the code shows what users get otherwise. `--program`:
 * another checkout, built, whose `bin/` is run. `--compare` prints the calls that differ and ends with 1 where any does.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { compareRecordings } from './lib/calls/compare.js';
import { deliveries } from './lib/calls/deliver.js';
import { copyTexts, listChanges, readTree, type Tree } from './lib/calls/files.js';
import { folders } from './lib/calls/folders.js';
import { exports, imports } from './lib/calls/media.js';
import { mirrors } from './lib/calls/mirrors.js';
import { normaliser } from './lib/calls/normalise.js';
import { openPlace, TOKEN, type Call } from './lib/calls/place.js';
import { words } from './lib/calls/words.js';
import { LAYERS_DIR, PROJECT_ROOT } from './lib/layers.js';
import { runProgram, type RunResult } from './lib/run-program.js';

/** Packages that the sample upstream is made of, keys, and what conda itself keeps in a cache. */
const SKIPPED = /^(upstream|old-upstream|keys)\/|^cache[^/]*\/(engine-pkgs|runs)\//;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { program: { type: 'string', default: PROJECT_ROOT }, compare: { type: 'boolean', default: false } },
});
if (positionals.length !== (values.compare ? 2 : 1)) {
  console.error(
    'usage: npm run record-calls -- OUT [--program DIR]\n       npm run record-calls -- --compare OUT1 OUT2',
  );
  process.exit(2);
}
const [out, other] = positionals.map((path) => resolve(path)) as [string, string];
if (values.compare) compare();
else await record(resolve(values.program));

function compare(): void {
  const differing = compareRecordings(out, other);
  for (const text of differing) console.log(`${text}\n`);
  console.log(differing.length === 0 ? 'the same' : `${differing.length} calls differ`);
  process.exitCode = differing.length === 0 ? 0 : 1;
}

async function record(program: string): Promise<void> {
  process.umask(0o022);
  const since = Date.now() - 86_400_000;
  const place = await openPlace(join(tmpdir(), 'repackenv-calls'));
  const { dir, at } = place;
  const names = new Map([
    [dir, '<DIR>'],
    [program, '<PROGRAM>'],
    [LAYERS_DIR, '<LAYERS>'],
    [process.execPath, '<NODE>'],
  ]);
  if (place.conda43 !== undefined) names.set(place.conda43, '<CONDA43>');
  const normal = normaliser({ names, since });
  const look = (): Tree => readTree({ dir, normaliser: normal, since, skip: SKIPPED });
  rmSync(out, { recursive: true, force: true });
  let count = 0;
  let known: Tree | undefined;
  try {
    for (const story of [words, deliveries, exports, imports, mirrors, folders])
      for (const call of story(place, start)) await recordCall(call);
    console.log(
      `${count} calls recorded in ${out}${place.conda43 === undefined ? '; conda 4.3 is not installed' : ''}`,
    );
  } finally {
    await place.close();
  }
  rmSync(dir, { recursive: true, force: true });

  async function recordCall(call: Call): Promise<void> {
    await call.before?.();
    const before = known !== undefined && call.before === undefined ? known : look();
    const answers: string[] = [];
    const ran = await start(call, (text) => answers.push(text));
    const after = look();
    known = call.after === undefined ? after : undefined;
    await call.after?.();
    const folder = join(out, `${String((count += 1)).padStart(3, '0')}-${call.name}`);
    mkdirSync(folder, { recursive: true });
    const write = (name: string, text: string): void => {
      if (text !== '') writeFileSync(join(folder, name), text);
    };
    const argv = [call.program ?? 'repackenv', ...call.args].map((each) => (/[\s"']/.test(each) ? `'${each}'` : each));
    write('call.txt', `${normal.text(argv.join(' '))}\nexit code ${String(ran.exitCode)}\n`);
    const json = normal.json(ran.stdout);
    write(json === undefined ? 'stdout.txt' : 'stdout.json', json ?? normal.text(ran.stdout));
    write('stderr.txt', normal.text(ran.stderr));
    write('answers.txt', normal.text(answers.join('')));
    write('files.txt', listChanges(before, after));
    copyTexts(before, after, join(folder, 'files'));
    console.log(`${String(ran.exitCode).padStart(3)}  ${ran.seconds.toFixed(1)} s  ${call.name}`);
  }

  async function start(call: Call, answered: (text: string) => void = () => undefined): Promise<RunResult> {
    const stop = new AbortController();
    let said = '';
    let asking: Promise<void> | undefined;
    const { ask } = call;
    const silent = ask === undefined ? undefined : setTimeout(() => stop.abort(), 60_000);
    const show = (text: string): void => {
      said += text;
      const url = /http:\/\/127\.0\.0\.1:\d+[^\s"]*/.exec(said)?.[0];
      if (ask === undefined || url === undefined || asking !== undefined) return;
      asking = ask(url)
        .then(answered, (error: unknown) => answered(String(error)))
        .finally(() => stop.abort());
    };
    const ran = await runProgram(
      process.execPath,
      [join(program, 'bin', `${call.program ?? 'repackenv'}.js`), ...call.args],
      {
        home: at('home'),
        cwd: call.cwd ?? dir,
        env: {
          PATH: '/usr/bin:/bin',
          LANG: 'C.UTF-8',
          TZ: 'UTC',
          TMPDIR: at('tmp'),
          CONDA_TOKEN: TOKEN,
          ...call.env,
        },
        show,
        stop: stop.signal,
      },
    );
    clearTimeout(silent);
    await asking;
    return ran;
  }
}
