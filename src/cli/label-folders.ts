import path from 'node:path';
import { isThere } from '../channel/read/list-folder.js';
import { findRoot } from '../config/labels/find-root.js';
import type { Runtime } from '../runtime/runtime.js';
import { nearest } from '../base/nearest.js';
import { textOption, type CliCommand, type Typed } from './command.js';
import { sayRoot } from './require-root.js';

type Named = Typed & { command: CliCommand };

/** LABEL or LABEL@N: one path segment that is no option, no URL and no number of a generation. */
const LABEL_ALONE = /^[A-Za-z0-9_][A-Za-z0-9._-]*(?:@[^@\\/]+)?$/;

/**
 * Wherever a label folder is meant, LABEL or LABEL@N alone is one in ROOT: `--root`, else as `findRoot` finds it. Without `--root` what lies
 * in the working directory under that name comes first, and what is not in ROOT stays as it was typed.
 */
export async function nameFolders<T extends Named>(rt: Runtime, typed: T): Promise<T> {
  const named = await inRoot(rt, typed);
  // `diff` takes what is not there for a channel, and says so.
  if (named.command.name !== 'diff') await sayMissing(rt, named);
  return named;
}

/** Which folder is not there, and which was probably meant: said once for all commands, in front of the refusal that each has in its own words. */
async function sayMissing(rt: Runtime, { command, args, options }: Named): Promise<void> {
  const { cwd } = rt.machine;
  for (const index of command.folders ?? []) {
    const word = args[index] ?? '';
    const folder = word.replace(/@[^@\\/]*$/, '');
    if (folder === '' || folder.includes('://')) continue;
    const there = await Promise.all([word, folder].map((each) => isThere(rt, path.resolve(cwd, each))));
    if (there.includes(true)) continue;
    const isAlone = LABEL_ALONE.test(word);
    const root = isAlone ? await findRoot(rt, textOption({ args, options }, 'root')) : undefined;
    const places = [
      path.dirname(path.resolve(cwd, folder)),
      ...(root === undefined ? [] : [path.resolve(cwd, root.root)]),
    ];
    if (await isThere(rt, path.join(places.at(-1)!, path.basename(folder)))) continue;
    const beside = await Promise.all(places.map((place) => rt.fs.readdir(place).catch(() => [])));
    const near = nearest(
      path.basename(folder),
      beside.flat().flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])),
    );
    const meant = near === undefined ? undefined : isAlone ? near : path.join(path.dirname(folder), near);
    const noRoot = `in ${cwd}, and no ROOT is known: --root ROOT or REPACKENV_ROOT says where the labels are`;
    if (meant !== undefined || (isAlone && root === undefined))
      rt.events.emit({
        type: 'note',
        message: `there is no ${folder}${meant === undefined ? ` ${noRoot}` : `. Did you mean ${meant}?`}`,
      });
  }
}

async function inRoot<T extends Named>(rt: Runtime, typed: T): Promise<T> {
  const { folders, labelOfRoot } = typed.command;
  const at = folders ?? (labelOfRoot === true ? [0] : []);
  const alone = at.filter((index) => LABEL_ALONE.test(typed.args[index] ?? ''));
  if (alone.length === 0) return typed;
  const given = typeof typed.options['root'] === 'string' ? typed.options['root'] : undefined;
  const found = await findRoot(rt, given);
  if (found === undefined) return typed;
  const root = path.resolve(rt.machine.cwd, found.root);
  if (labelOfRoot === true) {
    if (given === undefined) sayRoot(rt, { ...found, root });
    return { ...typed, options: { ...typed.options, root } };
  }
  const args = [...typed.args];
  for (const index of alone) {
    const word = args[index]!;
    const label = word.replace(/@.*$/, '');
    const isHere = given === undefined && (await isThere(rt, path.resolve(rt.machine.cwd, label)));
    const isInRoot = !isHere && ((await isThere(rt, path.join(root, label))) || given !== undefined);
    if (isInRoot) args[index] = path.join(root, word);
  }
  if (given === undefined && args.some((arg, index) => arg !== typed.args[index])) sayRoot(rt, { ...found, root });
  return { ...typed, args };
}
