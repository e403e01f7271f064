import { cpSync, mkdirSync, readFileSync, writeFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openSide } from '../../../src/jobs/diff/open-side.js';
import type { DiffRequest } from '../../../src/jobs/diff/side-content.js';
import { readBase } from '../../../src/media/export/base.js';
import { publishSamples, samplePackage } from '../../helpers/label-folders.js';
import { folderOfTest } from '../../helpers/made-channel.js';
import { fakeClock, testRuntime } from '../../helpers/runtime.js';

const rt = testRuntime();

/** Both doors that want a manifest: `diff A` and `--since`. */
const DOORS: [string, (file: string) => Promise<unknown>][] = [
  ['diff', (file) => openSide(rt, { subdirs: [] } as unknown as DiffRequest, file)],
  ['--since', (file) => readBase(rt, file)],
];

/** ROOT with label acme at its second generation. */
async function published(): Promise<{ root: string; receipts: string }> {
  const root = join(folderOfTest(), 'root');
  const clock = fakeClock();
  for (const version of ['1.0', '2.0']) {
    clock.advance(86_400_000);
    await publishSamples(testRuntime({ clock, machine: { randomId: () => `m8-${version}` } }), {
      root,
      packages: [await samplePackage('app', version)],
    });
  }
  return { root, receipts: join(root, '.repackenv', 'acme', 'receipts') };
}

describe.each(DOORS)('M8 what is no manifest, for %s', (door, open) => {
  const kinds: [name: string, content: string | Buffer, is: string, hint: string][] = [
    [
      'a report',
      '{"type":"note"}\n{"type":"report","job":"update"}\n',
      'what a run printed with --json',
      'manifest.json',
    ],
    ['an error of --json', '{"type":"error","code":"E_ROOT"}\n', 'what a run printed', 'folder'],
    ['an explicit lock', '# made by\n@EXPLICIT\nhttps://x/a-1-0.conda\n', 'an explicit lock', 'folder'],
    ['SHA256SUMS', `${'0'.repeat(64)}  noarch/repodata.json\n`, 'a list of digests', 'manifest.json'],
    ['an index', '{"info":{},"packages":{}}', 'the index of a channel', 'the folder that it lies in'],
    ['a part header', '{"format":"repackenv-part","label":"acme"}', 'the header of a part', 'NAME.manifest.json'],
    ['delta.json', '{"format":"repackenv-delta","schema":1,"label":"acme"}', 'the header of a delta', 'manifest.json'],
    ['a signature', '-----BEGIN SSH SIGNATURE-----\n', 'a signature', 'manifest.json'],
    ['a zip', Buffer.from('PK\x03\x04'), 'an archive', 'NAME.manifest.json'],
    ['a zstd archive', Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 1]), 'an archive', 'NAME.manifest.json'],
    ['a tar', Buffer.from(`${'a'.padEnd(257, '\0')}ustar\0`), 'an archive', 'NAME.manifest.json'],
  ];
  it.each(kinds)('M8: %s is named, with what to give instead', async (_, content, is, hint) => {
    const file = join(folderOfTest(), 'given');
    writeFileSync(file, content);
    await expect(open(file)).rejects.toMatchObject({
      code: 'E_USAGE',
      what: expect.stringContaining(is) as string,
      hint: expect.stringContaining(hint) as string,
    });
  });

  it('M8: the receipt of a run is enough where its manifest is still there, and is named elsewhere', async () => {
    const { root, receipts } = await published();
    expect(await open(join(receipts, '2.json'))).toBeDefined();
    const kept = join(dirname(receipts), 'generations');
    expect(await open(join(receipts, '1.json'))).toBeDefined();
    expect(await open(join(kept, '1', 'receipt.json'))).toBeDefined();
    // As of before generations were kept.
    rmSync(kept, { recursive: true });
    const older = expect.objectContaining({
      code: 'E_USAGE',
      what: expect.stringContaining('the receipt of the run that published generation 1 of acme') as string,
      hint: expect.stringContaining('acme-g1.manifest.json') as string,
    });
    await expect(open(join(receipts, '1.json'))).rejects.toEqual(older);
    const sent = join(folderOfTest(), 'sent.json');
    cpSync(join(receipts, '2.json'), sent);
    await expect(open(sent)).rejects.toMatchObject({ what: expect.stringContaining('generation 2 of acme') as string });
    // Without the copy in the state folder, the label folder's own.
    writeFileSync(join(dirname(receipts), 'manifest.json'), '');
    expect(await open(join(receipts, '2.json'))).toBeDefined();
    writeFileSync(join(root, 'acme', 'manifest.json'), '{}');
    await expect(open(join(receipts, '2.json'))).rejects.toMatchObject({ code: 'E_USAGE' });
  });
});

describe('--since', () => {
  it('M8: of a run’s receipt gives the manifest with its own bytes', async () => {
    const { root, receipts } = await published();
    const { bytes, exact } = await readBase(rt, join(receipts, '2.json'));
    expect(Buffer.from(bytes)).toEqual(readFileSync(join(root, 'acme', 'manifest.json')));
    expect(exact).toBe(false);
  });

  it.each([
    ['1', 'if generation 1 is meant', 'NAME-g1.manifest.json'],
    ['g12', 'if generation 12 is meant', 'NAME-g12.manifest.json'],
  ])('M8: %s, which is no file, is told what to give', async (given, what, hint) => {
    const dir = folderOfTest();
    mkdirSync(join(dir, 'other'));
    await expect(readBase(rt, join(dir, given))).rejects.toMatchObject({
      code: 'E_USAGE',
      what: expect.stringContaining(what) as string,
      hint: expect.stringContaining(hint) as string,
    });
  });
});
