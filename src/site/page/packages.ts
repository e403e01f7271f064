import { counted, escaped, grouped, linkTo, said, sizeText } from './html.js';
import type { FolderPage, PagePackage, PagedPackages } from './view.js';

/** Names that a row tells of what needs a package. */
const MOST_NAMED = 3;

type Listed = Pick<FolderPage, 'packages' | 'paged' | 'base' | 'subdir'>;

/** A field to search, and a row for each package. A page of a server searches there, without scripts too. */
export function packagesPart(view: Listed): string {
  const { packages, paged } = view;
  if (packages.length === 0 && (paged?.total ?? 0) === 0) return '<p>None.</p>\n';
  const field =
    `<label for="q">Search</label><input id="q" name="q" type="search" autocomplete="off" spellcheck="false" ` +
    `placeholder="name, version, build${packages.some(hasLicence) ? ', licence' : ', subdir'}" value="${escaped(paged?.query ?? '')}">`;
  const form =
    paged === undefined
      ? `<form class="find" hidden><div>${field}</div></form>`
      : `<form class="find" method="get" action="./" data-server><div>${field}</div><button>Find</button></form>`;
  return `${form}\n<p id="count" role="status">${countText(packages.length, paged)}</p>\n${packagesList(view)}`;
}

/** What a search finds: the rows, the pages before and after. */
export function packagesList({ packages, paged, base, subdir }: Listed): string {
  const licences = packages.some(hasLicence);
  const why = packages.some(({ asked, neededBy }) => (asked?.length ?? 0) + (neededBy?.length ?? 0) > 0);
  const columns = ['name', 'version', 'build', 'subdir', ...(licences ? ['licence'] : []), ...(why ? ['why'] : [])];
  const head = columns.map((name) => `<th scope="col">${name}</th>`).join('');
  const table = `<table class="rows${why ? ' why' : ''}"><thead><tr>${head}<th scope="col" class="n">size</th></tr></thead>
<tbody>
${packages.map((each) => row(each, { link: (fn) => linkTo(base, ...(subdir === undefined ? [each.subdir, fn] : [fn])), licences, why })).join('\n')}
</tbody></table>
`;
  const rows = packages.length === 0 ? '' : table;
  return `<div id="list" data-count="${countText(packages.length, paged)}">${rows}${paged === undefined ? '' : pager(paged)}</div>\n`;
}

function countText(shown: number, paged: PagedPackages | undefined): string {
  if (paged === undefined) return counted(shown, 'package');
  const { count, total, query, page, pages } = paged;
  const all = query === '' ? counted(total, 'package') : `${grouped(count)} of ${counted(total, 'package')}`;
  return pages > 1 ? `${all}, page ${grouped(page)} of ${grouped(pages)}` : all;
}

function pager({ page, pages, query }: PagedPackages): string {
  if (pages < 2) return '';
  const link = (to: number, text: string): string => {
    const search = new URLSearchParams({ ...(query === '' ? {} : { q: query }), page: String(to) });
    return to < 1 || to > pages ? '' : `<a href="${escaped(`./?${search}`)}">${text}</a>`;
  };
  return `<nav class="pages" aria-label="Pages">${link(page - 1, '← before')} ${link(page + 1, 'more →')}</nav>\n`;
}

function row(
  { name, version, build, subdir, fn, size, license, asked = [], neededBy = [] }: PagePackage,
  { link, licences, why }: { link: (fn: string) => string; licences: boolean; why: boolean },
): string {
  const cells = [
    `<td><a href="${link(fn)}">${said(name)}</a></td><td>${said(version)}</td><td>${said(build)}</td><td>${said(subdir)}</td>`,
    ...(licences ? [`<td>${typeof license === 'string' ? said(license) : '<i>none stated</i>'}</td>`] : []),
    ...(why ? [`<td>${whyText(asked, neededBy)}</td>`] : []),
    `<td class="n"${size === undefined ? '>' : ` data-n="${size}">${sizeText(size)}`}</td>`,
  ];
  return `<tr>${cells.join('')}</tr>`;
}

function whyText(asked: readonly string[], neededBy: readonly string[]): string {
  const named = neededBy.slice(0, MOST_NAMED).join(', ');
  const more = neededBy.length > MOST_NAMED ? ` and ${neededBy.length - MOST_NAMED} more` : '';
  return [
    ...(asked.length === 0 ? [] : ['<em>asked for</em>']),
    ...(neededBy.length === 0 ? [] : [`needed by ${said(named)}${more}`]),
  ].join(', ');
}

function hasLicence({ license }: PagePackage): boolean {
  return license !== undefined;
}
