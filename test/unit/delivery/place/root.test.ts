import { mkdir, mkdtemp, readdir, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openRoot } from '../../../../src/delivery/place/root.js';
import type { FileSystem } from '../../../../src/runtime/fs.js';
import { failWhere, faultFs } from '../../../helpers/fault-fs.js';
import { testRuntime } from '../../../helpers/runtime.js';
import { exists } from '../../../helpers/tiny-channel.js';

let base: string;
beforeEach(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), 'repackenv-root-')));
});
afterEach(() => rm(base, { recursive: true, force: true }));

describe('A14 a ROOT that is refused before anything is written', () => {
  const cases: [name: string, make: () => Promise<string>, says: string][] = [
    ['empty', async () => '', 'empty'],
    ['blank', async () => '  ', 'empty'],
    ['a TOKEN, in the wrong place', async () => 'env:CONDA_TOKEN', 'TOKEN'],
    ['a URL', async () => `file://${await folder('repos')}`, 'URL'],
    ['with a NUL', async () => 'a\0b', 'NUL'],
    ['a file', async () => file('root'), 'is a file'],
    ['below a file', async () => join(await file('f'), 'a', 'b'), 'below a file'],
    ['the root of the file system', async () => '/', 'root of a file system'],
    ['the home folder', async () => folder('home'), 'home folder'],
    ['a link to the home folder', async () => link('home-link', await folder('home')), 'home folder'],
    [
      'inside a conda environment',
      async () => (await folder('env/conda-meta'), folder('env/share/x')),
      'conda environment',
    ],
    [
      'to be created inside a conda environment',
      async () => (await folder('env/conda-meta'), join(base, 'env/x/y')),
      'conda environment',
    ],
    ['a package cache', async () => (await file('pkgs/urls.txt'), join(base, 'pkgs')), 'package cache'],
    [
      'inside a package cache of another name',
      async () => (await file('c/urls.txt'), await file('c/a-1-0.conda'), folder('c/x')),
      'package cache',
    ],
    ['a folder of packages', async () => (await file('c/a-1-0.tar.bz2'), join(base, 'c')), 'holds conda packages'],
    [
      'a label folder',
      async () => (await file('acme/manifest.json'), await folder('acme/noarch'), join(base, 'acme')),
      'label folder',
    ],
    ['inside a state folder', async () => folder('root/.repackenv/acme'), 'state folder'],
    ['a dangling link', async () => link('gone', join(base, 'nowhere')), 'symbolic link'],
    ['below a dangling link', async () => join(await link('gone', join(base, 'nowhere')), 'x'), 'symbolic link'],
    [
      'a link that leads in a circle',
      async () => (await link('b', join(base, 'a')), link('a', join(base, 'b'))),
      'symbolic link',
    ],
  ];

  it.each(cases)('A14 %s', async (_name, make, says) => {
    const rootText = await make();
    const before = await readdir(base, { recursive: true });
    const error = await openRoot(runtime(), rootText, 'acme').catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'E_ROOT', exitCode: 2, what: expect.stringContaining(says) });
    expect(await readdir(base, { recursive: true })).toEqual(before);
  });

  it.each(['EROFS', 'EACCES'] as const)('A14 read-only (%s)', async (code) => {
    const readOnly = faultFs(failWhere((call) => call.name === 'mkdirp', code));
    await expect(openRoot(runtime(readOnly.fs), base, 'acme')).rejects.toMatchObject({
      code: 'E_ROOT',
      what: expect.stringContaining(code),
    });
  });

  it('A14 a label folder that may not be written', async () => {
    await folder('acme');
    const readOnly = faultFs(
      failWhere((call) => call.name === 'access' && call.args[0] === join(base, 'acme'), 'EACCES'),
    );
    await expect(openRoot(runtime(readOnly.fs), base, 'acme')).rejects.toMatchObject({
      code: 'E_ROOT',
      where: join(base, 'acme'),
    });
  });
});

describe('M2 one folder can not be ROOT and label folder', () => {
  const aLabel = (name: string) => async () => (await file(`${name}/manifest.json`), folder(`${name}/noarch`));
  const cases: [name: string, make: () => Promise<unknown>, rootText: string, says: string][] = [
    ['a ROOT of ours with labels', async () => (await folder('.repackenv/acme'), aLabel('acme')()), '.', 'holds acme'],
    ['a ROOT of ours, still without a label', () => folder('.repackenv'), '.', 'is itself a ROOT'],
    ['a folder of label folders', aLabel('acme'), '.', 'holds acme'],
    ['a folder of mirrors that others made', () => file('m/linux-64/repodata.json'), '.', 'holds m'],
    ['a label folder in a label folder', aLabel('sub'), 'sub/acme', 'lies inside a label folder'],
    ['a label folder deep in a label folder', aLabel('sub'), 'sub/x/y', 'lies inside a label folder'],
    ['a mirror as ROOT', aLabel('sub'), 'sub', 'is itself a label folder'],
    ['a channel of others as ROOT', () => file('sub/linux-64/repodata.json.bz2'), 'sub', 'is itself a channel folder'],
  ];

  it.each(cases)('M2: %s', async (_name, make, rootText, says) => {
    await make();
    const before = await readdir(base, { recursive: true });
    const place = rootText === '.' ? [join(base, '..'), basename(base)] : [join(base, rootText), 'acme'];
    const error = await openRoot(runtime(), place[0]!, place[1]!).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'E_ROOT', exitCode: 2, what: expect.stringContaining(says) });
    expect(await readdir(base, { recursive: true })).toEqual(before);
  });

  it('M2: what lies in a label folder of ours, and a plain folder of others, are no reason', async () => {
    await aLabel('acme')();
    await file('acme/backup/noarch/repodata.json');
    await file('other/linux-64/repodata.json');
    for (const label of ['acme', 'other']) expect(await openRoot(runtime(), base, label)).toMatchObject({ label });
  });
});

