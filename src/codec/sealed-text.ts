import { sha256Of } from './digests.js';

/** JSON behind a line with its sha256: what was not written so, every byte of it, is not read back. */
export function sealed(value: unknown): string {
  const text = JSON.stringify(value);
  return `${sha256Of(Buffer.from(text))}\n${text}`;
}

/** Undefined for what `sealed` has not made. */
export function unsealed(content: string): unknown {
  const cut = content.indexOf('\n');
  const text = content.slice(cut + 1);
  if (cut < 0 || sha256Of(Buffer.from(text)) !== content.slice(0, cut)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
