import path from 'node:path';
import { isMissing } from '../../base/fs-errors.js';
import { readConfigText } from '../../config/config-file.js';
import { jsonSchema } from '../../config/json-schema.js';
import { CONFIG_NAME } from '../../config/resolve-settings.js';
import { STATE_NAME } from '../../delivery/place/root.js';
import type { Runtime } from '../../runtime/runtime.js';
import { publishedFolders } from '../labels.js';
import { configText, labelBlocks, withLabels, without } from './config-text.js';
import { notWritten } from './not-written.js';
import { settingsOfManifest, type LabelSettings } from './settings-of-manifest.js';

export interface InitRequest {
  /** Absolute. */
  root: string;
  /** Labels that the file declares already. */
  declared: readonly string[];
  /** What is in force for every label of the file, by key. */
  known: Readonly<Record<string, unknown>>;
  addMissing: boolean;
  /** Asks somebody at a terminal; undefined: nobody is there. An empty answer leaves it open. */
  ask: ((question: string) => Promise<string>) | undefined;
}

export interface InitReport {
  job: 'init';
  root: string;
  file: string;
  outcome: 'written' | 'extended' | 'complete' | 'to-paste';
  /** Labels that were taken over from what is published. */
  labels: string[];
  /** Folders that are none, and why. */
  passedOver: { label: string; why: string }[];
  /** Where `outcome` is `to-paste`: the lines for `labels:`. */
  block?: string;
}

/** Below ROOT/.repackenv; no label begins with a dot. */
const SCHEMA_NAME = '.schema.json';

/**
 * Writes ROOT/repackenv.yml, with a label for each folder that was published there. An existing file is never overwritten: labels that it lacks are
 * shown, or with `addMissing` put behind its own.
 *
 * @throws RepackError E_ROOT, E_CONFIG
 */
export async function init(rt: Runtime, request: InitRequest): Promise<InitReport> {
  const { root, declared, known, addMissing } = request;
  const file = path.join(root, CONFIG_NAME);
  const { labels, passedOver } = await publishedLabels(rt, root);
  const report = { job: 'init' as const, root, file, passedOver };
  const there = await textOf(rt, file);
  if (there === undefined) {
    const text = configText({ ...(await answers(request, labels)), schema: `${STATE_NAME}/${SCHEMA_NAME}` });
    readConfigText(Buffer.from(text), file);
    await writeFiles(rt, root, async () => rt.fs.writeNew(file, text));
    return { ...report, outcome: 'written', labels: labels.map(({ label }) => label) };
  }
  const missing = labels
    .filter(({ label }) => !declared.includes(label))
    .map(({ label, packages, settings, open }) => ({ label, packages, open, settings: without(settings, known) }));
  const names = missing.map(({ label }) => label);
  if (missing.length === 0) return { ...report, outcome: 'complete', labels: [] };
  const block = `${labelBlocks(missing, '  ').join('\n')}\n`;
  const text = addMissing ? withLabels(there, missing) : undefined;
  if (text === undefined || !declares(text, file, [...declared, ...names]))
    return { ...report, outcome: 'to-paste', labels: names, block };
  await writeFiles(rt, root, async () => rt.fs.writeWhole(file, text));
  return { ...report, outcome: 'extended', labels: names };
}

async function publishedLabels(
  rt: Runtime,
  root: string,
): Promise<Pick<InitReport, 'passedOver'> & { labels: LabelSettings[] }> {
  const labels: LabelSettings[] = [];
  const passedOver: InitReport['passedOver'] = [];
  for (const { label, manifest, signed } of await publishedFolders(rt, root)) {
    const found =
      manifest.label === label ? settingsOfManifest(manifest, signed) : `its manifest is of ${manifest.label}`;
    if (typeof found === 'string') passedOver.push({ label, why: found });
    else labels.push(found);
  }
  return { labels, passedOver };
}

async function answers({ ask }: InitRequest, labels: readonly LabelSettings[]) {
  if (ask === undefined) return { labels };
  const said = async (question: string): Promise<string | undefined> => (await ask(question)).trim() || undefined;
  const owner =
    labels.length > 0
      ? undefined
      : await said('Your account on the server, as in …/OWNER/label/LABEL (empty: later): ');
  const tokenEnv = await said('Environment variable that holds the token (empty: later): ');
  return { labels, owner, tokenEnv };
}

function declares(text: string, file: string, labels: readonly string[]): boolean {
  const found = readConfigText(Buffer.from(text), file).declared?.labels;
  return labels.length === found?.size && labels.every((label) => found.has(label));
}

async function writeFiles(rt: Runtime, root: string, writeConfig: () => Promise<void>): Promise<void> {
  const stateDir = path.join(root, STATE_NAME);
  try {
    await rt.fs.mkdirp(stateDir);
    await rt.fs.writeWhole(path.join(stateDir, SCHEMA_NAME), `${JSON.stringify(jsonSchema('config'), undefined, 2)}\n`);
    await writeConfig();
  } catch (cause) {
    const hint = 'Check that the folder is there, its rights, and free space.';
    throw notWritten('E_ROOT', { name: CONFIG_NAME, where: root, hint, cause });
  }
}

async function textOf(rt: Runtime, file: string): Promise<string | undefined> {
  try {
    return await rt.fs.readText(file);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
