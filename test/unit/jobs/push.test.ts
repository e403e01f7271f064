import { appendFile, mkdir, readdir, readFile, rename, rm, symlink, unlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nodeFileSystem } from '../../../src/runtime/fs.js';
import { breaches, digests, indexesOf, snapshot } from '../../helpers/tiny-channel.js';
import { FIRST, openPushLab, pushHere, SECOND, type PushLab } from '../../helpers/pushing.js';

let lab: PushLab;
let target: string;
beforeEach(async () => {
  lab = await openPushLab();
  target = join(lab.dir, 'site');
});
afterEach(() => lab.close());

const there = (): string => join(target, 'acme');
const receipts = async (): Promise<Record<string, unknown>[]> =>
  (JSON.parse(await readFile(join(lab.root, '.repackenv/acme/pushed.json'), 'utf8')) as { pushed: [] }).pushed;

describe('push to a folder', () => {
  it('brings the label and its site files, then only what changed, then nothing', async () => {
    await lab.publish(FIRST, { bz2: true });
    const first = await pushHere(lab, target);
    expect(first).toMatchObject({ unchanged: false, before: null, generation: 1, removed: 0 });
    expect(await snapshot(there())).toEqual(await snapshot(lab.labelDir));
    expect((await readdir(target)).sort()).toEqual(['acme', 'acme.INSTALL.md', 'acme.verify.ps1', 'acme.verify.sh']);

    await lab.publish(SECOND);
    const second = await pushHere(lab, target, { site: 'ankara' });
    expect(second.put).not.toContain('acme/linux-64/b-1-0.conda');
    expect(second).toMatchObject({ before: { generation: 1 }, generation: 2, site: 'ankara' });
    expect(await snapshot(there())).toEqual(await snapshot(lab.labelDir));
    expect((await readdir(there())).sort()).toEqual((await readdir(lab.labelDir)).sort());

    const before = await snapshot(target);
    expect(await pushHere(lab, target)).toMatchObject({ unchanged: true, bytes: 0, put: [], gone: [] });
    expect(await snapshot(target)).toEqual(before);
    expect(await receipts()).toMatchObject([
      { target: there(), generation: 1, host: 'build-host', files: first.put.length },
      { target: there(), generation: 2, site: 'ankara', bytes: second.bytes, removed: second.gone.length },
    ]);
    const notes = await readFile(join(lab.root, '.repackenv/acme/received.json'), 'utf8');
    expect(JSON.parse(notes)).toMatchObject({ received: [{ site: 'ankara', generation: 2, from: 'push' }] });
  });

  it('no index at the target ever names what is not there, at any step', async () => {
    await lab.publish(FIRST, { bz2: true });
    await pushHere(lab, target);
    await lab.publish(SECOND);
    const steps: string[] = [];
    const onStep = async (step: string): Promise<void> => {
      steps.push(step);
      expect(await breaches(there()), step).toEqual([]);
    };
    await pushHere(lab, target, { onStep });
    const parts = [
      'artifacts',
      'packed-out',
      'reduced',
      'replaced',
      'noarch',
      'indexes',
      'manifest',
      'sums',
      'site',
      'gone',
    ];
    expect([...new Set(steps)]).toEqual(['begun', ...parts, 'noted'].map((part) => `push:${part}`));
  });

  it('strangers stay, what lies below a subdir does not', async () => {
    await lab.publish(FIRST);
    await pushHere(lab, target);
    await writeFile(join(there(), 'README.txt'), 'of the site');
    await writeFile(join(there(), 'noarch', 'old-0-0.conda'), 'left by somebody');
    await mkdir(join(target, 'acme.test'));
    await lab.publish(SECOND);
    const { gone } = await pushHere(lab, target);
    expect(gone).toContain('acme/noarch/old-0-0.conda');
    expect((await readdir(there())).includes('README.txt')).toBe(true);
    expect((await readdir(target)).includes('acme.test')).toBe(true);
  });

  it('a dry run writes nothing and names what would go', async () => {
    await lab.publish(FIRST);
    const report = await pushHere(lab, target, { dryRun: true });
    expect(report.put).toContain('acme/manifest.json');
    expect(await readdir(lab.dir)).not.toContain('site');
    expect(await readdir(join(lab.root, '.repackenv/acme'))).not.toContain('pushed.json');
  });

  it('a file that was damaged there in its size or time is sent again; equal bytes of another time are not', async () => {
    await lab.publish(FIRST);
    await pushHere(lab, target);
    await appendFile(join(there(), 'linux-64/a-1-0.conda'), 'x');
    await utimes(join(there(), 'linux-64/b-1-0.conda'), 1, 1);
    await writeFile(join(there(), 'linux-64/repodata.json'), '{}');
    const { put } = await pushHere(lab, target);
    expect(put).toContain('acme/linux-64/a-1-0.conda');
    expect(put).not.toContain('acme/linux-64/b-1-0.conda');
    expect(await digests(there())).toEqual(await digests(lab.labelDir));
  });

  it('an earlier generation goes to a new place', async () => {
    await lab.publish(FIRST);
    const was = await digests(lab.labelDir);
    await lab.publish(SECOND);
    await pushHere({ labelDir: `${lab.labelDir}@1` }, target);
    expect(await digests(there())).toEqual(was);
  });
});

