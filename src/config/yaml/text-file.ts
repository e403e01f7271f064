import type { ErrorCode } from '../../base/errors.js';
import { RepackError, isRepackError } from '../../base/errors.js';
import { diskReason, errnoOf } from '../../base/disk-errors.js';
import { createRedactor } from '../../base/redact.js';
import type { Runtime } from '../../runtime/runtime.js';

/** A kind of file that users write: what complaints about one say of it. */
export interface FileForm {
  readonly code: ErrorCode;
  /** `mirror file` */
  readonly name: string;
  /** A page of text; more is a wrong file. */
  readonly mostBytes: number;
  /** The option that names one. */
  readonly option: string;
  /** The keys it may begin a line with; none where it is no YAML. */
  readonly keys: readonly string[];
  /** Those below which the others may stand indented. */
  readonly blocks?: readonly string[];
  /** The first lines of a right one. */
  readonly example: string;
}

export interface Parts {
  what: string;
  hint: string;
  cause?: unknown;
}

/** A complaint about a file; a token or password that stands in it stays out. `where`: `FILE, line 3, column 5`. */
export function fileError(form: FileForm, where: string, { what, hint, cause }: Parts): RepackError {
  const { redact } = createRedactor();
  return new RepackError(form.code, { what: redact(what), where, hint: redact(hint), cause });
}

/**
 * The file's bytes. The size is looked at before the file is: a wrong name may point at gigabytes.
 * @throws RepackError with the form's code; the errno of the disk is in its `cause`.
 */
export async function readFormFile({ fs }: Pick<Runtime, 'fs'>, file: string, form: FileForm): Promise<Uint8Array> {
  try {
    refuseBig((await fs.stat(file)).size, file, form);
    return await fs.readFile(file);
  } catch (cause) {
    if (isRepackError(cause)) throw cause;
    const errno = errnoOf(cause);
    throw fileError(form, file, {
      what: `The ${form.name} can’t be read${errno === undefined ? '' : `: ${diskReason(cause)}`}`,
      hint: `Check the path given by ${form.option} and its permissions.`,
      cause,
    });
  }
}

/** UTF-8, with or without a byte order mark. Throws with the form's code for what is too big or of another encoding. */
export function textOf(bytes: Uint8Array, file: string, form: FileForm): string {
  refuseBig(bytes.byteLength, file, form);
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff) || first === 0 || second === 0) {
    throw fileError(form, `${file}, line 1, column 1`, {
      what: 'The file is UTF-16',
      hint: 'Save it as UTF-8 (Notepad: "Save as", Encoding "UTF-8"; PowerShell: Set-Content -Encoding utf8).',
    });
  }
  try {
    // A leading byte order mark is taken off by the decoder.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    const lenient = new TextDecoder('utf-8').decode(bytes);
    throw fileError(form, `${file}, ${placeIn(lenient, Math.max(0, lenient.indexOf('�')))}`, {
      what: 'The file is not UTF-8 text',
      hint: 'Save it as UTF-8.',
      cause,
    });
  }
}

/** `line 3, column 5` */
export function placeIn(text: string, offset: number): string {
  const before = text.slice(0, offset).split('\n');
  return `line ${before.length}, column ${before.at(-1)!.length + 1}`;
}

function refuseBig(size: number, file: string, form: FileForm): void {
  if (size <= form.mostBytes) return;
  throw fileError(form, file, {
    what: `The file is ${(size / 1e6).toFixed(1)} MB, too big for a ${form.name}`,
    hint: `Name the right file with ${form.option}: it is a page of text. Long lists fit into ${form.mostBytes >> 20} MB.`,
  });
}
