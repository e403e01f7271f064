import type { FolderPage, PagePackage, PageTree } from '../../../../src/site/page/render.js';

/** A page of so many packages, as full as those of real labels: five dependencies each, names and builds of real length. */
export function samplePage(count: number, more: Partial<FolderPage> = {}): FolderPage {
  const packages = Array.from({ length: count }, (_, at): PagePackage => {
    const subdir = ['linux-64', 'noarch', 'win-64'][at % 3]!;
    const [name, version, build] = [
      `package-name-${at}`,
      `1.${at}.3`,
      `py312h${(at * 7919 + 1_000_000).toString(16)}a_${at % 4}`,
    ];
    return {
      name,
      version,
      build,
      subdir,
      fn: `${name}-${version}-${build}.conda`,
      size: 1000 + at * at * 300,
      license: ['BSD-3-Clause', 'MIT', 'Apache-2.0 AND LicenseRef-Vendor'][at % 3]!,
      asked: at < 5 ? [`${name} >=1.${at}`] : [],
      neededBy: Array.from({ length: at % 9 }, (_, by) => `package-name-${by}`),
    };
  });
  const node = (at: number, packages: readonly PageTree[] = []): PageTree => ({
    name: `package-name-${at % count}`,
    version: `1.${at % count}.3`,
    constraint: `package-name-${at % count} >=1.${at % count},<2.0a0`,
    state: packages.length > 0 ? 'whole' : 'above',
    packages,
  });
  const roots = packages.map((_, at) =>
    node(
      at,
      [1, 2, 3, 4, 5].map((step) => node(at + step * 7)),
    ),
  );
  const moves = packages
    .slice(0, 80)
    .map(({ name, subdir }) => ({ name, from: '1.2.3', to: '1.3.0', subdirs: [subdir] }));
  const noted = packages.slice(80, 110).map(({ name, version, subdir }) => ({ name, version, subdirs: [subdir] }));
  return {
    title: 'acme',
    generation: 12,
    subdirs: ['linux-64', 'noarch', 'win-64'],
    specs: packages.slice(0, 5).map(({ name }) => `${name} >=1`),
    channels: ['https://conda.example/main'],
    machines: [
      { subdir: 'linux-64', client: 'conda 24.9.2', virtual_packages: [{ name: '__glibc', version: '2.28' }] },
    ],
    packages,
    bytes: packages.reduce((sum, { size }) => sum + (size ?? 0), 0),
    sizes: packages.map(({ name, size = 0 }) => ({ name, bytes: size })).toReversed(),
    changes: {
      from: { generation: 11 },
      added: noted,
      removed: noted,
      upgraded: moves,
      downgraded: [],
      rebuilt: [],
      record_changed: [],
      kept: 7,
      licence_changed: [],
      asked: { added: [], removed: [] },
    },
    trees: [{ subdir: 'linux-64', roots }],
    licences: { families: { BSD: 100, MIT: 100 }, licenses: [{ license: 'MIT', packages: 100 }] },
    runs: packages.slice(0, 9).map(({ name, version, subdir }) => ({ name, version, subdir, what: ['activate.d'] })),
    install: [{ title: 'conda', lines: ['conda create -n my-env -c file:///repos/acme package-name-0'] }],
    proofs: [{ title: 'The bytes', lines: ['sha256sum -c SHA256SUMS'] }],
    files: [{ href: 'CHANGES.md', about: 'what changed' }],
    up: [],
    base: '../',
    placeholder: '/repos/acme',
    ...more,
  };
}

/** Texts that a stranger may write. */
export const HOSTILE: Record<string, string> = {
  'an element': '<img src=x onerror=alert(1)>',
  'an end of what it stands in': '"><script>alert(1)</script>',
  "an end of an attribute with '": "x' onload='alert(1)",
  'an end of the script': '</script><script>alert(1)</script>',
  'an end of the style': '</style><svg onload=alert(1)>',
  'an end of the title': '</title><body onload=alert(1)>',
  'a comment': '<!-- --!> <!--',
  'an entity': '&lt;b&gt;&#60;b&#62;',
  'a scheme': 'javascript:alert(1)//',
  'a way out': '../../../etc',
  'another host': '//elsewhere.example/x',
  'what turns the direction': 'abc\u202egpj.exe\u2066',
  'control characters': 'a\u0000b\u001b[31mc\u0085d',
  'half a character': 'a\ud800b',
  'ten thousand letters': 'x'.repeat(10_000),
};

/** Each text that a stranger can write into a record, a manifest or an index is the hostile one. */
export function hostilePage(text: string): FolderPage {
  const page = samplePage(1);
  const noted = { name: text, version: text, subdirs: [text] };
  const moved = { name: text, from: text, to: text, subdirs: [text] };
  const leaf: PageTree = { name: text, version: text, constraint: `${text} ${text}`, state: 'above', packages: [] };
  return {
    ...page,
    title: text,
    subdirs: [text],
    specs: [text],
    channels: [text],
    machines: [{ subdir: text, client: text, virtual_packages: [{ name: text, version: text }] }],
    packages: [
      {
        name: text,
        version: text,
        build: text,
        subdir: text,
        fn: text,
        size: 3,
        license: text,
        asked: [text],
        neededBy: [text],
      },
    ],
    paged: { count: 2, total: 500, query: text, page: 2, pages: 3 },
    sizes: [
      { name: text, bytes: 100 },
      { name: text, bytes: 10 },
    ],
    changes: {
      from: { generation: 1 },
      added: [noted],
      removed: [noted],
      upgraded: [moved],
      downgraded: [moved],
      rebuilt: [moved],
      record_changed: [noted],
      kept: 0,
      licence_changed: [{ name: text, from: [text], to: [text] }],
      asked: { added: [text], removed: [text] },
    },
    trees: [
      { subdir: text, roots: [{ ...leaf, state: 'whole', packages: [leaf] }] },
      { subdir: text, roots: [leaf] },
    ],
    licences: { families: { [text]: 1 }, licenses: [{ license: text, packages: 1 }] },
    runs: [{ name: text, version: text, subdir: text, what: [text] }],
    address: text,
    install: [{ title: text, about: text, lines: [text] }],
    proofs: [{ title: text, lines: [text] }],
    files: [],
    placeholder: text,
  };
}
