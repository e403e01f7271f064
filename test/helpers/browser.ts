import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { layerPath } from './layers.js';

/** For `describeWithLayers(['browser'], …)`. The sandbox is off, since root and most containers have none; only our own pages are opened. */
export function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: layerPath('browser'), chromiumSandbox: false });
}

export interface Tab {
  page: Page;
  /** What a person would see in the console or should know of: errors, dialogs, answers of 400 and above, requests to other servers. */
  complaints: string[];
  close(): Promise<void>;
}

/** A tab with a profile of its own, that may ask `origin` only. */
export async function openTab(browser: Browser, origin: string, options: BrowserContextOptions = {}): Promise<Tab> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    // A file that is shown, unlike a page of ours, says nothing of its icon; so the browser asks the server for one.
    if (!message.location().url.endsWith('/favicon.ico')) complaints.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(`script: ${error.message}`));
  page.on('dialog', (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(`${origin}/`) && !url.startsWith('data:')) complaints.push(`asks ${url}`);
  });
  page.on('response', (response) => {
    if (response.status() >= 400) complaints.push(`${response.status()} ${response.url()}`);
  });
  return { page, complaints, close: () => context.close() };
}
