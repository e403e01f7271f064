import path from 'node:path';
import { nearest } from '../../base/nearest.js';
import { RepackError } from '../../base/errors.js';
import type { Machine } from '../../runtime/runtime.js';
import { installerOf, type Installer } from '../installers.js';
import { pathInFile } from '../path-in-file.js';
import type { ResolvedSettings, SettingsLayer } from '../resolve-settings.js';
import { Wrong } from '../yaml/step.js';
import { chainOf } from './chain.js';
import type { Declared, WrittenSpec } from './types.js';

/** A declared label with everything that is in force for it. */
export interface DeclaredLabel {
  label: string;
  /** Command line over environment over label over its defaults over the rest of the file over default. */
  settings: ResolvedSettings;
  /** Undefined: left open. */
  packages: { specs: readonly WrittenSpec[]; origin: string } | undefined;
  /** Names of its policies. */
  policy: readonly string[];
  /** Undefined: left open. */
  installers: { files: readonly Installer[]; origin: string } | undefined;
  /** Where the token is, as `readToken` takes it: `env:NAME`, `file:PATH`. */
  token: { source: string; origin: string } | undefined;
}

/** @throws RepackError E_USAGE for a label that is not declared */
export function declaredLabel(
  { machine }: { machine: Pick<Machine, 'homedir'> },
  settings: ResolvedSettings,
  label: string,
): DeclaredLabel {
  const { declared } = settings;
  const own = declared?.labels.get(label);
  if (declared === undefined || own === undefined) throw notDeclared(label, declared);
  const sets = Object.fromEntries(declared.defaults);
  const chain = [own, ...chainOf(own.from, sets).map((name) => declared.defaults.get(name)!)];
  const layers = chain.map(({ values, origin, line }): SettingsLayer => ({
    values,
    file: declared.file,
    origin: `${origin}, line ${line}`,
  }));
  const asking = chain.find(({ packages }) => packages !== undefined);
  const bringing = chain.find(({ installers }) => installers !== undefined);
  const full = (file: string): string => pathInFile(machine, path.dirname(declared.file), file);
  const knowing = chain.find(({ token }) => token !== undefined);
  return {
    label,
    settings: settings.under(layers),
    packages: asking && { specs: asking.packages!, origin: `${asking.origin}, line ${asking.line}` },
    policy: policyNamesOf(declared, label, { undeclared: false }),
    installers: bringing && {
      // What is wrong with one was said when the file was read.
      files: bringing
        .installers!.map((each) => installerOf(each, full))
        .filter((each): each is Installer => !(each instanceof Wrong)),
      origin: `${bringing.origin}, line ${bringing.line}`,
    },
    token: knowing && {
      source: 'env' in knowing.token! ? `env:${knowing.token.env}` : `file:${full(knowing.token!.file)}`,
      origin: `${knowing.origin}, line ${knowing.line}`,
    },
  };
}

/** The policies that hold for a label: its own, else those of its defaults. */
export function policyNamesOf(declared: Declared, label: string, { undeclared }: { undeclared: boolean }): string[] {
  const own = declared.labels.get(label);
  if (own === undefined && !undeclared) return [];
  const sets = Object.fromEntries(declared.defaults);
  const chain = [own, ...chainOf(own?.from ?? [], sets).map((name) => declared.defaults.get(name))];
  return [...(chain.find((block) => block?.policy !== undefined)?.policy ?? [])];
}

/** Of labels, in a message. */
const SHOWN = 8;

/** `file`: where labels would be declared, if none is. */
export function notDeclared(name: string, declared: Declared | undefined, file?: string): RepackError {
  const near = nearest(name, declared?.labels.keys() ?? []);
  const all = [...(declared?.labels.keys() ?? [])];
  const which = near === undefined ? fewOf(all) : `Did you mean ${near}? `;
  return new RepackError('E_USAGE', {
    what: `"${name}" is no declared label`,
    where: declared?.file ?? file ?? 'command line',
    hint: `${declared === undefined && file !== undefined ? 'Nothing is declared there: is it the right ROOT? repackenv init ROOT writes down what is published. ' : which}For a package say --label LABEL.`,
  });
}

/** The declared labels, as far as they fit. */
function fewOf(labels: readonly string[]): string {
  if (labels.length === 0) return '';
  const more = labels.length > SHOWN ? ` and ${labels.length - SHOWN} more (repackenv labels)` : '';
  return `Declared: ${labels.slice(0, SHOWN).join(', ')}${more}. `;
}
