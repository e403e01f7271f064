import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../../scripts/lib/layers.js';
import { describeWithLayers } from '../helpers/layers.js';
import { keepWineServer, NODE_EXE, runBatch, windows } from '../helpers/wine.js';

const SLOW = 600_000;
const SCRIPT = join(PROJECT_ROOT, 'scripts/robocopy-label.cmd');
/** In the place of robocopy: notes what it is asked, and ends with the next of CODES. (node would take the first argument for its script.) */
const FAKE = `const { appendFileSync, readFileSync } = require('node:fs');
appendFileSync(process.env.ASKED, JSON.stringify(process.argv.slice(1)) + '\\n');
const before = readFileSync(process.env.ASKED, 'utf8').trim().split('\\n').length - 1;
process.exit(Number(process.env.CODES.split(',')[before]));
`;

const BESIDE = JSON.stringify(
  [
    'INSTALL.md',
    'verify.sh',
    'verify.ps1',
    'conda-lock.yml',
    'linux-64.explicit.txt',
    'noarch.explicit.txt',
    '/R:1',
  ].map((name) => (name.startsWith('/') ? name : `halkbank.${name}`)),
).slice(1, -1);

describe('scripts/robocopy-label.cmd', () => {
  it('has Windows line ends and nothing but ASCII', () => {
    expect(readFileSync(SCRIPT, 'latin1').replaceAll('\r\n', '')).not.toMatch(/[\r\n]|[^ -~]/);
  });
});

describeWithLayers(['wine'], 'scripts/robocopy-label.cmd under wine', () => {
  let dir: string;
  beforeAll(() => {
    dir = realpathSync(mkdtempSync(join(tmpdir(), 'repackenv-robocopy-')));
    for (const subdir of ['linux-64', 'noarch']) {
      mkdirSync(join(dir, 'my & repos!/halkbank', subdir), { recursive: true });
      writeFileSync(join(dir, 'my & repos!/halkbank', subdir, 'repodata.json'), '{}');
    }
    mkdirSync(join(dir, 'my & repos!/halkbank/papers'));
    writeFileSync(join(dir, 'my & repos!/halkbank/manifest.json'), '{}');
    writeFileSync(join(dir, 'fake.cjs'), FAKE);
    keepWineServer();
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it.each([
    ['all passes', 'halkbank', '1,3,0,7', 0, 4],
    ['a pass that fails: none behind it', 'halkbank', '1,8', 5, 2],
    ['robocopy is ended from outside', 'halkbank', '-1', 5, 1],
    ['a folder that is no label: nothing is mirrored', 'nosuch', '0', 2, 0],
  ])('%s', { timeout: SLOW }, async (title, label, codes, exitCode, passes) => {
    const root = windows(join(dir, 'my & repos!'));
    const line = `@"${windows(SCRIPT)}" "${root}" ${label} "\\\\site\\my & repos!" /R:1 >"${windows(join(dir, 'said.txt'))}" 2>&1`;
    const asked = join(dir, `${title.slice(0, 5)}.txt`);
    writeFileSync(asked, '');
    const env = {
      REPACKENV_ROBOCOPY: NODE_EXE,
      NODE_OPTIONS: `--require=${windows(join(dir, 'fake.cjs')).replaceAll('\\', '/')}`,
      ASKED: windows(asked),
      CODES: codes,
    };
    const code = await runBatch([line], { dir, name: 'carry', cwd: dir, outputs: ['said.txt'], env });
    expect(code).toBe(exitCode);
    const lines = readFileSync(asked, 'utf8').split('\n').slice(0, -1);
    expect(lines).toHaveLength(passes);
    // First without indexes, last with deleting; & and ! as they are.
    const kinds = lines.map((line) => ['/XF', '/MIR', '.INSTALL.md', '/E'].find((option) => line.includes(option)));
    expect(kinds).toEqual(['/XF', '/E', '.INSTALL.md', '/MIR'].slice(0, passes));
    // A label "halkbank.test" has files beside it too.
    expect(lines.find((line) => line.includes('.INSTALL.md')) ?? BESIDE).toContain(BESIDE);
    for (const line of lines) expect((JSON.parse(line) as string[])[0]).toContain(root);
  });
});
