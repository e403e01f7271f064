import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Secret } from '../../src/base/secret.js';
import { holdsForAny } from '../helpers/attack.js';
import { mutated, mutations } from '../helpers/mutations.js';
import { rawExchange, rawRequest, statusesIn } from '../helpers/raw-http.js';
import {
  factsOf,
  outcomeOf,
  requestBytes,
  requestShapes,
  SHAPED_FILE,
  type FileFacts,
} from '../helpers/request-shapes.js';
import { testRuntime } from '../helpers/runtime.js';
import { startServing, type Serving } from '../helpers/serving.js';
import { digests, publishTiny } from '../helpers/tiny-channel.js';

const SECRET = 'of nobody, whatever is asked';
const TOKEN = 'tk-5e4711-token';
const shapes = requestShapes().map(({ request }) => request);

let dir: string;
let open: Serving;
let closed: Serving;
let facts: FileFacts;
let before: Record<string, string>;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'repackenv-requests-'));
  const root = join(dir, 'root');
  const packages = { [SHAPED_FILE.path.slice('/acme/'.length)]: SHAPED_FILE.bytes, 'noarch/a+b-1!2-0.conda': 'plus' };
  await publishTiny(testRuntime(), { root, packages });
  for (const place of [join(dir, 'secret'), join(root, 'acme', 'stranger'), join(root, '.repackenv', 'acme', 'secret')])
    writeFileSync(place, SECRET);
  symlinkSync(join(dir, 'secret'), join(root, 'acme', 'link'));
  const limits = { headersMs: 3000, keepAliveMs: 1000 };
  open = await startServing(root, { limits });
  closed = await startServing(root, { limits, access: { token: new Secret(TOKEN) } });
  facts = await factsOf(open.port);
  before = await digests(dir);
});
afterAll(async () => {
  await open.stop();
  await closed.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** A shape of the table with any of its bytes changed, or headers of several shapes in one request. */
const requests = fc.oneof(
  fc.record({ shape: fc.nat(shapes.length - 1), changes: mutations }),
  fc.record({ headers: fc.array(fc.nat(shapes.length - 1), { minLength: 2, maxLength: 6 }) }),
);
type Asked = typeof requests extends fc.Arbitrary<infer Value> ? Value : never;

function bytesOf(asked: Asked): Buffer {
  if ('shape' in asked) return mutated(Buffer.from(requestBytes(shapes[asked.shape]!, facts), 'latin1'), asked.changes);
  const all = asked.headers.map((at) => shapes[at]!).filter((shape) => !shape.startsWith('RAW '));
  const headers = all.flatMap((shape) => shape.split(' · ').slice(1));
  return Buffer.from(requestBytes([(all[0] ?? 'GET {file}').split(' · ')[0], ...headers].join(' · '), facts), 'latin1');
}

it(
  'N14 requests of any bytes: answered or refused, no other byte goes out, and the next reader is served',
  { timeout: 3_600_000 },
  async (context) => {
    const sizes = { smoke: 60, ci: 600, long: 40_000 };
    const rss = process.memoryUsage().rss;
    // Four at once, so that one does not only meet a server that waits for it.
    const together = fc.array(requests, { minLength: 4, maxLength: 4 });
    await holdsForAny(context, { name: 'requests', cases: together, sizes }, async (given) => {
      await Promise.all(
        given.flatMap((asked) =>
          [open, closed].map(async (serving) => {
            const bytes = bytesOf(asked);
            const answer = await rawExchange(serving.port, bytes, { quietMs: 30_000, end: true });
            const where = JSON.stringify(bytes.toString('latin1').slice(0, 2000));
            // Throws where bytes of the file are not those that the answer says.
            outcomeOf(answer);
            expect(
              statusesIn(answer).filter((status) => status >= 500 && status !== 505),
              where,
            ).toEqual([]);
            expect(answer.includes(SECRET), where).toBe(false);
            if (serving === closed && !bytes.includes(TOKEN)) {
              expect(answer.includes(SHAPED_FILE.bytes.slice(0, 9)), where).toBe(false);
              expect(
                statusesIn(answer).filter((status) => status < 300),
                where,
              ).toEqual([]);
            }
          }),
        ),
      );
      expect((await rawRequest(open.port, SHAPED_FILE.path)).body.toString()).toBe(SHAPED_FILE.bytes);
      expect((await rawRequest(closed.port, `/t/${TOKEN}${SHAPED_FILE.path}`)).status).toBe(200);
    });
    expect(await digests(dir)).toEqual(before);
    expect(process.memoryUsage().rss - rss).toBeLessThan(600 << 20);
  },
);
