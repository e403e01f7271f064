import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { captureEnvironment } from '../../../../src/engine/capture/capture-environment.js';
import { chosenPrefix, labelOf, readActiveEnvironment } from '../../../../src/engine/capture/envinfo.js';
import { readEnvironment } from '../../../../src/engine/capture/read-environment.js';
import type { InstalledEnvironment } from '../../../../src/engine/capture/read-environment.js';
import { publishedAt, tokenFreeUrl } from '../../../../src/conda/channel/token-free-url.js';
import type { CondaInfo } from '../../../../src/engine/conda-info.js';
import { RepackError } from '../../../../src/base/errors.js';
import type { RepodataSource } from '../../../../src/conda/record/repodata-index.js';
import { tempDir } from '../../../helpers/artifacts.js';
import { testRuntime } from '../../../helpers/runtime.js';
import { MD5, SHA256, failure, meta, published, sourceOf } from '../conda/fake-conda.js';
import type { MetaSpec } from '../conda/fake-conda.js';

const rt = testRuntime();

function environment(metas: readonly MetaSpec[], files: Record<string, string> = {}): string {
  const prefix = join(tempDir(), 'halkbank');
  mkdirSync(join(prefix, 'conda-meta'), { recursive: true });
  for (const spec of metas) {
    const record = meta({
      url: `https://h.example/t/<TOKEN>/prometeia/linux-64/${spec.name}-1.0-0.conda`,
      channel: 'https://h.example/prometeia/linux-64',
      ...spec,
    });
    writeFileSync(join(prefix, 'conda-meta', `${spec.name}-1.0-0.json`), JSON.stringify(record));
  }
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(prefix, path)), { recursive: true });
    writeFileSync(join(prefix, path), text);
  }
  return prefix;
}

async function read(prefix: string, info?: Partial<CondaInfo>): Promise<InstalledEnvironment> {
  return readEnvironment(rt, { prefix, chosenBy: '--prefix', info: info === undefined ? undefined : condaInfo(info) });
}

function condaInfo(more: Partial<CondaInfo>): CondaInfo {
  return {
    condaVersion: '26.7.1',
    mamba: undefined,
    virtualPackages: undefined,
    solver: undefined,
    platform: 'linux-64',
    pkgsDirs: [],
    rootPrefix: '/opt/conda',
    activePrefix: undefined,
    defaultPrefix: '/opt/conda',
    condaPrefix: undefined,
    channels: [],
    configFiles: [],
    ...more,
  };
}

const reachable = (...specs: MetaSpec[]): RepodataSource => sourceOf({ 'prometeia/linux-64': specs.map(published) });

