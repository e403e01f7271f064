import { describe, expect, it } from 'vitest';
import { RepackError } from '../../../src/base/errors.js';
import { refuseSwapped } from '../../../src/cli/swapped-arguments.js';
import { parseMatchSpec } from '../../../src/conda/spec/match-spec.js';

const TOKEN = 'xx-5e4d3c2b-1a2b-4a1b-9c8d-0123456789ab';

function thrown(work: () => unknown): RepackError | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (error instanceof RepackError) return error;
    throw error;
  }
}

describe('M14: arguments that changed places', () => {
  const typed = { label: 'halkbank', token: TOKEN, root: '/srv/repos', packages: ['ratingpro', 'pytho'] };

  it.each<[string, Parameters<typeof refuseSwapped>[0]]>([
    ['a LABEL', { label: TOKEN }],
    ['a ROOT', { label: 'halkbank', root: TOKEN }],
    ['a PACKAGE', { label: undefined, packages: ['halkbank', 'env:CONDA_TOKEN'] }],
  ])('a token as %s of a command that has no TOKEN: how it is given there', (_title, args) => {
    expect(thrown(() => refuseSwapped(args))!.hint).toBe(
      'No argument here is a token: it is given by --token-env NAME or --token-file FILE.',
    );
  });

  it.each<[string, Partial<typeof typed>, string, string]>([
    ['LABEL and TOKEN', { label: TOKEN, token: 'halkbank' }, 'E_LABEL', 'LABEL looks like a token'],
    [
      'LABEL and TOKEN of another server',
      { label: 'abc+def=123456', token: 'halkbank' },
      'E_LABEL',
      'LABEL looks like a token',
    ],
    [
      'LABEL and a TOKEN of letters and digits',
      { label: 'Ab3dE5fG7hJ9kL1m', token: 'halkbank' },
      'E_LABEL',
      'LABEL looks like a token',
    ],
    [
      'LABEL and a TOKEN by hex',
      { label: 'a3f0'.repeat(10), token: 'halkbank' },
      'E_LABEL',
      'LABEL looks like a token',
    ],
    ['LABEL and env:TOKEN', { label: 'env:CONDA_TOKEN', token: 'halkbank' }, 'E_LABEL', 'LABEL looks like a token'],
    ['TOKEN and a short ROOT', { token: 'r1', root: 'env:CONDA_TOKEN' }, 'E_ROOT', 'ROOT looks like a token'],
    ['TOKEN and ROOT', { token: '/srv/repos', root: TOKEN }, 'E_TOKEN', 'TOKEN looks like a path'],
    ['TOKEN and a relative ROOT', { token: '../repos', root: TOKEN }, 'E_TOKEN', 'TOKEN looks like a path'],
    ['TOKEN and ROOT on Windows', { token: 'c:\\tmp\\megarpo', root: TOKEN }, 'E_TOKEN', 'TOKEN looks like a path'],
    ['TOKEN and a ROOT that is the working folder', { token: '.', root: TOKEN }, 'E_TOKEN', 'TOKEN looks like a path'],
    ['TOKEN and a ROOT that is a word', { token: 'repos', root: TOKEN }, 'E_ROOT', 'ROOT looks like a token'],
    ['TOKEN and a PACKAGE', { token: 'ratingpro', packages: [TOKEN, 'pytho'] }, 'E_SPEC', 'PACKAGE looks like a token'],
    [
      'a TOKEN of another kind as ROOT',
      { token: 'repos', root: `ghp_${'a1'.repeat(18)}` },
      'E_ROOT',
      'ROOT looks like a token',
    ],
    [
      'a web token as ROOT',
      { token: 'repos', root: `eyJ${'hbGciOi1'.repeat(4)}.x.y` },
      'E_ROOT',
      'ROOT looks like a token',
    ],
  ])('%s are named, and nothing that was typed is repeated', (_, change, code, what) => {
    const given = { ...typed, ...change };
    const error = thrown(() => refuseSwapped(given));
    expect(error).toMatchObject({ code, what, exitCode: 2 });
    expect(error!.hint).toContain('The order is LABEL TOKEN ROOT PACKAGE...');
    const said = JSON.stringify([error!.what, error!.where, error!.hint, error!.details]);
    for (const word of [given.label, given.token, given.root, ...given.packages]) {
      if (word.length > 2) expect(said).not.toContain(word);
    }
  });

  it.each<[string, Partial<typeof typed>]>([
    ['as they should be', {}],
    ['a token in a file', { token: 'file:/etc/token' }],
    ['a token in a variable', { token: 'env:TOKEN' }],
    ['no token', { token: 'none', label: 'site-istanbul-20240131' }],
    ['a token on standard input', { token: '-' }],
    ['a long label with a date', { label: 'site-istanbul-20240131' }],
    ['a root on Windows', { root: 'c:\\tmp\\megarpo' }],
    ['a root with a digest in it', { root: `/srv/${'a3f0'.repeat(10)}` }],
    ['a package with a digest in its version', { packages: ['ratingpro=1.0.5e4d3c2b'] }],
  ])('%s: go on', (_, change) => {
    expect(thrown(() => refuseSwapped({ ...typed, ...change }))).toBeUndefined();
  });

  it.each([
    ['two names', 'app,lib', 'it has several names', /two arguments/],
    ['two names and a blank', 'app, lib', 'it has several names', /two arguments/],
    ['two specs', 'app>=1 lib>=1', 'more than a name, a version and a build', /two arguments/],
    ['four words', 'app 1.0 lib 2.0', 'more than a name, a version and a build', /two arguments/],
    ['a package file', './app-1.0-0.conda', 'it is a package file', /--channel/],
    ['a path', './app', 'it is a path', /--packages-file/],
    ['a path on Windows', 'c:\\tmp\\app', 'it is a path', /--packages-file/],
    ['a home', '~/app', 'it is a path', /--packages-file/],
    ['a list', 'packages.txt', 'it is a file', /--packages-file/],
    ['an environment', 'environment.yml', 'it is a file', /--packages-file/],
    ['an environment in YAML', 'environment.yaml', 'it is a file', /--packages-file/],
    ['a lock', 'pixi.lock', 'it is a file', /--packages-file/],
    ['an address', 'https://conda.example/acme', 'it is a URL', /--channel/],
  ])('PACKAGE: %s', (_, text, what, hint) => {
    const error = thrown(() => parseMatchSpec(text));
    expect(error).toMatchObject({ code: 'E_SPEC' });
    expect(error!.what).toContain(what);
    expect(error!.hint).toMatch(hint);
  });

  it.each(['ruamel.yaml', 'zope.json', 'numpy>=1.26,<2', 'numpy 1.26,1.27', 'txt', 'r-yml'])(
    'PACKAGE: %s is one',
    (text) => {
      expect(parseMatchSpec(text).name).toBe(/^[\w.-]+/.exec(text)![0]);
    },
  );
});
