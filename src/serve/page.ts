import { installLines } from '../site/page/install-lines.js';
import type { Credentials } from '../site/page/install-lines.js';
import { pagePolicy } from '../site/page/html.js';
import { placeholderOf } from '../site/page/proofs.js';
import { wordForAnyShell, wordForSh } from '../base/shell-quote.js';
import type { Asking } from '../site/page/html.js';
import { packagesList } from '../site/page/packages.js';
import { renderFolderPage } from '../site/page/render.js';
import type { FolderPage } from '../site/page/render.js';
import { findPackages } from './channel-summary.js';
import type { ChannelSummary } from './channel-summary.js';

/** Beside Content-Type. The address of a page may hold a token: it is not handed to another site. */
export function pageHeaders(asking: Asking): Readonly<Record<string, string>> {
  return {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': `${pagePolicy(asking)}; frame-ancestors 'none'`,
    'referrer-policy': 'no-referrer',
    'x-frame-options': 'DENY',
  };
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
  /** What is searched, of a channel too large for one page. */
  search: { query: string; page: number };
  /** What is known of a label folder beside its names. */
  told: FolderPage | undefined;
}

/** One channel, or one subdir of it. */
export function channelPage(summary: ChannelSummary, view: ChannelView): { html: string; asking: Asking } {
  const { name, generation, subdirs, bytes, specs, sizes } = summary;
  const { subdir, listed, told, url, credentials, files } = view;
  const { packages, paged } = findPackages(summary, view.search);
  const title = name === '' ? 'Conda channel' : name;
  const page: FolderPage = {
    title: subdir === undefined ? title : `${title}/${subdir}`,
    generation: generation ?? null,
    subdirs: subdir === undefined ? subdirs : [subdir],
    specs: [],
    channels: [],
    machines: [],
    packages,
    paged,
    bytes,
    sizes,
    trees: [],
    install: [],
    proofs: [],
    files: [],
    up: [
      ...(listed ? [{ href: subdir === undefined ? '../' : '../../', text: 'all channels' }] : []),
      ...(subdir === undefined ? [] : [{ href: '../', text: title }]),
    ],
    base: '',
    subdir,
  };
  const whole: FolderPage = {
    ...page,
    ...(paged === undefined ? told : undefined),
    title: page.title,
    up: page.up,
    base: '',
    subdir: undefined,
    specs,
    address: url,
    note: NOTES[credentials],
    questions: paged === undefined ? undefined : questionsOf(name === '' ? 'channel' : name),
    install: installLines(specs, url).map(({ client, lines }) => ({ title: client, lines })),
    files: [...subdirs.map((each) => `${each}/`), ...files].map((href) => ({
      href,
      about: ABOUT[href] ?? (href.startsWith('installers/') ? 'installer' : ''),
    })),
  };
  const html = renderFolderPage(subdir === undefined ? whole : page);
  return { html, asking: paged === undefined ? 'nobody' : 'its server' };
}

/** What a page of thousands of packages does not show is asked of the folder. */
function questionsOf(name: string): FolderPage['questions'] {
  const place = wordForAnyShell(placeholderOf(name)) ?? wordForSh(placeholderOf(name));
  return [
    {
      title: 'The licence of each package',
      about: `On the machine where the folder lies, or a copy of it; ${placeholderOf(name)} stands for its place.`,
      lines: [`repackenv licenses ${place} --csv`],
    },
    {
      title: 'What needs a package, and what it needs',
      lines: [`repackenv why NAME ${place}`, `repackenv tree ${place} --of NAME`],
    },
  ];
}

/** The part of a page that a search changes. */
export function foundPart(summary: ChannelSummary, { search, subdir }: Pick<ChannelView, 'search' | 'subdir'>): string {
  return packagesList({ ...findPackages(summary, search), base: '', subdir });
}

const NOTES: Readonly<Record<Credentials, string | undefined>> = {
  none: undefined,
  token: 'Put your token in place of TOKEN.',
  login:
    'Put your user name and password in place of USER and PASSWORD; @ : / % # and blanks in them are written %40 %3A %2F %25 %23 and %20.',
};

const ABOUT: Readonly<Record<string, string>> = {
  'manifest.json': 'every file with its sha256',
  'manifest.json.sig': 'signature of the manifest',
  SHA256SUMS: 'for sha256sum -c',
  'papers/CHANGES.md': 'what changed',
  'papers/licenses.csv': 'the licence of each package',
  'papers/sbom.cdx.json': 'bill of materials, CycloneDX',
};
