import { Spec, Validation } from '@cyclonedx/cyclonedx-library';
import { parse } from 'csv-parse/sync';
import { marked, type Token, type Tokens } from 'marked';
import { PackageURL } from 'packageurl-js';
import { describe, expect, it } from 'vitest';
import type { Asked } from '../../../src/answers/asked.js';
import { PAPERS, type PapersSource } from '../../../src/answers/papers.js';
import type { Manifest } from '../../../src/channel/manifest/manifest.js';
import { sampleAsked, type SampleRecord } from '../../helpers/asked.js';

const HOSTILE = '=HYPERLINK("https://x.example","a")';
const NAMES = Object.values(PAPERS).map(({ name }) => name);
const PROFILES = ['linux-64', 'win-64'].map((subdir) => ({ subdir, virtual_packages: [], client: null }));

const PACKAGES: SampleRecord[] = [
  { name: 'app', version: '2.0', depends: ['lib >=1', 'six', 'python *'], subdir: 'noarch', license: 'MIT' },
  { name: 'lib', version: '1.1', license: 'BSD 3-Clause, see LICENSE', md5: 'a'.repeat(32) },
  { name: 'lib', version: '1.1', build: 'w_0', subdir: 'win-64', license: HOSTILE },
  { name: 'six', version: '1!16.0', subdir: 'noarch', license: 'MIT OR Apache-2.0' },
  { name: 'python', version: '3.9', build: 'l_0' },
];

function source(over: Partial<PapersSource> = {}, packages = PACKAGES): PapersSource {
  const asked = sampleAsked({ generation: 2, specs: ['app'], profiles: PROFILES, packages });
  return { asked: asked as Asked & { manifest: Manifest }, before: null, infos: new Map(), names: NAMES, ...over };
}

const sha256 = (name: string): string => name.padEnd(64, '0');
const INFOS: PapersSource['infos'] = new Map([
  [
    sha256('lib-1.1-0'),
    {
      licenseFiles: ['info/licenses/LICENSE'],
      linkScripts: ['bin/.lib-post-link.sh'],
      activateScripts: ['etc/conda/activate.d/lib.sh'],
      menus: ['Menu/lib.json'],
    },
  ],
]);

const text = (word: keyof typeof PAPERS, from = source()): string => PAPERS[word]!.text(from);

describe('every paper', () => {
  it.each(Object.keys(PAPERS))('%s is the same for the same content, in whatever order it comes', (word) => {
    expect(text(word, source({ infos: INFOS }))).toBe(text(word, source({ infos: INFOS })));
    const turned = source({ infos: INFOS }, PACKAGES.toReversed());
    expect(text(word, turned)).toBe(text(word, source({ infos: INFOS })));
  });
});

interface Component {
  'bom-ref': string;
  purl: string;
  licenses?: object[];
  hashes: object[];
  properties?: { name: string; value: string }[];
}
interface Sbom {
  serialNumber: string;
  metadata: { timestamp?: string; component: Record<string, string> };
  components: Component[];
  dependencies: { ref: string; dependsOn?: string[] }[];
}

describe('sbom.cdx.json', () => {
  const bom = (from = source()): Sbom => JSON.parse(text('sbom', from)) as Sbom;
  const component = (ref: string, from = source()): Component =>
    bom(from).components.find((each) => each['bom-ref'] === ref)!;

  it('is valid for the schema of CycloneDX, strictly', async () => {
    const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);
    expect(await validator.validate(text('sbom', source({ infos: INFOS })))).toBeNull();
    expect(await validator.validate(text('sbom').replace('"MIT"', '["MIT"]'))).not.toBeNull();
  });

  it('names each artifact by its path, with a purl that its library reads', () => {
    const { components } = bom();
    expect(components.map((each) => each['bom-ref']).sort()).toEqual([
      'linux-64/lib-1.1-0.conda',
      'linux-64/python-3.9-l_0.conda',
      'noarch/app-2.0-0.conda',
      'noarch/six-1!16.0-0.conda',
      'win-64/lib-1.1-w_0.conda',
    ]);
    const { type, name, version, qualifiers } = PackageURL.fromString(component('noarch/six-1!16.0-0.conda').purl);
    expect({ type, name, version, qualifiers: { ...qualifiers } }).toEqual({
      type: 'conda',
      name: 'six',
      version: '1!16.0',
      qualifiers: { build: '0', channel: 'https://c.example/main', subdir: 'noarch', type: 'conda' },
    });
  });

  it('calls a public channel by its name', () => {
    const from = source();
    const packages = from.asked.packages.map((each) =>
      Object.assign({}, each, { channel: 'https://conda.anaconda.org/conda-forge', record: each.record }),
    );
    const { purl } = component('noarch/app-2.0-0.conda', { ...from, asked: { ...from.asked, packages } });
    expect(purl).toBe('pkg:conda/app@2.0?build=0&channel=conda-forge&subdir=noarch&type=conda');
  });

  it('has an expression where SPDX has one, else the words, and what was read out of the artifact', () => {
    const licences = (ref: string) => component(ref).licenses;
    expect(licences('noarch/six-1!16.0-0.conda')).toEqual([{ expression: 'MIT OR Apache-2.0' }]);
    expect(licences('linux-64/lib-1.1-0.conda')).toEqual([{ license: { name: 'BSD 3-Clause, see LICENSE' } }]);
    expect(licences('linux-64/python-3.9-l_0.conda')).toBeUndefined();
    expect(component('linux-64/lib-1.1-0.conda', source({ infos: INFOS })).properties).toEqual([
      { name: 'conda:activate-script', value: 'etc/conda/activate.d/lib.sh' },
      { name: 'conda:license-file', value: 'info/licenses/LICENSE' },
      { name: 'conda:link-script', value: 'bin/.lib-post-link.sh' },
      { name: 'conda:menu', value: 'Menu/lib.json' },
    ]);
  });

  it('has the edges of each platform, from the label on', () => {
    const edges = new Map(bom().dependencies.map(({ ref, dependsOn = [] }) => [ref, dependsOn]));
    expect(edges.get('label/acme')).toEqual(['noarch/app-2.0-0.conda']);
    expect(edges.get('noarch/app-2.0-0.conda')).toEqual([
      'linux-64/lib-1.1-0.conda',
      'linux-64/python-3.9-l_0.conda',
      'noarch/six-1!16.0-0.conda',
      'win-64/lib-1.1-w_0.conda',
    ]);
    expect(edges.get('linux-64/lib-1.1-0.conda')).toEqual([]);
  });

  it('is told apart by its content, not by a clock', () => {
    const { serialNumber, metadata } = bom();
    expect(metadata.timestamp).toBeUndefined();
    expect(serialNumber).toMatch(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(bom(source({}, PACKAGES.slice(1))).serialNumber).not.toBe(serialNumber);
  });
});

