import { plural } from '../../base/plural.js';
import type { SourceCounts } from '../../base/events.js';

/** `1.5 MB`, decimal units, as disks and networks are sold. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return unit === 0 ? `${bytes} B` : `${value.toFixed(value < 10 ? 1 : 0)} ${units[unit]}`;
}

/** `41 s`, `3 min 5 s`, `2 h 4 min`. Whole seconds. */
export function durationText(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

export { plural };

/** `3 artifacts downloaded, 1.2 MB; 14 were here already, 60 MB (2 of them in package caches)`. */
export function sourcesText({ download, cache, store }: SourceCounts): string {
  const here = { artifacts: cache.artifacts + store.artifacts, bytes: cache.bytes + store.bytes };
  const cached = cache.artifacts === 0 ? '' : ` (${cache.artifacts} of them in package caches)`;
  const there = `${here.artifacts} ${here.artifacts === 1 ? 'was' : 'were'} here already, ${formatBytes(here.bytes)}${cached}`;
  if (download.artifacts === 0) return here.artifacts === 0 ? 'nothing' : `nothing downloaded; ${there}`;
  const came = `${plural(download.artifacts, 'artifact')} downloaded, ${formatBytes(download.bytes)}`;
  return here.artifacts === 0 ? came : `${came}; ${there}`;
}

/** `2026-11-21 07:05:09`, local time: what a person compares with the wall clock and with cron's mail. */
export function localTimestamp(ms: number): string {
  const date = new Date(ms);
  return `${localDay(date).join('-')} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')}`;
}

/** `YYYY/MM/DD/HH.MM` of local time, for the log file (one folder a day). */
export function logPathParts(ms: number): { folders: string[]; time: string } {
  const date = new Date(ms);
  return { folders: localDay(date), time: [date.getHours(), date.getMinutes()].map(two).join('.') };
}

function localDay(date: Date): string[] {
  return [String(date.getFullYear()), two(date.getMonth() + 1), two(date.getDate())];
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
