import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Manifest } from '../../src/channel/manifest/manifest.js';
import { openWorkplace, type Ran, type Workplace } from '../helpers/programs.js';
import { reportOf } from '../helpers/real-upstream.js';
import { expectRefusal } from '../helpers/refusals.js';

const SLOW = 120_000;
const SECRET = 'hunter2-of-a-private-index';
const PIP = [
  'Python_DateUtil[x]>=2 ; python_version > "3"',
  'flask==3.0',
  `--extra-index-url https://u:${SECRET}@pypi.example/simple`,
  `mine @ git+https://${SECRET}@git.example/mine.git`,
];

let work: Workplace;
let file: string;
beforeAll(async () => {
  work = await openWorkplace();
  mkdirSync(work.home, { recursive: true });
  file = join(work.home, 'environment.yml');
});
afterAll(() => work.close());

function environment(...items: string[]): void {
  writeFileSync(file, ['dependencies:', ...items.map((item) => `  - ${item}`), ''].join('\n'));
}
const section = (entries: readonly string[]): string =>
  `pip:\n${entries.map((entry) => `      - ${JSON.stringify(entry)}`).join('\n')}`;

let roots = 0;
const freshRoot = (): string => join(work.dir, `root-${(roots += 1)}`);
const update = (root: string, ...more: string[]): Promise<Ran> =>
  work.update({ root, packages: [], args: ['--packages-file', file, ...more] });

describe('an environment.yml with a pip: section, by the installed program', () => {
  it('names what the channels have of it, and makes nothing', { timeout: SLOW }, async () => {
    environment('ratingpro', section(PIP));
    const root = freshRoot();
    const ran = await update(root);
    expectRefusal(ran, {
      code: 'E_SPEC_FILE',
      secret: SECRET,
      says: [
        'environment.yml, line 3',
        /line 4: Python_DateUtil\[x\].*: conda package python-dateutil in http\S+main/,
        'line 5: flask==3.0: no conda package of that name in the declared channels',
        'line 6: --extra-index-url https://…: not by name',
        'line 7: mine @ git+https://…: no conda package',
        '--allow-pip-section',
      ],
    });
    expect(existsSync(root)).toBe(false);
    expectRefusal(await update(root, '--dry-run'), { code: 'E_SPEC_FILE', says: ['conda package python-dateutil'] });
  });

  it('--allow-pip-section delivers the rest, lists it each time, and ends with 1', { timeout: SLOW }, async () => {
    environment('ratingpro', section(PIP));
    const root = freshRoot();
    for (const generation of [1, 1]) {
      const ran = await update(root, '--allow-pip-section', '--json');
      expect(ran.exitCode, ran.stderr).toBe(1);
      const changes = readFileSync(join(root, 'halkbank', 'papers', 'CHANGES.md'), 'utf8');
      expect(changes).toContain('## Left to pip, and not in the folder\n');
      expect(changes).toContain('- `flask==3.0`');
      expect(changes).not.toContain(SECRET);
      expect(ran.stdout + ran.stderr).not.toContain(SECRET);
      const report = reportOf(ran);
      expect(report.published).toMatchObject({ generation });
      const left = report.findings.filter(({ code }) => code === 'not-conda');
      expect(left.map(({ subject, exit }) => [subject?.split(/[[= @]/)[0], exit])).toEqual([
        ['--extra-index-url', true],
        ['Python_DateUtil', true],
        ['flask', true],
        ['mine', true],
      ]);
      expect(left[1]!.message).toMatch(/line 4\): it is not in the folder; conda package python-dateutil in /);
    }
    const manifest = JSON.parse(readFileSync(join(root, 'halkbank/manifest.json'), 'utf8')) as Manifest;
    expect(manifest.specs).toEqual(['ratingpro']);
    environment('ratingpro');
    expect((await update(root)).exitCode).toBe(0);
    expect((await update(root, '--allow-pip-section')).exitCode).toBe(0);
  });

  it.each<[string, string[], string[], string[]]>([
    ['a text', ['ratingpro', 'pip: flask'], ['--allow-pip-section'], ['`pip:` is not a list', 'line 3']],
    ['a mapping in it', ['ratingpro', 'pip:\n      - {a: b}'], ['--allow-pip-section'], ['entry of `pip:`', 'line 4']],
    ['another section', ['ratingpro', 'npm: [x]'], ['--allow-pip-section'], ['not a text', 'line 3']],
    ['a key beside it', ['ratingpro', '{pip: [x], npm: [y]}'], ['--allow-pip-section'], ['not a text', 'line 3']],
    ['nothing beside it', [section(['flask'])], [], ['pip:', 'line 2']],
  ])('wrong: %s', async (_what, items, more, says) => {
    environment(...items);
    const root = freshRoot();
    expectRefusal(await update(root, ...more), { code: 'E_SPEC_FILE', says });
    expect(existsSync(root)).toBe(false);
  });

  it('wrong: nothing is left to deliver; the option in repackenv.yml', async () => {
    environment(section(['flask']));
    const root = freshRoot();
    expectRefusal(await update(root, '--allow-pip-section'), { code: 'E_USAGE', says: ['No package is asked for'] });
    mkdirSync(root);
    writeFileSync(join(root, 'repackenv.yml'), 'allow_pip_section: true\n');
    expectRefusal(await update(root), { code: 'E_CONFIG', says: ['allow_pip_section', 'command line'] });
  });
});
