import { counted, escaped, grouped, htmlDocument, linkTo, said, sizeText } from './html.js';
import type { RootChannel, RootPage } from './view.js';

/** The page of a ROOT: all its channels with their state. */
export function renderRootPage({ channels }: RootPage): string {
  const grave = channels.filter(({ remarks }) => remarks.some((each) => each.grave)).length;
  const sub = [
    `${grouped(channels.length)} served here`,
    ...(grave === 0 ? [] : [`${counted(grave, 'needs', 'need')} somebody to look`]),
  ].join(' · ');
  const dated = channels.some(({ published }) => published !== null);
  const stated = channels.some(({ remarks }) => remarks.length > 0);
  const head = [
    '<th scope="col">channel</th><th scope="col" class="n">generation</th>',
    ...(dated ? ['<th scope="col">published</th>'] : []),
    '<th scope="col">subdirs</th>',
    ...(stated ? ['<th scope="col">state</th>'] : []),
    '<th scope="col" class="n">packages</th><th scope="col" class="n">size</th>',
  ].join('');
  const body = `<header><h1>Conda channels</h1>
<p class="sub">${sub}</p></header>
<main><section class="wide"><h2>Channels</h2><div>
<table class="rows channels"><thead><tr>${head}</tr></thead>
<tbody>
${channels.map((each) => row(each, { dated, stated })).join('\n')}
</tbody></table></div></section></main>`;
  return htmlDocument({ title: 'Conda channels', body, asking: 'nobody' });
}

function row(
  { name, generation, published, subdirs, remarks, packages, bytes }: RootChannel,
  { dated, stated }: { dated: boolean; stated: boolean },
): string {
  const state = remarks.map(({ text, grave }) => (grave ? `<strong>${said(text)}</strong>` : said(text))).join('<br>');
  const cells = [
    `<td><a href="${linkTo('', name)}/">${said(name)}</a></td>`,
    `<td class="n"${generation === null ? '>' : ` data-is="generation">${generation}`}</td>`,
    ...(dated ? [`<td>${said(published?.slice(0, 10) ?? '')}</td>`] : []),
    `<td>${said(subdirs.join(', '))}</td>`,
    ...(stated ? [`<td class="state">${state}</td>`] : []),
    `<td class="n" data-of="${packages === 1 ? 'package' : 'packages'}">${grouped(packages)}</td><td class="n">${sizeText(bytes)}</td>`,
  ];
  return `<tr>${cells.join('')}</tr>`;
}

/** More names would be a page of their own: that of all channels. */
const MOST_NAMES = 100;

/**
 * What a person is shown in place of a page that is not there. `home`: relative, to the first page. `there`: names of what lies below it, the
 * channels or the subdirs of the only one.
 */
export function renderNotFound({ home, there }: { home: string; there: readonly string[] }): string {
  const more = there.length > MOST_NAMES ? `<li>and ${grouped(there.length - MOST_NAMES)} more</li>` : '';
  const items = there.slice(0, MOST_NAMES).map((name) => `<li><a href="${linkTo(home, name)}/">${said(name)}</a></li>`);
  const body = `<header><h1>Not found</h1>
<p class="sub">There is nothing under this name here.</p></header>
<main><section class="wide"><h2>What is here</h2><div>
<ul>${items.join('')}${more}</ul>
<p><a href="${escaped(home)}">The first page</a></p></div></section></main>`;
  return htmlDocument({ title: 'Not found', body, asking: 'nobody' });
}
