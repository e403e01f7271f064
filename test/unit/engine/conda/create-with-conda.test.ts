import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ACCESS, BASE, MD5, OWNER, SHA256, failure, fakeConda, meta, published } from './fake-conda.js';
import type { FakeConda, MetaSpec } from './fake-conda.js';

const metas = (...specs: MetaSpec[]): Record<string, unknown> =>
  Object.fromEntries(
    specs.map((spec) => [`${spec.name}-${spec.version ?? '1.0'}-${spec.build ?? '0'}.json`, meta(spec)]),
  );
const upstream = (...specs: MetaSpec[]) => ({
  'prometeia/linux-64': specs.map(published),
  'prometeia/noarch': [],
  'pkgs/main/linux-64': [],
});

describe('createWithConda', () => {
  it('returns the records as the channel publishes them, hotfixes and unknown keys included', async () => {
    const fake = fakeConda({
      metas: metas({ name: 'ratingpro', depends: ['pytho'], requested_spec: 'ratingpro' }, { name: 'pytho' }),
    });
    const solved = await fake.create(
      ['ratingpro'],
      upstream({ name: 'ratingpro', depends: ['pytho >=1'], hotfix: 1 }, { name: 'pytho' }),
    );
    expect(solved).toMatchObject({
      subdir: 'linux-64',
      engine: { kind: 'conda', version: '26.7.1' },
      priority: 'flexible',
    });
    expect(solved.artifacts.map(({ fn }) => fn)).toEqual(['pytho-1.0-0.conda', 'ratingpro-1.0-0.conda']);
    expect(solved.artifacts[1]).toEqual({
      fn: 'ratingpro-1.0-0.conda',
      subdir: 'linux-64',
      channel: OWNER,
      url: 'https://conda.example/prometeia/linux-64/ratingpro-1.0-0.conda',
      record: { ...published({ name: 'ratingpro', depends: ['pytho >=1'], hotfix: 1 })[1] },
      origin: 'repodata',
    });
  });

  it('leaves nothing in the run folder: on success, on failure, on abort', async () => {
    const good = fakeConda({ metas: metas({ name: 'a' }) });
    await good.create(['a'], upstream({ name: 'a' }));
    expect(readdirSync(good.runDir)).toEqual([]);
    const bad = fakeConda({ create: { exitCode: 1, out: 'no' } });
    await failure(bad.create(['a'], upstream({ name: 'a' })));
    expect(readdirSync(bad.runDir)).toEqual([]);
    const aborted = fakeConda({ metas: metas({ name: 'a' }) });
    aborted.rt.abort(new Error('Ctrl-C'));
    await expect(aborted.create(['a'], upstream({ name: 'a' }))).rejects.toThrow('Ctrl-C');
    expect(readdirSync(aborted.runDir)).toEqual([]);
  });

  it('tells 4.4 and later its channels on the command line too; 4.3 does not obey that', async () => {
    const argsOf = async (version: string): Promise<readonly string[]> => {
      const fake = fakeConda({ version, metas: metas({ name: 'a' }) });
      await fake.create(
        ['a'],
        { 'prometeia/linux-64': [['a-1.0-0.conda', published({ name: 'a' })[1]]] },
        version === '26.7.1' ? {} : OLD,
      );
      return fake.commands.find((command) => command.args[0] === 'create')!.args;
    };
    expect((await argsOf('26.7.1')).join(' ')).toContain(
      '--override-channels --channel http://conda.example/prometeia --channel http://base.example/pkgs/main',
    );
    expect(await argsOf('4.3.16')).not.toContain('--channel');
    expect(await argsOf('4.3.16')).toEqual(
      expect.arrayContaining(['--no-default-packages', '--no-pin', '--json', '--yes']),
    );
  });

  it.each<[string, FakeConda['create']]>([
    ['exits 0 but the environment lacks the package', { exitCode: 0 }],
    ['is killed by a signal', { exitCode: undefined, signal: 'SIGKILL', out: '' }],
    ['exits 137', { exitCode: 137, out: '{"success": true}' }],
    ['prints success and exits 1', { exitCode: 1, out: '{"success": true}' }],
  ])('B5 fails when conda %s', async (_, create) => {
    const error = await failure(
      fakeConda({ create, metas: metas({ name: 'other' }) }).create(['a'], upstream({ name: 'a' })),
    );
    expect(error.code).toBe('E_ENGINE_INCOMPLETE');
    expect(error.details).toContain('a');
  });

  it('B5 fails when a dependency was not linked any more', async () => {
    const error = await failure(
      fakeConda({ metas: metas({ name: 'a', depends: ['b >=2', '__glibc'] }) }).create(['a'], upstream({ name: 'a' })),
    );
    expect(error).toMatchObject({ code: 'E_ENGINE_INCOMPLETE', details: ['b (needed by a-1.0-0.conda)'] });
  });

  it('B5 goes by the records when conda exits 1 with a complete environment, and says so', async () => {
    const fake = fakeConda({ create: { exitCode: 1 }, metas: metas({ name: 'a' }) });
    expect((await fake.create(['a'], upstream({ name: 'a' }))).artifacts).toHaveLength(1);
    expect(fake.rt.collected).toContainEqual(expect.objectContaining({ type: 'warning' }));
  });

  it('B6 names the time limit of a conda that hangs', async () => {
    const error = await failure(
      fakeConda({ create: { timedOut: true, exitCode: undefined } }).create(['a'], upstream({ name: 'a' })),
    );
    expect(error.code).toBe('E_ENGINE_TIMEOUT');
    expect(error.what).toContain('120 minutes');
  });

  it.each([
    [
      'another channel',
      { url: 'http://evil.example/x/linux-64/a-1.0-0.conda', channel: 'http://evil.example/x/linux-64' },
    ],
    ['the same host, another owner', { url: 'http://conda.example/prometeia2/linux-64/a-1.0-0.conda' }],
    ['a channel below a declared one', { url: 'http://conda.example/prometeia/label/other/linux-64/a-1.0-0.conda' }],
    ['a local file', { url: 'file:///tmp/a-1.0-0.conda', channel: '<unknown>' }],
    ['nowhere', { url: undefined, channel: undefined }],
    ['a url that is another file', { url: 'http://conda.example/prometeia/linux-64/b-1.0-0.conda' }],
  ])('B7 refuses a package from %s', async (_, place) => {
    const error = await failure(
      fakeConda({ metas: metas({ name: 'a', ...place }) }).create(['a'], upstream({ name: 'a' })),
    );
    expect(error.code).toBe('E_SOURCE_NOT_ALLOWED');
  });

  it('B7 J8 shows no token of the source it refuses', async () => {
    const url = 'http://evil.example/t/xx-secret/x/linux-64/a-1.0-0.conda';
    const error = await failure(fakeConda({ metas: metas({ name: 'a', url }) }).create(['a'], upstream({ name: 'a' })));
    expect(JSON.stringify({ ...error, message: error.message })).not.toContain('xx-secret');
  });

  it.each([
    ['fn ../', { fn: '../a-1.0-0.conda', url: undefined }],
    ['fn with a backslash', { fn: '..\\a-1.0-0.conda' }],
    ['fn with a colon', { fn: 'C:a-1.0-0.conda' }],
    ['fn with NUL', { fn: 'a-1.0-0.conda\0' }],
    ['fn of another extension', { fn: 'a-1.0-0.zip' }],
    ['a name that is not the file’s', { name: 'b', fn: 'a-1.0-0.conda' }],
    ['a build with a slash', { build: '0/../../x', fn: 'a-1.0-0.conda' }],
    ['another case than the file', { fn: 'A-1.0-0.conda' }],
  ])('B8 refuses %s', async (_, wrong) => {
    const record = meta({ name: 'a', ...wrong });
    const error = await failure(
      fakeConda({ metas: { 'a-1.0-0.json': record } }).create(['a'], upstream({ name: 'a' })),
    );
    expect(error.code).toBe('E_RECORD');
  });

  it('B8 refuses a record that lies under another name, one that is cut short, and a name twice', async () => {
    for (const files of [
      { 'b-1.0-0.json': meta({ name: 'a' }) },
      { 'a-1.0-0.json': '{"name": "a", ' },
      { 'a-1.0-0.json': '[]' },
      { 'a-1.0-0.json': meta({ name: 'a' }), 'a-2.0-0.json': meta({ name: 'a', version: '2.0' }) },
    ]) {
      expect((await failure(fakeConda({ metas: files }).create(['a'], upstream({ name: 'a' })))).code).toBe('E_RECORD');
    }
  });

  it('B9 takes md5 only, and digests in upper case', async () => {
    for (const digests of [{ sha256: undefined }, { sha256: SHA256.toUpperCase(), md5: MD5.toUpperCase() }]) {
      const solved = await fakeConda({ metas: metas({ name: 'a', ...digests }) }).create(
        ['a'],
        upstream({ name: 'a' }),
      );
      expect(solved.artifacts[0]!.origin).toBe('repodata');
    }
  });

  it('B9 refuses a sha256 of 63 digits, and a record whose bytes nothing states', async () => {
    const short = metas({ name: 'a', sha256: SHA256.slice(1) });
    expect((await failure(fakeConda({ metas: short }).create(['a'], upstream({ name: 'a' })))).code).toBe('E_RECORD');
    const none = metas({ name: 'a', sha256: undefined, md5: undefined });
    expect((await failure(fakeConda({ metas: none }).create(['a'], upstream()))).code).toBe('E_RECORD');
  });

  it('B9 refuses other bytes than the channel states', async () => {
    const error = await failure(
      fakeConda({ metas: metas({ name: 'a', sha256: 'c'.repeat(64) }) }).create(['a'], upstream({ name: 'a' })),
    );
    expect(error).toMatchObject({ code: 'E_RECORD', where: OWNER.url });
  });

  it.each([
    ['../x', 'E_SOURCE_NOT_ALLOWED'],
    ['win-64', 'E_RECORD'],
    ['linux-65', 'E_RECORD'],
    ['Linux-64', 'E_RECORD'],
  ])('B11 refuses the subdir %s', async (subdir, code) => {
    const url = `http://conda.example/prometeia/${subdir}/a-1.0-0.conda`;
    expect(
      (await failure(fakeConda({ metas: metas({ name: 'a', subdir, url }) }).create(['a'], upstream({ name: 'a' }))))
        .code,
    ).toBe(code);
  });

  it('B11 places an artifact where it was published, whatever conda-meta calls its subdir', async () => {
    const url = 'http://conda.example/prometeia/noarch/a-1.0-0.conda';
    const fake = fakeConda({ metas: metas({ name: 'a', url, subdir: 'linux-64' }) });
    const solved = await fake.create(['a'], {
      'prometeia/noarch': [published({ name: 'a', subdir: 'noarch', noarch: 'generic' })],
    });
    expect(solved.artifacts[0]).toMatchObject({ subdir: 'noarch', url: `${OWNER.url}/noarch/a-1.0-0.conda` });
  });

  it('B11 C4 takes a noarch package from the platform folder that the channel keeps it in', async () => {
    const fake = fakeConda({ metas: metas({ name: 'a' }) });
    const solved = await fake.create(['a'], upstream({ name: 'a', noarch: 'python', subdir: 'noarch' }));
    expect(solved.artifacts[0]).toMatchObject({ subdir: 'linux-64' });
  });

  it('joins records of 4.3 by md5, and channels without url (mamba) or with subdir', async () => {
    const fake = fakeConda({
      metas: {
        ...metas({ name: 'a', sha256: undefined, url: undefined, channel: 'http://base.example/pkgs/main' }),
        ...metas({ name: 'b', url: undefined, channel: 'http://conda.example/t/tok/prometeia/linux-64' }),
      },
    });
    const solved = await fake.create(['a', 'b'], {
      'prometeia/linux-64': [published({ name: 'b' })],
      'pkgs/main/linux-64': [published({ name: 'a' })],
    });
    expect(solved.artifacts.map((each) => each.channel)).toEqual([BASE, OWNER]);
  });

  it('A10 refuses another channel than the one a spec names', async () => {
    const url = 'http://base.example/pkgs/main/linux-64/a-1.0-0.conda';
    const fake = fakeConda({ metas: metas({ name: 'a', url }) });
    const error = await failure(fake.create(['prometeia::a'], { 'pkgs/main/linux-64': [published({ name: 'a' })] }));
    expect(error.code).toBe('E_SOURCE_NOT_ALLOWED');
    expect(fake.commands.at(-1)!.args.at(-1)).toBe('http://conda.example/prometeia::a');
  });

  it('refuses what an old conda can not do, naming the version needed', async () => {
    const strict = await failure(fakeConda({ version: '4.5.12' }).create(['a'], {}, { channelPriority: 'strict' }));
    expect(strict).toMatchObject({ code: 'E_ENGINE_VERSION', where: '--channel-priority strict' });
    expect(strict.what).toContain('4.6');
    const blind = await failure(fakeConda({ version: '4.4.11' }).create(['a'], upstream({ name: 'a' })));
    expect(blind.code).toBe('E_ENGINE_VERSION');
    expect(blind.what).toContain('a-1.0-0.conda exists only as .conda, and 4.7');
    const unrelated = fakeConda({
      version: '4.4.11',
      metas: metas({
        name: 'a',
        fn: 'a-1.0-0.tar.bz2',
        url: 'http://conda.example/prometeia/linux-64/a-1.0-0.tar.bz2',
      }),
    });
    await expect(
      unrelated.create(['a'], { 'prometeia/linux-64': [tarBz2('a'), published({ name: 'z' })] }),
    ).resolves.toBeDefined();
    const virtual = await failure(
      fakeConda({ version: '4.4.11' }).create(['a'], { 'prometeia/linux-64': [tarBz2('a', ['__glibc >=2.17'])] }),
    );
    expect(virtual.what).toContain('depends on a virtual package');
  });

  it('throws what failed at the gateway rather than what conda makes of it', async () => {
    const fake = fakeConda({
      create: { exitCode: 1, out: '{"exception_name": "CondaHTTPError", "message": "HTTP 502"}' },
    });
    const error = await failure(fake.create(['a'], upstream({ name: 'a' })));
    expect(error.code).toBe('E_UPSTREAM');
    expect(JSON.stringify(error.details)).not.toContain('proxy-pass');
  });

  it('J3 gives the engine no token and no variable of the user', async () => {
    const env = {
      HOME: '/home/u',
      PATH: '/x',
      TOKEN: 'sentinel',
      REPACKENV_TOKEN: 'sentinel',
      CONDA_CHANNELS: 'evil',
      CONDA_PKGS_DIRS: '/evil',
    };
    const fake = fakeConda({ metas: metas({ name: 'a' }) }, env);
    const solved = await fake.create(['a'], upstream({ name: 'a' }));
    expect(JSON.stringify(fake.commands)).not.toMatch(/sentinel|evil|\/home\/u/);
    expect(solved.ignoredVariables).toEqual(['CONDA_CHANNELS', 'CONDA_PKGS_DIRS']);
    expect(fake.commands[0]!.env).toMatchObject({
      http_proxy: ACCESS.proxyUrl,
      HTTPS_PROXY: ACCESS.proxyUrl,
      no_proxy: '',
      NO_PROXY: '',
    });
  });
});

const OLD = {
  profile: {
    subdir: 'linux-64',
    virtualPackages: [],
    client: {
      name: 'conda' as const,
      version: '4.3',
      readsCondaFormat: false,
      knowsVirtualPackages: false,
      needsBz2Index: true,
      injectsPip: true,
    },
  },
};

function tarBz2(name: string, depends: string[] = []): [string, Record<string, unknown>] {
  return [`${name}-1.0-0.tar.bz2`, published({ name, depends })[1]];
}
