import { expect, it } from 'vitest';
import { verifyText } from '../../../src/cli/reporter/verify-text.js';
import type { CheckedFolder } from '../../../src/jobs/verify.js';

it('verify lists what is wrong, of each kind up to fifty', () => {
  const finding = (code: string, at: number) => ({ code, message: `${at} is wrong`, subject: `${at}`, exit: true });
  const findings = [
    ...Array.from({ length: 53 }, (_, at) => finding('file-missing', at)),
    ...Array.from({ length: 50 }, (_, at) => finding('file-digest', at)),
  ];
  const folder = { dir: '/r/a', label: 'a', generation: 1, files: 0, bytes: 0, subdirs: [], signature: 'absent' };
  const lines = verifyText({ ...folder, findings } as unknown as CheckedFolder).split('\n');
  expect(lines).toContain('  103 findings:');
  expect(lines.filter((line) => line.startsWith('    file-missing: '))).toHaveLength(50);
  expect(lines.filter((line) => line.startsWith('    file-digest: '))).toHaveLength(50);
  expect(lines.filter((line) => line.includes('more of'))).toEqual([
    '    … and 3 more of file-missing (--json lists all)',
  ]);
});
