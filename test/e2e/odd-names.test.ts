import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../../scripts/lib/layers.js';
import { openWorkplace, type Workplace } from '../helpers/programs.js';

let work: Workplace;
beforeAll(async () => {
  work = await openWorkplace();
});
afterAll(() => work.close());

describe('H6 names with accents and blanks, whatever the locale', () => {
  it.each([
    ['C', 'Jürgen Müller'],
    ['tr_TR.ISO-8859-9', 'Şule Çağ ı'],
    ['ru_RU.CP1251', 'Пётр Ильич'],
    ['ja_JP.SJIS', '田中 太郎'],
  ])('H6 %s: %s', async (locale, user) => {
    const home = join(work.dir, user);
    const [root, logs] = [join(home, 'root'), join(home, 'logs')];
    const places = ['--cache-dir', join(home, 'cache'), '--log-dir', logs, '--json'];
    const ran = await work.update({ root, args: places, env: { HOME: home, LANG: locale, LC_ALL: locale } });
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(JSON.parse(ran.stdout.trimEnd().split('\n').at(-1)!)).toMatchObject({ labelDir: join(root, 'halkbank') });
    const log = readdirSync(logs, { recursive: true, encoding: 'utf8' }).find((name) => name.endsWith('.log'))!;
    expect(readFileSync(join(logs, log), 'utf8')).toContain(join(root, 'halkbank'));
    expect((await work.verify(join(root, 'halkbank'))).exitCode).toBe(0);
  });
});

it('H8 what stands beside a robocopy line says that an exit code below 8 is success', async () => {
  expect((await work.update({ args: ['--site-files', 'on'] })).exitCode).toBe(0);
  const guide = readFileSync(join(work.root, 'halkbank.INSTALL.md'), 'utf8');
  const readme = readFileSync(join(PROJECT_ROOT, 'README.md'), 'utf8');
  for (const text of [guide, readme]) {
    const at = text.search(/^ *robocopy /m);
    expect(at).toBeGreaterThan(0);
    expect(text.slice(Math.max(0, at - 500), at + 600)).toMatch(/below 8 is success/);
  }
});
