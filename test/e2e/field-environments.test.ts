import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../src/base/errors.js';
import type { SamplePackage } from '../../scripts/lib/sample-upstream.js';
import { channelFiles, CHANNEL, openField, packagesOf, type Field } from '../helpers/field.js';
import { expectClean, expectRefusal } from '../helpers/refusals.js';

const SLOW = 60_000;
const APP = 'linux-64/app-1.0-0.tar.bz2';
const B = 'linux-64/b-1.5-0.tar.bz2';

interface Place {
  field: Field;
  url: string;
  app: SamplePackage;
  b: SamplePackage;
}

interface Row {
  /** A row of test/field-inputs.md. */
  id: string;
  input: string;
  /** Laid over the record of `app` in `conda-meta`. */
  record?: (place: Place) => Record<string, unknown>;
  /** Files of `conda-meta` besides. */
  beside?: (place: Place) => Promise<Record<string, string | Uint8Array | object>> | Record<string, string | object>;
  version?: string;
  /** The channel is gone. */
  gone?: boolean;
  delivers?: readonly string[];
  /** Told as a finding: exit code 1. */
  finding?: readonly string[];
  refused?: ErrorCode;
  says?: readonly string[];
}

const ROWS: readonly Row[] = [
  {
    id: 'mamba#4052',
    input: 'a cache record without what the package needs, its channel gone',
    gone: true,
    record: ({ field, url, app, b }) => {
      const zeroed = { depends: [], constrains: [], license: '', timestamp: 0 };
      const kept = { ...app.record, ...zeroed, fn: app.distFilename, channel: url };
      field.write({
        [`pkgs/${app.distFilename}`]: app.bytes,
        [`pkgs/${b.distFilename}`]: b.bytes,
        'pkgs/app-1.0-0/info/repodata_record.json': kept,
        'pkgs/app-1.0-0/info/index.json': app.indexJson,
      });
      return { ...zeroed, link: { source: join(field.work.dir, 'pkgs/app-1.0-0'), type: 1 } };
    },
  },
  {
    id: 'mamba#4052',
    input: 'a record without what the package needs, its channel there',
    record: () => ({ depends: [], constrains: [], license: '', timestamp: 0, size: 0, track_features: '' }),
  },
  {
    id: 'mamba#3737',
    input: 'an epoch and a plus, percent-encoded in the URL',
    version: '1!1.0+abc',
    record: ({ url }) => ({ url: `${url}/linux-64/app-1%211.0%2Babc-0.tar.bz2` }),
    delivers: ['linux-64/app-1!1.0+abc-0.tar.bz2', B],
  },
  {
    id: 'pixi#1229',
    input: 'link: null, as pixi wrote',
    record: () => ({ link: null, requested_spec: null, extracted_package_dir: null, package_tarball_full_path: null }),
  },
  {
    id: 'pixi#1744',
    input: 'an empty record',
    beside: () => ({ 'zlib-1.2-0.json': '' }),
    finding: ['zlib-1.2-0 is not in the folder'],
  },
  {
    id: 'conda#10332',
    input: 'a record that is no text',
    beside: async () => ({ 'corrupted_metadata-0.0.0.json': Buffer.from([0xb2, 0x0a]) }),
    finding: ['corrupted_metadata-0.0.0 is not in the folder'],
  },
  {
    id: 'conda#15652',
    input: 'AppleDouble files beside records',
    beside: async () => ({ '._app-1.0-0.json': Buffer.from([0, 5, 22, 7, 0, 2]) }),
  },
  {
    id: 'conda#2988',
    input: 'two records of one package',
    beside: async ({ url }) => {
      const [old] = await packagesOf([{ name: 'b', version: '1.4' }]);
      return { 'b-1.4-0.json': metaOf(old!, url) };
    },
    finding: ['the environment has b twice: b-1.4-0.tar.bz2 and b-1.5-0.tar.bz2'],
  },
  {
    id: 'conda-pypi#169',
    input: 'a wheel among the records',
    beside: () => ({
      'requests-2.28.0-pypi_0.json': {
        name: 'requests',
        version: '2.28.0',
        build: 'pypi_0',
        build_number: 0,
        channel: 'pypi',
        md5: '',
        fn: 'requests-2.28.0-py3-none-any.whl',
        url: 'https://files.pythonhosted.org/packages/aa/requests-2.28.0-py3-none-any.whl',
      },
    }),
    finding: ['requests-2.28.0-pypi_0 is not in the folder'],
  },
  { id: 'conda-pypi#169', input: 'a record without fn', record: () => ({ fn: undefined }) },
  { id: 'conda#7634', input: 'sha256: null', record: () => ({ sha256: null, size: null }) },
  {
    id: 'conda#8311',
    input: 'noarch as an object',
    record: () => ({ noarch: { type: 'python' } }),
    delivers: [B],
    finding: ['app-1.0-0 is not in the folder', '"noarch"'],
  },
  {
    id: 'mamba#2203',
    input: 'installed by its address, out of what is no channel',
    gone: true,
    refused: 'E_ARTIFACT_MISSING',
    says: ['linux-64/app-1.0-0.tar.bz2', 'was not asked', 'no package cache'],
  },
];

function metaOf(sample: SamplePackage, url: string): Record<string, unknown> {
  const { record, subdir, distFilename: fn } = sample;
  return { ...record, fn, url: `${url}/${subdir}/${fn}`, channel: `${url}/${subdir}`, files: [], requested_spec: '' };
}

describe('environments of the field', () => {
  it.each(ROWS.map((row) => [row.id, row.input, row] as const))(
    'field: %s: %s',
    async (_id, _input, { version = '1.0', gone, record, beside, finding, refused, says = [], ...row }) => {
      const field = await openField();
      const [app, b] = (await packagesOf([
        { version, depends: ['b >=1'] },
        { name: 'b', version: '1.5' },
      ])) as [SamplePackage, SamplePackage];
      const url = `${field.server.url}${CHANNEL}`;
      const place = { field, url, app, b };
      if (gone !== true) field.serve(channelFiles([app, b]));
      const records = {
        [`app-${version}-0.json`]: { ...metaOf(app, url), ...record?.(place) },
        'b-1.5-0.json': metaOf(b, url),
        ...(await beside?.(place)),
      };
      field.write(Object.fromEntries(Object.entries(records).map(([name, each]) => [`env/conda-meta/${name}`, each])));
      const ran = await field.capture(join(field.work.dir, 'env'));
      if (refused !== undefined) {
        expectRefusal(ran, { code: refused, says });
        return;
      }
      expect(ran.exitCode, ran.stderr).toBe(finding === undefined ? 0 : 1);
      expectClean(ran);
      for (const text of finding ?? []) expect(ran.stdout + ran.stderr).toContain(text);
      expect(field.delivered()).toEqual(row.delivers ?? [APP, B]);
      const published = field.records()[app.distFilename];
      if (published !== undefined) expect(published['depends']).toEqual(['b >=1']);
    },
    SLOW,
  );
});
