import { describe, expect, it } from 'vitest';
import type { FolderContents, ChannelFolder } from '../../../src/serve/channel-folder.js';
import { MOST_LISTED, summarise } from '../../../src/serve/channel-summary.js';
import { PAGE_HEADERS, channelPage, escaped, listPage, type ChannelView } from '../../../src/serve/page.js';

const FOLDER: ChannelFolder = {
  dir: '/x',
  name: 'acme',
  contents: () => Promise.reject(new Error('not asked')),
  index: () => Promise.reject(new Error('not asked')),
  present: () => Promise.reject(new Error('not asked')),
};

const VIEW: ChannelView = {
  url: 'http://h/acme',
  credentials: 'none',
  subdir: undefined,
  listed: true,
  files: ['manifest.json'],
};

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
    const { packages, count, bytes, generation } = await summarise(FOLDER, catalogueOf(PATHS));
    expect(packages.map(({ name, version, subdir }) => `${subdir} ${name} ${version}`)).toEqual([
      'noarch a 1!2',
      'linux-64 b 1.10',
      'noarch b 1.10.dev1',
      'linux-64 b 1.9',
    ]);
    expect({ count, bytes, generation }).toEqual({ count: 4, bytes: 4000, generation: 3 });
    expect((await summarise(FOLDER, catalogueOf(PATHS), 'noarch')).count).toBe(2);
  });

  it('stays small, whatever the channel holds', async () => {
    const many = Array.from({ length: MOST_LISTED + 7 }, (_, n) => `noarch/p-${n}-0.conda`);
    const summary = await summarise(FOLDER, catalogueOf(many));
    expect(summary.packages).toHaveLength(MOST_LISTED);
    expect(summary.count).toBe(MOST_LISTED + 7);
    const page = channelPage(summary, VIEW);
    expect(page).toContain(`the first ${MOST_LISTED} of ${MOST_LISTED + 7}`);
    expect(page.length).toBeLessThan(2_000_000);
  });
});

describe('the pages', () => {
  it('quote specs for a shell, and escape everything', async () => {
    const summary = await summarise(FOLDER, catalogueOf(PATHS, ['numpy >=1.26,<2', 'a']));
    const page = channelPage({ ...summary, name: '<b>"acme"' }, VIEW);
    expect(page).toContain(
      'conda create -n my-env --override-channels -c http://h/acme &#34;numpy &#62;=1.26,&#60;2&#34; a',
    );
    expect(page).toContain('<title>&#60;b&#62;&#34;acme&#34;</title>');
    expect(page).not.toContain('<b>');
    expect(page).toContain('href="noarch/a-1!2-0.tar.bz2"');
    const list = listPage([{ ...summary, name: '<b>' }]);
    expect(list).toContain('<a href="%3Cb%3E/">&#60;b&#62;</a>');
  });

  it('say PACKAGE where nothing was asked for, as in a mirror', async () => {
    const page = channelPage(await summarise(FOLDER, catalogueOf(PATHS)), { ...VIEW, url: 'http://h' });
    expect(page).toContain('-c http://h PACKAGE');
  });

  it('link from a subdir without its name in front', async () => {
    const page = channelPage(await summarise(FOLDER, catalogueOf(PATHS), 'noarch'), {
      ...VIEW,
      subdir: 'noarch',
    });
    expect(page).toContain('href="a-1!2-0.tar.bz2"');
    expect(page).not.toContain('conda create');
  });

  it('lead back to where they were reached from, and only to files that are there', async () => {
    const summary = await summarise(FOLDER, catalogueOf(PATHS));
    const links = (view: Partial<ChannelView>): string[] =>
      [...channelPage(summary, { ...VIEW, ...view }).matchAll(/href="([^"]*\/|\w*\.\w*|S\w*)"/g)].map(([, to]) => to!);
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
    const page = channelPage(await summarise(FOLDER, catalogueOf([])), VIEW);
    expect(page).toContain('<p>None.</p>');
    expect(page).not.toContain('<table>');
  });

  it('allow no script and nothing from elsewhere', () => {
    expect(PAGE_HEADERS['content-security-policy']).toMatch(
      /^default-src 'none'; img-src data:; style-src 'sha256-[A-Za-z0-9+/]+='; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$/,
    );
    expect(escaped(`<a href='x'>&"`)).toBe('&#60;a href=&#39;x&#39;&#62;&#38;&#34;');
  });
});