describe('licenses.csv', () => {
  it('is read by another program, cell by cell, and holds no formula', () => {
    const rows = parse<Record<string, string>>(text('licenses', source({ infos: INFOS })), { columns: true });
    expect(rows).toHaveLength(PACKAGES.length);
    expect(rows.map(({ license_files: files }) => files).filter((each) => each !== '')).toEqual([
      'info/licenses/LICENSE',
    ]);
    expect(rows.find(({ subdir }) => subdir === 'win-64')).toMatchObject({
      name: 'lib',
      version: '1.1',
      license: `'${HOSTILE}`,
      url: 'https://c.example/main/win-64/lib-1.1-w_0.conda',
    });
    expect(rows.flatMap((row) => Object.values(row)).filter((cell) => /^[=+\-@\t\r]/.test(cell))).toEqual([]);
  });
});

describe('CHANGES.md', () => {
  const BEFORE = sampleAsked({
    generation: 1,
    specs: ['app'],
    packages: [{ ...PACKAGES[0]!, version: '1.0' }, ...PACKAGES.slice(1, 4), { name: 'old' }],
  });
  const headings = (markdown: string): string[] =>
    marked
      .lexer(markdown)
      .flatMap((token: Token) => (token.type === 'heading' ? [(token as Tokens.Heading).text] : []));

  it.each<[string, PapersSource['before'], string[]]>([
    ['another generation', BEFORE, ['acme: generation 1 → 2', 'New', 'Updated', 'Removed']],
    ['nothing', null, ['acme: generation 2, the first delivery', 'New', 'Asked for']],
    ['what is not known', undefined, ['acme: generation 2; the one before is not known any more', 'New', 'Asked for']],
  ])('compares with %s', (_, before, expected) => {
    const asked = source().asked;
    const files = (packages: Asked['packages']) =>
      packages.map(({ subdir, fn, sha256: digest = '' }) => {
        return { path: `${subdir}/${fn}`, kind: 'artifact' as const, size: 1, sha256: digest, md5: '' };
      });
    const withFiles = <T extends Asked>(each: T): T =>
      Object.assign({}, each, { manifest: { ...each.manifest!, files: files(each.packages) } });
    const from = before && withFiles(before);
    expect(headings(text('changes', source({ asked: withFiles(asked), before: from })))).toEqual(expected);
  });

  it('tells what runs at installation, and what else it was given', () => {
    const sections = [{ title: 'Let through', lines: ['- `six`: until 2027'] }];
    const markdown = text('changes', source({ infos: INFOS, sections }));
    expect(markdown).toContain('## Runs at installation\n\n- `linux-64/lib-1.1-0.conda`: menuinst, post-link\n');
    expect(markdown).toContain('## Let through\n\n- `six`: until 2027\n');
  });

  it('makes no link, picture or HTML of what a record says', () => {
    const hostile = [
      { name: 'app', version: '2.0', license: '[x](https://x.example) <img src=x> `' },
      { name: 'lib', license: '![p](https://x.example)\n# head' },
    ];
    const kinds = new Set<string>();
    marked.walkTokens(marked.lexer(text('changes', source({}, hostile))), (token) => void kinds.add(token.type));
    for (const kind of ['link', 'image', 'html']) expect(kinds).not.toContain(kind);
  });
});

describe('index.html', () => {
  it('names the papers that lie beside it, and what runs', () => {
    const html = text('page', source({ infos: INFOS, names: ['index.html', 'licenses.csv'] }));
    expect(html).toContain('href="licenses.csv"');
    expect(html).not.toContain('sbom.cdx.json');
    expect(html).toContain('post-link');
  });
});
