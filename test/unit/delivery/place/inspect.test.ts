import { appendFile, mkdir, mkdtemp, readFile, rm, stat, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { inspectLabelFolder, requireOurs } from '../../../../src/delivery/place/inspect.js';
import { openRoot } from '../../../../src/delivery/place/root.js';
import { testRuntime, type TestRuntime } from '../../../helpers/runtime.js';
import { breaches, publishTiny, snapshot, type TinySet } from '../../../helpers/tiny-channel.js';

const PACKAGES: TinySet = { 'linux-64/a-1-0.conda': 'a one', 'noarch/n-1-0.conda': 'n one' };

let root: string;
let dir: string;
let rt: TestRuntime;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'repackenv-inspect-'));
  dir = join(root, 'acme');
  rt = testRuntime();
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe('D6a whose folder', () => {
  it('absent', async () => {
    expect(await inspect()).toMatchObject({ state: 'absent', manifest: undefined, strangers: [] });
  });

  it('empty, also with what desktops drop everywhere', async () => {
    await mkdir(dir);
    expect((await inspect()).state).toBe('empty');
    await put('.DS_Store', 'x');
    expect(await inspect()).toMatchObject({ state: 'empty', strangers: ['.DS_Store'] });
  });

  it('ours, every byte hashed', async () => {
    await publishTiny(rt, { root, packages: PACKAGES });
    const live = await inspect();
    expect(live.state).toBe('ours');
    expect([...live.files.keys()]).toEqual(Object.keys(await snapshot(dir)).sort());
    for (const file of live.manifest!.files) {
      expect(live.files.get(file.path)).toMatchObject({ size: file.size, sha256: file.sha256, md5: file.md5 });
    }
    expect(live.manifestSha256).toBe(live.files.get('manifest.json')!.sha256);
    expect(findings()).toEqual([]);
  });

  it.each([
    ['foreign-channel', 'linux-64/repodata.json', '{}'],
    ['foreign-channel', 'anything/repodata.json', '{"repodata_version": 2}'],
    ['foreign', 'linux-64/a-1-0.conda', 'x'],
    ['foreign', 'thesis.doc', 'x'],
    ['foreign', 'manifest.json', '{"name": "a web app"}'],
  ])('E6 %s: %s', async (state, path, content) => {
    await put(path, content);
    const live = await inspect();
    expect(live.state).toBe(state);
    expect(() => requireOurs(rt, live, { adopt: false })).toThrowError(expect.objectContaining({ code: 'E_NOT_OURS' }));
    expect(() => requireOurs(rt, live, { adopt: true })).not.toThrow();
  });

  it('a subdir that conda does not know counts by its index where no manifest of ours says what belongs', async () => {
    await put('linux-loong64/repodata.json', '{}');
    await put('linux-loong64/a-1-0.conda', 'x');
    await put('old-backup/precious.txt', 'x');
    expect(await inspect()).toMatchObject({ state: 'foreign-channel', strangers: ['old-backup'] });
    expect([...(await inspect()).files.keys()]).toEqual(['linux-loong64/a-1-0.conda', 'linux-loong64/repodata.json']);
  });

  it('a folder with an index that our manifest does not list is a stranger', async () => {
    await publishTiny(rt, { root, packages: PACKAGES });
    await put('linux64-old/repodata.json', '{}');
    expect((await inspect()).strangers).toEqual(['linux64-old']);
  });

  it('names that have the form of a subdir are strangers unless conda or our manifest knows them', async () => {
    await publishTiny(rt, { root, packages: { ...PACKAGES, 'toaster-8/t-1-0.conda': 't' } });
    await put('old-backup/precious.txt', 'x');
    await put('win-64/left.conda', 'x');
    const live = await inspect();
    expect(live.strangers).toEqual(['old-backup']);
    expect([...live.files.keys()]).toEqual(expect.arrayContaining(['toaster-8/t-1-0.conda', 'win-64/left.conda']));
  });

  it.each([
    ['of another label', (text: string) => text.replace('"label": "acme"', '"label": "other"'), 'label other'],
    ['of a newer version', (text: string) => text.replace('"schema": 1', '"schema": 2'), 'schema 2'],
  ])('A manifest %s is refused', async (_name, edit, says) => {
    await publishTiny(rt, { root, packages: PACKAGES });
    await put('manifest.json', edit(await readFile(join(dir, 'manifest.json'), 'utf8')));
    await expect(inspect()).rejects.toMatchObject({ code: 'E_NOT_OURS', what: expect.stringContaining(says) });
  });

  it.each([
    ['a file', 'linux-64/evil.conda'],
    ['a folder below a subdir', 'linux-64/deep'],
    ['a subdir', 'win-64'],
    ['the manifest', 'manifest.json'],
  ])('E6 a symbolic link as %s is refused', async (_name, path) => {
    await publishTiny(rt, { root, packages: PACKAGES });
    await rm(join(dir, path), { force: true });
    await symlink(tmpdir(), join(dir, path));
    await expect(inspect()).rejects.toMatchObject({ code: 'E_NOT_OURS' });
  });
});

