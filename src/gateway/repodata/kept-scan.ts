import { sealed, unsealed } from '../../codec/sealed-text.js';
import { isObject } from '../../base/json.js';
import { VERSION } from '../../base/tool-version.js';
import { RECORD_MAPS } from '../../conda/record/index-limits.js';
import type { Run, RunScan } from '../../conda/record/run-scan.js';
import type { FileSystem } from '../../runtime/fs.js';

/** What any writing of a file changes: size, mtime and ctime (ns), inode. */
export type Marks = readonly [size: string, mtime: string, ctime: string, inode: string];

/** Where the records of an index lie that is on the disk: the index itself, of a folder, or what the cache holds of it. */
export interface KeptScan extends RunScan {
  marks: Marks;
  /** Of the index; undefined where nobody asked for it yet. */
  sha256: string | undefined;
}

/** Undefined where there is no regular file. */
export async function marksOf(fs: Pick<FileSystem, 'lstatExact'>, path: string): Promise<Marks | undefined> {
  const stats = await fs.lstatExact(path).catch(() => undefined);
  if (stats === undefined || !stats.isFile()) return undefined;
  return [stats.size, stats.mtimeNs, stats.ctimeNs, stats.ino].map(String) as unknown as Marks;
}

export function sameMarks(a: Marks, b: Marks | undefined): boolean {
  return a.every((mark, at) => mark === b?.[at]);
}

/** Sealed. Numbers of a run: name, map, odd, start, length, sum. */
export function keptScanText({ runs, marks, ...rest }: KeptScan): string {
  const numbers = new Map<string, number>();
  const columns = runs.map(({ name, map, odd, start, end, sum }) => {
    const number = numbers.get(name) ?? numbers.size;
    numbers.set(name, number);
    return [number, RECORD_MAPS.indexOf(map), odd ? 1 : 0, start, end - start, sum];
  });
  return sealed({ tool: VERSION, ...rest, marks, names: [...numbers.keys()], runs: columns });
}

/** Undefined for what this version has not written so, every byte of it. */
export function parseKeptScan(content: string): KeptScan | undefined {
  const value = unsealed(content);
  if (!isObject(value) || value['tool'] !== VERSION) return undefined;
  // Its seal says that it was made by `keptScanText` of this version.
  const {
    names,
    runs,
    tool: _,
    ...rest
  } = value as unknown as Omit<KeptScan, 'runs'> & {
    tool: string;
    names: string[];
    runs: [number, number, number, number, number, number][];
  };
  return {
    ...rest,
    runs: runs.map(([name, map, odd, start, length, sum]): Run => {
      return { name: names[name]!, map: RECORD_MAPS[map]!, odd: odd === 1, start, end: start + length, sum };
    }),
  };
}
