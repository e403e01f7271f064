import { describe, expect, it } from 'vitest';
import { parseCondaInfo } from '../../../../src/engine/conda-info.js';
import { plainText, printedJson } from '../../../../src/engine/printed-json.js';
import { RepackError } from '../../../../src/base/errors.js';

const subject = 'conda info --json';
const read = (text: string | Uint8Array): Record<string, unknown> =>
  printedJson(typeof text === 'string' ? Buffer.from(text) : text, { subject });

function failure(work: () => unknown): RepackError {
  try {
    work();
  } catch (error) {
    if (error instanceof RepackError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('printedJson', () => {
  it.each([
    ['plain', '{"a": 1}'],
    ['a byte order mark', '\ufeff{"a": 1}'],
    ['a banner before it', 'Welcome to ACME conda!\nuse {braces} at will\n{"a": 1}\n'],
    ['a plugin warning before it', 'WARNING conda.plugins: {x} failed\n{\n  "a": 1\n}'],
    ['colour codes around it', '\u001b[33mnote\u001b[0m\n\u001b[1m{"a": 1}\u001b[0m'],
    ['text after it', '{"a": 1}\nA newer version of conda exists. {upgrade}\n'],
    ['an open brace in the banner', '{ this never closes\n{"a": 1}'],
    ['a brace in a string', 'x\n{"a": 1, "b": "}{\\"}"}'],
    ['progress lines before it', '{"fetch": "python", "progress": 0.5}\n{"fetch": "python", "progress": 1}\n{"a": 1}'],
  ])('B2 finds the JSON with %s', (_, text) => {
    expect(read(text)['a']).toBe(1);
  });

  it('B2 reads what the > of PowerShell writes (UTF-16)', () => {
    expect(read(Buffer.from('\ufeff{"a": "é"}', 'utf16le'))).toEqual({ a: 'é' });
  });

  it('B2 says what was printed instead, without tokens', () => {
    const error = failure(() => read('Traceback: https://user:pw@h.example/t/xx-1234/prometeia could not be read'));
    expect(error.code).toBe('E_ENGINE_OUTPUT');
    expect(error.what).toContain('printed no JSON');
    expect(error.details.join()).toContain('https://h.example/t/<TOKEN>/prometeia');
    expect(error.details.join()).not.toMatch(/xx-1234|user:pw/);
  });

  it.each([
    ['empty', ''],
    ['truncated', '{"a": 1, "b": ['],
    ['invalid', '{a: 1}'],
    ['an array', '[1]'],
    ['a number', '42'],
  ])('B3 refuses %s', (_, text) => {
    expect(failure(() => read(text)).code).toBe('E_ENGINE_OUTPUT');
  });

  it('B3 refuses more than the cap, and output that was cut', () => {
    const bytes = Buffer.alloc(40 * 1024 * 1024, ' ');
    expect(failure(() => printedJson(bytes, { subject })).what).toContain('larger than 32 MB');
    expect(failure(() => printedJson(Buffer.from('{}'), { subject, truncated: true })).code).toBe('E_ENGINE_OUTPUT');
  });

  it('B3 refuses deep nesting before it is parsed', () => {
    expect(failure(() => read(`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`)).what).toContain('nested deeper');
    expect(failure(() => read(`{"a":${'{"a":'.repeat(1000)}`)).what).toContain('nested deeper');
  });

  it('B3 is not slowed down by braces that never close', () => {
    expect(failure(() => read('{"\n'.repeat(500_000))).code).toBe('E_ENGINE_OUTPUT');
  });

  it('B3 writes no prototype', () => {
    const value = read('{"__proto__": {"polluted": true}, "constructor": {"prototype": {"polluted": true}}, "a": 1}');
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    const info = { __proto__: null, conda_version: '4.3.16', platform: 'linux-64', pkgs_dirs: ['/p'] };
    const text = JSON.stringify(info).replace(
      '{',
      '{"__proto__": {"defaultPrefix": "/evil", "default_prefix": "/evil"},',
    );
    expect(parseCondaInfo(Buffer.from(text), { subject }).defaultPrefix).toBeUndefined();
  });

  it('B13 decodes other code pages and invalid UTF-8 with replacement', () => {
    const bytes = Buffer.concat([
      Buffer.from('{"path": "C:\\\\Users\\\\Andr'),
      Buffer.from([0xe9, 0xff, 0xc3]),
      Buffer.from('"}'),
    ]);
    expect(read(bytes)['path']).toMatch(/^C:\\Users\\Andr\ufffd+$/);
    expect(plainText(Buffer.from([0x81, 0x41]))).toBe('\ufffdA');
  });
});

describe('parseCondaInfo', () => {
  const base = { conda_version: '26.7.1', platform: 'linux-64', pkgs_dirs: ['/opt/conda/pkgs'] };
  const parse = (value: unknown) => parseCondaInfo(Buffer.from(JSON.stringify(value)), { subject });

  it.each([
    ['conda_version', { ...base, conda_version: undefined }],
    ['platform', { ...base, platform: undefined, subdir: 'linux-64' }],
    ['pkgs_dirs', { ...base, pkgs_dirs: undefined, package_dirs: [] }],
    ['pkgs_dirs', { ...base, pkgs_dirs: '/opt/conda/pkgs' }],
    ['pkgs_dirs.1', { ...base, pkgs_dirs: ['/a', 'pkgs'] }],
    ['pkgs_dirs.0', { ...base, pkgs_dirs: [7] }],
    ['package cache.0', { 'libmamba version': '2.0.5', platform: 'linux-64', 'package cache': ['pkgs'] }],
  ])('B4 names the key %s that is absent, renamed or wrong', (key, value) => {
    const error = failure(() => parse(value));
    expect(error.code).toBe('E_ENGINE_OUTPUT');
    expect(error.where).toBe(`${subject}: ${key}`);
  });

  it('B4 takes an empty list of package caches, and nulls for what is not there', () => {
    expect(parse({ ...base, pkgs_dirs: [], active_prefix: null, default_prefix: null })).toMatchObject({
      pkgsDirs: [],
      activePrefix: undefined,
      defaultPrefix: undefined,
    });
  });

  it('takes Windows paths wherever it runs', () => {
    expect(
      parse({ ...base, platform: 'win-64', pkgs_dirs: ['C:\\miniconda3\\pkgs', '\\\\srv\\pkgs'] }).pkgsDirs,
    ).toHaveLength(2);
  });

  it('does not take "<not set>" for a value', () => {
    expect(parse({ ...base, env_vars: { CONDA_PREFIX: '<not set>' } }).condaPrefix).toBeUndefined();
    expect(parse({ ...base, env_vars: { CONDA_PREFIX: '/env' } }).condaPrefix).toBe('/env');
  });
});
