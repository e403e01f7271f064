/**
 * npm run demo [-- --keep]
 *
 * The main job, in seconds and without Python, conda or a network: a small upstream on loopback, a delivery for one label, its check, an
 * update, an update with nothing new; both generations carried to a site on a stick, the second as a delta, and served there. Each
 * step is checked; the first that is not as it should be ends it with exit code 1.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { runOurs } from './lib/run-program.js';
import { makeSampleUpstream } from './lib/sample-upstream.js';
import { changesBetween, filesThatContain, snapshot, type Snapshot } from './lib/snapshot.js';
import { startTokenServer } from './lib/token-server.js';

const TOKEN = 'xx-5e4d3c2b-demo-4a1b-9c8d-not-a-real-token';
const LABEL = 'halkbank';

const keep = process.argv.includes('--keep');
const folder = mkdtempSync(join(tmpdir(), 'repackenv-demo-'));
const places = {
  upstream: join(folder, 'upstream'),
  root: join(folder, 'repo'),
  home: join(folder, 'home'),
  cache: join(folder, 'cache'),
  stick: join(folder, 'stick'),
  site: join(folder, 'site'),
};
let printed = '';

await makeSampleUpstream(places.upstream);
const server = await startTokenServer({ dir: places.upstream, token: TOKEN });
try {
  await demo();
  console.log('\ndemo: all steps as they should be');
} catch (error) {
  console.error(`\ndemo: not as it should be: ${(error as Error).message}`);
  process.exitCode = 1;
} finally {
  await server.close();
  if (!keep) rmSync(folder, { recursive: true, force: true });
  const gone = 'which is gone; "npm run demo -- --keep" leaves it';
  console.log(keep ? `Everything lies in ${folder}` : `Everything lay in ${folder}, ${gone}.`);
}

async function demo(): Promise<void> {
  const labelFolder = join(places.root, LABEL);

  title(`1. Deliver ratingpro and pytho for the label ${LABEL}, for Linux and Windows`);
  await expectExit(0, 'update-offline-repo', ...updateArguments());
  const first = snapshot(labelFolder);
  expectFiles(first, [
    'noarch/ratingpro-2.4.1-py_0.conda',
    'noarch/pytho-1.9-py_0.conda',
    'manifest.json',
    'SHA256SUMS',
  ]);
  expectFiles(first, ['linux-64/repodata.json', 'win-64/repodata.json.zst', 'noarch/repodata.json']);
  printTree(first);

  title('2. Check the folder by itself');
  await expectExit(0, 'repackenv', 'verify', labelFolder);

  title('3. A site without a line: the folder goes there on a stick');
  const receipt = join(places.stick, 'receipt.json');
  await expectExit(0, 'repackenv', 'export', labelFolder, '--to', places.stick);
  await expectExit(0, 'repackenv', 'import', places.stick, '--root', places.site, '--receipt', receipt);
  expectAtSite(first);

  title('4. The vendor publishes ratingpro 2.5.0 and pytho 2.0: the same command again');
  server.setGeneration(2);
  await expectExit(0, 'update-offline-repo', ...updateArguments());
  const second = snapshot(labelFolder);
  for (const line of changesBetween(first, second)) console.log(`  ${line}`);
  expectFiles(second, ['noarch/ratingpro-2.5.0-py_0.conda', 'noarch/pytho-2.0-py_0.conda']);
  expect(!second.has('noarch/ratingpro-2.4.1-py_0.conda'), 'the replaced ratingpro 2.4.1 has left the folder');
  await expectExit(0, 'repackenv', 'verify', labelFolder);

  title('5. And again, with nothing new');
  await expectExit(0, 'update-offline-repo', ...updateArguments());
  const changes = changesBetween(second, snapshot(labelFolder));
  expect(changes.length === 0, `an unchanged run touches nothing (it did: ${changes.join(', ')})`);
  console.log(`  0 of ${second.size} files touched: a synchronisation would move 0 bytes`);

  title('6. The update goes on a stick too: only what the site does not have, by the receipt it sent back');
  const delta = join(folder, 'delta');
  await expectExit(0, 'repackenv', 'delta', labelFolder, '--since', receipt, '--to', delta);
  await expectExit(0, 'repackenv', 'import', delta, '--root', places.site);
  expectAtSite(second);

  title('7. At the site, over HTTP: what conda, mamba and pixi ask for');
  await expectServed(second);

  title('8. Where the token is');
  const leaks = [places.root, places.home, places.cache, places.stick, places.site].flatMap((dir) =>
    filesThatContain(dir, TOKEN),
  );
  expect(leaks.length === 0, `no file has the token (these have: ${leaks.join(', ')})`);
  expect(!printed.includes(TOKEN), 'no output has the token');
  expect(
    server.requests.some((each) => each.path.includes(TOKEN)),
    'the upstream was asked with the token',
  );
  console.log('  in the requests to the upstream, and in no file and no output');

  title('9. At the site, with the folder copied there');
  console.log('  conda config --env --set offline yes');
  console.log(`  conda config --env --add channels file:///srv/conda/${LABEL}`);
  console.log('  conda install ratingpro pytho');
}

/** Byte for byte what the vendor has. */
function expectAtSite(vendor: Snapshot): void {
  const site = snapshot(join(places.site, LABEL));
  const digests = (files: Snapshot): string => JSON.stringify([...files].map(([path, { sha256 }]) => [path, sha256]));
  expect(digests(site) === digests(vendor), 'the folder at the site is byte for byte the vendor’s');
  console.log(`  ${site.size} files at the site, byte for byte the vendor's`);
}

