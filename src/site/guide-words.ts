import { wordForAnyShell, wordForSh, wordForWindows } from '../base/shell-quote.js';

/** What the folder is called in commands; `makeSiteFiles` takes no name that would not fit between quotes. */
export function wordsOf(label: string): { name: string; path: string; url: string } {
  return { name: word(label), path: word(`/repos/${label}`), url: word(urlOf(label)) };
}

export function urlOf(label: string): string {
  return `file:///repos/${encodeURIComponent(label)}`;
}

export function word(text: string): string {
  return wordForAnyShell(text) ?? wordForSh(text);
}

export function onWindows(text: string): string {
  return wordForWindows(text) ?? `"${text}"`;
}
