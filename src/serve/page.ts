import { createHash } from 'node:crypto';
import type { ChannelSummary, ListedPackage } from './channel-summary.js';
import { installLines } from '../site/page/install-lines.js';
import type { Credentials } from '../site/page/install-lines.js';

/**
 * Plain, readable without any other file; the policy below allows this style by its digest and nothing else at all. Where the window is
 * narrow a row of a table becomes two lines, the name and the size in the first. Lines to copy wrap, and one click marks a whole block.
 */
const STYLE = `:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff;overflow-wrap:anywhere}
nav{margin:0 0 .3rem}h1{font-size:1.6rem;line-height:1.25;margin:0}p.sub{color:#555;margin:.2rem 0 0}
h2{font-size:1.15rem;margin:2rem 0 .5rem}h3{font-size:1rem;font-weight:400;color:#555;margin:.8rem 0 .2rem}
pre{background:#f4f4f1;border:1px solid #ddd;padding:.5rem .8rem;margin:0;white-space:pre-wrap}code{font-size:.9rem;-webkit-user-select:all;user-select:all}
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:baseline;padding:.2rem .8rem .2rem 0;border-bottom:1px solid #e5e5e5}
td.n,th.n{text-align:right;padding-right:0;white-space:nowrap;font-variant-numeric:tabular-nums}a{color:#0b5394}
@media (max-width:40rem){thead{position:absolute;clip-path:inset(50%)}tr{display:flex;flex-wrap:wrap;column-gap:.8rem;border-bottom:1px solid #e5e5e5;padding:.3rem 0}
td{border:0;padding:0;color:#555}td:first-child{flex:1 1 calc(100% - 6rem)}td:nth-child(n+2):not(:last-child){order:1}td[data-is]::before{content:attr(data-is) " "}td[data-of]::after{content:" " attr(data-of)}}
@media (prefers-color-scheme:dark){body{color:#ddd;background:#181818}p.sub,h3{color:#aaa}pre{background:#222;border-color:#444}th,td{border-color:#333}a{color:#8ab4f8}}
@media (prefers-color-scheme:dark) and (max-width:40rem){tr{border-color:#333}td{color:#aaa}}`;

const POLICY = [
  "default-src 'none'",
  // The empty icon below: without one a browser asks for /favicon.ico.
  'img-src data:',
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Beside Content-Type. The address of a page may hold a token: it is not handed to another site. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': POLICY,
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
};

/** The channels of a ROOT. */
export function listPage(channels: readonly Omit<ChannelSummary, 'packages'>[]): string {
  const rows = channels.map(
    ({ name, generation, subdirs, count, bytes }) =>
      `<tr><td><a href="${escaped(encodeURIComponent(name))}/">${escaped(name)}</a></td>` +
      `<td class="n"${generation === undefined ? '>' : ` data-is="generation">${generation}`}</td>` +
      `<td>${escaped(subdirs.join(', '))}</td><td class="n" data-of="${count === 1 ? 'package' : 'packages'}">${count}</td>` +
      `<td class="n">${size(bytes)}</td></tr>`,
  );
  return document(
    'Conda channels',
    `<h1>Conda channels</h1><p class="sub">${channels.length} served here</p>
<h2>Channels</h2>
<table><thead><tr><th>channel</th><th class="n">generation</th><th>subdirs</th><th class="n">packages</th><th class="n">size</th></tr></thead>
<tbody>
${rows.join('\n')}
</tbody></table>`,
  );
}

/** How a page of a channel is shown to one reader. */
export interface ChannelView {
  /** Where clients reach the channel: `channelUrl`. */
  url: string;
  credentials: Credentials;
  /** The page is of that one only. */
  subdir: string | undefined;
  /** There is a page of all channels above. */
  listed: boolean;
  /** Files beside the subdirs that can be had, by name. */
  files: readonly string[];
}

