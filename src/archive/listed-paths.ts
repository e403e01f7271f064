/** A file that a package brings, relative to the prefix. */
export interface PackagePath {
  path: string;
  /** Length of the prefix that its bytes have room for; only of binary files that hold one. */
  room: number | undefined;
}

/** Read in this order; `info/paths.json` is in what conda-build has made since 2016, `info/files` in all. */
export const PATH_MEMBERS = ['info/paths.json', 'info/files'] as const;

/** The paths that a package lists of itself, out of the members named above; none where there is no list that can be read. */
export function listedPaths(info: ReadonlyMap<string, Uint8Array>): PackagePath[] {
  const [json, plain] = PATH_MEMBERS.map((name) => info.get(name));
  if (json !== undefined) {
    try {
      const { paths } = JSON.parse(Buffer.from(json).toString('utf8')) as { paths?: unknown };
      if (Array.isArray(paths)) return paths.flatMap(ofEntry);
    } catch {
      // The plain list says the same.
    }
  }
  const lines = Buffer.from(plain ?? [])
    .toString('utf8')
    .split(/\r?\n/);
  return lines.filter((line) => line !== '').map((path) => ({ path, room: undefined }));
}

function ofEntry(entry: unknown): PackagePath[] {
  const { _path: path, file_mode: mode, prefix_placeholder: placeholder } = (entry ?? {}) as Record<string, unknown>;
  if (typeof path !== 'string') return [];
  const room = mode === 'binary' && typeof placeholder === 'string' ? placeholder.length : undefined;
  return [{ path, room }];
}