describe('what is on disk against the manifest', () => {
  it('F2 an artifact with other bytes, same size and mtime, stops and names both digests', async () => {
    await publishTiny(rt, { root, packages: PACKAGES });
    const { mtime } = await stat(join(dir, 'linux-64/a-1-0.conda'));
    await put('linux-64/a-1-0.conda', 'A ONE');
    await utimes(join(dir, 'linux-64/a-1-0.conda'), mtime, mtime);

    const error = await inspect().catch((caught: unknown) => caught);
    expect(error).toMatchObject({
      code: 'E_ARTIFACT_CHANGED',
      exitCode: 5,
      hint: expect.stringContaining('--replace'),
    });
    expect((error as { details: string[] }).details).toEqual([
      expect.stringMatching(/a-1-0\.conda: published as sha256 \w{64}, now \w{64}/),
    ]);
    expect((await inspect(['a-1-0.conda'])).state).toBe('ours');
    expect((await inspect(['a'])).state).toBe('ours');
    await expect(inspect(['b-1-0.conda'])).rejects.toMatchObject({ code: 'E_ARTIFACT_CHANGED' });

    await publishTiny(rt, { root, packages: PACKAGES, replace: 'all' });
    expect(await readFile(join(dir, 'linux-64/a-1-0.conda'), 'utf8')).toBe('a one');
  });

  it.each([
    ['E8 emptied', () => truncate(join(dir, 'noarch/repodata.json')), 'was empty'],
    ['E8 filled with NUL', () => put('noarch/repodata.json', Buffer.alloc(200)), 'filled with NUL'],
    ['E8 cut off', () => put('noarch/repodata.json', '{"packages": {'), 'not JSON'],
    [
      'F10 edited by hand',
      () => put('noarch/repodata.json', '{"packages": {}, "repodata_version": 1}'),
      'changed by somebody else',
    ],
    [
      'F10 re-made by a tool that writes version 2',
      () => put('noarch/repodata.json', '{"repodata_version": 2}'),
      'changed by somebody else',
    ],
    ['F10 removed', () => rm(join(dir, 'noarch/repodata.json')), 'is missing'],
  ])('an index %s is a finding and is written anew', async (_name, damage, says) => {
    await publishTiny(rt, { root, packages: PACKAGES });
    const before = await readFile(join(dir, 'noarch/repodata.json'));
    await damage();
    await publishTiny(rt, { root, packages: PACKAGES });
    expect(rt.collected).toContainEqual({
      type: 'finding',
      finding: {
        code: 'index-rewritten',
        message: expect.stringContaining(says),
        subject: join(dir, 'noarch/repodata.json'),
        exit: false,
        warn: true,
      },
    });
    expect(await readFile(join(dir, 'noarch/repodata.json'))).toEqual(before);
    expect(await breaches(dir)).toEqual([]);
  });

  it.each([
    ['ours', async () => void (await publishTiny(rt, { root, packages: PACKAGES }))],
    ['foreign', async () => undefined],
  ])('F10 an index of an unknown version stops (%s)', async (_name, before) => {
    await before();
    await put('noarch/repodata.json', '{"repodata_version": 3, "v3": {}}');
    await expect(inspect()).rejects.toMatchObject({
      code: 'E_REPODATA_VERSION',
      exitCode: 5,
      where: join(dir, 'noarch/repodata.json'),
    });
  });

  it('a missing artifact is a finding and comes back', async () => {
    await publishTiny(rt, { root, packages: PACKAGES });
    await rm(join(dir, 'noarch/n-1-0.conda'));
    await publishTiny(rt, { root, packages: PACKAGES });
    expect(findings()).toEqual(['artifact-missing']);
    expect(await breaches(dir)).toEqual([]);
  });

  it.each([
    ['empty', () => truncate(join(dir, 'manifest.json'))],
    ['filled with NUL', () => put('manifest.json', Buffer.alloc(300))],
    ['cut off', async () => put('manifest.json', (await readFile(join(dir, 'manifest.json'), 'utf8')).slice(0, 90))],
  ])('E8 a manifest that is %s is taken from the copy beside the folder and written anew', async (_name, damage) => {
    await publishTiny(rt, { root, packages: PACKAGES });
    await publishTiny(rt, { root, packages: { ...PACKAGES, 'noarch/m-1-0.conda': 'm' } });
    const before = await readFile(join(dir, 'manifest.json'));
    await damage();
    const { receipt } = await publishTiny(rt, { root, packages: { ...PACKAGES, 'noarch/m-1-0.conda': 'm' } });
    expect(findings()).toEqual(['manifest-rebuilt']);
    expect(receipt.generation).toBe(2);
    expect(await readFile(join(dir, 'manifest.json'))).toEqual(before);
  });

  it('E8 a broken manifest without a copy is not ours', async () => {
    await put('manifest.json', '');
    await put('linux-64/repodata.json', '{}');
    await expect(inspect()).rejects.toMatchObject({ code: 'E_NOT_OURS', hint: expect.stringContaining('--adopt') });
  });

  it('a manifest whose paths lead out counts as broken', async () => {
    await publishTiny(rt, { root, packages: PACKAGES });
    await rm(join(root, '.repackenv'), { recursive: true });
    await put(
      'manifest.json',
      (await readFile(join(dir, 'manifest.json'), 'utf8')).replace('linux-64/a-1-0.conda', '../../etc/passwd'),
    );
    await expect(inspect()).rejects.toMatchObject({ code: 'E_NOT_OURS', what: expect.stringContaining('broken') });
  });

  it('stops hashing when interrupted', async () => {
    await publishTiny(rt, { root, packages: PACKAGES });
    await appendFile(join(dir, 'SHA256SUMS'), '\n');
    const place = await openRoot(rt, root, 'acme');
    rt.abort(new Error('Ctrl-C'));
    await expect(inspectLabelFolder(rt, { place })).rejects.toThrow('Ctrl-C');
  });
});

async function inspect(replace: string[] = []) {
  const place = await openRoot(rt, root, 'acme');
  return inspectLabelFolder(rt, { place, replace });
}

async function put(path: string, content: string | Uint8Array): Promise<void> {
  await mkdir(join(dir, path, '..'), { recursive: true });
  await writeFile(join(dir, path), content);
}

function findings(): string[] {
  return rt.collected.flatMap((event) => (event.type === 'finding' ? [event.finding.code] : []));
}
