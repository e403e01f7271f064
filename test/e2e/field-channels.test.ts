import { describe, expect, it } from 'vitest';
import type { PackageSpec } from '../../scripts/lib/sample-upstream.js';
import type { ErrorCode } from '../../src/base/errors.js';
import { channelFiles, CHANNEL, openField, packagesOf, type Field, type Repodata } from '../helpers/field.js';
import { expectClean, expectRefusal } from '../helpers/refusals.js';

const SLOW = 60_000;
const FN = 'app-1.0-0.tar.bz2';
const APP = `linux-64/${FN}`;
const B = 'linux-64/b-1.5-0.tar.bz2';

interface Row {
  /** A row of test/field-inputs.md. */
  id: string;
  input: string;
  packages?: readonly Partial<PackageSpec>[];
  /** Of the record of `app`. */
  record?: Record<string, unknown>;
  index?: (index: Repodata, subdir: string) => void;
  /** After the index was written as text. */
  text?: (json: string) => string;
  /** After all files are served. */
  serve?: (field: Field) => Promise<void> | void;
  delivers?: readonly string[];
  /** Members of the record of `app` that is published. */
  published?: Record<string, unknown>;
  refused?: ErrorCode;
  says?: readonly string[];
}

const needs = (depends: string, b: Partial<PackageSpec> = {}): Pick<Row, 'packages'> => ({
  packages: [{ depends: [depends] }, { name: 'b', version: '1.5', ...b }],
});

