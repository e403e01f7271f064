/**
 * What the page of a channel folder shows: plain data, in the order it is shown. Nothing here is trusted: all of it may come from a stranger's
 * records. `undefined` and null: not known, so nothing is said of it.
 */
export interface FolderPage {
  /** The label, or the folder's name; empty: it has none that can be shown. */
  title: string;
  generation: number | null;
  subdirs: readonly string[];
  /** MatchSpecs that were asked for; none of a mirror. */
  specs: readonly string[];
  /** Declared channels, token-free. */
  channels: readonly string[];
  machines: readonly PageMachine[];
  packages: readonly PagePackage[];
  /** All of them, where `packages` is only a part: the page then asks its server for the others. */
  paged?: PagedPackages | undefined;
  bytes: number;
  /** By name, the largest first. */
  sizes: readonly PageSize[];
  /** Since the generation before; `first`: there was none. */
  changes?: PageChanges | 'first' | undefined;
  trees: readonly { subdir: string; roots: readonly PageTree[] }[];
  licences?: PageLicences | undefined;
  /** Packages that run something when they are installed; undefined: nobody looked. */
  runs?: readonly PageRun[] | undefined;
  /** Where clients reach it, to copy; undefined: nowhere yet. */
  address?: string | undefined;
  /** What to know before one of the lines is used. */
  note?: string | undefined;
  install: readonly PageCommands[];
  proofs: readonly PageCommands[];
  /** Of a channel too large for one page: how the rest is asked. */
  questions?: readonly PageCommands[] | undefined;
  /** Papers and other files that can be had. `href`: relative. */
  files: readonly { href: string; about: string }[];
  /** Pages above, the outermost first. */
  up: readonly { href: string; text: string }[];
  /** From the page to the channel folder: `../` or empty. */
  base: string;
  /** The page is of that one only, and lies in its folder. */
  subdir?: string | undefined;
  /** The path of the folder as it stands in commands: the page puts its own place there where a browser knows it. */
  placeholder?: string | undefined;
}

/** One package file. */
export interface PagePackage {
  name: string;
  version: string;
  build: string;
  subdir: string;
  fn: string;
  size?: number | undefined;
  /** As stated; null: nothing is. */
  license?: string | null | undefined;
  /** MatchSpecs that ask for it itself. */
  asked?: readonly string[] | undefined;
  /** Names of packages that need it. */
  neededBy?: readonly string[] | undefined;
}

export interface PagedPackages {
  /** All that fit `query`. */
  count: number;
  /** All. */
  total: number;
  query: string;
  /** From 1. */
  page: number;
  pages: number;
}

export interface PageMachine {
  subdir: string;
  client: string | null;
  virtual_packages: readonly { name: string; version: string }[];
}

export interface PageSize {
  name: string;
  bytes: number;
}

type Noted = readonly { name: string; version: string; subdirs: readonly string[] }[];
type Moved = readonly { name: string; from: string; to: string; subdirs: readonly string[] }[];

/** As `repackenv notes` tells it. */
export interface PageChanges {
  from: { generation: number | null };
  added: Noted;
  removed: Noted;
  upgraded: Moved;
  downgraded: Moved;
  rebuilt: Moved;
  record_changed: Noted;
  kept: number;
  licence_changed: readonly { name: string; from: readonly string[]; to: readonly string[] }[];
  asked: { added: readonly string[]; removed: readonly string[] };
}

/** As `repackenv tree` tells it. */
export interface PageTree {
  name: string;
  version: string;
  constraint: string | null;
  /** `above`: it was opened above. */
  state: 'whole' | 'above' | 'cut';
  packages: readonly PageTree[];
}

/** As `repackenv licenses` totals it. */
export interface PageLicences {
  families: Readonly<Record<string, number>>;
  licenses: readonly { license: string | null; packages: number }[];
}

export interface PageRun {
  name: string;
  version: string;
  subdir: string;
  /** What runs, in conda's words: `post-link`, `activate.d`, `menuinst`. */
  what: readonly string[];
}

/** Lines to copy. */
export interface PageCommands {
  title: string;
  about?: string | undefined;
  lines: readonly string[];
}

/** The channels below a ROOT. */
export interface RootPage {
  channels: readonly RootChannel[];
}

export interface RootChannel {
  name: string;
  generation: number | null;
  /** ISO 8601, UTC: when that was first published; null: not known. */
  published: string | null;
  subdirs: readonly string[];
  packages: number;
  bytes: number;
  /** What somebody should know of it. */
  remarks: readonly PageRemark[];
}

export interface PageRemark {
  text: string;
  /** Something has to be done about it. */
  grave: boolean;
}
