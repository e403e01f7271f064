import { describe, expect, it } from 'vitest';
import { parseVirtualPackage } from '../../../../src/conda/plan/target.js';
import { failure, fakeConda, meta, published } from './fake-conda.js';

/** What a conda of today names in its isolated environment on Linux. */
const KNOWN = ['unix', 'linux', 'glibc', 'archspec', 'cuda', 'conda'];

function create(given: string, options: { known?: readonly string[] | undefined; depends: readonly string[] }) {
  const known = 'known' in options ? options.known : KNOWN;
  const fake = fakeConda({
    metas: { 'a-1.0-0.json': meta({ name: 'a' }) },
    info: known === undefined ? {} : { virtual_pkgs: known.map((name) => [`__${name}`, '1', '0']) },
  });
  const profile = { subdir: 'linux-64', virtualPackages: [parseVirtualPackage(given)], client: undefined };
  const records = [published({ name: 'a', depends: ['b'] }), published({ name: 'b', depends: options.depends })];
  const done = fake.create(['a'], { 'prometeia/linux-64': records }, { profile });
  return { fake, done };
}

describe('G3: virtual packages', () => {
  it.each([
    ['__cuda_arch=8.6', '__cuda_arch >=8'],
    ['__foo=2', '__foo'],
    ['__musl=1.2', '__musl >=1'],
    ['__isatty', '__isatty'],
  ])('%s, which the engine does not know, is said where a package needs it', async (given, need) => {
    const { fake, done } = create(given, { depends: [need] });
    const error = await failure(done);
    expect(error).toMatchObject({ code: 'E_ENGINE_VERSION', where: '/opt/conda/bin/conda' });
    expect(error.what).toBe(
      `conda 26.7.1 does not know the virtual package ${given.split('=')[0]}, and prometeia/linux-64/b-1.0-0.conda depends on it`,
    );
    expect(error.hint).toContain('--engine embedded');
    expect(fake.commands.some(({ args }) => args[0] === 'create')).toBe(false);
  });

  it.each([
    ['no package needs it', '__cuda_arch=8.6', { depends: [] }],
    ['another is needed', '__cuda_arch=8.6', { depends: ['__cuda >=12'] }],
    ['it is known', '__cuda=12.4', { depends: ['__cuda >=12'] }],
    ['it is known: __unix', '__unix', { depends: ['__unix'] }],
    ['it is known: __linux', '__linux=4.18', { depends: ['__linux'] }],
    ['it is known: __glibc', '__glibc=2.17', { depends: ['__glibc >=2.17,<3.0.a0'] }],
    ['it is known: __archspec', '__archspec=1=x86_64_v3', { depends: ['__archspec 1.* x86_64_v3'] }],
    ['the engine does not say which it knows', '__cuda_arch=8.6', { depends: ['__cuda_arch'], known: undefined }],
  ])('goes on where %s', async (_, given, options) => {
    const { done } = create(given, options);
    expect((await done).artifacts.map(({ fn }) => fn)).toEqual(['a-1.0-0.conda']);
  });

  it.each([
    ['__cuda_arch=8.6', 'CONDA_OVERRIDE_CUDA_ARCH', '8.6'],
    ['__cuda=12.4', 'CONDA_OVERRIDE_CUDA', '12.4'],
    ['__archspec=1=x86_64_v3', 'CONDA_OVERRIDE_ARCHSPEC', 'x86_64_v3'],
    ['__linux=4.18', 'CONDA_OVERRIDE_LINUX', '4.18'],
    ['__foo=2', 'CONDA_OVERRIDE_FOO', '2'],
    ['__unix', 'CONDA_OVERRIDE_UNIX', undefined],
    ['__foo=2', 'CONDA_OVERRIDE_CUDA_ARCH', ''],
  ])('%s is handed on: %s is %j', async (given, variable, value) => {
    const { fake, done } = create(given, { depends: [] });
    await done.catch(() => undefined);
    expect(fake.commands.at(-1)!.env[variable]).toBe(value);
  });
});
