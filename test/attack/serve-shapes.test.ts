import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { tempDir } from '../helpers/artifacts.js';
import { noteTried } from '../helpers/attack.js';
import { startNginx } from '../helpers/far-servers.js';
import { describeWithLayers } from '../helpers/layers.js';
import { askShapes, factsOf, requestShapes, SHAPED_FILE } from '../helpers/request-shapes.js';
import { testRuntime } from '../helpers/runtime.js';
import { startServing } from '../helpers/serving.js';
import { publishTiny } from '../helpers/tiny-channel.js';

const shapes = requestShapes();

/** A ROOT with one label, and beside its files some that nobody is to get. */
async function rootWithStrangers(): Promise<string> {
  const root = join(tempDir(), 'root');
  const packages = { [SHAPED_FILE.path.slice('/acme/'.length)]: SHAPED_FILE.bytes, 'noarch/a+b-1!2-0.conda': 'plus' };
  await publishTiny(testRuntime(), { root, packages });
  const labelDir = join(root, 'acme');
  for (const name of ['stranger.txt', '.htpasswd']) writeFileSync(join(labelDir, name), 'of nobody');
  const outside = join(root, '..', 'outside');
  mkdirSync(outside);
  writeFileSync(join(outside, 'secret'), 'of nobody');
  symlinkSync(join(outside, 'secret'), join(labelDir, 'link'));
  return root;
}

/** Name and answer of each, to be compared with the table. */
const named = (answers: readonly string[]): string[] => answers.map((answer, n) => `${shapes[n]!.what}: ${answer}`);

it('each shape of a request is answered as the table says, and a difference to nginx has its reason', async (context) => {
  noteTried(context, shapes.length);
  expect(new Set(shapes.map(({ request }) => request)).size).toBe(shapes.length);
  expect(shapes.length).toBeGreaterThan(250);
  expect(shapes.filter(({ ours, nginx, why }) => (ours === nginx) !== (why === ''))).toEqual([]);
  const serving = await startServing(await rootWithStrangers(), { limits: { headersMs: 4000, keepAliveMs: 4000 } });
  try {
    const answers = await askShapes(shapes, await factsOf(serving.port));
    expect(named(answers)).toEqual(named(shapes.map(({ ours }) => ours)));
  } finally {
    await serving.stop();
  }
}, 180_000);

describeWithLayers(['nginx'], 'nginx', () => {
  it('answers them as the table says', async (context) => {
    noteTried(context, shapes.length);
    const nginx = await startNginx(tempDir(), await rootWithStrangers());
    try {
      const answers = await askShapes(shapes, await factsOf(nginx.port));
      expect(named(answers)).toEqual(named(shapes.map(({ nginx: theirs }) => theirs)));
    } finally {
      await nginx.close();
    }
  }, 180_000);
});
