import { describe, expect, it } from 'vitest';
import { bufferSource } from '../../../src/archive/source.js';
import { readArtifactInfo, type ArtifactInfo } from '../../../src/archive/artifact-info.js';
import type { ArchiveMember } from '../../../scripts/lib/conda-package.js';
import { condaOf, countingSource, fixture, indexJson, STEM, tarBz2Of } from './archives.js';

const INDEX = { name: 'info/index.json', content: indexJson() };
const NONE: ArtifactInfo = { licenseFiles: [], linkScripts: [], activateScripts: [], menus: [] };

const listed = (...paths: string[]): ArchiveMember => ({ name: 'info/files', content: `${paths.join('\n')}\n` });
const pathsJson = (...paths: string[]): ArchiveMember => ({
  name: 'info/paths.json',
  content: JSON.stringify({ paths_version: 1, paths: paths.map((_path) => ({ _path, path_type: 'hardlink' })) }),
});

const formats = [
  ['.conda', condaOf],
  ['.tar.bz2', tarBz2Of],
] as const;

const rows: [string, string[], Partial<ArtifactInfo>][] = [
  ['a script after linking', ['bin/.pkg-post-link.sh'], { linkScripts: ['bin/.pkg-post-link.sh'] }],
  ['one before linking', ['bin/.pkg-pre-link.sh'], { linkScripts: ['bin/.pkg-pre-link.sh'] }],
  ['one before unlinking, on Windows', ['Scripts/.p-pre-unlink.bat'], { linkScripts: ['Scripts/.p-pre-unlink.bat'] }],
  ['one after unlinking', ['bin/.pkg-post-unlink.sh'], { linkScripts: ['bin/.pkg-post-unlink.sh'] }],
  ['one of a noarch package', ['python-scripts/.p-post-link.sh'], { linkScripts: ['python-scripts/.p-post-link.sh'] }],
  ['one that is named after another package', ['bin/.x-post-link.sh'], { linkScripts: ['bin/.x-post-link.sh'] }],
  ['one in other letters', ['scripts/.P-POST-LINK.BAT'], { linkScripts: ['scripts/.P-POST-LINK.BAT'] }],
  ['a file with such a name elsewhere', ['share/.pkg-post-link.sh', 'bin/pkg-post-link.sh', 'bin/.pkg-post-link'], {}],
  ['a script on activation', ['etc/conda/activate.d/a.sh'], { activateScripts: ['etc/conda/activate.d/a.sh'] }],
  ['one on leaving', ['etc/conda/deactivate.d/a.bat'], { activateScripts: ['etc/conda/deactivate.d/a.bat'] }],
  ['a shortcut', ['Menu/spyder.json', 'Menu/spyder.ico'], { menus: ['Menu/spyder.json'] }],
  ['a file below Menu', ['Menu/data/x.json', 'share/Menu/x.json'], {}],
  [
    'paths as Windows writes them',
    ['Menu\\a.json', 'Scripts\\.p-post-link.bat'],
    {
      menus: ['Menu/a.json'],
      linkScripts: ['Scripts/.p-post-link.bat'],
    },
  ],
];

describe.each(formats)('readArtifactInfo on a %s', (extension, make) => {
  const read = async (...members: ArchiveMember[]) =>
    readArtifactInfo(bufferSource(await make([INDEX, ...members])), `${STEM}${extension}`);

  it.each(rows)('finds %s', async (_, paths, found) => {
    expect(await read(listed(...paths))).toEqual({ ...NONE, ...found });
    expect(await read(pathsJson(...paths))).toEqual({ ...NONE, ...found });
  });

  it('goes by paths.json where both are there, by the plain list where the other is none', async () => {
    expect((await read(listed('Menu/a.json'), pathsJson('Menu/b.json'))).menus).toEqual(['Menu/b.json']);
    const broken = { name: 'info/paths.json', content: '{"paths":' };
    expect((await read(broken, listed('Menu/a.json'))).menus).toEqual(['Menu/a.json']);
  });

  it('names the licence files, as old and new builds have them', async () => {
    const names = ['info/licenses/b/COPYING', 'info/licenses/LICENSE', 'info/LICENSE.txt', 'info/about.json'];
    const found = await read(...names.map((name) => ({ name, content: '{}' })), listed());
    expect(found.licenseFiles).toEqual(['info/LICENSE.txt', 'info/licenses/LICENSE', 'info/licenses/b/COPYING']);
  });

  it('refuses one without a list of its files', async () => {
    await expect(read()).rejects.toMatchObject({ code: 'E_ARTIFACT_CORRUPT' });
  });
});

describe('readArtifactInfo', () => {
  it('stops a .tar.bz2 at its payload, and takes the licence files behind it from about.json', async () => {
    const noise = Array.from({ length: 400_000 }, (_, at) => String.fromCharCode(33 + ((at * at * 31) % 89))).join('');
    const members = [
      INDEX,
      { name: 'info/about.json', content: '{"license_file": ["LICENSE", "docs/COPYING"]}' },
      listed('share/noise', 'bin/.pkg-post-link.sh'),
      { name: 'info/licenses/LICENSE', content: 'MIT' },
      { name: 'share/noise', content: noise.repeat(9) },
      { name: 'info/licenses/COPYING', content: 'GPL' },
    ];
    const source = countingSource(await tarBz2Of(members));
    expect(await readArtifactInfo(source, `${STEM}.tar.bz2`)).toEqual({
      ...NONE,
      licenseFiles: ['docs/COPYING', 'info/licenses/LICENSE'],
      linkScripts: ['bin/.pkg-post-link.sh'],
    });
    const late = countingSource(await tarBz2Of([members[4]!, ...members.filter((_, at) => at !== 4)]));
    expect((await readArtifactInfo(late, `${STEM}.tar.bz2`)).linkScripts).toEqual(['bin/.pkg-post-link.sh']);
    expect(source.bytesRead()).toBeLessThan(source.size / 2 + 65_536);
  });

  it.each(['conda', 'tar.bz2'])('reads a .%s that other tools made', async (extension) => {
    const source = bufferSource(fixture(`refpkg-1.0-py_0.${extension}`));
    expect(await readArtifactInfo(source, `refpkg-1.0-py_0.${extension}`)).toEqual(NONE);
  });
});
