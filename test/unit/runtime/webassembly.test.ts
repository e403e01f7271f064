import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { optimiseWasmLater } from '../../../src/runtime/webassembly.js';

describe('optimiseWasmLater', () => {
  it.each([
    ['20.19.0', true],
    ['22.21.1', true],
    ['24.11.0', true],
    ['26.0.0', false],
  ])('Node %s: %s', (version, expected) => {
    expect(optimiseWasmLater(version)).toBe(expected);
  });

  it('is a flag that the V8 at hand takes without a word', () => {
    const module = fileURLToPath(new URL('../../../dist/src/runtime/webassembly.js', import.meta.url));
    const code = `import { optimiseWasmLater } from ${JSON.stringify(module)}; optimiseWasmLater(process.versions.node)`;
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
      encoding: 'utf8',
    });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
  });
});