/** One channel, or one subdir of it. */
export function channelPage(summary: ChannelSummary, view: ChannelView): string {
  const { name, generation, subdirs, packages, count, bytes } = summary;
  const { subdir, listed } = view;
  const title = name === '' ? 'Conda channel' : name;
  const facts = [
    `conda channel${generation === undefined ? '' : `, generation ${generation}`}`,
    subdir ?? subdirs.join(', '),
    count === 1 ? '1 package' : `${count} packages`,
    size(bytes),
  ];
  const up = [
    ...(listed ? [`<a href="${subdir === undefined ? '../' : '../../'}">all channels</a>`] : []),
    ...(subdir === undefined ? [] : [`<a href="../">${escaped(title)}</a>`]),
  ];
  const more =
    packages.length < count
      ? `<p>These are the first ${packages.length} of ${count}; the others are in the indexes${subdir === undefined ? ', or on the pages of the subdirs' : ''}.</p>`
      : '';
  return document(
    subdir === undefined ? title : `${title}/${subdir}`,
    `${up.length === 0 ? '' : `<nav>${up.join(' / ')}</nav>\n`}<h1>${escaped(subdir === undefined ? title : `${title} / ${subdir}`)}</h1>
<p class="sub">${escaped(facts.join(' · '))}</p>
${subdir === undefined ? installing(summary, view) + filesOf(summary, view) : ''}<h2>Packages</h2>
${packages.length === 0 ? '<p>None.</p>' : tableOf(summary, subdir === undefined)}
${more}`,
  );
}

function tableOf(summary: ChannelSummary, whole: boolean): string {
  return `<table><thead><tr><th>name</th><th>version</th><th>build</th><th>subdir</th><th class="n">size</th></tr></thead>
<tbody>
${rowsOf(summary, whole)}
</tbody></table>`;
}

/** A summary lives as long as its generation: the long part of its page is made once. */
const rows = new WeakMap<ChannelSummary, string>();

function rowsOf(summary: ChannelSummary, whole: boolean): string {
  const before = rows.get(summary);
  if (before !== undefined) return before;
  const text = summary.packages.map((each) => row(each, whole ? `${each.subdir}/` : '')).join('\n');
  rows.set(summary, text);
  return text;
}

function row({ name, version, build, subdir, fn, size: bytes }: ListedPackage, below: string): string {
  const href = escaped(below + encodeURIComponent(fn));
  return (
    `<tr><td><a href="${href}">${escaped(name)}</a></td><td>${escaped(version)}</td><td>${escaped(build)}</td>` +
    `<td>${escaped(subdir)}</td><td class="n">${bytes === undefined ? '' : size(bytes)}</td></tr>`
  );
}

function installing({ specs }: ChannelSummary, { url, credentials }: ChannelView): string {
  const blocks = installLines(specs, url).map(
    ({ client, lines }) => `<h3>${client}</h3>\n<pre><code>${lines.map(escaped).join('\n')}</code></pre>`,
  );
  return `<h2>Install from here</h2>\n${NOTES[credentials]}${blocks.join('\n')}\n`;
}

const NOTES: Readonly<Record<Credentials, string>> = {
  none: '',
  token: '<p>Put your token in place of TOKEN.</p>\n',
  login:
    '<p>Put your user name and password in place of USER and PASSWORD; @ : / % # and blanks in them are written ' +
    '%40 %3A %2F %25 %23 and %20.</p>\n',
};

function filesOf({ subdirs }: ChannelSummary, { files }: ChannelView): string {
  const links = [...subdirs.map((subdir) => `${subdir}/`), ...files].map(
    (path) => `<a href="${escaped(path)}">${escaped(path)}</a>`,
  );
  return `<h2>Folders and files</h2>\n<p>${links.join(' · ')}</p>\n`;
}

function document(title: string, body: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title><link rel="icon" href="data:,"><style>${STYLE}</style></head><body>
<main>
${body}
</main></body></html>
`;
}

export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

function size(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const power = Math.min(Math.floor(Math.log10(bytes) / 3), 4);
  const value = bytes / 1000 ** power;
  return `${value.toFixed(value < 10 ? 1 : 0)} ${['B', 'kB', 'MB', 'GB', 'TB'][power]}`;
}
