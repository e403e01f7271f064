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

/**
 * What was read out of the artifacts, sha256 -> that, from the folder's bill of materials: whoever has the folder says the same. Empty where it has
 * none. Throws nothing.
 */
export async function readInfos(
  rt: Pick<Runtime, 'fs'>,
  { dir, manifest }: { dir: string; manifest: Manifest },
): Promise<ReadonlyMap<string, ArtifactInfo>> {
  if (!manifest.files.some(({ path }) => path === SBOM)) return new Map();
  const text = await rt.fs.readText(join(dir, SBOM)).catch(() => '');
  const components = member(objectIn(text), 'components');
  const digests = new Map(manifest.files.map(({ path, sha256 }) => [path, sha256]));
  return new Map(
    (Array.isArray(components) ? components.filter(isObject) : []).flatMap((component) => {
      const sha256 = digests.get(String(component['bom-ref']));
      return sha256 === undefined ? [] : [[sha256, infoOf(component['properties'])] as const];
    }),
  );
}

function infoOf(properties: unknown): ArtifactInfo {
  const all = Array.isArray(properties) ? properties.filter(isObject) : [];
  const of = (kind: keyof ArtifactInfo): string[] =>
    all.flatMap(({ name, value }) => (name === SBOM_PROPERTIES[kind] ? [String(value)] : []));
  return {
    licenseFiles: of('licenseFiles'),
    linkScripts: of('linkScripts'),
    activateScripts: of('activateScripts'),
    menus: of('menus'),
  };
}

/** Packages of which something runs as they are installed or removed. */
export async function readRuns(
  rt: Pick<Runtime, 'fs'>,
  folder: { dir: string; manifest: Manifest },
): Promise<RunningPackage[]> {
  const infos = await readInfos(rt, folder);
  return folder.manifest.files.flatMap(({ path, sha256 }) => {
    const { linkScripts = [], menus = [] } = infos.get(sha256) ?? {};
    return linkScripts.length + menus.length === 0 ? [] : [{ path, files: [...linkScripts, ...menus] }];
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
