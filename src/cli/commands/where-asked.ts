import path from 'node:path';
import { MANIFEST_NAME } from '../../channel/manifest/manifest.js';
import { isThere } from '../../channel/read/list-folder.js';
import { findRoot } from '../../config/labels/find-root.js';
import { textOption, type CliCall } from '../command.js';
import { sayRoot } from '../require-root.js';

/** WHERE as typed; else `--root`; else this folder where it is a label folder; else ROOT as `findRoot` finds it; else this folder. */
export async function whereAsked(call: Pick<CliCall, 'args' | 'options' | 'rt'>, at: number): Promise<string> {
  const { args, rt } = call;
  const typed = args[at] ?? textOption(call, 'root');
  if (typed !== undefined) return typed;
  if (await isThere(rt, path.join(rt.machine.cwd, MANIFEST_NAME))) return '.';
  const found = await findRoot(rt, undefined);
  if (found === undefined) return '.';
  sayRoot(rt, found);
  return found.root;
}
