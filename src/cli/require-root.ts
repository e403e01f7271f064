import path from 'node:path';
import { RepackError } from '../base/errors.js';
import type { FoundRoot } from '../config/labels/find-root.js';
import type { Runtime } from '../runtime/runtime.js';
import type { CliCall, Typed } from './command.js';

/** ROOT as it was typed or found, absolute. @throws RepackError E_USAGE where there is none */
export function requireRoot(
  { root, rt }: Pick<CliCall, 'root' | 'rt'>,
  { what = 'ROOT is missing', hint }: { what?: string; hint: string },
): FoundRoot {
  if (root !== undefined) return { ...root, root: path.resolve(rt.machine.cwd, root.root) };
  throw new RepackError('E_USAGE', {
    what,
    where: `neither --root nor REPACKENV_ROOT, and no repackenv.yml with labels: in ${rt.machine.cwd} or above`,
    hint,
  });
}

/** With the ROOT that was typed or found; the latter is said. @throws RepackError E_USAGE where there is none */
export function withRoot<Call extends Typed & Pick<CliCall, 'root' | 'rt'>>(call: Call, usage: string): Call {
  const found = requireRoot(call, { hint: usage });
  if (found.said === undefined) return call;
  sayRoot(call.rt, found);
  return { ...call, options: { ...call.options, root: found.root } };
}

/** Where nobody typed it, also how it was found. */
export function sayRoot({ events }: Pick<Runtime, 'events'>, { root, said }: FoundRoot): void {
  events.emit({ type: 'note', message: `ROOT is ${root}${said === undefined ? '' : `, ${said}`}` });
}
