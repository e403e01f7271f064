import { describe, expect, it } from 'vitest';
import { bzip2Compress } from '../../src/codec/bzip2.js';
import type { ErrorCode } from '../../src/base/errors.js';
import type { SamplePackage } from '../../scripts/lib/sample-upstream.js';
import { answer, file, redirect, startChaosServer } from '../helpers/chaos-server.js';
import { channelFiles, CHANNEL, openField, packagesOf, type Field } from '../helpers/field.js';
import { expectClean, expectRefusal } from '../helpers/refusals.js';
import { TOKEN } from '../helpers/upstream.js';

const SLOW = 60_000;
const INDEX = `${CHANNEL}/linux-64/repodata.json`;
const SUBDIRS = ['linux-64', 'noarch'];

interface Row {
  /** A row of test/field-inputs.md. */
  id: string;
  input: string;
  version?: string;
  /** After the channel is served at `CHANNEL`. */
  script: (field: Field, app: SamplePackage) => Promise<unknown> | unknown;
  args?: (field: Field) => readonly string[];
  refused?: ErrorCode;
  says?: readonly string[];
}

/** The packed forms of the channel's indexes are answered so. */
const packed = (status: number) => (field: Field) => {
  for (const subdir of SUBDIRS)
    for (const form of ['zst', 'bz2'])
      field.server.script(`${CHANNEL}/${subdir}/repodata.json.${form}`, answer(status, {}, 'no'));
};

const ROWS: readonly Row[] = [
  ...[400, 401, 406, 501].map((status): Row => ({
    id: 'conda#13491',
    input: `${status} for the packed index`,
    script: packed(status),
  })),
  { id: 'conda#13573', input: '403 for what is not there', script: packed(403) },
  {
    id: 'conda#13491',
    input: '401 for every form',
    script: (field) => {
      packed(401)(field);
      field.server.script(INDEX, answer(401));
    },
    refused: 'E_UPSTREAM_NOT_FOUND',
    says: ['answered 401'],
  },
  {
    id: 'anaconda-client#18',
    input: 'an empty .bz2 beside a full .json',
    script: async ({ server }) =>
      server.script(`${INDEX}.bz2`, file(await bzip2Compress(Buffer.from('{"info":{"arch":"x86"},"packages":{}}')))),
  },
  {
    id: 'conda-libmamba-solver#70',
    input: '304 though nothing is kept here',
    script: ({ server }) => server.script(INDEX, answer(304)),
    refused: 'E_UPSTREAM',
    says: ['answered 304'],
  },
  {
    id: 'nexus-public#385',
    input: 'a plus that is known as %2B only',
    version: '1.0+rocm4.2',
    script: ({ server }, { distFilename, bytes }) => {
      server.script(`${CHANNEL}/linux-64/${distFilename}`, answer(403, {}, '<Error><Code>AccessDenied'));
      server.script(`${CHANNEL}/linux-64/${distFilename.replace('+', '%2B')}`, file(bytes));
    },
    refused: 'E_ARTIFACT_MISSING',
    says: ['app-1.0+rocm4.2-0.tar.bz2', 'answers 403'],
  },
  {
    id: 'conda#5436',
    input: 'packages on another host, with a signed query',
    script: async ({ server }, { distFilename, bytes }) => {
      const other = await startChaosServer({ host: '127.0.0.2' });
      const signed = `/5/6?response-content-disposition=attachment%3B%20filename%3D%22${distFilename}%22&X-Amz-Signature=a%2Bb%3D`;
      other.script(signed, file(bytes));
      server.script(`${CHANNEL}/linux-64/${distFilename}`, redirect(`${other.url}${signed}`));
      return { close: other.close, receipts: () => other.tokenReceipts(TOKEN) };
    },
  },
  { id: 'conda#13', input: 'a slash at the end', script: () => undefined, args: () => ['--channel', 'pkgs/main/'] },
  {
    id: 'quetz#399',
    input: 'a label with an underscore as channel',
    script: (field, app) => field.serve(channelFiles([app], undefined, '/conda-forge/label/sardana_dev')),
    args: ({ server }) => ['--channel', `${server.url}/conda-forge/label/sardana_dev`],
  },
  {
    id: 'conda#4134',
    input: 'a package that is said to be packed by gzip and is not',
    script: ({ server }, { distFilename, bytes }) =>
      server.script(`${CHANNEL}/linux-64/${distFilename}`, file(bytes, { 'content-encoding': 'gzip' })),
  },
];

describe('servers of the field', () => {
  it.each(ROWS.map((row) => [row.id, row.input, row] as const))(
    'field: %s: %s',
    async (_id, _input, { version = '1.0', script, args, refused, says = [] }) => {
      const field = await openField();
      const [app] = await packagesOf([{ version }]);
      field.serve(channelFiles([app!]));
      const beside = (await script(field, app!)) as { close(): Promise<void>; receipts(): string[] } | undefined;
      const ran = await field.update(['app'], args?.(field));
      await beside?.close();
      if (refused !== undefined) {
        expectRefusal(ran, { code: refused, says });
        return;
      }
      expect(ran.exitCode, ran.stderr).toBe(0);
      expectClean(ran);
      expect(field.delivered()).toEqual([`linux-64/${app!.distFilename}`]);
      expect(beside?.receipts() ?? []).toEqual([]);
    },
    SLOW,
  );
});