describe('which environment', () => {
  it.each<[string, Partial<CondaInfo>, string | undefined, ReturnType<typeof chosenPrefix>]>([
    [
      'active_prefix first',
      { activePrefix: '/a', defaultPrefix: '/d', condaPrefix: '/c' },
      '/v',
      { prefix: '/a', chosenBy: 'active_prefix' },
    ],
    [
      'then default_prefix',
      { defaultPrefix: '/d', condaPrefix: '/c' },
      '/v',
      { prefix: '/d', chosenBy: 'default_prefix' },
    ],
    [
      'not default_prefix where it is the root',
      { condaPrefix: '/c' },
      '/v',
      { prefix: '/c', chosenBy: 'CONDA_PREFIX' },
    ],
    ['then our own CONDA_PREFIX', {}, '/v', { prefix: '/v', chosenBy: 'CONDA_PREFIX' }],
    ['not CONDA_PREFIX where it is the root', {}, '/opt/conda/', undefined],
    ['nothing', {}, undefined, undefined],
    [
      'the root in Windows’ spellings',
      { rootPrefix: 'C:\\miniconda3', defaultPrefix: 'c:/Miniconda3\\' },
      undefined,
      undefined,
    ],
  ])('%s', (_, info, variable, expected) => {
    expect(chosenPrefix(condaInfo(info), variable)).toEqual(expected);
  });

  it('reads envinfo.json of the working folder, also as PowerShell writes it', async () => {
    const prefix = environment([{ name: 'a' }]);
    const workDir = tempDir();
    const text = JSON.stringify({
      conda_version: '4.4.11',
      platform: 'linux-64',
      pkgs_dirs: [],
      active_prefix: prefix,
    });
    for (const bytes of [Buffer.from(text), Buffer.from(`\ufeff${text}\r\n`, 'utf16le')]) {
      writeFileSync(join(workDir, 'envinfo.json'), bytes);
      expect(await readActiveEnvironment(rt, { workDir })).toMatchObject({
        prefix,
        chosenBy: 'active_prefix',
        info: { condaVersion: '4.4.11' },
      });
    }
  });

  it('says what is missing: envinfo.json, an active environment, an environment in that folder', async () => {
    const workDir = tempDir();
    expect((await failure(readActiveEnvironment(rt, { workDir }))).code).toBe('E_NO_ENVINFO');
    expect((await failure(readActiveEnvironment(rt, { workDir, info: condaInfo({}) }))).code).toBe('E_NO_ACTIVE_ENV');
    expect(await failure(readActiveEnvironment(rt, { workDir, prefix: workDir }))).toMatchObject({
      code: 'E_NO_ACTIVE_ENV',
      where: `${workDir} (--prefix)`,
    });
    writeFileSync(join(workDir, 'envinfo.json'), 'conda: command not found');
    expect((await failure(readActiveEnvironment(rt, { workDir }))).code).toBe('E_ENGINE_OUTPUT');
  });

  it('needs no envinfo.json with --prefix, and follows a link', async () => {
    const prefix = environment([{ name: 'a' }]);
    const link = join(tempDir(), 'link');
    symlinkSync(prefix, link);
    expect(await readActiveEnvironment(rt, { workDir: tempDir(), prefix: link })).toEqual({
      prefix,
      chosenBy: '--prefix',
      info: undefined,
    });
  });

  it.each([
    ['/envs/halkbank/', 'halkbank'],
    ['/envs/halkbank', 'halkbank'],
  ])('labels %s %s', (prefix, label) => {
    expect(labelOf(prefix)).toBe(label);
  });
});

describe('token-free URLs', () => {
  it.each([
    [
      'https://h.example/t/xx-12_3.4/prometeia/label/x/linux-64/a-1-0.conda',
      'https://h.example/prometeia/label/x',
      true,
    ],
    ['https://h.example/t/<TOKEN>/prometeia/noarch/a-1-0.conda', 'https://h.example/prometeia', true],
    ['https://user:pw@h.example/prometeia/noarch/a-1-0.conda', 'https://h.example/prometeia', true],
    ['https://h.example/prometeia/noarch/a-1-0.conda?token=x', 'https://h.example/prometeia', true],
    ['https://h.example/prometeia/noarch/a-1-0.conda', 'https://h.example/prometeia', false],
    ['file:///srv/channel/noarch/a-1-0.conda', 'file:///srv/channel', false],
  ])('J8 %s', (url, channelUrl, hadSecret) => {
    expect(publishedAt(url)).toMatchObject({ channelUrl, hadSecret });
  });

  it.each(['<unknown>', 'prometeia', '', 'https://h.example', 'ftp://h.example/x/noarch/a'])(
    '"%s" is no place',
    (url) => {
      expect(publishedAt(url)).toBeUndefined();
    },
  );

  it('J6 drops user name, query and fragment', () => {
    expect(tokenFreeUrl('https://tok@h.example/t/x/c/?q=1#f')).toEqual({ url: 'https://h.example/c', hadSecret: true });
  });
});

