import { randomFillSync } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { zstdCompress } from '../../src/codec/zstd.js';
import { byShell, measured, takeContest, type Bench, type Contender } from './bench-contest.js';
import { eachChannel } from './bench-media.js';
import { amount, artifactsBelow, mirrorOf } from './bench-sources.js';
import { makePackage, packZip, recordOf, tarOf } from './conda-package.js';
import { onPath } from './layers.js';
import { runOurs } from './run-program.js';
import { writeIndex } from './sample-upstream.js';

const LARGE = { count: 17, bytes: 64_000_000 };

/** `repackenv verify` beside `sha256sum -c`, and beside the script that a site without our programs runs. */
export async function benchVerify(bench: Bench): Promise<void> {
  const absent = ['sh', 'sha256sum'].find((name) => onPath(name) === undefined);
  if (absent !== undefined) return bench.skip('verify', `no ${absent} on PATH`);
  const take = (title: string, channel: string, time: number) => {
    const contender = (name: string, verify: Contender['phases'][string]): Contender => ({ name, phases: { verify } });
    return takeContest(
      {
        title: `verify of ${title}`,
        contenders: [
          contender('repackenv verify', (home) =>
            measured(() => runOurs('repackenv', ['verify', channel, '--quiet'], { home, watchMemory: true })),
          ),
          contender('sha256sum -c SHA256SUMS', (home) =>
            byShell('cd "$1"; sha256sum -c --quiet SHA256SUMS', [channel], { home }),
          ),
          contender('sh main.verify.sh (ours, POSIX)', (home) => byShell('sh "$1.verify.sh"', [channel], { home })),
        ],
        aims: { verify: { time } },
      },
      bench,
    );
  };
  // Artifacts that are made up are no packages: nothing to look into.
  await eachChannel(bench, async (title, channel, madeUp) => (madeUp ? undefined : take(title, channel, 2)));
  const large = await largePackages(join(bench.folder, 'large'));
  await take(`large packages (${amount(artifactsBelow(large))})`, large, 1.1);
}

/** A mirror of a gigabyte and more in few packages: what is measured is bytes. */
async function largePackages(dir: string): Promise<string> {
  const folder = join(dir, 'channel', 'linux-64');
  mkdirSync(folder, { recursive: true });
  const packages: Record<string, unknown> = {};
  const files = await zstdCompress(
    await tarOf([{ name: 'share/large', content: randomFillSync(Buffer.alloc(LARGE.bytes)) }]),
    1,
  );
  for (let at = 0; at < LARGE.count; at += 1) {
    const { distFilename, indexJson } = await makePackage({ name: `large-${at}`, version: '1.0', subdir: 'linux-64' });
    const stem = distFilename.replace(/\.conda$/, '');
    const info = await tarOf([{ name: 'info/index.json', content: JSON.stringify(indexJson) }]);
    const bytes = await packZip([
      { name: 'metadata.json', content: '{"conda_pkg_format_version": 2}' },
      { name: `pkg-${stem}.tar.zst`, content: files },
      { name: `info-${stem}.tar.zst`, content: await zstdCompress(info) },
    ]);
    writeFileSync(join(folder, distFilename), bytes);
    packages[distFilename] = recordOf(indexJson, bytes);
  }
  await writeIndex(folder, { info: { subdir: 'linux-64' }, packages: {}, 'packages.conda': packages }, ['json']);
  return mirrorOf({ url: pathToFileURL(join(dir, 'channel')).href, platforms: ['linux-64'] }, dir);
}
