import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeChannel } from '../../../../scripts/lib/sample-upstream.js';
import { nodeFileSystem } from '../../../../src/runtime/fs.js';
import { folderChannel, folderSource } from '../../../../src/channel/read/folder-source.js';
import { samplePackages, tempDir } from '../../delivery/proof/staged.js';

const temp = tempDir();
let dir: string;

beforeAll(async () => {
  dir = temp.sub('a channel');
  await makeChannel(dir, await samplePackages());
});
afterAll(() => temp.remove());

it('reads the indexes of a folder, once each, whatever the channel is called', async () => {
  const fs = nodeFileSystem();
  const reads: string[] = [];
  const readFile: typeof fs.readFile = (path) => {
    reads.push(path);
    return fs.readFile(path);
  };
  const source = folderSource({ fs: { ...fs, readFile } }, dir);
  const channel = folderChannel(dir, 'halkbank');
  const [first, second] = [await source.repodata(channel, 'noarch'), await source.repodata(channel, 'noarch')];
  expect([...(first?.allFilenames() ?? [])].sort()).toEqual(['pytho-1.9-0.conda', 'six-1.16.0-0.tar.bz2']);
  expect(second).toBe(first);
  expect(reads).toEqual([join(dir, 'noarch', 'repodata.json')]);
});

it('has nothing where there is no such subdir', async () => {
  const source = folderSource({ fs: nodeFileSystem() }, dir);
  expect(await source.repodata(folderChannel(dir, 'x'), 'win-64')).toBeUndefined();
});

it('E8 refuses an index that is none', async () => {
  mkdirSync(join(dir, 'osx-64'));
  writeFileSync(join(dir, 'osx-64', 'repodata.json'), '');
  const source = folderSource({ fs: nodeFileSystem() }, dir);
  await expect(source.repodata(folderChannel(dir, 'x'), 'osx-64')).rejects.toMatchObject({ code: 'E_REPODATA' });
});

it('names the channel by its folder', () => {
  expect(folderChannel(dir, 'halkbank').url).toMatch(/^file:\/\/\/.*\/a%20channel$/);
});
