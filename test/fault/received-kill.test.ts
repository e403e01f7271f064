import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openWorkplace } from '../helpers/programs.js';
import { expectNothingLeft } from '../helpers/refusals.js';

it('I3 a note of what a site has, killed: it stands, and the next one comes behind it', async () => {
  const work = await openWorkplace();
  try {
    const first = await work.update();
    expect(first.exitCode, first.stderr).toBe(0);
    const told = join(work.dir, 'manifest.json');
    copyFileSync(join(work.labelDir, 'manifest.json'), told);
    const received = (site: string, env: Record<string, string> = {}) =>
      work.run('repackenv', ['received', told, '--site', site, '--root', work.root], { env });
    const killed = await received('ankara', { REPACKENV_TEST_KILL_AT: 'received:noted' });
    expect(killed.signal).toBe('SIGKILL');
    const next = await received('izmir');
    expect(next.exitCode, next.stderr).toBe(0);
    const { received: notes } = JSON.parse(
      readFileSync(join(work.root, '.repackenv/halkbank/received.json'), 'utf8'),
    ) as { received: { site: string; generation: number }[] };
    expect(notes.map(({ site, generation }) => `${site} ${generation}`)).toEqual(['ankara 1', 'izmir 1']);
    const update = await work.update();
    expect(update.exitCode, update.stderr).toBe(0);
    expectNothingLeft(work);
  } finally {
    await work.close();
  }
});