describe('readEnvironment', () => {
  it('lists the channels of the records token-free, labels and owner above the base, whatever conda info says', async () => {
    const prefix = environment([
      { name: 'a' },
      { name: 'b', url: 'https://base.example/pkgs/main/linux-64/b-1.0-0.conda' },
      { name: 'c', url: 'https://h.example/t/tok/prometeia/label/halkbank/linux-64/c-1.0-0.conda' },
    ]);
    const channels = [
      'https://base.example/pkgs/main/linux-64',
      'https://h.example/t/<TOKEN>/prometeia/linux-64',
      'https://h.example/t/<TOKEN>/prometeia/label/halkbank/linux-64',
    ];
    const listed = (await read(prefix, { channels })).channels;
    expect((await read(prefix, {})).channels).toEqual(listed);
    expect(listed).toEqual([
      {
        url: 'https://h.example/prometeia/label/halkbank',
        name: 'prometeia/label/halkbank',
        authenticated: true,
        role: 'owner',
      },
      { url: 'https://h.example/prometeia', name: 'prometeia', authenticated: true, role: 'owner' },
      { url: 'https://base.example/pkgs/main', name: 'pkgs/main', authenticated: false, role: 'base' },
    ]);
  });

  it('finds the package caches by conda info and by what the packages were linked from', async () => {
    const caches = [tempDir(), tempDir()];
    const prefix = environment([
      { name: 'a', link: { source: join(caches[1]!, 'a-1.0-0') }, package_tarball_full_path: '/gone/a.conda' },
    ]);
    expect((await read(prefix, { pkgsDirs: [caches[0]!, '/gone'] })).packageCaches).toEqual(caches);
  });

  it('takes the platform from the packages, else from conda info', async () => {
    expect((await read(environment([{ name: 'a' }]), { platform: 'win-64' })).subdir).toBe('linux-64');
    const noarch = environment([
      { name: 'a', subdir: 'noarch', url: 'https://h.example/prometeia/noarch/a-1.0-0.conda' },
    ]);
    expect((await read(noarch, { platform: 'win-64' })).subdir).toBe('win-64');
    expect((await read(noarch)).subdir).toBe('linux-64');
  });

  it('B12 finds what pip installed, editable installs and virtual packages, and not what conda owns', async () => {
    const site = 'lib/python3.9/site-packages';
    const owned = [
      `${site}/conda_owned-1.0.dist-info/METADATA`,
      `${site}/egg_owned-1.0-py3.9.egg-info`,
      'site-packages/noarch_owned-2.0.dist-info/RECORD',
    ];
    const prefix = environment(
      [
        { name: 'a', files: owned },
        { name: '__glibc', fn: '__glibc-1.0-0', url: undefined },
      ],
      {
        ...Object.fromEntries(owned.slice(0, 2).map((path) => [path, ''])),
        [`${site}/noarch_owned-2.0.dist-info/RECORD`]: '',
        [`${site}/requests-2.31.0.dist-info/METADATA`]: '',
        [`${site}/mine-0.1.dist-info/direct_url.json`]: '{"url": "file:///src", "dir_info": {"editable": true}}',
        [`${site}/old-style.egg-link`]: '/src',
        [`${site}/legacy-1.2-py3.9.egg-info/PKG-INFO`]: '',
        [`${site}/requests/__init__.py`]: '',
      },
    );
    symlinkSync('lib', join(prefix, 'lib64'));
    const found = await read(prefix);
    expect(found.records.map((each) => each.name)).toEqual(['a']);
    expect(found.notRepackable.map(({ kind, name, version }) => `${kind} ${name} ${version}`)).toEqual([
      'pip legacy 1.2',
      'editable mine 0.1',
      'editable old-style undefined',
      'pip requests 2.31.0',
      'virtual __glibc 1.0',
    ]);
    const captured = await captureEnvironment(rt, { environment: found, source: undefined });
    const listed = captured.findings.filter((each) => each.code !== 'channel-unreachable');
    expect(listed).toHaveLength(5);
    expect(listed.every((each) => each.exit)).toBe(true);
  });

  it('refuses an environment without packages', async () => {
    expect((await failure(read(environment([])))).code).toBe('E_NO_ACTIVE_ENV');
  });
});

