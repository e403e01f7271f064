import { largest } from '../../base/largest.js';
import { counted, grouped, said, sizeText } from './html.js';
import { treemap } from './treemap.js';
import type { Cell } from './treemap.js';
import type { FolderPage, PageChanges, PageTree } from './view.js';

/** More rows of one kind are folded. */
const SHOWN = 12;

/** What is different from the generation before, as a customer reads it. */
export function changesPart({ changes }: FolderPage): string {
  if (changes === undefined) return '';
  if (changes === 'first') return '<p>This is the first delivery.</p>\n';
  const { from, added, removed, upgraded, downgraded, rebuilt, record_changed: rerecorded, kept, asked } = changes;
  const groups = [
    group('Newer', upgraded.map(moved)),
    group('Older', downgraded.map(moved)),
    group('Added', added.map(single)),
    group('Removed', removed.map(single)),
    group('Rebuilt', rebuilt.map(moved)),
    group('Changed in the channel under the same name', rerecorded.map(single)),
    group('Licence changed', changes.licence_changed.map(licence)),
    group(
      'Asked for now',
      asked.added.map((spec) => `<li><code>${said(spec)}</code></li>`),
    ),
    group(
      'No longer asked for',
      asked.removed.map((spec) => `<li><code>${said(spec)}</code></li>`),
    ),
  ].join('');
  const since = from.generation === null ? 'Before' : `Since generation ${from.generation}`;
  const same =
    kept === 0
      ? 'no package stayed as it was'
      : `${counted(kept, 'package')} stayed as ${kept === 1 ? 'it was' : 'they were'}`;
  return `<p>${since}: ${groups === '' ? 'nothing changed in the packages' : same}.</p>\n${groups}`;
}

function group(title: string, items: readonly string[]): string {
  if (items.length === 0) return '';
  const list = (some: readonly string[]): string => `<ul class="moves changes">${some.join('')}</ul>`;
  const rest = items.slice(SHOWN);
  const more =
    rest.length === 0 ? '' : `<details><summary>${grouped(rest.length)} more</summary>${list(rest)}</details>`;
  return `<h3>${title} <small>${grouped(items.length)}</small></h3>\n${list(items.slice(0, SHOWN))}${more}\n`;
}

type Single = PageChanges['added'][number];
type Moved = PageChanges['upgraded'][number];

function single({ name, version, subdirs }: Single): string {
  return item(name, said(version), subdirs);
}

function moved({ name, from, to, subdirs }: Moved): string {
  // Of the same version only the builds are told.
  const [was = '', before] = from.split(' ');
  const [is = '', now] = to.split(' ');
  const builds = was === is && before !== undefined && now !== undefined;
  return item(
    name,
    builds ? `${said(was)} <i>${said(`${before} → ${now}`)}</i>` : `${said(from)} → ${said(to)}`,
    subdirs,
  );
}

function licence({ name, from, to }: PageChanges['licence_changed'][number]): string {
  const text = (all: readonly string[]): string => said(all.map((each) => each || 'none stated').join(', '));
  return item(name, `${text(from)} → ${text(to)}`, []);
}

function item(name: string, html: string, subdirs: readonly string[]): string {
  const where = subdirs.length === 0 ? '' : ` <small>${said(subdirs.join(', '))}</small>`;
  return `<li><em>${said(name)}</em> <span>${html}</span>${where}</li>`;
}

/** Names in the picture; the others are one rectangle. */
const MOST_CELLS = 60;
/** What a label needs, in pixels, and what a picture has beside a wide and in a narrow window. */
const LETTER = 6.9;
const WIDE = { width: 860, height: 360 };
const NARROW = 340;

/** A rectangle for each name, as large as its files. */
export function sizesPart({ sizes, bytes }: FolderPage): string {
  if (sizes.length < 2 || bytes === 0) return '';
  const shown = sizes.length > MOST_CELLS + 1 ? sizes.slice(0, MOST_CELLS) : sizes;
  const rest = sizes.slice(shown.length);
  const others = rest.reduce((sum, each) => sum + each.bytes, 0);
  // Where the others are most of it, they would leave nothing to see.
  const withOthers = rest.length > 0 && others < bytes / 4;
  const drawn = withOthers ? [...shown, { name: `${grouped(rest.length)} others`, bytes: others }] : shown;
  const whole = drawn.reduce((sum, each) => sum + each.bytes, 0);
  const largest = sizes.slice(0, 3).map(({ name, bytes: each }) => `${name} ${sizeText(each)}`);
  const part =
    rest.length === 0 || withOthers ? '' : ` Shown are the ${shown.length} largest of ${grouped(sizes.length)} names.`;
  const told = `${sizeText(bytes)} in all. The largest: ${largest.join(', ')}.${part}`;
  return `<p>${said(told)}</p>
<svg class="map" role="img" aria-label="${said(`Sizes of the packages. ${told}`)}">${treemap(drawn)
    .map((cell, at) => cellHtml(cell, whole, at === MOST_CELLS))
    .join('')}</svg>
`;
}

