/** What a push brings. `path` is relative to TARGET, with `/`: `halkbank/linux-64/numpy-….conda`, `halkbank.INSTALL.md`. */
export interface Cargo {
  path: string;
  kind: 'artifact' | 'index' | 'beside' | 'manifest' | 'sums' | 'site';
  size: number;
  sha256: string;
  md5: string;
  mtimeMs: number;
  executable: boolean;
  /** The bytes; or a file, whose pieces throw where it is not as the manifest says, before the last of them. */
  from: { bytes: Uint8Array } | { file: string; pieces: () => AsyncIterable<Uint8Array> };
}

/** A file that lies at the target; `md5` where it tells. Of a link or of what is no file the size is -1. */
export interface FarFile {
  size: number;
  mtimeMs?: number;
  md5?: string;
}

/** What lies at the target of this label, and of what could be taken for it. Paths as in {@link Cargo}. */
export interface Far {
  /** Below `LABEL/`, and plain files `LABEL.…` beside it. */
  files: ReadonlyMap<string, FarFile>;
  /** Bytes of `LABEL/manifest.json`. */
  manifest: Uint8Array | undefined;
  /** TARGET itself has a manifest.json. */
  isChannel: boolean;
}

/** One kind of target. All throw RepackErrors. */
export interface Carrier {
  /** The label's folder there, for people. */
  where: string;
  /** A file that is written over appears whole, and the old one is there until then. */
  renames: boolean;
  look(): Promise<Far>;
  /** The file there has these bytes, as far as can be told without fetching it. `same`: the manifest there is ours. */
  holds(cargo: Cargo, far: FarFile, same: boolean): Promise<boolean>;
  /** Any order; each is told when it is there. Gives how many bytes went over the line. */
  put(cargo: readonly Cargo[], done: (path: string) => Promise<void>): Promise<number>;
  /** What is not there is no error. */
  remove(paths: readonly string[], done: (path: string) => Promise<void>): Promise<void>;
  close(): Promise<void>;
}
