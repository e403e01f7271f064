/** Every number of the gateway. Times in milliseconds, sizes in bytes. */
export interface GatewayLimits {
  connectTimeoutMs: number;
  /** No byte for so long: the transfer is broken off (and resumed). */
  idleTimeoutMs: number;
  /** No headers for so long, the wait for a free connection included. */
  answerTimeoutMs: number;
  /** For the rest of a small body that is not wanted; then its connection is closed. */
  finishTimeoutMs: number;
  /** Fewer bytes than this a second, over `rateWindowMs` spent waiting for them: broken off too (bad-inputs N6). */
  minimumBytesPerSecond: number;
  rateWindowMs: number;
  /** Tries in a row without progress, the first included. */
  attempts: number;
  firstDelayMs: number;
  maxDelayMs: number;
  /** The longest wait that a Retry-After is granted. */
  retryAfterCapMs: number;
  /** From the last progress on; the wait that would go beyond it is not begun. */
  deadlineMs: number;
  /** One file may take so long, and a second more for each `patientBytes` that it has, all its tries together. */
  fileDeadlineMs: number;
  patientBytes: number;
  /** All that is fetched in a run may take so long. What has arrived is kept, so that the next run goes on. */
  runDeadlineMs: number;
  /** What counts as progress and so gives a broken transfer its tries back. */
  progressBytes: number;
  maxRedirects: number;
  maxConnectionsPerOrigin: number;
  /**
   * A `repodata.json` as it comes over the line, and unpacked. The largest public ones have half of it; ten times its length is the memory
   * that reading takes.
   */
  maxRepodataWireBytes: number;
  maxRepodataBytes: number;
  /** What is packed smaller than one in so many is a bomb: real indexes come to a tenth, for their digests do not pack. */
  maxRepodataRatio: number;
  /** A packed index of so many bytes is not read whole where the channel has it in shards and only some names are asked for. */
  shardsFromBytes: number;
  /** Of an index of so many bytes, unpacked, only the records of the names that are asked for are read, where no more is asked. */
  rangedFromBytes: number;
  /** For an artifact whose record states no size. */
  maxArtifactBytes: number;
}

/** How many bytes what has come packed may unpack to. A small one may be made of one line again and again, as in tests. */
export function mostUnpacked(
  packed: Uint8Array,
  { maxRepodataBytes: most, maxRepodataRatio: ratio }: Pick<GatewayLimits, 'maxRepodataBytes' | 'maxRepodataRatio'>,
): number {
  return Math.min(most, Math.max(most / 10, packed.length * ratio));
}

export const DEFAULT_LIMITS: GatewayLimits = {
  connectTimeoutMs: 20_000,
  idleTimeoutMs: 60_000,
  answerTimeoutMs: 600_000,
  finishTimeoutMs: 1_000,
  minimumBytesPerSecond: 1_024,
  rateWindowMs: 30_000,
  attempts: 5,
  firstDelayMs: 500,
  maxDelayMs: 20_000,
  retryAfterCapMs: 120_000,
  deadlineMs: 300_000,
  fileDeadlineMs: 3_600_000,
  patientBytes: 16_384,
  runDeadlineMs: 172_800_000,
  progressBytes: 65_536,
  maxRedirects: 8,
  maxConnectionsPerOrigin: 8,
  maxRepodataWireBytes: 450_000_000,
  maxRepodataBytes: 450_000_000,
  maxRepodataRatio: 100,
  shardsFromBytes: 4_000_000,
  rangedFromBytes: 4_000_000,
  maxArtifactBytes: 16_000_000_000,
};
