import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { UpdateOptions } from '../helpers/programs.js';
import {
  deliver,
  expectRefusal,
  openGuardedWorkplace,
  type GuardedWorkplace,
  type Refusal,
} from '../helpers/refusals.js';
import { TOKEN } from '../helpers/upstream.js';

const SLOW = 180_000;

let work: GuardedWorkplace;

beforeAll(async () => {
  work = await openGuardedWorkplace();
}, SLOW);
afterAll(() => work.close());

const delivers = (options: UpdateOptions & { root: string }) => deliver(work, options);

// Every spelling of these rows is in test/unit/model/names.test.ts; here, that each kind of them is met before anything is done.
describe('LABEL', () => {
  it.each([
    ['A1', '..', '".."'],
    ['A1', 'a/../../b', '".."'],
    ['A1', 'a\\..\\b', '".."'],
    ['A2', '/srv/x', ''],
    ['A2', 'C:\\x', '":"'],
    ['A2', 'file:x', '":"'],
    ['A3', 'con', 'device name on Windows'],
    ['A3', 'NUL.txt', 'device name on Windows'],
    ['A4', 'acme.', 'ends with a dot'],
    ['A4', 'acme ', '" " at position 5'],
    ['A5', '', 'empty'],
    ['A5', 'a'.repeat(129), '129 characters'],
    ['A5', 'a\nb', '"\\n"'],
    ['A5', 'a\u0007b', '"\\u0007"'],
    ['A5', 'a*b', '"*"'],
    ['A5', 'a"b', '"\\""'],
    ['A7', 'caf\u00e9', 'position 4'],
    ['A7', 'cafe\u0301', 'position 5'],
    ['A8', 'team/app', 'one folder name'],
    ['A8', 'linux-64', 'name of a subdir'],
    ['A8', 'x/linux-64', 'name of a subdir'],
  ])(
    '%s refuses %j',
    async (_row, label, shown) => {
      await work.refusesAtOnce({ label }, { code: 'E_LABEL', says: [shown, 'CEP 26', '128'] });
    },
    SLOW,
  );

  it(
    'A6 refuses another spelling of a label that is there, and names that',
    async () => {
      await work.refusesAtOnce(
        { label: 'HalkBank' },
        { code: 'E_LABEL', says: ["'halkbank'", join(work.root, 'halkbank')] },
      );
    },
    SLOW,
  );

  it(
    'A17 LABEL and TOKEN that changed places: the token becomes no folder, no file, no text',
    async () => {
      const logs = join(work.dir, 'logs-of-swapped');
      await work.refusesAtOnce(
        { label: TOKEN, token: 'halkbank', args: ['--log-dir', logs] },
        { code: 'E_LABEL', says: ['LABEL TOKEN ROOT PACKAGE'] },
      );
      expect(existsSync(logs)).toBe(false);
    },
    SLOW,
  );

  it('leaves a sound folder', () => work.expectSound(), SLOW);
});

