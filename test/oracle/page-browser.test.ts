import axe from 'axe-core';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { renderFolderPage } from '../../src/site/page/render.js';
import { renderNotFound, renderRootPage } from '../../src/site/page/root.js';
import { openBrowser, openTab, type Tab } from '../helpers/browser.js';
import { describeWithLayers } from '../helpers/layers.js';
import { startServing, type Serving } from '../helpers/serving.js';
import { HOSTILE, hostilePage, samplePage } from '../unit/site/page/sample-page.js';

/** Records of a channel that is too large for one page. */
const MANY = 2500;

const ROOT = renderRootPage({
  channels: ['acme', 'a-label-with-a-name-that-is-long', 'main'].map((name, at) => ({
    name,
    generation: at === 2 ? null : at + 1,
    published: at === 0 ? '2026-11-28T02:10:00.000Z' : null,
    subdirs: ['linux-64', 'noarch', 'osx-arm64', 'win-64'],
    packages: at,
    bytes: at * 1e9,
    remarks: [
      { text: 'last update failed', grave: true },
      { text: 'held at generation 1 since 2026-11-20: the freeze', grave: false },
    ].slice(at),
  })),
});

describeWithLayers(['browser'], 'the page in a browser', () => {
  let browser: Browser;
  let dir: string;
  beforeAll(async () => {
    browser = await openBrowser();
    dir = mkdtempSync(join(tmpdir(), 'page-'));
  });
  afterAll(async () => {
    await browser.close();
    rmSync(dir, { recursive: true });
  });

  let tab: Tab;
  let serving: Serving | undefined;
  afterEach(async () => {
    await tab.close();
    await serving?.stop();
    serving = undefined;
  });

  /** Opens a page as it lies in a delivery: nothing but files may be asked for. */
  async function open(html: string, options: Parameters<typeof openTab>[2] = {}): Promise<Page> {
    const folder = join(dir, 'acme', 'papers');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'index.html'), html);
    tab = await openTab(browser, 'file://', options);
    await tab.page.goto(pathToFileURL(join(folder, 'index.html')).href);
    return tab.page;
  }

  const visible = (page: Page): Promise<string[]> =>
    page.locator('#list tbody tr:visible td:first-child').allTextContents();

  it.each(
    (['light', 'dark'] as const).flatMap((colorScheme) =>
      [390, 1280].flatMap((width) =>
        Object.entries({
          'a label': renderFolderPage(samplePage(40)),
          'a large channel': renderFolderPage(
            samplePage(40, { paged: { count: 40, total: 9000, query: '', page: 1, pages: 90 } }),
          ),
          ROOT,
          'what is not there': renderNotFound({ there: ['halkbank', 'a b'], home: '../' }),
          'ten thousand letters': renderFolderPage(hostilePage(HOSTILE['ten thousand letters']!)),
        })
          // The label with every pair, the others in both schemes and both widths.
          .filter(([name]) => name === 'a label' || (colorScheme === 'light') === (width === 390))
          .map(([name, html]) => ({ colorScheme, width, name, html })),
      ),
    ),
  )(
    'can be read by everybody, and needs no sideways scroll: $name, $colorScheme, $width',
    async ({ html, colorScheme, width }) => {
      const page = await open(html, { colorScheme, viewport: { width, height: 900 } });
      await page.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))");
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
      await page.evaluate(axe.source);
      const { violations } = (await page.evaluate('axe.run()')) as axe.AxeResults;
      expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join('\n')}`)).toEqual([]);
      expect(tab.complaints).toEqual([]);
    },
  );

  it('finds as somebody types, by keys alone', async () => {
    const page = await open(renderFolderPage(samplePage(120)));
    await page.keyboard.press('/');
    expect(await page.evaluate('document.activeElement.id')).toBe('q');
    await page.keyboard.type('name-11 Apache');
    expect(await visible(page)).toEqual([
      'package-name-11',
      'package-name-110',
      'package-name-113',
      'package-name-116',
      'package-name-119',
    ]);
    expect(await page.locator('#count').textContent()).toBe('5 of 120 packages');
    await page.keyboard.press('Escape');
    expect(await visible(page)).toHaveLength(120);
    await page.keyboard.type('no such package');
    expect(await visible(page)).toEqual([]);
    expect(tab.complaints).toEqual([]);
  });

  it('sorts by a click, numbers as numbers, there and back', async () => {
    const page = await open(renderFolderPage(samplePage(20)));
    const size = page.getByRole('button', { name: 'size' });
    await size.click();
    expect((await visible(page)).slice(0, 3)).toEqual(['package-name-0', 'package-name-1', 'package-name-2']);
    await size.click();
    expect((await visible(page))[0]).toBe('package-name-19');
    expect(await page.locator('th[aria-sort]').getAttribute('aria-sort')).toBe('descending');
  });

  it('names its own place in the commands, and copies them', async () => {
    const page = await open(renderFolderPage(samplePage(3)));
    const line = `conda create -n my-env -c file://${join(dir, 'acme')} package-name-0`;
    expect(await page.locator('#install pre').textContent()).toBe(line);
    await page.locator('#install').getByRole('button', { name: 'Copy' }).click();
    await page.getByText('Copied').waitFor();
    await page.keyboard.press('/');
    await page.keyboard.press('Control+V');
    expect(await page.locator('#q').inputValue()).toBe(line);
  });

  it('opens the tree by keys', async () => {
    const page = await open(renderFolderPage(samplePage(9)));
    const summary = page.locator('#tree summary').first();
    expect(await page.locator('#tree li li').first().isVisible()).toBe(false);
    await summary.focus();
    await page.keyboard.press('Enter');
    expect(await page.locator('#tree li li').first().isVisible()).toBe(true);
  });

  it('can be read without scripts', async () => {
    const page = await open(renderFolderPage(samplePage(9)), { javaScriptEnabled: false });
    expect(await visible(page)).toHaveLength(9);
    expect(await page.locator('form, button').filter({ visible: true }).count()).toBe(0);
  });

  it.each(Object.entries(HOSTILE))('does nothing that %s asks for', async (_, text) => {
    const page = await open(renderFolderPage(hostilePage(text)));
    await page.locator('summary').first().click();
    for (const link of await page.locator('a').all()) expect(await link.getAttribute('href')).toMatch(/^(?:#|\.\.?\/)/);
    expect(tab.complaints).toEqual([]);
  });

  it('finds in a large channel by typing, without scripts too, and turns pages', async () => {
    const channel = join(dir, 'large');
    mkdirSync(join(channel, 'noarch'), { recursive: true });
    const names = ['numpy', ...Array.from({ length: MANY - 1 }, (_, at) => `lib${at}`)];
    const record = { build: '0', build_number: 0, depends: [], sha256: 'a'.repeat(64), size: 12_345 };
    const packages = names.map((name) => [`${name}-1.0-0.conda`, { name, version: '1.0', ...record }]);
    writeFileSync(
      join(channel, 'noarch', 'repodata.json'),
      JSON.stringify({ info: { subdir: 'noarch' }, packages: {}, 'packages.conda': Object.fromEntries(packages) }),
    );
    serving = await startServing(channel);
    tab = await openTab(browser, serving.url);
    const { page } = tab;
    await page.goto(`${serving.url}/`);
    expect(await visible(page)).toHaveLength(100);
    await page.locator('#q').pressSequentially('NumPy');
    await page.getByText(`1 of 2,500 packages`).waitFor();
    expect(await visible(page)).toEqual(['numpy']);
    expect(await page.locator('#list a').getAttribute('href')).toBe('noarch/numpy-1.0-0.conda');
    expect(page.url()).toBe(`${serving.url}/?q=NumPy`);
    await page.reload();
    expect(await visible(page)).toEqual(['numpy']);
    await page.locator('#q').fill('');
    await page.getByText('2,500 packages, page 1 of 25').waitFor();
    await page.getByRole('link', { name: 'more' }).click();
    await page.getByText('2,500 packages, page 2 of 25').waitFor();
    expect(tab.complaints).toEqual([]);
    await tab.close();
    tab = await openTab(browser, serving.url, { javaScriptEnabled: false });
    await tab.page.goto(`${serving.url}/noarch/`);
    await tab.page.locator('#q').fill('lib7 noarch');
    await tab.page.getByRole('button', { name: 'Find' }).click();
    await tab.page.waitForURL('**/noarch/?q=lib7+noarch');
    expect((await visible(tab.page)).slice(0, 2)).toEqual(['lib7', 'lib70']);
  });
});
