import { dependencyName } from '../spec/dependency.js';
import { formatOf } from './names.js';
import type { TargetClient } from '../plan/profile.js';
import type { RepodataIndex } from '../record/repodata-index.js';
import { bytesContain, parsedList, textLists } from '../record/record-bytes.js';

/** What a channel looks like to a label's client (design D1b): records that it can't read or use are not there. */
export type View = (index: RepodataIndex) => RepodataIndex;

const VIRTUAL = new TextEncoder().encode('__');

/** `undefined`, or a client that reads everything, leaves an index as it is. */
export function clientView(client: Pick<TargetClient, 'readsCondaFormat' | 'knowsVirtualPackages'> | undefined): View {
  if (client === undefined || (client.readsCondaFormat && client.knowsVirtualPackages)) return (index) => index;
  const { readsCondaFormat, knowsVirtualPackages } = client;
  return (index) =>
    index.filter(
      (fn) =>
        (readsCondaFormat || formatOf(fn) !== 'conda') && (knowsVirtualPackages || !needsVirtualPackage(index, fn)),
    );
}

/** Does a record depend on `__glibc` or the like? A client without virtual packages can't install it. */
export function needsVirtualPackage(index: RepodataIndex, fn: string): boolean {
  const raw = index.rawRecord(fn);
  // Nearly no record has these two bytes in a row, and to look for them is far cheaper than to parse.
  if (raw === undefined || !bytesContain(raw, VIRTUAL)) return false;
  return textLists(raw, ['depends'])
    .flatMap(parsedList)
    .some((text) => dependencyName(text).startsWith('__'));
}

/** The other format's name of the same build: `x-1-0.conda` for `x-1-0.tar.bz2` and the reverse. Undefined for other files. */
export function twinOf(fn: string): string | undefined {
  const format = formatOf(fn);
  if (format === undefined) return undefined;
  return `${fn.slice(0, -(format.length + 1))}.${format === 'conda' ? 'tar.bz2' : 'conda'}`;
}
