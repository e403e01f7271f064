import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Manifest } from '../../src/channel/manifest/manifest.js';
import { openBrowser, openTab, type Tab } from '../helpers/browser.js';
import { describeWithLayers } from '../helpers/layers.js';
import { makeChannel } from '../helpers/made-channel.js';
import { openWorkplace, type Workplace } from '../helpers/programs.js';
import { recordsIn } from '../helpers/real-upstream.js';
import { startServeProgram, type ServeProgram } from '../helpers/serve-program.js';

const TOKEN = 'site-5e4d3c2b_token.x';
const LOGIN = { username: 'jörg', password: 'grün: 1/2@x' };

interface Way {
  args: (work: Workplace) => string[];
  env?: Record<string, string>;
  /** Of the address in the bar, behind the server's own. */
  path: string;
  browser?: BrowserContextOptions;
  /** What the page writes into an address, and what a person puts there. */
  filledIn: (line: string) => string;
}

const WAYS: Record<string, Way> = {
  'to everybody': { args: () => [], path: '', filledIn: (line) => line },
  'with a token': {
    args: () => ['--token-env', 'SITE_TOKEN'],
    env: { SITE_TOKEN: TOKEN },
    path: `/t/${TOKEN}`,
    filledIn: (line) => line.replace('/TOKEN/', `/${TOKEN}/`),
  },
  'with user and password': {
    args: (work) => {
      const file = join(work.dir, 'users.txt');
      writeFileSync(file, `${LOGIN.username}:${LOGIN.password}\n`, { mode: 0o600 });
      return ['--basic-auth-file', file];
    },
    path: '',
    browser: { httpCredentials: LOGIN },
    filledIn: (line) =>
      line
        .replace('USER:', `${encodeURIComponent(LOGIN.username)}:`)
        .replace('PASSWORD@', `${encodeURIComponent(LOGIN.password)}@`),
  },
};

