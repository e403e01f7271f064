import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { PROJECT_ROOT } from '../../../scripts/lib/layers.js';
import { plural } from '../../../src/base/plural.js';

it.each([
  [0, '0 packages', '0 entries'],
  [1, '1 package', '1 entry'],
  [2, '2 packages', '2 entries'],
])('%i', (count, regular, given) => {
  expect(plural(count, 'package')).toBe(regular);
  expect(plural(count, 'entry', 'entries')).toBe(given);
});

const SRC = join(PROJECT_ROOT, 'src');
const COUNT =
  /\$\{(?<what>[^}`]*(?:\.length|\.size|[cC]ount|total|more|unread|minutes\b)[^}`]*)\} (?:[a-z]+ )?(?<noun>[a-z]+s)\b/g;
const NOUNS =
  /^(?:packages|files|artifacts|labels|records|channels|findings|things|requests|sites|parts|lines|members|specs|subdirs|platforms|names|minutes|days|generations|folders|indexes|sets|reasons|workers|copies|bytes|items|dependencies)$/;
/** Behind a comparison with a limit, or of many only. */
const NEVER_ONE = [
  '${plain.length} artifacts the channel',
  '${gone.length} of the ${old.size} packages',
  '${labels.length} labels',
  '${problems.length} things',
];

it('no text counts "1 packages": what may be one goes through plural(), or is asked for', () => {
  const sources = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'));
  const wrong = sources.flatMap((path) => {
    const text = readFileSync(join(SRC, path), 'utf8');
    return [...text.matchAll(COUNT)].flatMap((match) => {
      const line = text.slice(text.lastIndexOf('\n', match.index) + 1).split('\n', 1)[0]!;
      const { what = '', noun = '' } = match.groups ?? {};
      const asked = /=== 1|plural|grouped|counted/.test(what) || /=== 1 \?|MAX_|max[A-Z]|more than/.test(line);
      if (!NOUNS.test(noun) || asked || NEVER_ONE.some((each) => line.includes(each))) return [];
      return [`${path}: ${line.trim()}`];
    });
  });
  expect(wrong).toEqual([]);
});
