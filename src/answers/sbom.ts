// Not the whole, which brings its validators.
import * as Enums from '@cyclonedx/cyclonedx-library/Enums';
import * as Models from '@cyclonedx/cyclonedx-library/Models';
import * as Serialize from '@cyclonedx/cyclonedx-library/Serialize';
import * as Spec from '@cyclonedx/cyclonedx-library/Spec';
import { PackageURL } from 'packageurl-js';
import type { ArtifactInfo } from '../archive/artifact-info.js';
import type { Manifest } from '../channel/manifest/manifest.js';
import { uuidOf } from '../codec/digests.js';
import { formatOf, pathOf } from '../conda/channel/names.js';
import { isSpdxExpression } from '../conda/licence/licence-families.js';
import { SBOM_PROPERTIES } from '../site/runs.js';
import { platformsOf, type Asked, type AskedPackage } from './asked.js';
import { graphOf } from './graph.js';
import type { Infos } from './licenses.js';

/**
 * The bill of materials of a generation, CycloneDX 1.6 as JSON: each artifact a component with its purl, digests, licence, and address, named by its
 * path; edges as each platform has them. A function of manifest and records: no clock, no version of this program, and the serial number is a
 * UUID of the rest.
 */
export function sbomJson(asked: Asked & { manifest: Manifest }, infos: Infos): string {
  const { manifest, packages } = asked;
  const root = new Models.Component(Enums.ComponentType.Application, manifest.label, {
    bomRef: `label/${manifest.label}`,
    version: String(manifest.generation),
  });
  const components = new Map(packages.map((each) => [pathOf(each), componentOf(each, infos.get(each.sha256 ?? ''))]));
  for (const subdir of platformsOf(asked, [])) {
    const graph = graphOf(asked, subdir);
    for (const { fn, subdir: folder, needs } of graph.nodes)
      for (const { to } of needs) link(components.get(`${folder}/${fn}`), components.get(`${to.subdir}/${to.fn}`));
    for (const { nodes } of graph.wanted)
      for (const node of nodes) link(root, components.get(`${node.subdir}/${node.fn}`));
  }
  const bom = new Models.Bom({ components: new Models.ComponentRepository(components.values()) });
  bom.metadata.component = root;
  bom.metadata.tools.components.add(new Models.Component(Enums.ComponentType.Application, 'repackenv'));
  const serializer = new Serialize.JsonSerializer(new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6));
  const text = (): string => `${serializer.serialize(bom, { sortLists: true, space: 1 })}\n`;
  bom.serialNumber = `urn:uuid:${uuidOf(Buffer.from(text()))}`;
  return text();
}

function link(from: Models.Component | undefined, to: Models.Component | undefined): void {
  if (from !== undefined && to !== undefined) from.dependencies.add(to.bomRef);
}

function componentOf(each: AskedPackage, info: ArtifactInfo | undefined): Models.Component {
  const { subdir, fn, sha256, channel, record } = each;
  const component = new Models.Component(Enums.ComponentType.Library, record.name, {
    bomRef: pathOf(each),
    version: record.version,
    purl: condaPurl(each),
  });
  const digests = [
    [Enums.HashAlgorithm['SHA-256'], sha256 ?? record.sha256],
    [Enums.HashAlgorithm.MD5, record.md5],
  ] as const;
  for (const [algorithm, digest] of digests) if (digest !== undefined) component.hashes.set(algorithm, digest);
  const license = typeof record.license === 'string' ? record.license.trim() : '';
  if (license !== '')
    component.licenses.add(
      isSpdxExpression(license) ? new Models.LicenseExpression(license) : new Models.NamedLicense(license),
    );
  if (typeof channel === 'string') {
    const url = `${channel}/${subdir}/${fn}`;
    component.externalReferences.add(new Models.ExternalReference(url, Enums.ExternalReferenceType.Distribution));
  }
  const { linkScripts = [], activateScripts = [], menus = [], licenseFiles = [] } = info ?? {};
  const properties = { linkScripts, activateScripts, menus, licenseFiles };
  for (const [kind, paths] of Object.entries(properties))
    for (const path of paths)
      component.properties.add(new Models.Property(SBOM_PROPERTIES[kind as keyof ArtifactInfo], path));
  return component;
}

/** As the purl type `conda` has it: `pkg:conda/numpy@1.26.4?build=py39_0&channel=conda-forge&subdir=linux-64&type=conda`. */
function condaPurl({ subdir, fn, channel, record }: AskedPackage): string {
  const { name, version, build } = record;
  const qualifiers: Record<string, string> = { build, subdir, type: formatOf(fn) ?? 'conda' };
  if (typeof channel === 'string') qualifiers['channel'] = shortName(channel);
  return new PackageURL('conda', undefined, name, version, qualifiers, undefined).toString();
}

/** What people call a public channel, else its URL: then it says where it is. */
function shortName(url: string): string {
  return url.replace(/^https:\/\/(?:conda\.anaconda\.org|repo\.anaconda\.com\/pkgs)\//, '');
}
