import { SHARD, SHARDS } from '../channel/index/derived-files.js';
import { shardFiles } from '../channel/index/shard-files.js';
import { INDEX_NAMES } from '../channel/manifest/manifest.js';
import { digestsOf } from '../codec/digests.js';
import type { ChannelFolder } from './channel-folder.js';
import { closeChecked, readWhole, type CheckedFile, type SmallFile } from './checked-file.js';
import type { FileFinder, Found } from './find-file.js';

/** Of one subdir: who has read a listing still finds its shards when the next is published. */
const KEPT = 2;

type Shards = ReadonlyMap<string, SmallFile>;

/**
 * The index of a subdir in shards (CEP 16), made of the `repodata.json` that goes out at that moment, and kept in memory. They are in no folder:
 * offline clients would not read them there.
 */
export function withShards(finder: FileFinder): FileFinder {
  /** Folder and subdir -> sha256 of the index -> its shards, the newest last. */
  const made = new Map<string, Map<string, Promise<Shards>>>();

  const shardsOf = async (folder: ChannelFolder, subdir: string): Promise<Shards | Found> => {
    const found = await finder.find(folder, `${subdir}/${INDEX_NAMES[0]}`);
    if (found.kind !== 'file') return found;
    const place = `${folder.dir}/${subdir}`;
    const all = made.get(place) ?? new Map<string, Promise<Shards>>();
    made.set(place, all);
    const { sha256 } = found.file.digests;
    const before = all.get(sha256);
    const shards = before ?? makeShards(found.file, subdir);
    all.delete(sha256);
    all.set(sha256, shards);
    for (const old of [...all.keys()].slice(0, -KEPT)) all.delete(old);
    shards.catch(() => all.delete(sha256));
    // Else whoever reads it closes it.
    if (before !== undefined) await closeChecked(found.file);
    return shards;
  };

  return {
    async find(folder, path) {
      const [subdir = '', fn = '', ...deeper] = path.split('/');
      if (deeper.length > 0 || (fn !== SHARDS && !SHARD.test(fn))) return finder.find(folder, path);
      const now = await shardsOf(folder, subdir).catch((): Found => ({ kind: 'unsteady' }));
      if ('kind' in now) return now as Found;
      const kept = [
        now,
        ...(fn === SHARDS ? [] : await Promise.all(made.get(`${folder.dir}/${subdir}`)?.values() ?? [])),
      ];
      const file = kept.map((shards) => shards.get(fn)).find((each) => each !== undefined);
      return file === undefined ? { kind: 'absent' } : { kind: 'file', file };
    },
  };
}

async function makeShards(file: CheckedFile, subdir: string): Promise<Shards> {
  try {
    const bytes = file.kind === 'small' ? file.bytes : await readWhole(file.handle, file.digests.size);
    // It was cut while it was read: then it is asked for again.
    if (bytes === undefined) throw new Error('the index changed');
    const repodata = JSON.parse(Buffer.from(bytes).toString('utf8')) as Parameters<typeof shardFiles>[0];
    const files = await shardFiles(repodata, { subdir });
    return new Map(
      [...files].map(([name, content]) => [
        name,
        { kind: 'small', bytes: content, digests: digestsOf(content), mtimeMs: file.mtimeMs } satisfies SmallFile,
      ]),
    );
  } finally {
    await closeChecked(file);
  }
}
