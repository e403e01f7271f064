import { expect, it } from 'vitest';
import { exceptionSections } from '../../../src/answers/policy.js';
import type { PolicyVerdict } from '../../../src/conda/policy/verdict.js';

/** What CHANGES.md tells of exceptions: a list, and what a channel's record says is text, whatever it is made of. */

const excepted = (name: string, because: string): PolicyVerdict['excepted'][number] => ({
  path: `linux-64/${name}-1.0-0.conda`,
  name,
  version: '1.0',
  policy: 'house',
  rule: 'deny licenses: GPL3',
  because,
  reason: 'ticket 4711',
  until: '2027-01-31',
});

it.each([
  ['a plain one', 'its license is "GPL-3.0-only"', 'its license is "GPL-3.0-only"'],
  ['a link', 'its license is "[free](https://x.example)"', String.raw`\[free\](https://x.example)`],
  ['a picture in HTML', 'its license is "<img src=x>"', String.raw`\<img src=x\>`],
])('%s', (_name, because, told) => {
  const sections = exceptionSections({
    excepted: [excepted('app', because), excepted('lib', 'it is old')],
  } as PolicyVerdict);
  expect(sections).toHaveLength(1);
  const lines = sections[0]!.lines;
  expect(lines.map((line) => line.slice(0, 11))).toEqual(['- `app 1.0`', '- `lib 1.0`']);
  expect(lines[0]).toContain(told);
  expect(lines[0]).toMatch(/: ticket 4711, until 2027-01-31$/);
});
