import type { PackageRecord } from './records.js';

/** conda's own border between seconds and milliseconds: the last second of the year 9999. */
const LAST_IN_SECONDS = 253_402_300_799;

/** A time of a record in ms since 1970: older ones state seconds. Undefined where it states none. */
export function timeOf(stated: unknown): number | undefined {
  if (typeof stated !== 'number' || !Number.isFinite(stated)) return undefined;
  return stated > LAST_IN_SECONDS ? stated : stated * 1000;
}

/** When its channel took it in (CEP 47), else when it was built. */
export function publishedAt(record: PackageRecord): number | undefined {
  return timeOf(record['indexed_timestamp']) ?? timeOf(record.timestamp);
}

/** `2026-11-29`, as UTC has it. */
export function dayOf(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? `timestamp ${ms}` : date.toISOString().slice(0, 10);
}
