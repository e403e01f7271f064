import type { Finding } from './findings.js';

export type Stage = 'engine' | 'solve' | 'acquire' | 'index' | 'prove' | 'publish' | 'clean-up';

/**
 * What stages say while they work; the terminal, the log and `--json` are three readers of it. Sizes in bytes. Texts and URLs are
 * token-free (and pass the redactor all the same).
 */
export type RepackEvent =
  | { type: 'stage-started'; stage: Stage; detail?: string }
  | { type: 'stage-finished'; stage: Stage; detail?: string }
  | { type: 'acquire-total'; artifacts: number; bytes: number }
  /** `bytes` more than at the last such event are in hand; less than 0 where a transfer came to less than it seemed. */
  | { type: 'acquire-progress'; bytes: number }
  | { type: 'artifact-acquired'; fn: string; subdir: string; bytes: number; source: 'store' | 'cache' | 'download' }
  | { type: 'retry'; url: string; reason: string; attempt: number; waitMs: number }
  | { type: 'waiting'; reason: string }
  | { type: 'note'; message: string }
  | { type: 'warning'; message: string }
  | { type: 'finding'; finding: Finding }
  | { type: 'debug'; message: string };

export interface EventSink {
  emit(event: RepackEvent): void;
}
