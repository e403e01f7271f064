const REVEAL = Symbol('reveal');

/**
 * A value that prints as `[secret]` wherever it is put into text or JSON (design D10). Only {@link reveal} gives the
 * value back, so every place that uses it can be found by name.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  [REVEAL](): string {
    return this.#value;
  }

  toString(): string {
    return '[secret]';
  }

  toJSON(): string {
    return '[secret]';
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '[secret]';
  }
}

export function reveal(secret: Secret): string {
  return secret[REVEAL]();
}