async function expectServed(files: Snapshot): Promise<void> {
  const stop = new AbortController();
  let url: string | undefined;
  const serving = runOurs('repackenv', ['serve', join(places.site, LABEL), '--port', '0'], {
    home: places.home,
    cwd: folder,
    stop: stop.signal,
    show: (text) => {
      const found = /http:\/\/127\.0\.0\.1:\d+\/[^\s"]+/.exec(text)?.[0];
      if (url === undefined && found !== undefined) void look(found);
    },
  });
  const answers: string[] = [];
  async function look(found: string): Promise<void> {
    url = found;
    for (const path of files.keys()) {
      const answer = await fetch(`${found}/${path}`);
      const bytes = (await answer.arrayBuffer()).byteLength;
      if (answer.status !== 200 || bytes !== files.get(path)!.size) answers.push(`${path}: ${answer.status}`);
    }
    stop.abort();
  }
  await serving;
  expect(url !== undefined, 'repackenv serve says where it serves');
  expect(answers.length === 0, `every file is served whole (not: ${answers.join(', ')})`);
  console.log(`  repackenv serve site/${LABEL}: ${files.size} files asked for, all whole`);
}

function updateArguments(): string[] {
  const channels = ['--base-url', server.url, '--owner', server.layout.owner, '--channel', `${server.url}/pkgs/main`];
  const target = ['--engine', 'embedded', '--subdir', 'linux-64', '--subdir', 'win-64'];
  return [
    LABEL,
    'env:DEMO_TOKEN',
    places.root,
    'ratingpro',
    'pytho',
    ...channels,
    ...target,
    '--cache-dir',
    places.cache,
  ];
}

/** Runs one of our programs as a user would, in a home of its own, and shows what it says. */
async function expectExit(code: number, program: string, ...args: string[]): Promise<void> {
  console.log(`$ ${program} ${args.map((each) => each.replace(folder, '…')).join(' ')}`);
  const show = (text: string): void => {
    printed += text;
    process.stdout.write(text);
  };
  const run = await runOurs(program, args, { home: places.home, cwd: folder, env: { DEMO_TOKEN: TOKEN }, show });
  expect(run.exitCode === code, `${program} ${args[0] ?? ''} exits with ${code} (it was ${String(run.exitCode)})`);
}

function expectFiles(files: Snapshot, wanted: readonly string[]): void {
  for (const path of wanted) expect(files.has(path), `${LABEL}/${path} is there`);
}

function expect(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

function title(text: string): void {
  console.log(`\n== ${text}`);
}

function printTree(files: Snapshot): void {
  console.log(`\n  ${relative(folder, join(places.root, LABEL))}/`);
  for (const [path, file] of files) console.log(`    ${path.padEnd(48)} ${String(file.size).padStart(7)} bytes`);
}
