import { createHash } from 'node:crypto';
import { MANIFEST_NAME, SIGNATURE_NAME, SUMS_NAME } from '../model/manifest.js';
import type { ChannelSummary, ListedPackage } from './channel-summary.js';

/** Plain, readable without any other file; the policy below allows this style by its digest and nothing else at all. */
const STYLE = `body{font:16px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}
h1{font-size:1.6rem;margin:0}p.sub{color:#555;margin:.2rem 0 1.5rem}h2{font-size:1.15rem;margin:2rem 0 .5rem}
pre{background:#f4f4f1;border:1px solid #ddd;padding:.7rem 1rem;overflow:auto}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.2rem .8rem .2rem 0;border-bottom:1px solid #e5e5e5;overflow-wrap:anywhere}
td.n,th.n{text-align:right;white-space:nowrap}a{color:#0b5394}
@media (prefers-color-scheme:dark){body{color:#ddd;background:#181818}p.sub{color:#aaa}pre{background:#222;border-color:#444}th,td{border-color:#333}a{color:#8ab4f8}}`;

const POLICY = [
  "default-src 'none'",
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
      `<tr><td><a href="${escaped(encodeURIComponent(name))}/">${escaped(name)}</a></td><td class="n">${generation ?? ''}</td>` +
      `<td>${escaped(subdirs.join(', '))}</td><td class="n">${count}</td><td class="n">${size(bytes)}</td></tr>`,
  );
  return document(
    'Conda channels',
    `<h1>Conda channels</h1><p class="sub">${channels.length} served here</p>
<table><thead><tr><th>channel</th><th class="n">generation</th><th>subdirs</th><th class="n">packages</th><th class="n">size</th></tr></thead>
<tbody>
${rows.join('\n')}
</tbody></table>`,
  );
}

/**
 * One channel, or one subdir of it. `url`: where the reader reached the channel, without a slash at its end, the token in it replaced by a
 * placeholder.
 */
export function channelPage(
  summary: ChannelSummary,
  { url, subdir }: { url: string; subdir: string | undefined },
): string {
  const { name, generation, subdirs, packages, count, bytes } = summary;
  const title = name === '' ? 'Conda channel' : name;
  const facts = [
    ...(generation === undefined ? [] : [`generation ${generation}`]),
    subdir ?? subdirs.join(', '),
    count === 1 ? '1 package' : `${count} packages`,
    size(bytes),
  ];
  const more =
    packages.length < count
      ? `<p>These are the first ${packages.length} of ${count}; the others are in the indexes${subdir === undefined ? ', or on the pages of the subdirs' : ''}.</p>`
      : '';
  return document(
    subdir === undefined ? title : `${title}/${subdir}`,
    `<h1>${escaped(title)}${subdir === undefined ? '' : ` / ${escaped(subdir)}`}</h1>
<p class="sub">${escaped(facts.join(' · '))}</p>
${subdir === undefined ? installLines(summary, url) + filesOf(summary) : '<p><a href="../">the whole channel</a></p>'}
<h2>Packages</h2>
<table><thead><tr><th>name</th><th>version</th><th>build</th><th>subdir</th><th class="n">size</th></tr></thead>
<tbody>
${rowsOf(summary, subdir === undefined)}
</tbody></table>
${more}`,
  );
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

function installLines({ specs }: ChannelSummary, url: string): string {
  const wanted = specs.length > 0 ? specs : ['PACKAGE'];
  const quoted = wanted.map((spec) => (/^[\w.-]+$/.test(spec) ? spec : `"${spec}"`)).join(' ');
  const lines = [
    `conda create -n my-env --override-channels -c ${url} ${quoted}`,
    `mamba create -n my-env --override-channels -c ${url} ${quoted}`,
    `pixi init --channel ${url} my-project`,
  ];
  return `<h2>Install from here</h2>\n<pre>${lines.map(escaped).join('\n')}</pre>\n`;
}

function filesOf({ label, subdirs }: ChannelSummary): string {
  const files = label === undefined ? [] : [MANIFEST_NAME, SIGNATURE_NAME, SUMS_NAME];
  const links = [...subdirs.map((subdir) => `${subdir}/`), ...files].map(
    (path) => `<a href="${escaped(path)}">${escaped(path)}</a>`,
  );
  return `<p>${links.join(' · ')}</p>\n`;
}

function document(title: string, body: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title><style>${STYLE}</style></head><body>
${body}
</body></html>
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
