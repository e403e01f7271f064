import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { escaped, linkTo, said, sizeText } from '../../../../src/site/page/html.js';
import { renderFolderPage, type FolderPage } from '../../../../src/site/page/render.js';
import { HOSTILE, hostilePage, samplePage } from './sample-page.js';

/** Tags with their attributes, the values of attributes apart, without the contents of style and script. */
function tagsOf(html: string): string[] {
  const plain = html.replace(/<(style|script)>[^]*?<\/\1>/g, '');
  return [...plain.matchAll(/<\/?[a-z][^>]*>/gi)].map(([tag]) => tag.replace(/"[^"]*"/g, '""')).toSorted();
}

describe('renderFolderPage', () => {
  it.each(Object.entries(HOSTILE))('shows %s as text', (_, text) => {
    const html = renderFolderPage(hostilePage(text));
    // No element and no attribute that names which mean nothing would not have.
    const plain = new Set(['a', 'plain-name-1', 'x 1'].flatMap((name) => tagsOf(renderFolderPage(hostilePage(name)))));
    for (const tag of tagsOf(html)) expect(plain).toContain(tag);
    for (const [, href] of html.matchAll(/(?:href|src|action)="([^"]*)"/g))
      expect(href).toMatch(/^(?:#[a-z]+|\.\.\/|\.\/|data:,)/);
    expect(html.match(/<script>/g)).toHaveLength(1);
    // oxlint-disable-next-line no-control-regex
    expect(html).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
    expect(html.length).toBeLessThan(150_000);
  });

  it('gives equal bytes for equal data, and says no time', () => {
    const [one, other] = [renderFolderPage(samplePage(40)), renderFolderPage(structuredClone(samplePage(40)))];
    expect(other).toBe(one);
    expect(one).not.toMatch(/\b20\d\d-\d\d/);
  });

  it('stays below 300 kB for 300 packages', () => {
    expect(Buffer.byteLength(renderFolderPage(samplePage(300)))).toBeLessThan(300_000);
  });

  it('allows its own style and script by their digests, and nothing else', () => {
    const html = renderFolderPage(samplePage(3));
    const policy = /<meta http-equiv="Content-Security-Policy" content="([^"]*)">/.exec(html)![1]!;
    for (const tag of ['style', 'script']) {
      const text = new RegExp(`<${tag}>([^]*)</${tag}>`).exec(html)![1]!;
      expect(policy).toContain(`${tag}-src 'sha256-${createHash('sha256').update(text).digest('base64')}'`);
    }
    expect(policy).toMatch(
      /^default-src 'none'; img-src data:; style-src \S+; script-src \S+; base-uri 'none'; form-action 'none'$/,
    );
    expect(html).not.toMatch(/ style=| on[a-z]+=|https?:\/\/(?!conda\.example)|@import|url\(/);
    const paged = renderFolderPage(samplePage(3, { paged: { count: 3, total: 3, query: '', page: 1, pages: 1 } }));
    expect(paged).toMatch(/connect-src 'self'; base-uri 'none'; form-action 'self'"/);
  });

  it.each<[string, Partial<FolderPage>, string]>([
    [
      'where packages run something',
      { runs: [{ name: 'a', version: '1', subdir: 'noarch', what: ['post-link'] }] },
      '1 package runs',
    ],
    ['where none does', { runs: [] }, 'No package runs anything'],
    ['the first delivery', { changes: 'first' }, 'This is the first delivery'],
    ['a folder without packages', { packages: [] }, '<p>None.</p>'],
    [
      'a licence that is not stated',
      { packages: [{ ...samplePage(1).packages[0]!, license: null }] },
      '<i>none stated</i>',
    ],
    ['who asks for a package', {}, '<em>asked for</em>'],
    ['who needs it', {}, 'needed by package-name-0, package-name-1, package-name-2 and 5 more'],
  ])('tells %s', (_, more, text) => {
    expect(renderFolderPage(samplePage(20, more))).toContain(text);
  });

  it('says nothing of what is not known', () => {
    const html = renderFolderPage(
      samplePage(2, {
        runs: undefined,
        changes: undefined,
        licences: undefined,
        trees: [],
        proofs: [],
        install: [],
        files: [],
        sizes: [],
      }),
    );
    expect([...html.matchAll(/<section id="(\w+)"/g)].map(([, id]) => id)).toEqual(['packages']);
    expect(html).not.toContain('aria-label="On this page"');
  });
});

describe('the texts of pages', () => {
  it('escape for elements and attributes, and cut', () => {
    expect(escaped(`<a href='x'>&"`)).toBe('&#60;a href=&#39;x&#39;&#62;&#38;&#34;');
    expect(said('x'.repeat(201))).toBe(`${'x'.repeat(200)}…`);
    expect(linkTo('../', 'javascript:x', 'a b/"c"')).toBe('../javascript%3Ax/a%20b%2F%22c%22');
    expect(['1', '999', '1000', '12345', '1234567890'].map(Number).map(sizeText)).toEqual([
      '1 B',
      '999 B',
      '1.0 kB',
      '12 kB',
      '1.2 GB',
    ]);
  });
});
