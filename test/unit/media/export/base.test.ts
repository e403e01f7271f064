import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sha256Of } from '../../../../src/codec/digests.js';
import { publishedAs, restrictedTo } from '../../../../src/media/set/changes.js';
import type { SetFile } from '../../../../src/media/set/headers.js';
import { SITE_RECEIPT_FORMAT } from '../../../../src/media/set/formats.js';
import { mediumJson } from '../../../../src/media/set/names.js';
import type { Manifest } from '../../../../src/channel/manifest/manifest.js';
import { bytesBelow } from '../../../helpers/artifacts.js';
import { exportTo } from '../../../helpers/carry.js';
import { folderOfTest, jsonIn, makeChannel } from '../../../helpers/made-channel.js';

const FILES = { 'linux-64/a-1-0.conda': 'aaa', 'win-64/w-1-0.conda': 'www', 'noarch/n-1-0.conda': 'nnn' };

/** A label folder at generation 2, and the manifest that it had at 1. */
function twoGenerations(): { dir: string; first: Manifest; text: string } {
  const dir = join(folderOfTest(), 'root', 'acme');
  const { manifest: first, text } = makeChannel(dir, { files: FILES });
  makeChannel(dir, { files: { ...FILES, 'linux-64/a-2-0.conda': 'aa2' }, generation: 2 });
  return { dir, first, text };
}

function receiptOf(manifest: unknown): string {
  const { label, generation } = manifest as Manifest;
  const told = { schema: 1, format: SITE_RECEIPT_FORMAT, label, generation, manifest, set: null };
  const outcome = { imported_at: '2026-01-02T03:04:05.000Z', host: 'site', verified: { signature: 'absent' } };
  return text({ ...told, ...outcome, manifest_sha256: sha256Of(mediumJson(manifest)) });
}

function text(value: unknown): string {
  return Buffer.from(mediumJson(value)).toString('utf8');
}

function fileWith(content: string): string {
  const file = join(folderOfTest(), 'since.json');
  writeFileSync(file, content);
  return file;
}

function baseIn(out: string, name: string): string {
  return jsonIn<SetFile>(out, `${name}.set.json`).base!.manifest_sha256;
}

describe('G8 --since', () => {
  it.each<[string, (text: string) => string]>([
    ['with CRLF', (content) => content.replaceAll('\n', '\r\n')],
    ['with a byte order mark', (content) => `\uFEFF${content}`],
    ['indented anew', (content) => JSON.stringify(JSON.parse(content), null, 4)],
    ['in one line, its keys in another order', (content) => JSON.stringify(reversed(JSON.parse(content)))],
  ])('%s is the manifest, or the receipt, that it was', async (_how, changed) => {
    const { dir, first, text: manifest } = twoGenerations();
    for (const content of [manifest, receiptOf(first)]) {
      const [plain, out] = [join(folderOfTest(), 'plain'), join(folderOfTest(), 'out')];
      await exportTo(plain, dir, { since: fileWith(content) });
      await exportTo(out, dir, { since: fileWith(changed(content)) });
      expect(bytesBelow(out)).toEqual(bytesBelow(plain));
      expect(baseIn(out, 'acme-g1-to-g2')).toBe(sha256Of(manifest));
    }
  });

  it('of a later version, with keys that this one does not know, keeps its digest', async () => {
    const { dir, first } = twoGenerations();
    const later = { ...first, licence: 'of the channel' };
    for (const content of [text(later), receiptOf(later)]) {
      const out = join(folderOfTest(), 'out');
      await exportTo(out, dir, { since: fileWith(content) });
      expect(baseIn(out, 'acme-g1-to-g2')).toBe(sha256Of(mediumJson(later)));
    }
  });

  it('is refused for some platforms where the site says that it has more: no folder there would take the delta', async () => {
    const { dir, first } = twoGenerations();
    const since = fileWith(receiptOf(first));
    for (const some of [{ subdirs: ['linux-64'] }, { perPlatform: true }]) {
      await expect(exportTo(join(folderOfTest(), 'out'), dir, { since, ...some })).rejects.toMatchObject({
        code: 'E_WRONG_BASE',
        what: expect.stringContaining('The site has linux-64, noarch, win-64') as string,
        hint: expect.stringContaining('Leave out --subdir and --per-platform') as string,
      });
    }
    const { manifest } = restrictedTo(publishedAs(first), ['linux-64']);
    const out = join(folderOfTest(), 'out');
    await exportTo(out, dir, { since: fileWith(receiptOf(manifest)), subdirs: ['linux-64'] });
    expect(baseIn(out, 'acme-g1-to-g2-linux-64')).toBe(publishedAs(manifest).sha256);
    expect(readFileSync(join(out, 'acme-g1-to-g2-linux-64.set.json'), 'utf8')).not.toContain('win-64');
  });
});

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, inner]) => [key, reversed(inner)]),
  );
}
