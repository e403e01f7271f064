import { join } from 'node:path';
import { isObject, member, objectIn } from '../base/json.js';
import type { ArtifactInfo } from '../archive/artifact-info.js';
import { splitPath } from '../conda/channel/names.js';
import type { Manifest } from '../channel/manifest/manifest.js';
import type { Runtime } from '../runtime/runtime.js';
import { code, section } from './markdown.js';

/** What was read out of an artifact, as properties of its component in the bill of materials. */
export const SBOM_PROPERTIES: Readonly<Record<keyof ArtifactInfo, string>> = {
  linkScripts: 'conda:link-script',
  activateScripts: 'conda:activate-script',
  menus: 'conda:menu',
  licenseFiles: 'conda:license-file',
};
const SBOM = 'papers/sbom.cdx.json';

/** A package that does something of its own on the machine: its path, and the scripts and menus in it. */
export interface RunningPackage {
  path: string;
  files: string[];
}

/** Out of the folder's bill of materials, so that whoever has the folder says the same; none where it has none. Throws nothing. */
export async function readRuns(
  rt: Pick<Runtime, 'fs'>,
  { dir, manifest }: { dir: string; manifest: Manifest },
): Promise<RunningPackage[]> {
  if (!manifest.files.some(({ path }) => path === SBOM)) return [];
  const text = await rt.fs.readText(join(dir, SBOM)).catch(() => '');
  const components = member(objectIn(text), 'components');
  const told = new Set([SBOM_PROPERTIES.linkScripts, SBOM_PROPERTIES.menus]);
  return (Array.isArray(components) ? components.filter(isObject) : []).flatMap((component) => {
    const properties = Array.isArray(component['properties']) ? component['properties'].filter(isObject) : [];
    const files = properties.flatMap(({ name, value }) => (told.has(String(name)) ? [String(value)] : []));
    const path = String(component['bom-ref']);
    return files.length === 0 || !manifest.files.some((file) => file.path === path) ? [] : [{ path, files }];
  });
}

export function runsSection(runs: readonly RunningPackage[]): string[] {
  if (runs.length === 0) return [];
  return section('What runs at installation', [
    'These packages bring scripts that conda runs as they are installed or removed, or entries for the menus of the desktop:',
    '',
    ...runs.map(({ path, files }) => `- ${code(splitPath(path)[1])}: ${files.map(code).join(', ')}`),
  ]);
}
