/** Exit codes of both programs (design D12). */
export const EXIT = {
  done: 0,
  findings: 1,
  usage: 2,
  unsolvable: 3,
  artifact: 4,
  publish: 5,
  locked: 6,
  upstream: 7,
  proof: 8,
  bug: 70,
  interrupted: 130,
  terminated: 143,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Every error code that a user can meet, with the exit code it ends the program with. */
export const ERROR_EXIT = {
  E_USAGE: EXIT.usage,
  E_LABEL: EXIT.usage,
  E_NAME: EXIT.usage,
  E_SPEC: EXIT.usage,
  E_SPEC_FILE: EXIT.usage,
  E_LOCK_FILE: EXIT.usage,
  E_CHANNEL: EXIT.usage,
  E_CHANNEL_HTTP: EXIT.usage,
  E_SUBDIR: EXIT.usage,
  E_PROFILE: EXIT.usage,
  E_CLIENT: EXIT.usage,
  E_ROOT: EXIT.usage,
  E_TOKEN: EXIT.usage,
  E_CONFIG: EXIT.usage,
  E_PORT: EXIT.usage,
  E_MIRROR_FILE: EXIT.usage,
  E_NO_OWNER: EXIT.usage,
  E_NOT_OURS: EXIT.usage,
  E_ASKS_LESS: EXIT.usage,
  E_GENERATION: EXIT.usage,
  E_NOT_A_CHANNEL: EXIT.usage,
  E_PART_SIZE: EXIT.usage,
  E_OUT: EXIT.usage,
  E_TARGET: EXIT.usage,
  E_NO_ACTIVE_ENV: EXIT.usage,
  E_NO_ENVINFO: EXIT.usage,
  E_ENGINE_NOT_FOUND: EXIT.usage,
  E_ENGINE_VERSION: EXIT.usage,
  E_ENGINE_CONFIG: EXIT.usage,
  E_UNSOLVABLE: EXIT.unsolvable,
  E_NO_BASE_CHANNEL: EXIT.unsolvable,
  E_PACKAGE_NOT_FOUND: EXIT.unsolvable,
  E_CLIENT_FORMAT: EXIT.unsolvable,
  E_ENGINE_FAILED: EXIT.unsolvable,
  E_ENGINE_OUTPUT: EXIT.unsolvable,
  E_ENGINE_TIMEOUT: EXIT.unsolvable,
  E_ENGINE_INCOMPLETE: EXIT.unsolvable,
  E_SOURCE_NOT_ALLOWED: EXIT.unsolvable,
  E_RECORD: EXIT.artifact,
  E_RECORD_CONFLICT: EXIT.artifact,
  E_ARTIFACT_MISSING: EXIT.artifact,
  E_ARTIFACT_DIGEST: EXIT.artifact,
  E_ARTIFACT_CORRUPT: EXIT.artifact,
  E_ARTIFACT_MISLABELLED: EXIT.artifact,
  E_ARTIFACT_UNREADABLE: EXIT.artifact,
  E_DECOMPRESS: EXIT.artifact,
  E_MEDIUM: EXIT.artifact,
  E_ARCHIVE_MEMBER: EXIT.artifact,
  E_FOLDER_DIFFERS: EXIT.artifact,
  E_GENERATION_INCOMPLETE: EXIT.artifact,
  E_ARTIFACT_REPLACED: EXIT.publish,
  E_PUBLISH: EXIT.publish,
  E_PUSH: EXIT.publish,
  E_WRONG_BASE: EXIT.publish,
  E_ROLLBACK: EXIT.publish,
  E_HELD: EXIT.publish,
  E_DISK: EXIT.publish,
  E_DISK_FULL: EXIT.publish,
  E_MEMORY: EXIT.publish,
  E_RECOVERY: EXIT.publish,
  E_REPODATA_VERSION: EXIT.publish,
  E_ARTIFACT_CHANGED: EXIT.publish,
  E_SHRINK: EXIT.publish,
  E_SECRET_LEAK: EXIT.publish,
  E_LOCKED: EXIT.locked,
  E_LOCK: EXIT.publish,
  E_UPSTREAM: EXIT.upstream,
  E_UPSTREAM_NOT_FOUND: EXIT.upstream,
  E_TOKEN_REFUSED: EXIT.upstream,
  E_LOGIN_REFUSED: EXIT.upstream,
  E_TLS: EXIT.upstream,
  E_REDIRECT: EXIT.upstream,
  E_REPODATA: EXIT.upstream,
  E_PROOF: EXIT.proof,
  E_POLICY: EXIT.proof,
  E_SIGNATURE: EXIT.proof,
  E_BUG: EXIT.bug,
  E_INTERRUPTED: EXIT.interrupted,
} as const satisfies Record<string, ExitCode>;

export type ErrorCode = keyof typeof ERROR_EXIT;

export interface ErrorParts {
  /** What went wrong, one sentence, no token, no stop at the end. */
  what: string;
  /** Where: file, field, URL (token-free), package, command line argument. */
  where?: string | undefined;
  /** What to do now: one or two sentences. */
  hint?: string | undefined;
  /** Further lines: names of all missing packages and the like. */
  details?: readonly string[] | undefined;
  cause?: unknown;
}

/** The one error type that reaches a user: what, where, what to do now; its code decides the exit code. */
export class RepackError extends Error {
  readonly code: ErrorCode;
  readonly what: string;
  readonly where: string | undefined;
  readonly hint: string | undefined;
  readonly details: readonly string[];

  constructor(code: ErrorCode, parts: ErrorParts) {
    super(`${parts.what} [${code}]`, parts.cause === undefined ? undefined : { cause: parts.cause });
    this.name = 'RepackError';
    this.code = code;
    this.what = parts.what;
    this.where = parts.where;
    this.hint = parts.hint;
    this.details = parts.details ?? [];
  }

  get exitCode(): ExitCode {
    return ERROR_EXIT[this.code];
  }
}

export function isRepackError(error: unknown): error is RepackError {
  return error instanceof RepackError;
}
