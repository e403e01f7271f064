import { createHash } from 'node:crypto';
import { RepackError } from '../../base/errors.js';

/** One part of all labels, for one of several hosts (design D22): the first of eight is 1/8. */
export interface Shard {
  part: number;
  of: number;
  /** As it is shown: `3/8`. */
  text: string;
}

const MOST_PARTS = 10_000;

/** @throws RepackError E_USAGE */
export function parseShard(text: string): Shard {
  const [, part, of] = /^([1-9]\d{0,4})\/([1-9]\d{0,4})$/.exec(text.trim()) ?? [];
  const shard = { part: Number(part), of: Number(of), text: `${part}/${of}` };
  if (part !== undefined && shard.part <= shard.of && shard.of <= MOST_PARTS) return shard;
  throw new RepackError('E_USAGE', {
    what: `--shard takes K/N, with K from 1 to N and N at most ${MOST_PARTS}`,
    where: `--shard ${text}`,
    hint: 'On the third of eight hosts: --shard 3/8. Every host gives the same N.',
  });
}

/** By the label alone, so that each host, whatever else is declared there, comes to the same answer. */
export function isInShard(label: string, { part, of }: Shard): boolean {
  return createHash('sha256').update(label).digest().readUIntBE(0, 6) % of === part - 1;
}
