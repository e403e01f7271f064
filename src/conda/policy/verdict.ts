/** A package that a policy denies. */
export interface PolicyDenial {
  /** `linux-64/openssl-3.0.14-h_0.conda` */
  path: string;
  name: string;
  version: string;
  policy: string;
  /** As a person reads it: `deny licenses: GPL3`. */
  rule: string;
  because: string;
  /** What pulls it in, from what was asked for on; null where nothing says it. */
  way: string | null;
}

/** What a policy says of a channel (design D19): it stands in the receipt, not in the folder. */
export interface PolicyVerdict {
  policies: string[];
  /** When it was judged: ISO 8601, UTC. */
  at: string;
  packages: number;
  denied: PolicyDenial[];
  /** A signature is required, and there is none. */
  unsigned: boolean;
  /** What an exception let through. */
  excepted: (Omit<PolicyDenial, 'way'> & { reason: string; until: string })[];
  /** Let through by a rule on age for want of a date. */
  undated: string[];
  /** Exceptions past their last day, which count no more. */
  ended: { packages: string[]; reason: string; until: string }[];
}

export function isAllowed({ denied, unsigned }: PolicyVerdict): boolean {
  return denied.length === 0 && !unsigned;
}
