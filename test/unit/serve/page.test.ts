import { describe, expect, it } from 'vitest';
import type { FolderContents, ChannelFolder } from '../../../src/serve/channel-folder.js';
import { MOST_AT_ONCE, PAGE_LENGTH, findPackages, summarise } from '../../../src/serve/channel-summary.js';
import { channelPage, foundPart, pageHeaders, type ChannelView } from '../../../src/serve/page.js';
import { escaped } from '../../../src/site/page/html.js';
import { renderRootPage } from '../../../src/site/page/root.js';

const FOLDER: ChannelFolder = {
  dir: '/x',
  name: 'acme',
  contents: () => Promise.reject(new Error('not asked')),
  index: () => Promise.reject(new Error('not asked')),
  present: () => Promise.reject(new Error('not asked')),
  isStill: () => false,
};

const VIEW: ChannelView = {
  url: 'http://h/acme',
  credentials: 'none',
  subdir: undefined,
  listed: true,
  files: ['manifest.json'],
  search: { query: '', page: 1 },
  told: undefined,
};

const htmlOf = (...asked: Parameters<typeof channelPage>): string => channelPage(...asked).html;

function catalogueOf(paths: readonly string[], specs: string[] = []): FolderContents {
  const files = paths.map((path) => ({ path, kind: 'artifact' as const, size: 1000, sha256: '', md5: '' }));
  const manifest = {
    schema: 1 as const,
    label: 'acme',
    generation: 3,
    previous: null,
    specs,
    channels: [],
    profiles: [],
    subdirs: ['linux-64', 'noarch'],
    files,
  };
  return { manifest, manifestFile: undefined, files: new Map(), subdirs: manifest.subdirs };
}

const PATHS = [
  'linux-64/b-1.9-0.conda',
  'linux-64/b-1.10-0.conda',
  'noarch/a-1!2-0.tar.bz2',
  'noarch/b-1.10.dev1-0.conda',
  'linux-64/repodata.json',
  'noarch/<x>-1-0.conda',
];

describe('summarise', () => {
  it('lists packages by name, newest first, and leaves out what is none', async () => {
    const summary = await summarise(FOLDER, catalogueOf(PATHS));
    const { count, bytes, generation } = summary;
    const { packages, paged } = findPackages(summary, VIEW.search);
    expect(paged).toBeUndefined();
    expect(packages.map(({ name, version, subdir }) => `${subdir} ${name} ${version}`)).toEqual([
      'noarch a 1!2',
      'linux-64 b 1.10',
      'noarch b 1.10.dev1',
      'linux-64 b 1.9',
    ]);
    expect({ count, bytes, generation }).toEqual({ count: 4, bytes: 4000, generation: 3 });
    expect((await summarise(FOLDER, catalogueOf(PATHS), 'noarch')).count).toBe(2);
  });

  const many = (count: number): FolderContents =>
    catalogueOf(Array.from({ length: count }, (_, n) => `noarch/p${n % 700}-${n}-0.conda`));

  it('stays small, whatever the channel holds', async () => {
    const summary = await summarise(FOLDER, many(20_000));
    expect(summary.count).toBe(20_000);
    const { html, asking } = channelPage(summary, VIEW);
    expect(asking).toBe('its server');
    expect(html).toContain(`20,000 packages, page 1 of ${20_000 / PAGE_LENGTH}<`);
    expect(html.match(/<td><a /g)).toHaveLength(PAGE_LENGTH);
    expect(html).toContain('<a href="./?page=2">');
    expect(html.length).toBeLessThan(100_000);
    const whole = await summarise(FOLDER, many(MOST_AT_ONCE));
    const page = channelPage(whole, VIEW);
    expect([page.asking, page.html.match(/<td><a /g)?.length]).toEqual(['nobody', MOST_AT_ONCE]);
  });

  it.each<[query: string, page: number, first: string, count: number]>([
    ['', 1, 'p0-2800-0', 3000],
    ['', 30, 'p81-2881-0', 3000],
    ['', 9999, 'p81-2881-0', 3000],
    ['', -3, 'p0-2800-0', 3000],
    ['P7', 1, 'p7-2807-0', 55],
    ['p7 noarch', 1, 'p7-2807-0', 55],
    ['p699-699', 1, 'p699-699-0', 1],
    ['nothing', 1, '', 0],
    ['linux-64', 1, '', 0],
    ['a<b>&"', 1, '', 0],
  ])('finds %j, page %d', async (query, page, first, count) => {
    const summary = await summarise(FOLDER, many(3000));
    const { packages, paged } = findPackages(summary, { query, page });
    expect(paged).toMatchObject({ count, total: 3000, pages: Math.max(1, Math.ceil(count / PAGE_LENGTH)) });
    expect(packages).toHaveLength(Math.min(count, PAGE_LENGTH));
    expect(packages[0]?.fn ?? '').toBe(first === '' ? '' : `${first}.conda`);
    expect(foundPart(summary, { ...VIEW, search: { query, page } })).not.toContain('<b>');
  });

  it('says how licences and dependencies are asked of a channel that is too large for them, and of no other', async () => {
    const large = htmlOf(await summarise(FOLDER, many(3000)), VIEW);
    for (const line of ['licenses /repos/acme --csv', 'why NAME /repos/acme', 'tree /repos/acme --of NAME'])
      expect(large).toContain(`repackenv ${line}`);
    expect(htmlOf(await summarise(FOLDER, many(30)), VIEW)).not.toContain('repackenv licenses');
  });

  it('puts who is called so before who begins so, and each newest first across pages', async () => {
    const paths = Array.from({ length: MOST_AT_ONCE }, (_, n) => `noarch/numpy-base-1.${n}-0.conda`);
    const names = ['noarch/a-numpy-1-0.conda', 'noarch/numpy-1.9-0.conda', 'linux-64/numpy-1.10-0.conda'];
    const summary = await summarise(FOLDER, catalogueOf([...names, ...paths]));
    const found = (page: number): string[] =>
      findPackages(summary, { query: 'numpy', page }).packages.map(({ name, version }) => `${name} ${version}`);
    expect(found(1).slice(0, 3)).toEqual(['numpy 1.10', 'numpy 1.9', `numpy-base 1.${MOST_AT_ONCE - 1}`]);
    expect(found(2)[0]).toBe(`numpy-base 1.${MOST_AT_ONCE - 1 - (PAGE_LENGTH - 2)}`);
    expect(found(11).at(-1)).toBe('a-numpy 1');
  });
});

