import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { tuneV8 } from '../../../src/runtime/tune-v8.js';

describe('tuneV8', () => {
  it.each([
    ['20.19.0', true],
    ['22.21.1', true],
    ['24.11.0', true],
    ['26.0.0', false],
  ])('Node %s: %s', (version, expected) => {
    expect(tuneV8(version, undefined)).toBe(expected);
  });

  it('sets flags that the V8 at hand takes without a word', () => {
    const source = readFileSync(new URL('../../../src/runtime/tune-v8.ts', import.meta.url), 'utf8');
    const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023 };
    const code = `${ts.transpile(source, compilerOptions)}; tuneV8(process.versions.node, 'mirror')`;
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
      encoding: 'utf8',
    });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
  });
});
