import { createHash } from 'node:crypto';
import { controlsShown } from '../../conda/channel/names.js';
import { programText } from '../../runtime/program-files.js';

/** Longer ones are no names, and no licences: what is cut stands in the index. */
const LONGEST_TEXT = 200;

/** For an element as well as for an attribute between quotes; what controls a terminal or turns the writing direction is shown as `\u202e`. */
export function escaped(text: string): string {
  return controlsShown(text).replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

/** A text of a record: escaped and cut. */
export function said(text: string): string {
  return escaped(text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text);
}

/** A relative link to a file; what would be a scheme or a way out is a name like any other. */
export function linkTo(base: string, ...segments: readonly string[]): string {
  return escaped(base + segments.map((each) => encodeURIComponent(Buffer.from(each).toString())).join('/'));
}

/** `1.5 MB`, decimal units, as disks and networks are sold. */
export function sizeText(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const power = Math.min(Math.floor(Math.log10(bytes) / 3), 4);
  const value = bytes / 1000 ** power;
  return `${value.toFixed(value < 10 ? 1 : 0)} ${['B', 'kB', 'MB', 'GB', 'TB'][power]}`;
}

/** `1 package`, `12,345 packages`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${grouped(count)} ${count === 1 ? one : many}`;
}

/** `120,000`: the same on every machine. */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(?:\d{3})+$)/g, ',');
}

/** A file, or an answer of a server: that page may ask this server for a part of its packages, and no other for anything. */
export type Asking = 'nobody' | 'its server';

interface Sources {
  style: string;
  script: string;
}

let sources: Sources | undefined;

function read(): Sources {
  sources ??= { style: programText('site/assets/page.css'), script: programText('site/assets/page.js') };
  return sources;
}

/**
 * For a page of a folder as a server hands it out: whoever made it, only our script runs, it asks nobody, and it is of no server's origin. One of
 * another version is shown without its script.
 */
export function strangersPagePolicy(): string {
  return `sandbox allow-scripts; default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src '${digestOf(read().script)}'; base-uri 'none'; form-action 'none'`;
}

/** Style and script of the page by their digests, an empty icon (without one a browser asks for /favicon.ico), and nothing else at all. */
export function pagePolicy(asking: Asking): string {
  const { style, script } = read();
  const self = asking === 'nobody' ? "'none'" : "'self'";
  return [
    "default-src 'none'",
    'img-src data:',
    `style-src '${digestOf(style)}'`,
    `script-src '${digestOf(script)}'`,
    ...(asking === 'nobody' ? [] : [`connect-src ${self}`]),
    "base-uri 'none'",
    `form-action ${self}`,
  ].join('; ');
}

function digestOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}

/** `title` is escaped here, `body` is HTML. */
export function htmlDocument({ title, body, asking }: { title: string; body: string; asking: Asking }): string {
  const { style, script } = read();
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${pagePolicy(asking)}">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" content="no-referrer">
<title>${escaped(title)}</title><link rel="icon" href="data:,">
<style>${style}</style></head><body>
${body}
<script>${script}</script></body></html>
`;
}
