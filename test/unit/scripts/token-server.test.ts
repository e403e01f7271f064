import { request, type IncomingHttpHeaders } from 'node:http';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startSampleUpstream, startUpstream, TOKEN, type TestUpstream } from '../../helpers/upstream.js';

let upstream: TestUpstream;

beforeAll(async () => {
  upstream = await startSampleUpstream();
});

afterAll(() => upstream.close());

beforeEach(() => {
  upstream.requests.length = 0;
  upstream.setGeneration(1);
});

describe('the token server', () => {
  it.each([
    [200, 'pkgs/main', '/pkgs/main/linux-64/repodata.json'],
    [200, 'pkgs/main', `/t/${TOKEN}/pkgs/main/linux-64/repodata.json`],
    [200, 'prometeia', '/prometeia/noarch/repodata.json.zst'],
    [200, 'private/prometeia', `/t/${TOKEN}/prometeia/linux-64/repodata.json`],
    [200, 'private/prometeia', `/t/${TOKEN}/prometeia/linux-64/ratekeys-1.1-h1_0.conda`],
    [200, 'label/halkbank', `/t/${TOKEN}/prometeia/label/halkbank/noarch/repodata.json`],
    [200, 'label/halkbank', `/t/${TOKEN}/prometeia/channel/halkbank/noarch/repodata.json.bz2`],
    [404, undefined, '/t/wrong/prometeia/noarch/repodata.json'],
    [404, undefined, '/t//prometeia/noarch/repodata.json'],
    [404, undefined, `/t/${TOKEN}x/prometeia/noarch/repodata.json`],
    [404, undefined, '/prometeia/label/halkbank/noarch/repodata.json'],
    [404, undefined, `/t/${TOKEN}/prometeia/label/other/noarch/repodata.json`],
    [404, undefined, '/prometeia/linux-64/ratekeys-1.1-h1_0.conda'],
    [404, undefined, '/prometeia/noarch/current_repodata.json'],
    [404, undefined, '/prometeia/noarch/..%2f..%2f..%2fupstream.json'],
    [404, undefined, '/prometeia/noarch/%'],
    [404, undefined, '/'],
  ])('answers %i from %s to %s', async (status, folder, path) => {
    const answer = await ask(path);
    expect(answer.status).toBe(status);
    expect(upstream.requests).toMatchObject([{ method: 'GET', path, status }]);
    if (folder === undefined) return;
    const [subdir, file] = path.split('/').slice(-2) as [string, string];
    const onDisk = readFileSync(join(upstream.dir, 'gen1', folder, subdir, file));
    expect(answer.body.equals(onDisk)).toBe(true);
    expect(answer.headers['content-length']).toBe(String(onDisk.length));
  });

  it('shows without a token what a token opens, where it is open, and no wrong token more', async () => {
    const open = await startUpstream({ dir: upstream.dir, open: true });
    try {
      const statuses = await Promise.all(
        [
          '/prometeia/label/halkbank/noarch/repodata.json',
          '/prometeia/linux-64/ratekeys-1.1-h1_0.conda',
          `/t/${TOKEN}/prometeia/linux-64/ratekeys-1.1-h1_0.conda`,
          '/t/wrong/prometeia/noarch/repodata.json',
        ].map(async (path) => (await fetch(`${open.url}${path}`)).status),
      );
      expect(statuses).toEqual([200, 200, 200, 404]);
    } finally {
      await open.close();
    }
  });

  it('switches the generation for the next request', async () => {
    const path = `/t/${TOKEN}/prometeia/label/halkbank/noarch/repodata.json`;
    const before = await ask(path);
    upstream.setGeneration(2);
    const after = await ask(path, { headers: { 'if-none-match': String(before.headers.etag) } });
    expect(before.body.toString()).not.toContain('ratingpro-2.5.0');
    expect(after.status).toBe(200);
    expect(after.body.toString()).toContain('ratingpro-2.5.0');
    expect(() => upstream.setGeneration(3)).toThrow(RangeError);
  });

  it('answers 304 to the ETag it gave', async () => {
    const first = await ask('/prometeia/noarch/repodata.json');
    const again = await ask('/prometeia/noarch/repodata.json', {
      headers: { 'if-none-match': String(first.headers.etag) },
    });
    expect([again.status, again.body.length]).toEqual([304, 0]);
  });

  it('answers HEAD without a body', async () => {
    const head = await ask('/prometeia/noarch/repodata.json', { method: 'HEAD' });
    const missing = await ask('/prometeia/noarch/absent.json', { method: 'HEAD' });
    const get = await ask('/prometeia/noarch/repodata.json');
    expect([head.status, head.body.length, missing.status]).toEqual([200, 0, 404]);
    expect(head.headers['content-length']).toBe(String(get.body.length));
  });

  it.each([
    ['bytes=0-9', 206, 0, 10],
    ['bytes=100-', 206, 100, undefined],
    ['bytes=-20', 206, -20, undefined],
    ['bytes=0-99999999', 206, 0, undefined],
    ['bytes=99999999-', 416, 0, 0],
    ['bytes=0-1,3-4', 200, 0, undefined],
  ])('answers Range %s with %i', async (range, status, from, to) => {
    const path = '/prometeia/noarch/repodata.json';
    const whole = (await ask(path)).body;
    const part = await ask(path, { headers: { range } });
    expect(part.status).toBe(status);
    if (status === 416) expect(part.headers['content-range']).toBe(`bytes */${whole.length}`);
    else expect(part.body.equals(whole.subarray(from, to))).toBe(true);
  });

  it('sends the whole when If-Range names other bytes', async () => {
    const path = '/prometeia/noarch/repodata.json';
    const { headers, body } = await ask(path);
    const same = await ask(path, { headers: { range: 'bytes=5-', 'if-range': String(headers.etag) } });
    const other = await ask(path, { headers: { range: 'bytes=5-', 'if-range': '"other"' } });
    expect([same.status, same.body.length]).toEqual([206, body.length - 5]);
    expect([other.status, other.body.length]).toEqual([200, body.length]);
  });

  it('records what it was sent', async () => {
    await ask('/prometeia/noarch/repodata.json', { headers: { authorization: 'Basic eHg=' } });
    expect(upstream.requests[0]?.headers.authorization).toBe('Basic eHg=');
  });
});

type Answer = { status: number; headers: IncomingHttpHeaders; body: Buffer };

/** Not `fetch`: it would tidy the paths up first. */
function ask(path: string, options: { method?: string; headers?: Record<string, string> } = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port: upstream.port, path, ...options }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) });
      });
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end();
  });
}
