import type { Finding } from './findings.js';

/** `download`: from upstream in this run, also where an engine asked for it; `store`: there from an earlier run. */
export type ArtifactSource = 'store' | 'cache' | 'download';

/** How many artifacts came from where, and their size in bytes. */
export type SourceCounts = Record<ArtifactSource, { artifacts: number; bytes: number }>;

export type Stage = 'read' | 'engine' | 'solve' | 'acquire' | 'index' | 'prove' | 'publish' | 'medium' | 'clean-up';

/**
 * What stages say while they work; the terminal, the log and `--json` are three readers of it. Sizes in bytes. Texts and URLs are
 * token-free (and pass the redactor all the same).
 */
export type RepackEvent =
  | { type: 'stage-started'; stage: Stage; detail?: string }
  | { type: 'stage-finished'; stage: Stage; detail?: string }
  /** What is wanted, wherever it comes from. */
  | { type: 'acquire-total'; artifacts: number; bytes: number }
  /** `bytes` more than at the last such event are in hand; less than 0 where a transfer came to less than it seemed. */
  | { type: 'acquire-progress'; bytes: number }
  | { type: 'artifact-acquired'; fn: string; subdir: string; bytes: number; source: ArtifactSource }
  /** All are in hand. */
  | ({ type: 'acquire-finished' } & SourceCounts)
  /** How far long reading or writing has come; reported some hundred times. `of`: 0 where that is not known. `what`: an index, a file. */
  | { type: 'progress'; stage: Stage; bytes: number; of: number; what?: string }
  /** `again`: its host has not answered since such an event. */
  | { type: 'retry'; url: string; reason: string; attempt: number; waitMs: number; again?: true }
  | { type: 'waiting'; reason: string }
  | { type: 'note'; message: string }
  /** A server is up; `chosen`: on a port that nobody named. */
  | { type: 'listening'; url: string; port: number; chosen: boolean }
  /** A server has answered: `path` without token. For the log, and for the terminal with --debug. */
  | {
      type: 'request';
      client: string;
      method: string;
      path: string;
      status: number;
      bytes: number;
      ms: number;
      agent: string;
      incomplete?: true;
    }
  | { type: 'warning'; message: string }
  | { type: 'finding'; finding: Finding }
  | { type: 'debug'; message: string };

export interface EventSink {
  emit(event: RepackEvent): void;
}

/** For work of which nobody is to be told. */
export const SILENT: EventSink = { emit: () => undefined };
