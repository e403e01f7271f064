import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Manifest } from '../../../src/channel/manifest/manifest.js';
import { readInfos, readRuns, runsSection } from '../../../src/site/runs.js';
import { nodeFileSystem } from '../../../src/runtime/fs.js';

/** What runs at installation, out of the folder's own bill of materials: vendor and site say the same. */

const PATH = 'linux-64/app-1.0-0.conda';
const manifest = { files: [{ path: PATH, sha256: 'ab' }, { path: 'papers/sbom.cdx.json' }] } as Manifest;
const component = (more: object = {}) => ({
  'bom-ref': PATH,
  properties: [
    { name: 'conda:link-script', value: 'bin/.app-post-link.sh' },
    { name: 'conda:activate-script', value: 'etc/conda/activate.d/app.sh' },
    { name: 'conda:menu', value: 'Menu/app.json' },
    { name: 'conda:license-file', value: 'info/licenses/LICENSE' },
  ],
  ...more,
});

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'repackenv-runs-'));
  mkdirSync(join(dir, 'papers'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const read = (text: string, of = manifest) => {
  writeFileSync(join(dir, 'papers', 'sbom.cdx.json'), text);
  return readRuns({ fs: nodeFileSystem() }, { dir, manifest: of });
};

describe('readRuns', () => {
  it('names link scripts and menus of the packages in the folder', async () => {
    const runs = await read(
      JSON.stringify({ components: [component(), component({ 'bom-ref': 'noarch/gone-1-0.conda' })] }),
    );
    expect(runs).toEqual([{ path: PATH, files: ['bin/.app-post-link.sh', 'Menu/app.json'] }]);
    expect(runsSection(runs).join('\n')).toContain('- `app-1.0-0.conda`: `bin/.app-post-link.sh`, `Menu/app.json`');
  });

  it('all that was read out of a package is found by its digest', async () => {
    writeFileSync(join(dir, 'papers', 'sbom.cdx.json'), JSON.stringify({ components: [component()] }));
    expect([...(await readInfos({ fs: nodeFileSystem() }, { dir, manifest }))]).toEqual([
      [
        'ab',
        {
          linkScripts: ['bin/.app-post-link.sh'],
          activateScripts: ['etc/conda/activate.d/app.sh'],
          menus: ['Menu/app.json'],
          licenseFiles: ['info/licenses/LICENSE'],
        },
      ],
    ]);
  });

  it.each([
    ['nothing runs', JSON.stringify({ components: [component({ properties: [] })] })],
    ['no components', '{}'],
    ['components that are no list', '{"components": {"a": 1}}'],
    ['a component that is no object', '{"components": [null, 1]}'],
    ['no JSON', 'x'],
  ])('nothing: %s', async (_name, text) => {
    expect(await read(text)).toEqual([]);
    expect(runsSection([])).toEqual([]);
  });

  it('nothing where the folder has no bill of materials', async () => {
    expect(
      await read(JSON.stringify({ components: [component()] }), { files: [] as Manifest['files'] } as Manifest),
    ).toEqual([]);
  });
});
