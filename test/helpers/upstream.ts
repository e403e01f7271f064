import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeSampleUpstream } from '../../scripts/lib/sample-upstream.js';
import { startTokenServer, type TokenServer, type TokenServerOptions } from '../../scripts/lib/token-server.js';

/** The right token of every test upstream. Its shape is that of a real one: dashes and hex. */
export const TOKEN = 'xx-01234567-89ab-4cde-8f01-sentineltoken';

export type TestUpstream = TokenServer & {
  /** The folder served: `<dir>/gen1/pkgs/main`, … (see scripts/lib/upstream-layout.ts). */
  dir: string;
  /** Identity URLs, without token. */
  channels: { base: string; owner: string; label: string };
};

/**
 * A fresh sample upstream on loopback; `close()` ends the server and takes the folder away.
 *
 *     const upstream = await startSampleUpstream();
 *     afterAll(() => upstream.close());
 */
export async function startSampleUpstream(
  options: Partial<Omit<TokenServerOptions, 'dir'>> = {},
): Promise<TestUpstream> {
  const dir = mkdtempSync(join(tmpdir(), 'repackenv-upstream-'));
  await makeSampleUpstream(dir);
  const upstream = await startUpstream({ dir, ...options });
  return {
    ...upstream,
    close: async () => {
      await upstream.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** An upstream that is on disk already, for example `layer('upstream').path` + `/bz2`. */
export async function startUpstream(options: Partial<TokenServerOptions> & { dir: string }): Promise<TestUpstream> {
  const server = await startTokenServer({ token: TOKEN, ...options });
  const owner = `${server.url}/${server.layout.owner}`;
  return {
    ...server,
    dir: options.dir,
    channels: { base: `${server.url}/pkgs/main`, owner, label: `${owner}/label/${server.layout.label}` },
  };
}
