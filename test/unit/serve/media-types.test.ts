import { expect, it } from 'vitest';
import { digestsOf } from '../../../src/codec/digests.js';
import { fileAnswer } from '../../../src/serve/file-answer.js';

async function headersOf(path: string): Promise<Readonly<Record<string, string>>> {
  const bytes = Buffer.from('<script>alert(1)</script>');
  const file = { kind: 'small' as const, bytes, digests: digestsOf(bytes), mtimeMs: 0 };
  const asked = { client: '127.0.0.1', method: 'GET', target: `/${path}`, headers: {} };
  return (await fileAnswer(asked, { path, found: { kind: 'file', file }, nowMs: 1 })).headers;
}

it.each([
  ['noarch/repodata.json', 'application/json'],
  ['noarch/repodata.json.zst', 'application/zstd'],
  ['papers/index.html', 'text/html; charset=utf-8'],
  ['papers/CHANGES.md', 'text/plain; charset=utf-8'],
  ['papers/licenses.csv', 'text/csv; charset=utf-8'],
  ['noarch/a-1-0.conda', 'application/octet-stream'],
])('hands out %s as %s', async (path, type) => {
  expect(await headersOf(path)).toMatchObject({ 'content-type': type, 'x-content-type-options': 'nosniff' });
});

it('lets no script of a page in a folder run but ours, apart from the origin of the server', async () => {
  expect((await headersOf('papers/index.html'))['content-security-policy']).toMatch(
    /^sandbox allow-scripts; default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-[^' ]+'; base-uri 'none'; form-action 'none'$/,
  );
  expect((await headersOf('noarch/repodata.json'))['content-security-policy']).toBeUndefined();
});