describe('captureEnvironment', () => {
  it('joins by subdir, file name and digest with the channel’s records', async () => {
    const env = await read(environment([{ name: 'a', depends: ['changed by conda'] }]), {});
    const captured = await captureEnvironment(rt, {
      environment: env,
      source: reachable({ name: 'a', depends: ['hotfixed'] }),
    });
    expect(captured).toMatchObject({
      engine: { kind: 'capture', version: '26.7.1' },
      subdir: 'linux-64',
      findings: [],
    });
    expect(captured.specs.map((spec) => spec.text)).toEqual(['a=1.0=0']);
    expect(captured.artifacts).toEqual([
      {
        fn: 'a-1.0-0.conda',
        subdir: 'linux-64',
        channel: env.channels[0],
        url: 'https://h.example/prometeia/linux-64/a-1.0-0.conda',
        record: published({ name: 'a', depends: ['hotfixed'] })[1],
        origin: 'repodata',
      },
    ]);
  });

  it.each<[string, Partial<MetaSpec>, RepodataSource]>([
    ['a local file', { url: 'file:///home/u/a-1.0-0.conda', channel: '<unknown>' }, reachable()],
    [
      'a local file below a folder that looks like a channel',
      { url: 'file:///home/u/linux-64/a-1.0-0.conda', channel: '<unknown>' },
      reachable(),
    ],
    [
      'a local file of conda 4.3, below a folder that could be a subdir',
      { url: 'file:///home/u/my-files/a-1.0-0.conda', channel: null, schannel: '<unknown>' },
      reachable(),
    ],
    ['a channel that has it no more', {}, reachable({ name: 'other' })],
    ['a channel that has other bytes under its name', {}, reachable({ name: 'a', sha256: 'c'.repeat(64) })],
    ['a channel that has no such subdir any more', {}, sourceOf({ 'prometeia/noarch': [] })],
  ])('delivers the installed bytes of %s, with the digests of conda-meta', async (_, spec, source) => {
    const env = await read(environment([{ name: 'a', ...spec }]), {});
    const { artifacts } = await captureEnvironment(rt, { environment: env, source });
    expect(artifacts[0]).toEqual({
      fn: 'a-1.0-0.conda',
      subdir: 'linux-64',
      channel: undefined,
      url: undefined,
      record: undefined,
      origin: 'artifact',
      expected: { sha256: SHA256, md5: MD5, size: undefined },
    });
  });

  it('B9 leaves it to the caches to agree where a local file has no digest', async () => {
    const env = await read(
      environment([
        { name: 'a', url: 'file:///x/a-1.0-0.conda', channel: '<unknown>', md5: undefined, sha256: undefined },
      ]),
      {},
    );
    expect(
      (await captureEnvironment(rt, { environment: env, source: reachable() })).artifacts[0]!.expected,
    ).toBeUndefined();
  });

  it('takes the caches’ record where the channel can not be asked, with one finding a channel', async () => {
    const cache = tempDir();
    const prefix = environment([{ name: 'a' }, { name: 'b' }]);
    mkdirSync(join(cache, 'a-1.0-0/info'), { recursive: true });
    writeFileSync(join(cache, 'a-1.0-0/info/repodata_record.json'), JSON.stringify(meta({ name: 'a', cached: true })));
    const env = await read(prefix, { pkgsDirs: [cache] });
    const down: RepodataSource = {
      repodata: async () => {
        throw new RepackError('E_UPSTREAM', { what: 'h.example answers too slowly' });
      },
    };
    for (const source of [undefined, down, sourceOf({})]) {
      const { artifacts, findings } = await captureEnvironment(rt, { environment: env, source });
      expect(artifacts.map(({ origin, record, channel }) => [origin, record?.['cached'], channel?.name])).toEqual([
        ['cache-record', true, 'prometeia'],
        ['artifact', undefined, 'prometeia'],
      ]);
      expect(findings.map(({ code, subject, exit }) => ({ code, subject, exit }))).toEqual([
        { code: 'channel-unreachable', subject: 'https://h.example/prometeia', exit: false },
      ]);
    }
  });

  it('does not go on with a token that is refused', async () => {
    const env = await read(environment([{ name: 'a' }]), {});
    const source: RepodataSource = {
      repodata: async () => {
        throw new RepackError('E_TOKEN_REFUSED', { what: 'no' });
      },
    };
    expect((await failure(captureEnvironment(rt, { environment: env, source }))).code).toBe('E_TOKEN_REFUSED');
  });

  it.each(['win-64', 'linux-65'])('B11 refuses the subdir %s beside linux-64', async (subdir) => {
    const url = `https://h.example/prometeia/${subdir}/z-1.0-0.conda`;
    const env = await read(environment([{ name: 'a' }, { name: 'z', subdir, url }]), {});
    expect((await failure(captureEnvironment(rt, { environment: env, source: undefined }))).code).toBe('E_RECORD');
  });

  it('E1 a package that pixi took from a path: its file name is the last part of the URL', async () => {
    const url = 'file:///srv/pkgs/mine-3.0.0-pyh_0.conda';
    const meta = { name: 'mine', version: '3.0.0', build: 'pyh_0', build_number: 0, depends: [], subdir: 'noarch' };
    const prefix = environment([{ name: 'a' }]);
    const text = JSON.stringify({ ...meta, noarch: 'python', url, fn: url, channel: null });
    writeFileSync(join(prefix, 'conda-meta/mine-3.0.0-pyh_0.json'), text);
    const env = await read(prefix, {});
    const { artifacts, findings } = await captureEnvironment(rt, {
      environment: env,
      source: reachable({ name: 'a' }),
    });
    expect(artifacts.map(({ subdir, fn }) => `${subdir}/${fn}`)).toEqual([
      'linux-64/a-1.0-0.conda',
      'noarch/mine-3.0.0-pyh_0.conda',
    ]);
    expect(findings).toEqual([]);
  });

  it.each([
    ['no JSON', '{"name": "odd", '],
    ['no record', '[]'],
    ['a number as name', '{"name": 7}'],
    ['neither fn nor url', '{"name":"odd","version":"1","build":"0","build_number":0}'],
    ['the name of another', '{"name":"odd","version":"1","build":"0","build_number":0,"fn":"even-1-0.conda"}'],
    ['a path as file name', '{"name":"odd","version":"1","build":"../x","build_number":0,"fn":"odd-1-..\\\\x.conda"}'],
    [
      'a digest that is none',
      '{"name":"odd","version":"1","build":"0","build_number":0,"fn":"odd-1-0.conda","md5":"zz"}',
    ],
  ])('E1 one record with %s stops nothing: it is listed, and the end is 1', async (_, text) => {
    const prefix = environment([{ name: 'a' }]);
    writeFileSync(join(prefix, 'conda-meta/odd-1-0.json'), text);
    const env = await read(prefix, {});
    const { artifacts, findings } = await captureEnvironment(rt, {
      environment: env,
      source: reachable({ name: 'a' }),
    });
    expect(artifacts.map(({ fn }) => fn)).toEqual(['a-1.0-0.conda']);
    expect(findings).toEqual([
      expect.objectContaining({ code: 'record-odd', subject: 'conda-meta/odd-1-0.json', exit: true }),
    ]);
  });

  it('B11 gives a local noarch package its place', async () => {
    const local = { url: 'file:///x/b-1.0-0.conda', channel: '<unknown>', subdir: undefined, noarch: 'python' };
    const env = await read(environment([{ name: 'a' }, { name: 'b', ...local }]), {});
    const { artifacts } = await captureEnvironment(rt, { environment: env, source: undefined });
    expect(artifacts.map(({ subdir, fn }) => `${subdir}/${basename(fn)}`)).toEqual([
      'linux-64/a-1.0-0.conda',
      'noarch/b-1.0-0.conda',
    ]);
  });
});
