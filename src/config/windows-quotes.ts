import { RepackError } from '../base/errors.js';

/**
 * On Windows `"E:\"` arrives as `E:"`, with whatever follows in the same argument: the backslash takes the closing quote for a part of the
 * path (the rules of CommandLineToArgvW). Throws E_USAGE for a path with a quote in it, which Windows has none of.
 */
export function refuseQuotesInPaths(args: readonly string[], platform: string): void {
  if (platform !== 'win32') return;
  for (const arg of args) {
    const [, path] = /^(?:--[a-z-]+=)?((?:[A-Za-z]:|\\\\|\.{1,2}\\)[^"]*)"/.exec(arg) ?? [];
    if (path === undefined) continue;
    throw new RepackError('E_USAGE', {
      what: 'A path holds a quotation mark: the backslash before it made it a part of the path',
      // What follows may be the token.
      where: `${path}"`,
      hint: `Write it without the last backslash, or double that: "${path}\\\\".`,
    });
  }
}
