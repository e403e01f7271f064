import type { Manifest } from '../channel/manifest/manifest.js';
import { code } from '../site/markdown.js';
import { renderFolderPage } from '../site/page/render.js';
import type { Asked } from './asked.js';
import { folderPage } from './folder-page.js';
import { licenses, licensesCsv, type Infos } from './licenses.js';
import { notesMarkdown, type NotesSection } from './notes-markdown.js';
import { notes } from './notes.js';
import { runsAtInstall } from './runs.js';
import { sbomJson } from './sbom.js';

/** What papers are made of. */
export interface PapersSource {
  asked: Asked & { manifest: Manifest };
  /** The generation that the manifest names as `previous`. Null: there was none; undefined: it is kept nowhere. */
  before: Asked | null | undefined;
  infos: Infos;
  /** Of all papers that the folder will have. */
  names: readonly string[];
  /** What else stands in CHANGES.md. */
  sections?: readonly NotesSection[];
}

interface PaperKind {
  /** In `papers/`. */
  name: string;
  /** As the page tells of it; empty: it is the page. */
  about: string;
  text: (source: PapersSource) => string;
}

/** Papers by the word that asks for them. */
export const PAPERS: Readonly<Record<string, PaperKind>> = {
  changes: { name: 'CHANGES.md', about: 'what changed since the generation before', text: changes },
  licenses: {
    name: 'licenses.csv',
    about: 'the licence of each package, for a spreadsheet',
    text: ({ asked, infos }) => licensesCsv(licenses(asked, [], infos).packages),
  },
  sbom: {
    name: 'sbom.cdx.json',
    about: 'bill of materials (CycloneDX 1.6)',
    text: ({ asked, infos }) => sbomJson(asked, infos),
  },
  page: { name: 'index.html', about: '', text: page },
};

function changes({ asked, before, infos, sections = [] }: PapersSource): string {
  const { given, label } = asked;
  const nothing: Asked = { given, label, generation: null, manifest: undefined, packages: [] };
  const report = notes(before ?? nothing, asked, []);
  const first = before === null ? ', the first delivery' : '; the one before is not known any more';
  // Over a list that compares with nothing.
  const title = before ? {} : { title: `${label}: generation ${asked.generation}${first}` };
  return notesMarkdown(report, { ...title, more: [...installSections(asked, infos), ...sections] });
}

/** What runs on the machine of a customer as a package comes in or goes; what only sets variables on activation is on the page. */
function installSections({ packages }: Asked, infos: Infos): NotesSection[] {
  const lines = runsAtInstall(packages, infos).flatMap(({ subdir, fn, what }) => {
    const told = what.filter((word) => !word.endsWith('activate.d'));
    return told.length === 0 ? [] : [`- ${code(`${subdir}/${fn}`)}: ${told.join(', ')}`];
  });
  return [{ title: 'Runs at installation', lines }];
}

function page({ asked, before, infos, names }: PapersSource): string {
  const files = Object.values(PAPERS).filter(({ name, about }) => about !== '' && names.includes(name));
  const view = folderPage(asked, {
    before,
    runs: runsAtInstall(asked.packages, infos),
    files: files.map(({ name, about }) => ({ href: name, about })),
  });
  return renderFolderPage(view);
}
