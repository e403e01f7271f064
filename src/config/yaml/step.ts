import { z } from 'zod';

/** What is wrong with a value, and what to write instead (absent: the key's example): `"KEY" WHAT`. */
export class Wrong {
  constructor(
    readonly what: string,
    readonly hint = '',
  ) {}

  /** As the message of a schema: a second line begins with what to do. */
  get message(): string {
    return `${this.what}\n${this.hint}`;
  }
}

/** The last step of a schema: `make` gives the value that is kept, or what is wrong with the one written. */
export function step<In, Out>(make: (value: In) => Out | Wrong) {
  return z.transform((value: In, context): Out => {
    const made = make(value);
    if (!(made instanceof Wrong)) return made;
    context.issues.push({ code: 'custom', message: made.message, input: value });
    return z.NEVER;
  });
}
