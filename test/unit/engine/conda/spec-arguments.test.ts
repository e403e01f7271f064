import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { condaAbilities } from '../../../../src/engine/conda/abilities.js';
import { specArguments } from '../../../../src/engine/conda/spec-arguments.js';
import { parseMatchSpec } from '../../../../src/conda/spec/match-spec.js';
import { nodeFileSystem } from '../../../../src/runtime/fs.js';
import { tempDir } from '../../../helpers/artifacts.js';
import { ACCESS } from './fake-conda.js';

function args(texts: readonly string[], version = '26.7.1', file = join(tempDir(), 'specs.txt')): Promise<string[]> {
  return specArguments(nodeFileSystem(), {
    specs: texts.map(parseMatchSpec),
    engine: { program: 'conda', version, abilities: condaAbilities(version) },
    file,
    told: ACCESS.channels,
  });
}

describe('specArguments', () => {
  it('A12 hands over the exact constraint', async () => {
    expect(
      await args(['sympy!=1.1', 'epochal==1!2.0', 'numpy>=1.26,<2', 'python=3.11.*=*_cpython', 'pytho=1.9']),
    ).toEqual(['sympy!=1.1', 'epochal==1!2.0', 'numpy>=1.26,<2', 'python=3.11.*=*_cpython', 'pytho=1.9']);
  });

  it('A9 never lets a spec be an option', async () => {
    for (const text of ['--file=/etc/passwd', '-c', '--prefix=/', '-c evil']) {
      expect(() => parseMatchSpec(text)).toThrow();
    }
  });

  it('A13 hands 5,000 specs over in a file', async () => {
    const file = join(tempDir(), 'specs.txt');
    const texts = Array.from({ length: 5000 }, (_, index) => `package-${index}>=1.${index},<2`);
    expect(await args(texts, '26.7.1', file)).toEqual(['--file', file]);
    expect(readFileSync(file, 'utf8')).toBe(`${texts.join('\n')}\n`);
  });

  it('A10 names a channel by the URL the engine knows', async () => {
    expect(await args(['prometeia::pytho=1.9', 'https://base.example/pkgs/main::numpy'])).toEqual([
      'http://conda.example/prometeia::pytho=1.9',
      'http://base.example/pkgs/main::numpy',
    ]);
  });

  it('refuses what conda 4.3 would misread', async () => {
    await expect(args(['prometeia::pytho'], '4.3.16')).rejects.toMatchObject({ code: 'E_ENGINE_VERSION' });
    await expect(args(['pytho[build_number=3]'], '4.3.16')).rejects.toMatchObject({ code: 'E_ENGINE_VERSION' });
    expect(await args(['pytho=1.9'], '4.3.16')).toEqual(['pytho=1.9']);
  });
});