describe('PACKAGE', () => {
  it.each<[string, string[], Refusal]>([
    ['A9', ['--file=/etc/passwd'], { code: 'E_SPEC', says: ['"--file=/etc/passwd"', 'nothing is passed on to conda'] }],
    ['A9', ['-c', 'evil'], { code: 'E_SPEC', says: ['"-c"'] }],
    ['A9', ['--prefix=..'], { code: 'E_SPEC', says: ['"--prefix=.."'] }],
    ['A10', ['https://conda.example/pkgs/a-1-0.conda'], { code: 'E_SPEC', says: ['package file', '--channel'] }],
    ['A10', ['https://conda.example/pkgs'], { code: 'E_SPEC', says: ['URL', '--channel'] }],
    ['A10', ['./a-1-0.tar.bz2'], { code: 'E_SPEC', says: ['package file'] }],
    ['A10', ['/etc/passwd'], { code: 'E_SPEC', says: ['path', '--packages-file'] }],
    ['A10', ['C:\\pkgs\\numpy'], { code: 'E_SPEC', says: ['path'] }],
    ['A10', ['evil::numpy'], { code: 'E_SOURCE_NOT_ALLOWED', says: ['evil::numpy', '--channel'] }],
    ['A10', ['numpy[channel=evil]'], { code: 'E_SOURCE_NOT_ALLOWED', says: ['evil'] }],
    ['A10', ['https://evil.example/x::numpy'], { code: 'E_SOURCE_NOT_ALLOWED', says: ['--channel'] }],
    ['A11', ['numpy;rm'], { code: 'E_SPEC', says: ['shell'] }],
  ])(
    '%s refuses %j',
    async (_row, packages, refusal) => {
      await work.refusesAtOnce({ packages }, refusal);
    },
    SLOW,
  );

  it(
    'A13 refuses [] for a new label',
    async () => {
      await work.refusesAtOnce(
        { packages: [], root: join(work.dir, 'nothing-yet') },
        { code: 'E_USAGE', says: ['--packages-file'] },
      );
    },
    SLOW,
  );

  it.each([['-x'], ['--frobnicate']])(
    'A9 %j in the place of LABEL is an option, and unknown',
    async (option) => {
      const ran = await work.run('update-offline-repo', [option, 'env:CONDA_TOKEN', work.root, 'pytho']);
      expectRefusal(ran, { code: 'E_USAGE', says: [option, '--help'] });
    },
    SLOW,
  );

  it(
    'A11 A12 says first what it understood, and asks for exactly that',
    async () => {
      const packages = ['numpy!=2.0.2', 'pytho=1.9', 'python=3.9.*=*_cpython'];
      const { stderr, manifest, files } = await delivers({ root: join(work.dir, 'exact'), packages });
      expect(stderr.split('\n')[0]).toMatch(/ packages: numpy!=2\.0\.2 {2}pytho=1\.9 {2}python=3\.9\.\*=\*_cpython$/);
      expect(manifest.specs).toEqual(packages);
      expect(files.has('linux-64/numpy-1.26.4-py39_0.conda')).toBe(true);
    },
    SLOW,
  );

  it(
    'A11 the help says how a shell can’t take a part of a spec away',
    async () => {
      const { exitCode, stdout } = await work.run('update-offline-repo', ['--help']);
      expect(exitCode).toBe(0);
      expect(stdout).toMatch(/--packages-file: the shell/);
    },
    SLOW,
  );

  it(
    'A12 keeps an epoch: nothing has it, and it is named',
    async () => {
      await work.refuses(
        { packages: ['pytho==1!1.9'] },
        { code: 'E_PACKAGE_NOT_FOUND', says: ['pytho==1!1.9', '1.9, 1.8'] },
      );
    },
    SLOW,
  );

  it(
    'A10 a channel that is declared may be named',
    async () => {
      await delivers({ root: join(work.dir, 'named'), packages: ['pkgs/main::numpy'] });
    },
    SLOW,
  );

  it(
    'A13 takes 5,000 specs from a file',
    async () => {
      const file = join(work.dir, 'many.txt');
      const many = Array.from({ length: 5_000 }, (_, i) => `pytho>=0.${i}`);
      writeFileSync(file, `# with Windows line ends\r\n${many.join('\r\n')}\r\n`);
      const { manifest, stderr } = await delivers({
        root: join(work.dir, 'many'),
        packages: [],
        args: ['--packages-file', file],
      });
      expect([...manifest.specs].sort()).toEqual(many.sort());
      expect(stderr).toContain('… and 4970 more');
    },
    SLOW,
  );

  it(
    'A13 takes 40 kB of specs from the command line',
    async () => {
      const many = Array.from({ length: 2_500 }, (_, i) => `pytho>=0.0.0.${i}`);
      expect(many.join(' ').length).toBeGreaterThan(40_000);
      const { manifest } = await delivers({ root: join(work.dir, 'argv'), packages: many });
      expect(manifest.specs).toHaveLength(2_500);
    },
    SLOW,
  );

  it('leaves a sound folder', () => work.expectSound(), SLOW);
});

describe('TOKEN', () => {
  it.each([
    ['empty', ''],
    ['only blanks', '   '],
    ['with a blank in it', 'xx-sentinel 0123'],
    ['over two lines', 'xx-sentinel\nxx-0123'],
    ['with a slash', 'xx-sentinel/0123'],
    ['with a slash in percent-encoding', 'xx-sentinel%2F0123'],
    ['with @', 'xx-sentinel@0123'],
    ['too short to be masked', 'xx-1'],
  ])(
    'A17 refuses one %s',
    async (_title, secret) => {
      const shown = secret.trim() === '' ? { nowhere: false } : { secret };
      await work.refusesAtOnce(
        { env: { CONDA_TOKEN: secret } },
        { code: 'E_TOKEN', says: ['environment variable CONDA_TOKEN'], ...shown },
      );
    },
    SLOW,
  );

  it(
    'A17 refuses a variable that is not set and a file that is not there',
    async () => {
      await work.refusesAtOnce({ token: 'env:NOT_SET' }, { code: 'E_TOKEN', says: ['NOT_SET'] });
      await work.refusesAtOnce({ token: 'file:/nowhere/token' }, { code: 'E_TOKEN', says: ['/nowhere/token'] });
    },
    SLOW,
  );

  it(
    'A17 takes off what editors and pipes put around it: a byte order mark, blanks, CR LF',
    async () => {
      const file = join(work.dir, 'token.txt');
      writeFileSync(file, `\ufeff ${TOKEN} \r\n`);
      await delivers({ root: join(work.dir, 'by-file'), token: `file:${file}` });
      await delivers({ root: join(work.dir, 'by-stdin'), token: '-', input: `${TOKEN}\r\n` });
    },
    SLOW,
  );

  it(
    'A17 a wrong one is "token or label", exit code 7',
    async () => {
      const secret = 'xx_wrong.sentinel-0123456789';
      await work.refuses(
        { env: { CONDA_TOKEN: secret } },
        { code: 'E_TOKEN_REFUSED', says: ['token or label'], secret },
      );
    },
    SLOW,
  );

  it('leaves a sound folder', () => work.expectSound(), SLOW);
});