describe('the pages', () => {
  it('quote specs for a shell, and escape everything', async () => {
    const summary = await summarise(FOLDER, catalogueOf(PATHS, ['numpy >=1.26,<2', 'a']));
    const page = htmlOf({ ...summary, name: '<b>"acme"' }, VIEW);
    expect(page).toContain(
      'conda create -n my-env --override-channels -c http://h/acme &#34;numpy &#62;=1.26,&#60;2&#34; a',
    );
    expect(page).toContain('<title>&#60;b&#62;&#34;acme&#34;</title>');
    expect(page).not.toContain('<b>');
    expect(page).toContain('href="noarch/a-1!2-0.tar.bz2"');
    const state = { generation: 3, published: null, remarks: [{ text: '<i>', grave: true }], packages: 1, bytes: 1 };
    const list = renderRootPage({ channels: [{ ...state, name: '<b>', subdirs: ['<u>'] }] });
    expect(list).toContain('<a href="%3Cb%3E/">&#60;b&#62;</a>');
    expect(list).not.toMatch(/<[biu]>/);
  });

  it('say PACKAGE where nothing was asked for, as in a mirror', async () => {
    const page = htmlOf(await summarise(FOLDER, catalogueOf(PATHS)), { ...VIEW, url: 'http://h' });
    expect(page).toContain('-c http://h PACKAGE');
  });

  it('link from a subdir without its name in front', async () => {
    const page = htmlOf(await summarise(FOLDER, catalogueOf(PATHS), 'noarch'), {
      ...VIEW,
      subdir: 'noarch',
    });
    expect(page).toContain('href="a-1!2-0.tar.bz2"');
    expect(page).not.toContain('conda create');
  });

  it('lead back to where they were reached from, and only to files that are there', async () => {
    const summary = await summarise(FOLDER, catalogueOf(PATHS));
    const links = (view: Partial<ChannelView>): string[] =>
      [...htmlOf(summary, { ...VIEW, ...view }).matchAll(/href="([^"]*\/|\w*\.\w*|S\w*)"/g)].map(([, to]) => to!);
    expect(links({ files: ['manifest.json', 'SHA256SUMS'] })).toEqual([
      '../',
      'linux-64/',
      'noarch/',
      'manifest.json',
      'SHA256SUMS',
    ]);
    expect(links({ listed: false, files: [] })).toEqual(['linux-64/', 'noarch/']);
    expect(links({ subdir: 'noarch' })).toEqual(['../../', '../']);
    expect(links({ subdir: 'noarch', listed: false })).toEqual(['../']);
  });

  it('say so where there is no package', async () => {
    const page = htmlOf(await summarise(FOLDER, catalogueOf([])), VIEW);
    expect(page).toContain('<p>None.</p>');
    expect(page).not.toContain('<table>');
  });

  it('allow their own script and style, and nothing from elsewhere', () => {
    expect(pageHeaders('nobody')['content-security-policy']).toMatch(
      /^default-src 'none'; img-src data:; style-src 'sha256-[A-Za-z0-9+/]+='; script-src 'sha256-[A-Za-z0-9+/]+='; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$/,
    );
    expect(pageHeaders('its server')['content-security-policy']).toMatch(
      /; connect-src 'self'; base-uri 'none'; form-action 'self'; frame/,
    );
    expect(escaped(`<a href='x'>&"`)).toBe('&#60;a href=&#39;x&#39;&#62;&#38;&#34;');
  });
});
