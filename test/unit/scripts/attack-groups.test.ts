import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ATTACK_GROUPS } from '../../../scripts/lib/attack-groups.js';
import { PROJECT_ROOT } from '../../../scripts/lib/layers.js';

const tests = readdirSync(join(PROJECT_ROOT, 'test'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => `test/${name.replaceAll('\\', '/')}`);

it.each(tests.filter((file) => /^test\/(?:fault|attack)\//.test(file)))(
  '%s is in one group of npm run attack',
  (file) => {
    const groups = Object.entries(ATTACK_GROUPS).filter(([, begins]) => begins.some((begin) => file.startsWith(begin)));
    expect(groups.map(([name]) => name)).toHaveLength(1);
  },
);

it.each(Object.entries(ATTACK_GROUPS))('the group %s has tests', (_, begins) => {
  expect(tests.filter((file) => begins.some((begin) => file.startsWith(begin))).length).toBeGreaterThan(0);
});
