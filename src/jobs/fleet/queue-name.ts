import path from 'node:path';
import { codeOf } from '../../base/fs-errors.js';
import { canonicalJson, objectIn } from '../../base/json.js';
import { STATE_NAME } from '../../delivery/place/root.js';
import type { Runtime } from '../../runtime/runtime.js';

/** Beside the state folders of labels, none of which begins with a dot. */
const NAME = '.queue.json';

/**
 * The queue of a ROOT, by an id that lies in it: hosts that mount it at different paths have one queue, and a worker on another ROOT never takes its
 * labels. Made at the first use.
 */
export async function queueName(rt: Pick<Runtime, 'fs' | 'machine'>, root: string): Promise<string> {
  const file = path.join(root, STATE_NAME, NAME);
  await rt.fs.mkdirp(path.dirname(file));
  const fresh = canonicalJson({ schema: 1, id: `${rt.machine.randomId()}${rt.machine.randomId()}` });
  await rt.fs.writeNew(file, `${fresh}\n`).catch((error: unknown) => {
    if (codeOf(error) !== 'EEXIST') throw error;
  });
  for (let tries = 0; ; tries++) {
    // Another host may be writing it just now.
    const id = objectIn(await rt.fs.readText(file))?.['id'];
    if (typeof id === 'string' && /^[\w-]{1,64}$/.test(id)) return `repackenv-${id}`;
    if (tries === 20) throw Object.assign(new Error(`${file} is damaged: remove it`), { path: file });
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
