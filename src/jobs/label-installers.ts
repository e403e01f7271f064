import { INSTALLERS_NAME } from '../channel/manifest/manifest.js';
import type { LiveFolder, SideFile } from '../channel/staged.js';
import type { Installer } from '../config/installers.js';
import type { Runtime } from '../runtime/runtime.js';
import { standingSideFiles } from './mirror/standing.js';
import type { JobTools } from './run/job-tools.js';

/** What of the installers in a label folder stays, leaves, and is to be fetched. `wanted` undefined: all as it is. */
export function installerChanges(
  live: LiveFolder,
  wanted: readonly Installer[] | undefined,
): { stay: SideFile[]; leave: string[]; fetch: Installer[] } {
  const there = standingSideFiles(live).filter(({ path }) => path.startsWith(`${INSTALLERS_NAME}/`));
  if (wanted === undefined) return { stay: there, leave: [], fetch: [] };
  const bytes = new Map(wanted.map(({ name, sha256 }) => [`${INSTALLERS_NAME}/${name}`, sha256]));
  const stay = there.filter(({ path, sha256 }) => bytes.get(path) === sha256);
  const has = new Set(stay.map(({ path }) => path));
  return {
    stay,
    leave: there.flatMap(({ path }) => (bytes.has(path) ? [] : [path])),
    fetch: wanted.filter(({ name }) => !has.has(`${INSTALLERS_NAME}/${name}`)),
  };
}

/**
 * The installers of a label at hand: those that lie there with the stated sha256, the others fetched without the token.
 *
 * @throws RepackError as `takeInstallers`
 */
export async function labelInstallers(
  rt: Pick<Runtime, 'events'>,
  live: LiveFolder,
  wanted: readonly Installer[] | undefined,
  { gateway, store }: Pick<JobTools, 'gateway' | 'store'>,
): Promise<SideFile[]> {
  const { stay, leave, fetch } = installerChanges(live, wanted);
  sayInstallers(rt, { leave, fetch });
  if (fetch.length === 0) return stay;
  const { takeInstallers } = await import('../store/installers.js');
  const { side } = await takeInstallers({
    installers: fetch,
    live,
    store,
    fetch: (file) => gateway.fetchFile(file),
    statedIn: 'repackenv.yml',
  });
  return [...stay, ...side];
}

export function sayInstallers(
  rt: Pick<Runtime, 'events'>,
  { leave, fetch }: Pick<ReturnType<typeof installerChanges>, 'leave' | 'fetch'>,
): void {
  if (fetch.length > 0)
    rt.events.emit({ type: 'note', message: `installers to fetch: ${fetch.map(({ name }) => name).join(', ')}` });
  if (leave.length > 0)
    rt.events.emit({ type: 'note', message: `no longer declared, and leaving: ${leave.join(', ')}` });
}
