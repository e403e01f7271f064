import { describe, expect, it } from 'vitest';
import { parseMatchSpec } from '../../../src/conda/spec/match-spec.js';
import { readPackagesText } from '../../../src/config/packages-file.js';

const NAME = 'name: x\nchannels:\n  - conda-forge\ndependencies:\n';

describe('packages files of the field', () => {
  it.each([
    ['pixi#4574', 'a pip section whose entries are commented out', `${NAME}  - app=1.0\n  - pip:\n`, ['app=1.0']],
    ['pixi#4574', 'an empty pip section', `${NAME}  - pip: []\n  - app=1.0\n`, ['app=1.0']],
    ['enmap-box#1378', 'a package listed twice', `${NAME}  - app\n  - b\n  - app\n`, ['app', 'b', 'app']],
  ])('field: %s: %s', (_id, _input, text, specs) => {
    const read = readPackagesText(Buffer.from(text), 'environment.yml');
    expect(read.specs.map((each) => each.text)).toEqual(specs);
  });

  it('field: conda#13882: PowerShell writes UTF-16: told, with what to do', () => {
    const bytes = Buffer.from(`\ufeff${NAME}  - app\r\n`, 'utf16le');
    expect(() => readPackagesText(bytes, 'environment.yml')).toThrow(
      expect.objectContaining({
        code: 'E_SPEC_FILE',
        what: 'The file is UTF-16',
        hint: expect.stringMatching(/Power/),
      }),
    );
  });

  it('field: conda#5272: tags of Python 2 are refused, in their line', () => {
    const text = "dependencies:\n- !!python/unicode\n  'app=1.0=0'\nprefix: /x\n";
    expect(() => readPackagesText(Buffer.from(text), 'environment.yml')).toThrow(
      expect.objectContaining({ code: 'E_SPEC_FILE', where: expect.stringContaining('line 2') }),
    );
  });

  it('field: pixi#4574: a pip section with something in it is refused, in its line', () => {
    const text = `${NAME}  - app\n  - pip:\n      - requests\n`;
    expect(() => readPackagesText(Buffer.from(text), 'environment.yml')).toThrow(
      expect.objectContaining({ code: 'E_SPEC_FILE', where: expect.stringContaining('line 6') }),
    );
  });
});

describe('specs of the field', () => {
  it.each([
    ['conda-libmamba-solver#581', 'python~=3.11.0=*_cpython', ['python', '>=3.11.0,3.11.*', '*_cpython']],
    ['rattler#869', 'https://h.example/c::app[version=1.0]', ['app', '==1.0', undefined]],
    ['rattler#793', 'app[channel=https://h.example/c,version=1.0]', ['app', '==1.0', undefined]],
    ['pixi#264', 'APP=1.0', ['app', '1.0.*', undefined]],
    ['conda#5943', 'app=1.0-0', ['app', '1.0-0.*', undefined]],
  ])('field: %s: %s', (_id, text, parts) => {
    const { name, version, build } = parseMatchSpec(text);
    expect([name, version, build]).toEqual(parts);
  });

  it.each([
    ['conda-rattler-solver#149', 'app[extras="cli"]==1.0'],
    ['conda-rattler-solver#149', 'app==1.0[extras=[cli]]'],
    ['conda#8158', 'app>=1.*a'],
  ])('field: %s: %s is refused as a request', (_id, text) => {
    expect(() => parseMatchSpec(text)).toThrow(expect.objectContaining({ code: 'E_SPEC' }));
  });
});
