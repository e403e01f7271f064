import path from 'node:path';
import { errnoOf } from '../../base/disk-errors.js';
import { RepackError } from '../../base/errors.js';
import { inParallel } from '../../base/parallel.js';
import { advisoriesIn } from '../../conda/advisory/osv.js';
import type { Advisory } from '../../conda/advisory/osv.js';
import type { Runtime } from '../../runtime/runtime.js';

const AT_ONCE = 8;

/**
 * The advisories in files, and in the `.json` files of folders; what several say of one CVE is taken together. One that can't be read is an error: it must not look as if
 * nothing were known.
 *
 * @throws RepackError E_USAGE
 */
export async function readAdvisories(
  rt: Pick<Runtime, 'fs' | 'machine'>,
  given: readonly string[],
  by = '--advisories',
): Promise<Advisory[]> {
  const files = (await Promise.all(given.map((each) => filesAt(rt, path.resolve(rt.machine.cwd, each), by)))).flat();
  const read = await inParallel(files, AT_ONCE, (file) => readOne(rt, file, by));
  const byId = new Map<string, Advisory>();
  for (const each of read.flat()) {
    const { affected, aliases, summary } = byId.get(each.id) ?? { affected: [], aliases: [], summary: undefined };
    byId.set(each.id, {
      id: each.id,
      aliases: [...new Set([...aliases, ...each.aliases])],
      summary: summary ?? each.summary,
      affected: [...affected, ...each.affected],
    });
  }
  return [...byId.values()];
}

async function filesAt(rt: Pick<Runtime, 'fs'>, where: string, by: string): Promise<string[]> {
  try {
    if (!(await rt.fs.stat(where)).isDirectory()) return [where];
    const names = (await rt.fs.readdir(where)).filter((each) => each.isFile() && each.name.endsWith('.json'));
    if (names.length > 0) return names.map(({ name }) => path.join(where, name)).sort();
  } catch (error) {
    throw refused(by, where, `It can't be read (${errnoOf(error) ?? String(error)})`, error);
  }
  throw refused(by, where, 'No .json file lies in this folder');
}

async function readOne(rt: Pick<Runtime, 'fs'>, file: string, by: string): Promise<Advisory[]> {
  try {
    const found = advisoriesIn(JSON.parse((await rt.fs.readText(file)).replace(/^\uFEFF/, '')));
    if (found !== undefined) return found;
  } catch (error) {
    const why =
      error instanceof SyntaxError ? 'This is no JSON' : `It can't be read (${errnoOf(error) ?? String(error)})`;
    throw refused(by, file, why, error);
  }
  throw refused(by, file, 'This JSON is no advisory: it has no id, or what is affected is no list');
}

function refused(by: string, where: string, what: string, cause?: unknown): RepackError {
  return new RepackError('E_USAGE', {
    what,
    where,
    hint: `${by}: give files in the OSV form (osv.dev), or a folder that holds nothing else as .json.`,
    cause,
  });
}
