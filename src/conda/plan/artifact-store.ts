import type { RepoDataRecord } from '../record/records.js';

/** Digests a channel stated for an artifact, lower case hex. At least one of the two is there, but for unpublished artifacts. */
export interface ExpectedDigest {
  sha256?: string | undefined;
  md5?: string | undefined;
  size?: number | undefined;
}

export interface StoredFile {
  /** Absolute path; the file is immutable. */
  path: string;
  size: number;
  sha256: string;
  md5: string;
}

/** Takes bytes as they arrive and hashes them; nothing is visible in the store before `finish`. */
export interface StoreWriter {
  readonly size: number;
  write(chunk: Uint8Array): Promise<void>;
  /** Starts again at offset 0 (a resumed transfer turned out to be another file). */
  restart(): Promise<void>;
  /** Checks size and digests (E_ARTIFACT_DIGEST), then the file is in the store. */
  finish(expected: ExpectedDigest, subject: string): Promise<StoredFile>;
  discard(): Promise<void>;
}

/** Artifacts once each, by sha256 (design M5, D5). Read and written by acquire; written by the gateway as bytes pass. */
export interface ArtifactStore {
  /**
   * By sha256, or by md5 and size for channels that state no sha256; undefined when it is not there. By its name it is also looked for
   * where files lie under their names: a store that has such places takes it in from there.
   */
  find(expected: ExpectedDigest, named?: { subdir: string; fn: string }): Promise<StoredFile | undefined>;
  /** Whether one lies there under that name: its bytes are not read. */
  holds(expected: ExpectedDigest): Promise<boolean>;
  writer(): Promise<StoreWriter>;
  /**
   * Runs `bring` unless the bytes have come meanwhile: of those who want the same bytes through this store at one moment, one brings them and
   * the others wait for it; where it fails, the next one tries. `brought`: by this call.
   */
  bringOnce(expected: ExpectedDigest, signal: AbortSignal, bring: () => Promise<StoredFile>): Promise<Brought>;
}

export interface Brought {
  file: StoredFile;
  brought: boolean;
}

/** Without a record what is `expected` says which bytes are meant: a lock names what an index has no more. */
export type FetchedArtifact = RepoDataRecord & { expected?: ExpectedDigest | undefined };

/** Fetches one artifact of a declared channel into a store. Throws E_ARTIFACT_MISSING, E_ARTIFACT_DIGEST, E_UPSTREAM… */
export type FetchArtifact = (
  artifact: FetchedArtifact,
  options: { store: ArtifactStore; signal: AbortSignal; onBytes?: (bytes: number) => void },
) => Promise<StoredFile>;