describe('openRoot', () => {
  it('A14 creates a ROOT that does not exist, and says so', async () => {
    const rt = runtime();
    const place = await openRoot(rt, join(base, 'new', 'root'), 'acme');
    const root = join(base, 'new', 'root');
    expect(place).toEqual({
      label: 'acme',
      root,
      labelDir: join(root, 'acme'),
      stateDir: join(root, '.repackenv', 'acme'),
      created: true,
    });
    expect(rt.collected).toEqual([{ type: 'note', message: `created ROOT ${root}` }]);
    expect(await exists(place.stateDir)).toBe(true);
    expect(await exists(place.labelDir)).toBe(false);
  });

  it('writes nothing with create: false', async () => {
    const place = await openRoot(runtime(), join(base, 'new'), 'acme', { create: false });
    expect(place.created).toBe(false);
    expect(await readdir(base)).toEqual([]);
  });

  it('takes a relative ROOT from the working folder', async () => {
    const rt = testRuntime({ machine: { homedir: join(base, 'home'), cwd: base } });
    expect((await openRoot(rt, 'repo/../repo', 'acme')).root).toBe(join(base, 'repo'));
  });

  it('A15 resolves a linked ROOT once, and shows it', async () => {
    const rt = runtime();
    const real = await folder('real');
    const place = await openRoot(rt, await link('linked', real), 'acme');
    expect(place.root).toBe(real);
    expect(rt.collected).toEqual([{ type: 'note', message: `ROOT ${join(base, 'linked')} is ${real}` }]);
  });

  it.each([
    ['the label folder', 'acme', 'symbolic link'],
    ['the state folder', '.repackenv', 'symbolic link'],
  ])('A15 refuses %s as a link', async (_name, name, says) => {
    await link(name, await folder('elsewhere'));
    await expect(openRoot(runtime(), base, 'acme')).rejects.toMatchObject({
      code: 'E_ROOT',
      what: expect.stringContaining(says),
    });
  });

  it('refuses a label folder that is a file', async () => {
    await file('acme');
    await expect(openRoot(runtime(), base, 'acme')).rejects.toMatchObject({
      code: 'E_ROOT',
      what: expect.stringContaining('not a folder'),
    });
  });

  it.each(['acme', '.repackenv/acme'])('A6 refuses Acme while %s exists, with its name', async (existing) => {
    await folder(existing);
    const error = await openRoot(runtime(), base, 'Acme').catch((caught: unknown) => caught);
    expect(error).toMatchObject({
      code: 'E_LABEL',
      exitCode: 2,
      what: expect.stringContaining("'acme'"),
      where: join(base, existing),
    });
  });

  it('A6 the same spelling is no clash', async () => {
    await folder('acme');
    await folder('.repackenv/acme');
    expect((await openRoot(runtime(), base, 'acme')).created).toBe(false);
  });

  it.each(['.repackenv', '.RepackEnv', '..', 'a/b'])('never makes a label folder of %s', async (label) => {
    await expect(openRoot(runtime(), base, label)).rejects.toMatchObject({ code: 'E_LABEL' });
    expect(await readdir(base)).toEqual([]);
  });
});

function runtime(fs?: FileSystem) {
  return testRuntime({ machine: { homedir: join(base, 'home') }, ...(fs === undefined ? {} : { fs }) });
}

async function folder(path: string): Promise<string> {
  await mkdir(join(base, path), { recursive: true });
  return join(base, path);
}

async function file(path: string): Promise<string> {
  await mkdir(join(base, path, '..'), { recursive: true });
  await writeFile(join(base, path), '');
  return join(base, path);
}

async function link(path: string, target: string): Promise<string> {
  await symlink(target, join(base, path));
  return join(base, path);
}

it('A14 a ROOT that another run makes between two looks is no link to nothing', async () => {
  const plain = testRuntime();
  const root = join(base, 'made-meanwhile');
  let first = true;
  const late = async (path: string): Promise<string> => {
    if (path !== root || !first) return plain.fs.realpath(path);
    first = false;
    await mkdir(root);
    throw Object.assign(new Error('ENOENT'), { code: 'ENOENT' });
  };
  const place = await openRoot({ ...plain, fs: { ...plain.fs, realpath: late } }, root, 'halkbank');
  expect(place.labelDir).toBe(join(root, 'halkbank'));
});