describeWithLayers(['browser'], 'the page of serve in a browser', () => {
  let work: Workplace;
  let browser: Browser;
  beforeAll(async () => {
    work = await openWorkplace();
    const update = await work.update();
    expect(update.exitCode, update.stderr).toBe(0);
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser.close();
    await work.close();
  });

  let server: ServeProgram;
  let tab: Tab;
  afterEach(async () => {
    await tab.close();
    await server.stop();
  });

  /** Serves a folder and opens a tab on it. Gives the address of the server. */
  async function open(dir: string, { args = [], env = {}, browser: options = {} }: OpenOptions = {}): Promise<string> {
    server = await startServeProgram([dir, ...args], { home: work.home, env });
    const origin = `http://127.0.0.1:${server.port}`;
    tab = await openTab(browser, origin, options);
    return origin;
  }

  const manifest = (): Manifest => JSON.parse(readFileSync(join(work.labelDir, 'manifest.json'), 'utf8')) as Manifest;
  /** `subdir/filename` of all that the indexes name. */
  const named = (): string[] =>
    manifest().subdirs.flatMap((subdir) =>
      Object.keys(recordsIn(work.labelDir, subdir)).map((fn) => `${subdir}/${fn}`),
    );

  describe.each(Object.entries(WAYS))('%s', (_, way) => {
    const { env = {}, browser: options = {} } = way;
    let home: string;
    const start = async (): Promise<Page> => {
      home = (await open(work.root, { args: way.args(work), env, browser: options })) + way.path;
      await tab.page.goto(`${home}/`);
      return tab.page;
    };

    it('shows the channel and what its indexes name, and its links lead there and back', async () => {
      const page = await start();
      await page.getByRole('link', { name: 'halkbank' }).click();
      expect([page.url(), await page.title()]).toEqual([`${home}/halkbank/`, 'halkbank']);
      expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('halkbank');
      expect(await page.locator('p.sub').textContent()).toContain('generation 1');
      expect((await linksOf(page, 'td a')).sort()).toEqual(
        named()
          .map((path) => `${home}/halkbank/${path}`)
          .sort(),
      );
      for (const subdir of manifest().subdirs) {
        await page.getByRole('link', { name: `${subdir}/`, exact: true }).click();
        expect(await page.title()).toBe(`halkbank/${subdir}`);
        const expected = named().filter((path) => path.startsWith(`${subdir}/`));
        expect((await linksOf(page, 'td a')).sort()).toEqual(expected.map((path) => `${home}/halkbank/${path}`).sort());
        await page.getByRole('link', { name: 'halkbank' }).click();
        expect(page.url()).toBe(`${home}/halkbank/`);
      }
      await page.getByRole('link', { name: 'all channels' }).click();
      expect(page.url()).toBe(`${home}/`);
      expect(tab.complaints).toEqual([]);
    });

    it('hands out the right bytes where a link is clicked', async () => {
      const page = await start();
      await page.goto(`${home}/halkbank/`);
      for (const { path, sha256, kind } of manifest().files) {
        if (kind !== 'artifact') continue;
        const download = page.waitForEvent('download');
        await page.locator(`a[href="${path}"]`).click();
        const got = await download;
        expect(got.suggestedFilename()).toBe(path.split('/')[1]);
        expect(sha256Of(readFileSync(await got.path())), path).toBe(sha256);
      }
      for (const name of ['manifest.json', 'SHA256SUMS']) {
        await page.goto(`${home}/halkbank/`);
        const answer = page.waitForResponse((response) => response.url().endsWith(name));
        await page.getByRole('link', { name, exact: true }).click();
        expect(await (await answer).body()).toEqual(readFileSync(join(work.labelDir, name)));
      }
      expect(tab.complaints).toEqual([]);
    });

    it('gives lines that hold for the address in the bar, one click to copy, without the secret', async () => {
      const page = await start();
      await page.goto(`${home}/halkbank/`);
      const content = await page.content();
      for (const secret of [TOKEN, LOGIN.username, LOGIN.password]) expect(content).not.toContain(secret);
      const blocks = page.locator('#install pre code');
      const texts = await blocks.allTextContents();
      expect(texts).toHaveLength(4);
      for (const [at, text] of texts.entries()) {
        await blocks.nth(at).click();
        expect(await page.evaluate('String(getSelection())')).toBe(text);
        // Nothing that a shell, cmd or PowerShell would take for its own.
        expect(text).toMatch(/^[\w ./:@=\n-]+$/);
        const url = /https?:\S+/.exec(way.filledIn(text))![0];
        const { origin, pathname, username, password } = new URL(url);
        expect(`${origin}${pathname}/`).toBe(page.url());
        const login = [username, password].map(decodeURIComponent).join(':');
        const index = await fetch(`${origin}${pathname}/noarch/repodata.json`, {
          headers: username === '' ? {} : { authorization: `Basic ${Buffer.from(login).toString('base64')}` },
        });
        expect([url, index.status]).toEqual([url, 200]);
      }
      expect(texts[0]).toMatch(/^conda create -n my-env --override-channels -c \S+ pytho ratingpro$/);
    });
  });

  it.each(['light', 'dark'] as const)('fits 320 pixels, and can be read, in %s', async (colorScheme) => {
    const origin = await open(work.root, { browser: { colorScheme, viewport: { width: 320, height: 640 } } });
    for (const path of ['/', '/halkbank/', '/halkbank/noarch/']) {
      await tab.page.goto(origin + path);
      expect(await tab.page.evaluate('document.documentElement.scrollWidth'), path).toBeLessThanOrEqual(320);
      const background = (await colours(tab.page, 'body'))!.background;
      expect(luminance(background) < 0.5).toBe(colorScheme === 'dark');
      for (const selector of ['h1', 'p.sub', 'h3', 'a', 'td', 'pre code']) {
        const found = await colours(tab.page, selector);
        if (found !== undefined) expect(contrast(found), `${path} ${selector}`).toBeGreaterThanOrEqual(4.5);
      }
      // The name of a package stays in one piece beside its size.
      const [name, size] = [tab.page.locator('td a').first(), tab.page.locator('.rows td:last-child').first()];
      const [left, right] = [(await name.boundingBox())!, (await size.boundingBox())!];
      expect(left.height, path).toBeLessThan(30);
      expect(Math.abs(left.y - right.y), path).toBeLessThan(10);
    }
    expect(tab.complaints).toEqual([]);
  });

  it('works without a mouse, and shows where one is', async () => {
    const origin = await open(work.root);
    const { page } = tab;
    await page.goto(`${origin}/`);
    await page.keyboard.press('Tab');
    expect(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')).not.toBe('none');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/halkbank/');
    const reached: string[] = [];
    for (let last: unknown; last !== 'BODY';) {
      await page.keyboard.press('Tab');
      const [tag, href] = (await page.evaluate(
        '[document.activeElement.tagName, document.activeElement.href]',
      )) as string[];
      if (href !== undefined && href !== null) reached.push(href);
      last = tag;
    }
    expect(reached).toEqual(await linksOf(page, 'a'));
  });

  it('shows names of a stranger as text', async () => {
    const markup = '<img src=x onerror=alert(1)>';
    const dir = join(work.dir, `</h1>${markup}`.replaceAll('/', '&'));
    const { manifest: made } = makeChannel(dir, { files: { 'noarch/a-1-0.conda': 'a' } });
    writeFileSync(
      join(dir, 'manifest.json'),
      JSON.stringify({
        ...made,
        label: markup,
        specs: ['a <b>2</b>', `a[build='</code>${markup}']`, markup, '</code><script>alert(1)</script>'],
        subdirs: [...made.subdirs, 'javascript:alert(1)//', '//elsewhere.example', markup],
        files: [...made.files, { ...made.files[0]!, kind: 'artifact', path: `noarch/${markup}-1-0.conda` }],
      }),
    );
    const origin = await open(dir);
    const { page } = tab;
    await page.goto(`${origin}/`);
    // A manifest that holds such things is none: the indexes decide. Nor is such a folder's name shown.
    expect(await page.locator('h1').textContent()).toBe('Conda channel');
    expect(await page.content()).not.toMatch(/elsewhere\.example|javascript:|<b>2/);
    expect(await page.locator('img, b, pre > :not(code)').count()).toBe(0);
    expect(await page.locator('script').count()).toBe(1);
    for (const link of await linksOf(page, 'a')) expect(link.startsWith(`${origin}/`), link).toBe(true);
    for (const link of await page.locator('a').all()) expect(await link.getAttribute('href')).not.toContain(':');
    await page.goto(`${origin}/noarch/`);
    expect(await linksOf(page, 'td a')).toEqual([]);
    expect(tab.complaints).toEqual([]);
  });
});

