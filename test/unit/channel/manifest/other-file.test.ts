import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sha256Of } from '../../../../src/codec/digests.js';
import { makeManifest, manifestBytes } from '../../../../src/channel/manifest/make-manifest.js';
import { manifestOfReceipt, otherFile, receiptIn } from '../../../../src/channel/manifest/other-file.js';
import { folderOfTest } from '../../../helpers/made-channel.js';
import { testRuntime } from '../../../helpers/runtime.js';

/** Field case M8: somebody gives another file where a manifest is wanted. The signs are those of each format's own definition. */

const bytes = (text: string | number[]): Uint8Array => Buffer.from(text as string);
const named = (text: string | number[]) => otherFile(bytes(text))?.is;
const SHA = '0123456789abcdef'.repeat(4);
const RECEIPT = { label: 'acme', generation: 3, manifestSha256: SHA, startedAt: '2026-01-02T03:04:05.000Z' };

describe('a file that is no manifest', () => {
  it.each<[is: string, instead: string, text: string | number[]]>([
    // conda's explicit files: comments, then the mark on a line of its own.
    [
      'an explicit lock',
      'the folder whose packages it lists, or its manifest.json',
      '@EXPLICIT\nhttps://x/a-1-0.conda\n',
    ],
    ['an explicit lock', 'the folder', '# platform: linux-64\n  @EXPLICIT\n'],
    ['an explicit lock', 'the folder', '\uFEFF@EXPLICIT\n'],
    // sha256sum(1): text mode has two blanks, binary mode a star.
    ['a list of digests (SHA256SUMS)', 'the manifest.json that lies beside it', `${SHA}  noarch/a\n`],
    ['a list of digests (SHA256SUMS)', 'the manifest.json', `${SHA} *noarch/a\n`],
    ['a signature', 'the manifest.json that lies beside it', '-----BEGIN SSH SIGNATURE-----\nU1NI\n'],
    // zip (APPNOTE 4.3.7, and of an empty one 4.3.16), zstd (RFC 8878 3.1.1), tar (POSIX ustar: the magic at 257).
    ['an archive', 'the NAME.manifest.json that lies beside it', 'PK\x03\x04rest'],
    ['an archive', 'the NAME.manifest.json', 'PK\x05\x06\0\0'],
    ['an archive', 'the NAME.manifest.json', [0x28, 0xb5, 0x2f, 0xfd, 0x04]],
    ['an archive', 'the NAME.manifest.json', `${'name'.padEnd(257, '\0')}ustar\0`],
    ['the header of a part', 'the NAME.manifest.json of its set', '{"format":"repackenv-part"}'],
    ['the header of a delta', 'the manifest.json that lies beside it', '{"format":"repackenv-delta"}'],
    ['the description of a set', 'the NAME.manifest.json that lies beside it', '{"format":"repackenv-set"}'],
    ['what a run printed with --json', 'the folder that it is about, or its manifest.json', '{"type":"report"}'],
    ['what a run printed with --json', 'the folder', '{"type":"note"}\n{"type":"error"}\n\n'],
    ['the index of a channel', 'the folder that it lies in, or its manifest.json', '{"packages":{}}'],
    ['the index of a channel', 'the folder', '{"info":{},"packages.conda":{}}'],
  ])('is named: %s, instead %s', (is, instead, text) => {
    const found = otherFile(bytes(text));
    expect(found?.is).toBe(is);
    expect(found?.instead.startsWith(instead)).toBe(true);
  });

  it.each<[string, string | number[]]>([
    ['nothing', ''],
    ['a manifest', '{"schema":1,"label":"acme"}'],
    ['another object', '{"type":"note"}'],
    ['a format of others', '{"format":"zip"}'],
    ['a format that is a key of every object', '{"format":"constructor"}'],
    ['a format that is no text', '{"format":["repackenv-part"]}'],
    ['a list', '[{"packages":{}}]'],
    ['events of a run that goes on', '{"type":"report"}\n{"type":"note"}\n'],
    ['a page that tells of locks', 'write @EXPLICIT at the top\n@EXPLICITLY\n'],
    ['digests of another length', `${'0'.repeat(63)}  a\n`],
    ['a longer digest', `0${SHA}  a\n`],
    ['a digest in the middle', `sha256 ${SHA}  a\n`],
    ['a digest without a name', `${SHA} \n`],
    ['a signature that is quoted', '> -----BEGIN SSH SIGNATURE-----\n'],
    ['a text that begins with PK', 'PKG-INFO of a wheel\n'],
    ['a text in which PK stands', 'a PK\x03\x04'],
    ['the name of the format in a text', 'ustar'],
    ['zstd in a text', [0x61, 0x28, 0xb5, 0x2f, 0xfd]],
  ])('%s is not taken for one', (_, text) => {
    expect(named(text)).toBeUndefined();
  });

  it('is read no further than its beginning', () => {
    const filler = '# a line\n'.repeat(1111);
    expect(named(`${filler}@EXPLICIT\n`)).toBeUndefined();
    expect(named(`${filler.slice(0, 9900)}\n@EXPLICIT\n`)).toBe('an explicit lock');
  });

  it('of a view into a larger buffer only the view is read', () => {
    const whole = Buffer.from('{"packages":{}}@EXPLICIT');
    expect(otherFile(new Uint8Array(whole.buffer, whole.byteOffset, 15))?.is).toBe('the index of a channel');
    expect(otherFile(new Uint8Array(whole.buffer, whole.byteOffset + 15, 9))?.is).toBe('an explicit lock');
  });

  it('the receipt of a run: with its label and generation, and what was sent of it', () => {
    const found = otherFile(bytes(JSON.stringify(RECEIPT)));
    expect(found?.is).toContain('the receipt of the run that published generation 3 of acme');
    expect(found?.instead).toContain('acme-g3.manifest.json');
  });
});

