import { expect, it } from 'vitest';
import type { Manifest, ManifestFile } from '../../../../src/channel/manifest/manifest.js';
import { whyMoved } from '../../../../src/channel/manifest/why-moved.js';

const file = (path: string, more: Partial<ManifestFile> = {}): ManifestFile => ({
  path,
  kind: 'artifact',
  size: 1,
  sha256: 'a',
  md5: 'a',
  record: 'r',
  ...more,
});
const before: Manifest = {
  schema: 1,
  label: 'acme',
  generation: 3,
  previous: null,
  specs: ['numpy'],
  channels: ['https://a/b'],
  subdirs: ['linux-64', 'noarch'],
  profiles: [{ subdir: 'linux-64', virtual_packages: [], client: null }],
  files: [file('linux-64/numpy-1-0.conda'), file('linux-64/repodata.json', { kind: 'index' })],
};
const [numpy, index] = before.files as [ManifestFile, ManifestFile];

it.each<[Partial<Manifest>, string[]]>([
  [{ files: [numpy, index, file('noarch/six-1-0.conda')] }, ['packages']],
  [{ files: [{ ...numpy, sha256: 'b' }, index] }, ['packages']],
  [{ files: [{ ...numpy, channel: 'https://a/c' }, index] }, ['packages']],
  [{ files: [{ ...numpy, record: 's' }, index] }, ['records']],
  [{ files: [numpy, index, file('installers/x.sh', { kind: 'side' })] }, ['side files']],
  [{ specs: ['numpy>=2'] }, ['specs']],
  [{ channels: ['https://a/b', 'https://a/c'] }, ['channels']],
  [{ subdirs: ['linux-64', 'noarch', 'win-64'] }, ['subdirs']],
  [{ profiles: [{ subdir: 'linux-64', virtual_packages: [], client: 'conda 4.12' }] }, ['profiles']],
  [{ files: [file('linux-64/numpy-2-0.conda'), index], specs: ['numpy>=2'] }, ['packages', 'specs']],
])('%j', (change, reasons) => {
  expect(whyMoved(before, { ...before, ...change, generation: 4 })).toEqual(reasons);
});

it('a first delivery, and one that stayed', () => {
  expect(whyMoved(undefined, before)).toEqual(['first delivery']);
  expect(whyMoved(before, { ...before, files: [numpy, { ...index, sha256: 'b' }] })).toEqual([]);
  expect(whyMoved(before, { ...before, specs: ['numpy>=2'] })).toEqual([]);
});
