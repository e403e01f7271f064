import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeSampleUpstream } from '../../scripts/lib/sample-upstream.js';
import { LABEL, OWNER, readLayout, writeLayout } from '../../scripts/lib/upstream-layout.js';
import { openWorkplace, type Workplace } from './programs.js';
import { startUpstream } from './upstream.js';

export interface DeclaredWorkplace extends Workplace {
  /** Writes ROOT/repackenv.yml: owner, channels and the like, then `text`. */
  declare(text: string): void;
  /** The lines that `declare` begins with. */
  head: string;
}

/** A workplace whose upstream has several labels, all with the packages of halkbank. */
export async function openDeclaredWorkplace(
  labels: readonly string[],
  options: { token?: string } = {},
): Promise<DeclaredWorkplace> {
  const dir = mkdtempSync(join(tmpdir(), 'repackenv-upstream-'));
  await makeSampleUpstream(dir);
  const layout = readLayout(dir);
  const more = labels.map((label) => ({
    path: `${OWNER}/label/${label}`,
    publicFolder: null,
    tokenFolder: `label/${LABEL}`,
  }));
  writeLayout(dir, { ...layout, channels: [...layout.channels, ...more] });
  const upstream = await startUpstream({ dir, ...options });
  const work = await openWorkplace({ upstream, ...options });
  mkdirSync(work.root);
  const head = `owner: ${OWNER}\nbase_url: ${upstream.url}\nchannels: [pkgs/main]\nengine: embedded\ncache_dir: ${work.cache}\n`;
  return {
    ...work,
    head,
    declare: (text) => writeFileSync(join(work.root, 'repackenv.yml'), head + text),
    close: async () => {
      await work.close();
      await upstream.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
