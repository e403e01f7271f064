import { append } from '../base/append.js';
import { placeholderOf, proofsOf } from '../site/page/proofs.js';
import { installLines } from '../site/page/install-lines.js';
import { sizesByName } from '../site/page/treemap.js';
import type { FolderPage, PagePackage, PageRun } from '../site/page/view.js';
import { packageAt } from '../channel/compare-channels.js';
import { pathOf } from '../conda/channel/names.js';
import { platformsOf } from './asked.js';
import type { Asked } from './asked.js';
import { graphOf } from './graph.js';
import type { Graph } from './graph.js';
import { licenses } from './licenses.js';
import { notes } from './notes.js';
import { tree } from './tree.js';

export interface FolderPageInput {
  /** Null: there was none. Undefined: it can't be read, nothing is said of changes. */
  before: Asked | null | undefined;
  /** What packages run at install; undefined: nobody looked. */
  runs?: readonly PageRun[] | undefined;
  /** Files that can be had beside the page, relative to it. */
  files: FolderPage['files'];
  /** Of the manifest; undefined: it may be. */
  signed?: boolean | undefined;
}

/**
 * What the page of a label folder shows, as it lies in `LABEL/papers/`: from manifest and records alone, so equal content and an equal generation
 * before give the same page.
 */
export function folderPage(asked: Asked, { before, runs, files, signed }: FolderPageInput): FolderPage {
  const { label, generation, manifest } = asked;
  const graphs = platformsOf(asked, []).map((subdir) => graphOf(asked, subdir));
  const why = whyOf(graphs);
  const packages = asked.packages.flatMap((each): PagePackage[] => {
    const parts = packageAt(pathOf(each));
    if (parts === undefined) return [];
    const { license } = each.record;
    const stated = typeof license === 'string' && license.trim() !== '' ? license.trim() : null;
    return [{ ...parts, size: each.size, license: stated, ...why.get(keyOf(parts)) }];
  });
  const title = label ?? '';
  const specs = manifest?.specs ?? [];
  const place = placeholderOf(title);
  return {
    title,
    generation,
    subdirs: manifest?.subdirs ?? [],
    specs,
    channels: manifest?.channels ?? [],
    machines: manifest?.profiles ?? [],
    packages: packages.sort((a, b) => byText(a.name, b.name) || byText(a.subdir, b.subdir) || byText(a.fn, b.fn)),
    bytes: packages.reduce((sum, { size }) => sum + (size ?? 0), 0),
    sizes: sizesByName(packages),
    changes: before === null ? 'first' : before && notes(before, asked, []),
    trees: specs.length === 0 ? [] : tree(asked, { subdirs: [], of: undefined, invert: false, depth: Infinity }),
    licences: licenses(asked, []).totals,
    runs,
    install: installLines(specs, `file://${place}`).map(({ client, lines }) => ({ title: client, lines })),
    proofs: proofsOf({ label: title, signed }),
    files,
    up: [],
    base: '../',
    placeholder: place,
  };
}

/** By path: what asks for a package, and the names that need it, on whichever platform. */
function whyOf(graphs: readonly Graph[]): Map<string, Required<Pick<PagePackage, 'asked' | 'neededBy'>>> {
  const found = new Map<string, { asked: string[]; neededBy: string[] }>();
  for (const { nodes, wanted } of graphs) {
    for (const node of nodes) {
      if (node.subdir === undefined) continue;
      const key = keyOf(node);
      const known = found.get(key) ?? { asked: [], neededBy: [] };
      append(
        known.asked,
        wanted.flatMap(({ spec, nodes }) => (nodes.includes(node) ? [spec] : [])),
      );
      append(
        known.neededBy,
        node.neededBy.map(({ from }) => from.name),
      );
      found.set(key, known);
    }
  }
  const sorted = (all: readonly string[]): string[] => [...new Set(all)].sort();
  return new Map(
    [...found].map(([key, { asked, neededBy }]) => [key, { asked: sorted(asked), neededBy: sorted(neededBy) }]),
  );
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The two formats of one package are one here. */
function keyOf({
  subdir,
  name,
  version,
  build,
}: Pick<PagePackage, 'name' | 'version' | 'build'> & { subdir: string | undefined }): string {
  return `${subdir}/${name}-${version}-${build}`;
}
