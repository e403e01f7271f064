import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LABEL, OWNER, standardLayout, writeLayout } from '../../scripts/lib/sample-upstream.js';
import { fillChannels } from './conda-lab.js';
import { startUpstream, type TestUpstream } from './upstream.js';

/** The small channels that conda 4.3 can install from (`.tar.bz2`, no virtual packages), served with a token. */
export async function startOldUpstream(
  options: { token?: string; alsoLabels?: readonly string[] } = {},
): Promise<TestUpstream> {
  const dir = mkdtempSync(join(tmpdir(), 'repackenv-old-upstream-'));
  const folder = (name: string): string => join(dir, 'gen1', name);
  const label = folder(`label/${LABEL}`);
  const base = folder('pkgs/main');
  await fillChannels({ label, base, owner: folder(OWNER) });
  await fillChannels({ label, base, owner: folder(`private/${OWNER}`) });
  writeLayout(dir, standardLayout('old', [1]));
  const upstream = await startUpstream({ dir, ...options });
  return {
    ...upstream,
    close: async () => {
      await upstream.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
