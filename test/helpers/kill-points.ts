import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT_ROOT } from '../../scripts/lib/layers.js';
import { STEP_PREFIXES } from '../../src/delivery/proposal.js';
import { PHASES } from '../../src/delivery/switch/operations.js';
import { PUSH_PHASES } from '../../src/push/plan.js';

/** What stands for a part of a name in `rt.reach`, with all that it can be. */
const PARTS: Readonly<Record<string, readonly string[]>> = {
  '${phase}': PHASES,
  '${part}': PUSH_PHASES,
  '${step}': [...new Set(Object.values(STEP_PREFIXES))],
};

/** Every step that the sources pass to `rt.reach`, sorted. */
export function stepsOfSources(): string[] {
  const sources = readdirSync(join(PROJECT_ROOT, 'src'), { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  );
  const found = sources.flatMap((file) => {
    const calls = readFileSync(join(PROJECT_ROOT, 'src', file), 'utf8').matchAll(/\brt\.reach\((['"`])(.*?)\1\)/g);
    return [...calls].flatMap(([, , step]) => {
      const part = Object.keys(PARTS).find((each) => step!.includes(each));
      return part === undefined ? [step!] : PARTS[part]!.map((each) => step!.replace(part, each));
    });
  });
  return [...new Set(found)].sort();
}

/** Steps of a publication that keeps nothing of the generation before: of mirrors and imports, where nobody says `keep`. */
export const OF_KEEPING = ['publish:generation-staged', 'publish:pooled', 'publish:generation-named'];
