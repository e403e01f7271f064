import { counted, escaped, htmlDocument, said, sizeText } from './html.js';
import { packagesPart } from './packages.js';
import { changesPart, licencesPart, runsPart, sizesPart, treesPart } from './parts.js';
import type { FolderPage, PageCommands } from './view.js';

export type * from './view.js';

/**
 * The page of a channel folder: one HTML file that asks nobody for anything, for `LABEL/papers/index.html` and for `serve`. Equal data gives
 * equal bytes. Without scripts all of it can be read; with them it is searched, sorted and copied from.
 */
export function renderFolderPage(view: FolderPage): string {
  const parts = [
    part('install', 'Install', installPart(view)),
    part('changes', 'What changed', changesPart(view)),
    part('sizes', 'Sizes', sizesPart(view)),
    part('licences', 'Licences', licencesPart(view)),
    part('runs', 'Runs at install', runsPart(view)),
    part('questions', 'Licences and dependencies', commandsPart(view.questions ?? [], view)),
    part('proofs', 'Proofs', commandsPart(view.proofs, view)),
    part('files', 'Files', filesPart(view)),
    part('tree', 'Dependencies', treesPart(view)),
  ].filter(({ html }) => html !== '');
  const packages = part('packages', 'Packages', packagesPart(view));
  // Of a large channel a reader sees no more than what is searched.
  const all = view.paged === undefined ? [...parts, packages] : [packages, ...parts];
  const links = all.map(({ id, title }) => `<a href="#${id}">${title}</a>`).join(' ');
  const nav = all.length < 3 ? '' : `<nav class="on" aria-label="On this page">${links}</nav>\n`;
  const sections = all.map(
    (each) =>
      `<section id="${each.id}"${each === packages ? ' class="wide"' : ''}><h2>${each.title}</h2><div>\n${each.html}</div></section>`,
  );
  const body = `${heading(view)}${nav}<main>\n${sections.join('\n')}\n</main>`;
  return htmlDocument({
    title: titleOf(view),
    body,
    asking: view.paged === undefined ? 'nobody' : 'its server',
  });
}

function part(id: string, title: string, html: string): { id: string; title: string; html: string } {
  return { id, title, html };
}

function titleOf({ title }: FolderPage): string {
  return title === '' ? 'Conda channel' : title;
}

function heading(view: FolderPage): string {
  const { generation, subdirs, packages, paged, bytes, specs, channels, machines, up } = view;
  const facts = [
    `conda channel${generation === null ? '' : `, generation ${generation}`}`,
    subdirs.join(', '),
    counted(paged?.total ?? packages.length, 'package'),
    sizeText(bytes),
  ];
  const rows = [
    ['Asked for', specs.map((spec) => `<code>${said(spec)}</code>`).join(' ')],
    ['Channels', channels.map((url) => `<span>${said(url)}</span>`).join('<br>')],
    [
      'Made for',
      machines
        .map(({ subdir, client, virtual_packages: has }) => {
          const parts = has.map(({ name, version }) => (version === '0' ? name : `${name} ${version}`));
          return `<span>${said([subdir, ...(client === null ? [] : [client]), ...parts].join(', '))}</span>`;
        })
        .join('<br>'),
    ],
  ].filter(([, html]) => html !== '');
  const above = up.map(({ href, text }) => `<a href="${escaped(href)}">${said(text)}</a>`).join(' / ');
  return `<header>${above === '' ? '' : `<nav aria-label="Above">${above}</nav>`}
<h1>${said(titleOf(view))}</h1>
<p class="sub">${said(facts.join(' · '))}</p>
${rows.length === 0 ? '' : `<dl>${rows.map(([name, html]) => `<div><dt>${name}</dt><dd>${html}</dd></div>`).join('')}</dl>\n`}</header>
`;
}

function installPart(view: FolderPage): string {
  const { address, note, install } = view;
  if (install.length === 0) return '';
  const copied = address === undefined ? '' : `<h3>Address</h3>\n<pre id="address">${escaped(address)}</pre>\n`;
  return copied + (note === undefined ? '' : `<p class="note">${escaped(note)}</p>\n`) + commandsPart(install, view);
}

/** One click marks a whole block; a script puts a button to copy beside it. */
function commandsPart(all: readonly PageCommands[], { placeholder }: FolderPage): string {
  const place = placeholder === undefined ? '' : ` data-place="${escaped(placeholder)}"`;
  return all
    .map(({ title, about, lines }) => {
      const text = about === undefined ? '' : `<p>${escaped(about)}</p>\n`;
      const code = lines.length === 0 ? '' : `<pre><code${place}>${lines.map(escaped).join('\n')}</code></pre>\n`;
      return `<h3>${said(title)}</h3>\n${text}${code}`;
    })
    .join('');
}

function filesPart({ files }: FolderPage): string {
  if (files.length === 0) return '';
  const items = files.map(({ href, about }) => {
    const text = about === '' ? '' : ` <span>${said(about)}</span>`;
    return `<li><a href="${escaped(href)}">${said(href)}</a>${text}</li>`;
  });
  return `<ul class="files">${items.join('')}</ul>\n`;
}
