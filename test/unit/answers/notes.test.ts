import { describe, expect, it } from 'vitest';
import { notes } from '../../../src/answers/notes.js';
import { notesMarkdown } from '../../../src/answers/notes-markdown.js';
import { advisoriesIn } from '../../../src/conda/advisory/osv.js';
import { sampleAsked, type SampleRecord } from '../../helpers/asked.js';

const both = (sample: SampleRecord): SampleRecord[] => [
  { ...sample, subdir: 'linux-64' },
  { ...sample, subdir: 'win-64' },
];
const conda = (id: string, name: string, summary: string, ...events: object[]): object => ({
  id,
  summary,
  affected: [{ package: { ecosystem: 'conda', name }, ranges: [{ type: 'ECOSYSTEM', events }] }],
});

const A = sampleAsked({
  packages: [
    ...both({ name: 'ssl', version: '3.0.1', license: 'OpenSSL' }),
    ...both({ name: 'down', version: '2.0' }),
    { name: 'same', version: '1.0', license: 'MIT' },
    { name: 'again', version: '1.0', build: 'h1_0' },
    { name: 'gone', version: '1.0' },
    { name: 'old', version: '1.0' },
    { name: 'hot', version: '1.0' },
  ],
});
const B = sampleAsked({
  packages: [
    ...both({ name: 'ssl', version: '3.0.15', license: 'Apache-2.0' }),
    ...both({ name: 'down', version: '1.5' }),
    { name: 'same', version: '1.0', license: 'MIT' },
    { name: 'again', version: '1.0', build: 'h1_1' },
    { name: 'new_s', version: '0.1', subdir: 'noarch' },
    { name: 'old', version: '1.0' },
    { name: 'hot', version: '1.0', sha256: 'f'.repeat(64) },
  ],
});
const ADVISORIES = advisoriesIn([
  conda('CVE-2024-10', 'ssl', 'a <script> [x](http://evil)\nof two lines', { introduced: '0' }, { fixed: '3.0.15' }),
  conda('CVE-2024-9', 'gone', 'g', { introduced: '0' }),
  conda('CVE-2024-2', 'old', 'o', { introduced: '0' }),
  conda('CVE-2024-3', 'down', 'd', { introduced: '0' }, { fixed: '2.0' }),
  conda('CVE-2024-4', 'absent', 'a', { introduced: '0' }),
])!;

describe('notes', () => {
  const report = notes(A, B, ADVISORIES);

  it('tell each kind of change once, with the platforms that it is on', () => {
    expect(report).toMatchObject({
      added: [{ name: 'new_s', version: '0.1', subdirs: ['noarch'] }],
      removed: [{ name: 'gone', version: '1.0', subdirs: ['linux-64'] }],
      upgraded: [{ name: 'ssl', from: '3.0.1', to: '3.0.15', subdirs: ['linux-64', 'win-64'] }],
      downgraded: [{ name: 'down', from: '2.0', to: '1.5', subdirs: ['linux-64', 'win-64'] }],
      rebuilt: [{ name: 'again', from: '1.0 h1_0', to: '1.0 h1_1' }],
      record_changed: [{ name: 'hot', version: '1.0' }],
      kept: 2,
      licence_changed: [{ name: 'ssl', from: ['OpenSSL'], to: ['Apache-2.0'] }],
    });
  });

  it('say which advisories are closed and which are open', () => {
    const { closed, open, judged } = report.advisories;
    expect(judged).toBe(5);
    expect(closed.map(({ id }) => id)).toEqual(['CVE-2024-9', 'CVE-2024-10']);
    expect(open.map((each) => [each.id, each.new])).toEqual([
      ['CVE-2024-2', false],
      ['CVE-2024-3', true],
    ]);
  });

  it('are Markdown in which texts from outside are texts', () => {
    expect(notesMarkdown(report)).toBe(`# /root/acme → /root/acme

1 new, 1 updated, 1 downgraded, 1 rebuilt, 1 removed; files unchanged: 2. Advisories looked at: 5; closed: 2, still open: 2.

## Security: closed

- CVE-2024-9: g – \`gone\` 1.0 → none
- CVE-2024-10: a \\<script\\> \\[x\\](http://evil) of two lines – \`ssl\` 3.0.1 → 3.0.15

## Security: still open

- CVE-2024-2: o – \`old\` 1.0 → 1.0
- CVE-2024-3: d – \`down\` 2.0 → 1.5 (new in this generation)

## New

- \`new_s\` 0.1

## Updated

- \`ssl\` 3.0.1 → 3.0.15 (linux-64, win-64)

## Downgraded

- \`down\` 2.0 → 1.5 (linux-64, win-64)

## Rebuilt

- \`again\` 1.0 h1\\_0 → 1.0 h1\\_1 (linux-64)

## Removed

- \`gone\` 1.0 (linux-64)

## Licence changed

- \`ssl\`: \`OpenSSL\` → \`Apache-2.0\`

## Same version, changed by its channel

- \`hot\` 1.0 (linux-64)
`);
  });

  it('have nothing but a line where nothing changed', () => {
    expect(notesMarkdown(notes(A, A, []))).toBe(
      '# /root/acme → /root/acme\n\nNo package changes; files unchanged: 9.\n',
    );
  });
});
