import { describe, expect, it } from 'vitest';
import { folderPage } from '../../../src/answers/folder-page.js';
import { sampleAsked } from '../../helpers/asked.js';

const PACKAGES = [
  { name: 'app', version: '2.0', depends: ['lib >=1', 'python'], license: 'MIT' },
  { name: 'lib', version: '1.1', depends: [], license: ' ' },
  { name: 'python', version: '3.12.1', depends: [], license: 'PSF-2.0', subdir: 'noarch' },
];

describe('folderPage', () => {
  const now = sampleAsked({ specs: ['app'], generation: 2, packages: PACKAGES });
  const page = folderPage(now, { before: null, files: [] });

  it('tells of each package why it is there and what it states', () => {
    expect(page.packages.map(({ name, license, asked, neededBy }) => [name, license, asked, neededBy])).toEqual([
      ['app', 'MIT', ['app'], []],
      ['lib', null, [], ['app']],
      ['python', 'PSF-2.0', [], ['app']],
    ]);
    expect(page.trees[0]!.roots[0]).toMatchObject({
      name: 'app',
      packages: [{ name: 'lib', constraint: 'lib >=1' }, { name: 'python' }],
    });
    expect(page).toMatchObject({ title: 'acme', generation: 2, bytes: 3, base: '../', placeholder: '/repos/acme' });
    expect(page.licences).toMatchObject({ families: { MIT: 1, PSF: 1, NONE: 1 } });
  });

  it('tells what changed, that it is the first, or nothing', () => {
    const before = sampleAsked({ specs: ['app'], packages: [{ ...PACKAGES[0]!, version: '1.0' }, PACKAGES[1]!] });
    expect(folderPage(now, { before, files: [] }).changes).toMatchObject({
      from: { generation: 1 },
      upgraded: [],
      kept: 0,
    });
    expect([page.changes, folderPage(now, { before: undefined, files: [] }).changes]).toEqual(['first', undefined]);
  });

  it('has the commands that install and prove', () => {
    const lines = [...page.install, ...page.proofs].flatMap(({ lines }) => lines);
    expect(lines).toContain('conda create -n my-env --override-channels -c file:///repos/acme app');
    expect(lines).toEqual(
      expect.arrayContaining(['cd /repos/acme', 'sha256sum -c SHA256SUMS', 'sh /repos/acme.verify.sh /repos/acme']),
    );
    expect(lines.filter((line) => line.startsWith('ssh-keygen'))).toHaveLength(1);
    const unsigned = folderPage(now, { before: null, files: [], signed: false });
    expect(unsigned.proofs.flatMap(({ lines }) => lines).join()).not.toContain('ssh-keygen');
  });
});
