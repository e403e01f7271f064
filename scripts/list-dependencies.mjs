/**
 * npm run dependencies: what this program is made of, as the lock file has it, one line a package: name, version, licence (as the package
 * states it), digest. What is bundled into dist/ is among the development packages, so all are told; `*` marks those that are installed with it.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
for (const [path, { version, license, integrity, dev, devOptional }] of Object.entries(packages)) {
  if (path === '') continue;
  const mark = dev === true || devOptional === true ? ' ' : '*';
  const name = path.split('node_modules/').at(-1);
  console.log([mark, name, version, license ?? 'not stated', integrity ?? ''].join('\t'));
}
