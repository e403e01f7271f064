import fc from 'fast-check';
import { createTarPacker } from 'modern-tar';
import { expect, it } from 'vitest';
import { TAR_END, tarHeader, tarPadding } from '../../../../src/media/archive/write-tar.js';

const ENTRY = { size: 0, mtimeMs: Date.UTC(1980, 0, 2) };

/** modern-tar's, an independent writer; of the content nothing. */
async function byModernTar(entry: { name: string; size: number; mtimeMs: number }): Promise<Buffer> {
  const { readable, controller } = createTarPacker();
  const mtime = new Date(entry.mtimeMs);
  const body = controller.add({ name: entry.name, size: entry.size, type: 'file', mode: 0o644, uid: 0, gid: 0, mtime });
  if (entry.size === 0) {
    await body.close();
    controller.finalize();
    return Buffer.from(await new Response(readable).arrayBuffer());
  }
  const reader = readable.getReader();
  const blocks: Uint8Array[] = [];
  // Headers are there at once, the content never comes; a read that waits for it would not come back.
  for (let wanted = tarHeader(entry).length; wanted > 0; wanted -= blocks.at(-1)!.length) {
    blocks.push((await reader.read()).value!);
  }
  await reader.cancel();
  return Buffer.concat(blocks);
}

const long = (folder: number, file: number): string => `${'d'.repeat(folder)}/${'f'.repeat(file)}`;

it.each([
  ['a plain name', 'acme/noarch/a-1-0.conda'],
  ['exactly 100', long(50, 49)],
  ['101, split at its slash', long(50, 50)],
  ['the longest halves', long(155, 100)],
  ['a folder too long to be split', long(156, 20)],
  ['a file too long to be split', long(20, 101)],
  ['the last slash that fits of several', `a/${long(90, 30)}/${'f'.repeat(100)}`],
  ['a lone long name', 'n'.repeat(120)],
  ['longer than both fields', `${long(150, 90)}/${'f'.repeat(90)}`],
  ['a record whose length has one digit more by itself', long(86, 3) + 'x'.repeat(900)],
])('writes the header of %s as modern-tar does', async (_, name) => {
  const mine = Buffer.concat([tarHeader({ ...ENTRY, name }), tarPadding(0), TAR_END]);
  expect(mine.equals(await byModernTar({ ...ENTRY, name }))).toBe(true);
});

it.each([1, 511, 512, 4096, 8 ** 11 - 1, 8 ** 11, 3 * 8 ** 11, 8 ** 12 + 5])(
  'writes a size of %i as modern-tar does',
  async (size) => {
    const entry = { ...ENTRY, name: 'acme/noarch/a-1-0.conda', size };
    expect(Buffer.from(tarHeader(entry)).equals(await byModernTar(entry))).toBe(true);
  },
);

it('writes any name as modern-tar does', async () => {
  const segment = fc.stringMatching(/^[a-z0-9_.+!-]{1,130}$/);
  const names = fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
  await fc.assert(
    fc.asyncProperty(names, fc.nat(2 ** 31), async (name, seconds) => {
      const entry = { name, size: 0, mtimeMs: seconds * 1000 };
      const mine = Buffer.concat([tarHeader(entry), TAR_END]);
      expect(mine.equals(await byModernTar(entry))).toBe(true);
    }),
    { numRuns: 200 },
  );
});
