/**
 * A URL, undefined where the text is none. Not by `URL.canParse`: once it was called some thousand times, that of Node 20 and 22 says no to any
 * URL with a letter as "ü" in it (AikidoSec/firewall-node#1086).
 */
export function parseUrl(text: string, base?: string): URL | undefined {
  try {
    return new URL(text, base);
  } catch {
    return undefined;
  }
}