interface OpenOptions {
  args?: string[];
  env?: Record<string, string>;
  browser?: BrowserContextOptions;
}

/** Absolute. */
function linksOf(page: Page, selector: string): Promise<string[]> {
  return page.locator(selector).evaluateAll((links) => links.map((link) => (link as unknown as { href: string }).href));
}

const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

type Colour = readonly number[];

/** Of the first such element and of what lies behind it; undefined where there is none. */
async function colours(page: Page, selector: string): Promise<{ text: Colour; background: Colour } | undefined> {
  const found = await page.evaluate(`(() => {
    const element = document.querySelector(${JSON.stringify(selector)});
    if (element === null) return undefined;
    let behind = element;
    while (getComputedStyle(behind).backgroundColor === 'rgba(0, 0, 0, 0)') behind = behind.parentElement;
    return [getComputedStyle(element).color, getComputedStyle(behind).backgroundColor];
  })()`);
  if (found === undefined) return undefined;
  const [text, background] = (found as string[]).map((colour) => colour.match(/\d+/g)!.slice(0, 3).map(Number));
  return { text: text!, background: background! };
}

/** WCAG 2.2, "relative luminance". */
function luminance(colour: Colour): number {
  const [red, green, blue] = colour.map((each) => {
    const share = each / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
}

/** WCAG 2.2, "contrast ratio": 4.5 and more for text. */
function contrast({ text, background }: { text: Colour; background: Colour }): number {
  const [light, dark] = [luminance(text), luminance(background)].sort((a, b) => b - a);
  return (light! + 0.05) / (dark! + 0.05);
}
