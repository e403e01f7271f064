import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makePackage } from '../../../scripts/lib/conda-package.js';
import { nodeFileSystem } from '../../../src/runtime/fs.js';
import { artifactInfo, keptArtifactInfo, type ArtifactAtHand } from '../../../src/store/artifact-info.js';
import { tempDir } from '../../helpers/artifacts.js';
import { testRuntime } from '../../helpers/runtime.js';

const INFO = { licenseFiles: [], linkScripts: ['bin/.app-post-link.sh'], activateScripts: [], menus: [] };

async function atHand(): Promise<{ storeDir: string; artifact: ArtifactAtHand; kept: string }> {
  const made = await makePackage({ name: 'app', version: '1', files: { 'bin/.app-post-link.sh': 'echo\n' } });
  const dir = tempDir();
  const [path, storeDir, sha256] = [join(dir, 'artifact'), join(dir, 'store'), made.record.sha256!];
  writeFileSync(path, made.bytes);
  const artifact = { fn: made.distFilename, sha256, path };
  return { storeDir, artifact, kept: join(storeDir, 'info', sha256.slice(0, 2), sha256) };
}

describe('artifactInfo', () => {
  it('reads an artifact once, and leaves nothing but the answer', async () => {
    const { storeDir, artifact, kept } = await atHand();
    const rt = testRuntime();
    expect(await keptArtifactInfo(rt, storeDir, artifact.sha256)).toBeUndefined();
    expect(await artifactInfo(rt, storeDir, artifact)).toEqual(INFO);
    expect(readdirSync(join(storeDir, 'tmp'))).toEqual([]);
    expect(readdirSync(dirname(kept))).toEqual([artifact.sha256]);
    rmSync(artifact.path);
    expect(await artifactInfo(rt, storeDir, artifact)).toEqual(INFO);
    expect(await keptArtifactInfo(rt, storeDir, artifact.sha256)).toEqual(INFO);
  });

  const torn: [string, (text: string) => string][] = [
    ['cut off', (text) => text.slice(0, 30)],
    ['empty', () => ''],
    ['of another form', (text) => text.replace('"form":1', '"form":0')],
    ['with another type in it', (text) => text.replace('"menus":[]', '"menus":[1]')],
  ];
  it.each(torn)('reads the artifact again where what was kept is %s', async (_, spoil) => {
    const { storeDir, artifact, kept } = await atHand();
    const rt = testRuntime();
    await artifactInfo(rt, storeDir, artifact);
    const good = readFileSync(kept, 'utf8');
    writeFileSync(kept, spoil(good));
    expect(await artifactInfo(rt, storeDir, artifact)).toEqual(INFO);
    expect(readFileSync(kept, 'utf8')).toBe(good);
  });

  it('gives nothing for what is no package, and keeps nothing of it', async () => {
    const { storeDir, artifact, kept } = await atHand();
    writeFileSync(artifact.path, 'not a zip file');
    expect(await artifactInfo(testRuntime(), storeDir, artifact)).toBeUndefined();
    expect(() => readFileSync(kept)).toThrow('ENOENT');
  });

  it('says what the disk says of the artifact', async () => {
    const { storeDir, artifact } = await atHand();
    rmSync(artifact.path);
    await expect(artifactInfo(testRuntime(), storeDir, artifact)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('answers also where nothing can be kept', async () => {
    const { storeDir, artifact } = await atHand();
    const fs = { ...nodeFileSystem(), mkdirp: async () => Promise.reject(new Error('read-only')) };
    expect(await artifactInfo(testRuntime({ fs }), storeDir, artifact)).toEqual(INFO);
  });

  it('never takes a digest for a path', async () => {
    const { storeDir, artifact } = await atHand();
    const odd = { ...artifact, sha256: '../../../x' };
    expect(await keptArtifactInfo(testRuntime(), storeDir, odd.sha256)).toBeUndefined();
  });
});
