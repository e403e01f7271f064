import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { makePackage, repodataOf, type PackageSpec, type SamplePackage } from '../../scripts/lib/sample-upstream.js';
import { file, startChaosServer, type ChaosServer } from './chaos-server.js';
import { openWorkplace, type Ran, type Workplace } from './programs.js';
import { TOKEN, type TestUpstream } from './upstream.js';

type Content = Uint8Array | string | object;

/** An index as it is published, to be altered by a row. */
export interface Repodata {
  info: Record<string, unknown>;
  packages: Record<string, Record<string, unknown>>;
  'packages.conda': Record<string, Record<string, unknown>>;
  [key: string]: unknown;
}

/** One strange input of the field: a server of its own, and a place to deliver to. */
export interface Field {
  server: ChaosServer;
  work: Workplace;
  /** Answers these paths, each a file; objects as JSON. */
  serve(files: Readonly<Record<string, Content>>): void;
  /** Writes them below the field's folder. */
  write(files: Readonly<Record<string, Content>>): void;
  update(packages: readonly string[], args?: readonly string[]): Promise<Ran>;
  capture(prefix: string, env?: Readonly<Record<string, string>>): Promise<Ran>;
  /** `subdir/file name` of what was delivered. */
  delivered(): string[];
  /** All records of one delivered index. */
  records(subdir?: string): Record<string, Record<string, unknown>>;
}

/** Where the channel of a row is served. */
export const CHANNEL = '/pkgs/main';

export async function openField(): Promise<Field> {
  const server = await startChaosServer({ host: '127.0.0.1' });
  // Of an upstream a workplace only needs the address.
  const work = await openWorkplace({ upstream: server as unknown as TestUpstream });
  onTestFinished(async () => {
    await work.close();
    await server.close();
  });
  const field: Field = {
    server,
    work,
    serve: (files) => {
      for (const [path, content] of Object.entries(files)) server.script(path, file(bytesOf(content)));
    },
    write: (files) => {
      for (const [path, content] of Object.entries(files)) {
        mkdirSync(dirname(join(work.dir, path)), { recursive: true });
        writeFileSync(join(work.dir, path), bytesOf(content));
      }
    },
    update: (packages, args = []) => work.update({ packages, args }),
    capture: (prefix, env = {}) =>
      work.run(
        'repackenv',
        ['capture', '--prefix', prefix, '--label', 'halkbank', '--cache-dir', work.cache, '--', work.root],
        { env },
      ),
    delivered: () =>
      readdirSync(work.labelDir, { recursive: true, encoding: 'utf8' })
        .filter((path) => /\.(?:conda|tar\.bz2)$/.test(path))
        .sort(),
    records: (subdir = 'linux-64') => {
      const index = JSON.parse(readFileSync(join(work.labelDir, subdir, 'repodata.json'), 'utf8')) as Repodata;
      return { ...index.packages, ...index['packages.conda'] };
    },
  };
  for (const channel of ['prometeia', 'prometeia/label/halkbank'])
    field.serve({ [`/t/${TOKEN}/${channel}/noarch/repodata.json`]: repodataOf('noarch', []) });
  return field;
}

/** `app 1.0` and what else a row needs: all of linux-64 and `.tar.bz2`, where not said. */
export function packagesOf(specs: readonly Partial<PackageSpec>[]): Promise<SamplePackage[]> {
  return Promise.all(
    specs.map((spec) => makePackage({ name: 'app', version: '1.0', subdir: 'linux-64', format: 'tar.bz2', ...spec })),
  );
}

/** The files of a channel by path; `alter` changes its indexes before they are written. */
export function channelFiles(
  packages: readonly SamplePackage[],
  alter: (index: Repodata, subdir: string) => void = () => undefined,
  at = CHANNEL,
): Record<string, Content> {
  const files: Record<string, Content> = {};
  for (const subdir of ['linux-64', 'noarch']) {
    const index = structuredClone(repodataOf(subdir, packages)) as Repodata;
    alter(index, subdir);
    files[`${at}/${subdir}/repodata.json`] = index;
  }
  for (const { subdir, distFilename, bytes } of packages) files[`${at}/${subdir}/${distFilename}`] = bytes;
  return files;
}

function bytesOf(content: Content): Uint8Array {
  if (content instanceof Uint8Array) return content;
  return Buffer.from(typeof content === 'string' ? content : JSON.stringify(content));
}