describe('a receipt', () => {
  it('is one by label, generation, digest and time', () => {
    expect(receiptIn(JSON.stringify({ ...RECEIPT, schema: 1 }))).toEqual({
      label: 'acme',
      generation: 3,
      manifestSha256: SHA,
    });
    expect(receiptIn(JSON.stringify({ ...RECEIPT, label: 'a_c.m+e-1' }))?.label).toBe('a_c.m+e-1');
  });

  it.each<[string, object]>([
    ['no label', { label: undefined }],
    ['a label that leads out', { label: '../acme' }],
    ['a label with something before it', { label: '/acme' }],
    ['a label with something behind it', { label: 'acme/..' }],
    ['no generation', { generation: '3' }],
    ['no digest', { manifestSha256: 3 }],
    ['no time', { startedAt: undefined }],
  ])('is none with %s', (_, change) => {
    expect(receiptIn(JSON.stringify({ ...RECEIPT, ...change }))).toBeUndefined();
  });

  it('is no text that is no JSON object', () => {
    expect(receiptIn('')).toBeUndefined();
    expect(receiptIn('[]')).toBeUndefined();
  });
});

describe('the manifest of a receipt', () => {
  const rt = testRuntime();
  const made = (generation: number) =>
    manifestBytes(
      makeManifest({ label: 'acme', specs: [], channels: [], profiles: [], solved: [], artifacts: [] }, [], {
        manifest: undefined,
        manifestSha256: undefined,
        lastGeneration: generation - 1,
      }),
    );
  /** ROOT with manifests of these generations, by path; the receipt lies where `writeReceipt` puts it. */
  const asked = (
    there: Record<string, Uint8Array>,
    receipt: object | string = { ...RECEIPT, manifestSha256: sha256Of(made(3)) },
  ) => {
    const root = folderOfTest();
    for (const [path, content] of Object.entries(there)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), content);
    }
    const text = typeof receipt === 'string' ? receipt : JSON.stringify(receipt);
    const where = join(root, '.repackenv', 'acme', 'receipts', '3.json');
    return manifestOfReceipt(rt, { bytes: Buffer.from(text), where });
  };

  it.each([
    ['beside it', '.repackenv/acme/receipts/manifest.json'],
    ['kept', '.repackenv/acme/generations/3/manifest.json'],
    ['in the state folder', '.repackenv/acme/manifest.json'],
    ['in the label folder', 'acme/manifest.json'],
  ])('is found %s', async (_, path) => {
    expect(await asked({ [path]: made(3) })).toMatchObject({ manifest: { generation: 3 }, sha256: sha256Of(made(3)) });
  });

  it('is the one with its digest, whatever lies before it', async () => {
    const found = await asked({
      '.repackenv/acme/receipts/manifest.json': Buffer.from('{'),
      '.repackenv/acme/generations/3/manifest.json': made(4),
      'acme/manifest.json': made(3),
    });
    expect(found?.manifest.generation).toBe(3);
  });

  it('is none of another digest, and none for what is no receipt', async () => {
    expect(await asked({ '.repackenv/acme/manifest.json': made(4), 'acme/manifest.json': made(2) })).toBeUndefined();
    expect(await asked({})).toBeUndefined();
    expect(await asked({ 'acme/manifest.json': made(3) }, '{"packages":{}}')).toBeUndefined();
  });
});