const ROWS: readonly Row[] = [
  {
    id: 'rattler#758',
    input: 'a file name of two dashes less',
    packages: [{ version: '0.6+218' }],
    index: ({ packages }) => {
      packages['app-0.6+218_omp_0.tar.bz2'] = packages['app-0.6+218-0.tar.bz2']!;
      delete packages['app-0.6+218-0.tar.bz2'];
    },
    refused: 'E_RECORD',
    says: ['app-0.6+218_omp_0.tar.bz2', 're-indexed'],
  },
  {
    id: 'rattler#758',
    input: 'a version with a dash',
    packages: [{ version: '1.0-rc1' }],
    refused: 'E_RECORD',
    says: ['app-1.0-rc1-0.tar.bz2', 'its file name says "app-1.0"'],
  },
  {
    id: 'rattler-build#944',
    input: 'a local version in the file name',
    packages: [{ version: '0.6+218' }],
    delivers: ['linux-64/app-0.6+218-0.tar.bz2'],
  },
  {
    id: 'pixi#1606',
    input: 'a timestamp with a point',
    text: (json) => json.replace(/"timestamp":\d+/, '"timestamp":1719972900.0'),
    published: { timestamp: 1719972900 },
  },
  {
    id: 'pixi#1606',
    input: 'a timestamp that no integer holds',
    text: (json) => json.replace(/"timestamp":\d+/, '"timestamp":123456789012345678901234567890'),
    published: { timestamp: undefined },
  },
  { id: 'gitea#35895', input: 'depends: null', record: { depends: null }, published: { depends: [] } },
  { id: 'conda-build#3270', input: 'no depends', record: { depends: undefined }, published: { depends: [] } },
  {
    id: 'gitea#25554',
    input: 'no noarch',
    serve: ({ server }) => server.script(`${CHANNEL}/noarch/repodata.json`),
    delivers: [APP],
  },
  {
    id: 'rattler#647',
    input: 'nothing but noarch',
    packages: [{ subdir: 'noarch' }],
    serve: ({ server }) => server.script(`${CHANNEL}/linux-64/repodata.json`),
    delivers: [`noarch/${FN}`],
  },
  {
    id: 'pixi#2216',
    input: 'a zero byte in a string',
    record: { license: 'M?T' },
    text: (json) => json.replace('M?T', 'M\0T'),
    refused: 'E_RECORD',
    says: [FN, 'control character'],
  },
  { id: 'conda-lock#887', input: 'sha256 only', record: { md5: undefined }, published: { md5: undefined } },
  { id: 'pixi-to-conda-lock#5', input: 'md5 only', record: { sha256: undefined }, published: { sha256: undefined } },
  {
    id: 'conda#16081',
    input: 'a version in quotes',
    ...needs("b>= '1.0'"),
    refused: 'E_UNSOLVABLE',
    says: ["b>= '1.0'", 'the owner of the channel'],
  },
  {
    id: 'rattler-build#1060',
    input: 'parentheses that only rattler reads',
    ...needs('b (>=1.4,<1.5)|>=1.5'),
    refused: 'E_UNSOLVABLE',
    says: ['conda can not read its parentheses'],
  },
  {
    id: 'rattler#732',
    input: 'extras of pip in constrains',
    record: { constrains: ['ray[default,data] >=2.9.0,<3.0.0'] },
    published: { constrains: ['ray[default,data] >=2.9.0,<3.0.0'] },
  },
  { id: 'rattler#732', input: 'extras of pip in depends', ...needs('b[default,data] >=1.0'), delivers: [APP, B] },
  { id: 'conda-verify#33', input: 'a blank behind a bar', ...needs('b 1.4.*| 1.5.*'), delivers: [APP, B] },
  {
    id: 'rattler-build#1265',
    input: 'a build behind two signs',
    ...needs('b =*=cuda*', { build: 'cuda1' }),
    delivers: [APP, 'linux-64/b-1.5-cuda1.tar.bz2'],
  },
  {
    id: 'conda#15385',
    input: 'a build with a bar',
    ...needs('b 1.5 py310|*gpu*', { build: 'x_gpu_0' }),
    refused: 'E_UNSOLVABLE',
    says: ['b ==1.5 py310|*gpu*'],
  },
  {
    id: 'bioconda-recipes#11334',
    input: 'letters beyond ASCII',
    record: { license: 'GPL © Bjørn' },
    published: { license: 'GPL © Bjørn' },
  },
  {
    id: 'nexspence#142',
    input: 'a record that says it lies elsewhere',
    record: { url: 'http://127.0.0.1:1/elsewhere/app-1.0-0.tar.bz2', channel: 'http://127.0.0.1:1/elsewhere' },
    delivers: [APP],
  },
  {
    id: 'anaconda-issues#13402',
    input: 'a wrong sha256 beside a right md5',
    record: { sha256: '0'.repeat(64) },
    refused: 'E_ARTIFACT_DIGEST',
    says: [FN, '0'.repeat(64)],
  },
  {
    id: 'polaris#728',
    input: 'removed is a map',
    index: (index) => {
      index['removed'] = { 'old-1-0.conda': { reason: 'yanked' } };
    },
    delivers: [APP],
  },
  {
    id: 'rattler#529',
    input: 'a .tar.bz2 under packages.conda',
    index: (index) => {
      index['packages.conda'] = index.packages;
      index.packages = {};
    },
    delivers: [APP],
  },
];

describe('channels of the field', () => {
  it.each(ROWS.map((row) => [row.id, row.input, row] as const))(
    'field: %s: %s',
    async (
      _id,
      _input,
      { packages = [{}], record, index, text, serve, delivers, published = {}, refused, says = [] },
    ) => {
      const field = await openField();
      const files = channelFiles(await packagesOf(packages), (each, subdir) => {
        if (record !== undefined && subdir === 'linux-64') Object.assign(each.packages[FN]!, record);
        if (subdir === 'linux-64') index?.(each, subdir);
      });
      const path = `${CHANNEL}/linux-64/repodata.json`;
      if (text !== undefined) files[path] = text(JSON.stringify(files[path]));
      field.serve(files);
      await serve?.(field);
      const ran = await field.update(['app']);
      if (refused !== undefined) {
        expectRefusal(ran, { code: refused, says });
        return;
      }
      expect(ran.exitCode, ran.stderr).toBe(0);
      expectClean(ran);
      expect(field.delivered()).toEqual(delivers ?? [APP]);
      const stated = field.records()[FN] ?? {};
      expect(Object.fromEntries(Object.keys(published).map((key) => [key, stated[key]]))).toEqual(published);
      expect((await field.work.verify()).exitCode).toBe(0);
    },
    SLOW,
  );
});