describe('push refuses', () => {
  const manifest = (): string => join(there(), 'manifest.json');
  const inFolder = (name: string): string => join(lab.labelDir, name);

  it.each<[what: string, code: string, prepare: () => Promise<unknown>, target?: () => string]>([
    ['a target that ends in the label', 'E_TARGET', async () => undefined, () => there()],
    ['a target in ROOT', 'E_TARGET', async () => undefined, () => join(lab.root, 'site')],
    ['ROOT itself', 'E_TARGET', async () => undefined, () => lab.root],
    ['a target in the label folder', 'E_TARGET', async () => undefined, () => join(lab.labelDir, 'x')],
    ['ROOT by a link', 'E_TARGET', () => symlink(lab.root, join(lab.dir, 'link')), () => join(lab.dir, 'link')],
    ['a file', 'E_TARGET', () => writeFile(target, '')],
    ['a link to nothing', 'E_TARGET', () => symlink(join(lab.dir, 'none'), target)],
    ['another scheme', 'E_TARGET', async () => undefined, () => 'ftp://host/x'],
    ['keys in a URL', 'E_TARGET', async () => undefined, () => 's3://key:secret@bucket'],
    ['no name of a bucket', 'E_TARGET', async () => undefined, () => 's3://Bucket_1/x'],
    ['an option of ssh', 'E_TARGET', async () => undefined, () => '-oProxyCommand=x:/srv'],
    ['a host without a folder', 'E_TARGET', async () => undefined, () => 'host:'],
    ['a channel folder as target', 'E_TARGET', () => put(join(target, 'manifest.json'), '{}')],
    ['the folder of another label', 'E_TARGET', () => otherLabel()],
    ['a manifest of nobody', 'E_TARGET', () => put(manifest(), '{"a":1}')],
    ['a channel of others', 'E_TARGET', () => put(join(there(), 'noarch', 'x-1-0.conda'), 'x')],
    [
      'a link in the place of the label',
      'E_TARGET',
      async () => {
        await mkdir(target);
        await symlink(lab.dir, there());
      },
    ],
    ['a missing artifact here', 'E_FOLDER_DIFFERS', () => unlink(inFolder('linux-64/a-1-0.conda'))],
    ['an artifact of another size', 'E_FOLDER_DIFFERS', () => appendFile(inFolder('linux-64/a-1-0.conda'), 'x')],
    ['other bytes of the same size', 'E_FOLDER_DIFFERS', () => writeFile(inFolder('linux-64/a-1-0.conda'), 'A 1')],
    [
      'an index that is not the manifest’s',
      'E_FOLDER_DIFFERS',
      () => appendFile(inFolder('noarch/repodata.json'), ' '),
    ],
    ['sums of another manifest', 'E_FOLDER_DIFFERS', () => appendFile(inFolder('SHA256SUMS'), 'x')],
    ['a folder without a manifest', 'E_NOT_OURS', () => rename(inFolder('manifest.json'), inFolder('m.json'))],
  ])(
    '%s',
    async (_what, code, prepare, to = () => target) => {
      await lab.publish(FIRST);
      await prepare();
      const seen = async () => [await snapshot(lab.labelDir), await snapshot(target).catch(() => 'a link')];
      const before = await seen();
      await expect(pushHere(lab, to())).rejects.toMatchObject({ code });
      // What was sent before a damage was met stays, and no index names it.
      if (code === 'E_FOLDER_DIFFERS') expect(await indexesOf(there()).catch(() => [])).toEqual([]);
      else expect(await seen()).toEqual(before);
    },
    30_000,
  );

  async function put(path: string, text: string): Promise<void> {
    await mkdir(join(path, '..'), { recursive: true });
    await writeFile(path, text);
  }

  async function otherLabel(): Promise<void> {
    const text = await readFile(inFolder('manifest.json'), 'utf8');
    await put(manifest(), text.replace('"label": "acme"', '"label": "isbank"'));
  }

  it('--adopt takes over what others put there', async () => {
    await lab.publish(FIRST);
    await put(join(there(), 'noarch', 'x-1-0.conda'), 'x');
    const { gone } = await pushHere(lab, target, { adopt: true });
    expect(gone).toEqual(['acme/noarch/x-1-0.conda']);
    expect(await digests(there())).toEqual(await digests(lab.labelDir));
  });

  it('a target that is newer, or of another ROOT (E_ROLLBACK); --allow-rollback pushes all the same', async () => {
    await lab.publish(FIRST);
    await lab.publish(SECOND);
    await pushHere(lab, target);
    const older = { labelDir: `${lab.labelDir}@1` };
    await expect(pushHere(older, target)).rejects.toMatchObject({ code: 'E_ROLLBACK' });
    await rm(lab.root, { recursive: true });
    await lab.publish(FIRST);
    await expect(pushHere(lab, target)).rejects.toMatchObject({ code: 'E_ROLLBACK' });
    await lab.publish({ 'noarch/other-1-0.conda': 'x' });
    await expect(pushHere(lab, target)).rejects.toMatchObject({ code: 'E_ROLLBACK' });
    await pushHere(lab, target, { allowRollback: true });
    expect(await digests(there())).toEqual(await digests(lab.labelDir));
  });

  it('a full disk: told before, and in the middle; the next push ends well', async () => {
    await lab.publish(FIRST);
    const fs = nodeFileSystem();
    const full = { ...fs, statfs: async (path: string) => ({ ...(await fs.statfs(path)), bavail: 0 }) };
    await expect(pushHere(lab, target, { rt: { fs: full } })).rejects.toMatchObject({ code: 'E_DISK_FULL' });
    let writes = 0;
    const breaking: typeof fs = {
      ...fs,
      writeAll: async (handle, bytes, position) => {
        if (++writes === 3) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', syscall: 'write' });
        return fs.writeAll(handle, bytes, position);
      },
    };
    await expect(pushHere(lab, target, { rt: { fs: breaking } })).rejects.toMatchObject({ code: 'E_DISK_FULL' });
    expect(await breaches(there())).toEqual([]);
    await pushHere(lab, target);
    expect(await digests(there())).toEqual(await digests(lab.labelDir));
    expect(await readdir(target)).not.toContain('.acme.push');
  });

  it('a second push of the label at the same time (E_LOCKED)', async () => {
    await lab.publish(FIRST);
    const onStep = async (step: string): Promise<void> => {
      if (step !== 'push:begun') return;
      await expect(pushHere(lab, join(lab.dir, 'other'))).rejects.toMatchObject({ code: 'E_LOCKED' });
    };
    await pushHere(lab, target, { onStep });
  });
});

it('a folder that is published into meanwhile: the target ends with what is new', async () => {
  await lab.publish(FIRST);
  let published = false;
  const onStep = async (step: string): Promise<void> => {
    if (step !== 'push:begun' || published) return;
    published = true;
    await lab.publish(SECOND);
  };
  const report = await pushHere(lab, target, { onStep });
  expect(report.generation).toBe(2);
  expect(await digests(there())).toEqual(await digests(lab.labelDir));
});