function cellHtml({ name, bytes, x, y, width, height }: Cell, all: number, quiet: boolean): string {
  const share = bytes / all;
  const size = sizeText(bytes);
  const tall = (height / 100) * WIDE.height;
  const fits = (text: string, pixels: number): boolean => text.length * LETTER + 12 <= (width / 100) * pixels;
  const label = (text: string, line: number): string => {
    if (tall < 6 + 16 * line || !fits(text, WIDE.width)) return '';
    const only = fits(text, NARROW) ? '' : ' class="w"';
    return `<text x="7" y="${3 + 16 * line}"${only}>${said(text)}</text>`;
  };
  const first = label(name, 1);
  const tone = quiet ? 'c' : share >= 0.1 ? 'a' : share >= 0.03 ? 'b' : 'c';
  return (
    `<svg class="${tone}" x="${x}%" y="${y}%" width="${width}%" height="${height}%"><title>${said(name)}, ${size}</title>` +
    `<rect width="100%" height="100%"/>${first}${first === '' ? '' : label(size, 2)}</svg>`
  );
}

/** Families as bars, and what the packages state. One that offers a choice is of several families. */
export function licencesPart({ licences }: FolderPage): string {
  if (licences === undefined) return '';
  const families = Object.entries(licences.families).sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  const most = Math.max(1, largest(families.map(([, count]) => count)));
  const rows = families.map(
    ([family, count]) =>
      `<tr><th scope="row">${said(family)}</th><td class="n">${grouped(count)}</td><td class="bar">` +
      `<svg aria-hidden="true"><rect width="${Math.round((count / most) * 100)}%" height="100%"/></svg></td></tr>`,
  );
  const stated = licences.licenses.map(
    ({ license, packages }) =>
      `<tr><td>${license === null ? '<i>none stated</i>' : said(license)}</td><td class="n">${grouped(packages)}</td></tr>`,
  );
  return `<table class="families"><caption>Packages by family; one that offers a choice is of several</caption><tbody>${rows.join('')}</tbody></table>
<details><summary>${counted(stated.length, 'licence')} as stated</summary><table class="stated"><tbody>${stated.join('')}</tbody></table></details>
`;
}

/** Packages whose installation runs something of theirs. */
export function runsPart({ runs }: FolderPage): string {
  if (runs === undefined) return '';
  if (runs.length === 0)
    return '<p>No package runs anything of its own when it is installed, activated or removed.</p>\n';
  const items = runs.map(
    ({ name, version, subdir, what }) =>
      `<li><em>${said(name)}</em> ${said(version)} <small>${said(subdir)}</small> ${what.map((each) => `<code>${said(each)}</code>`).join(' ')}</li>`,
  );
  const told = runs.length === 1 ? '1 package runs something' : `${grouped(runs.length)} packages run something`;
  return `<p>${told} when installed, activated or removed.</p>\n<ul class="moves">${items.join('')}</ul>\n`;
}

/** What needs what, to be opened; a package that was opened above is not opened again. */
export function treesPart({ trees }: FolderPage): string {
  const full = trees.filter(({ roots }) => roots.length > 0);
  return full
    .map(({ subdir, roots }) => {
      const title = full.length > 1 ? `<h3>${said(subdir)}</h3>\n` : '';
      return `${title}<ul class="tree">${roots.map(branch).join('')}</ul>\n`;
    })
    .join('');
}

function branch({ name, version, constraint, state, packages }: PageTree): string {
  const wanted =
    constraint?.startsWith(`${name} `) === true ? ` <small>${said(constraint.slice(name.length + 1))}</small>` : '';
  if (state === 'above') return `<li class="up"><em>${said(name)}</em>${wanted}</li>`;
  const text = `<em>${said(name)}</em> ${said(version)}${wanted}`;
  if (packages.length === 0) return `<li>${text}</li>`;
  return `<li><details><summary>${text}</summary><ul>${packages.map(branch).join('')}</ul></details></li>`;
}
