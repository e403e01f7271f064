import { objectIn } from '../base/json.js';
import { corrupt } from './corrupt.js';
import { PATH_MEMBERS, listedPaths } from './listed-paths.js';
import { readInfo } from './read-info.js';
import type { RandomAccessSource } from './source.js';

/** What the installer of an artifact is to know beside its record. Paths as in the archive, sorted. */
export interface ArtifactInfo {
  /**
   * Licence files below `info/`: `info/licenses/COPYING`, `info/LICENSE.txt`. Of a `.tar.bz2` those before its payload, and as they stand there
   * those that `info/about.json` names.
   */
  licenseFiles: string[];
  /** What conda runs as it links or unlinks the package: `bin/.NAME-post-link.sh`, `Scripts/.NAME-pre-unlink.bat`. */
  linkScripts: string[];
  /** What a shell runs whenever the environment is activated or left: below `etc/conda/activate.d` and `deactivate.d`. */
  activateScripts: string[];
  /** What menuinst makes shortcuts of: `Menu/*.json`. */
  menus: string[];
}

const ABOUT = 'info/about.json';

/** As conda's `run_script` finds them, of any package: a script runs for the package that it is named after. Noarch ones lie in `python-scripts`. */
const LINK_SCRIPT = /^(?:bin|scripts|python-scripts)\/\.[^/]+-(?:pre|post)-(?:un)?link\.(?:sh|bat)$/i;
const ACTIVATE_SCRIPT = /^etc\/conda\/(?:de)?activate\.d\/./i;
const MENU = /^menu\/[^/]*\.json$/i;
const LICENSE_FILE = /^info\/(?:licenses\/.|[^/]*(?:licen[cs]e|copying|copyright)[^/]*$)/i;

/**
 * Reads `info/` of an artifact once, streamed: the whole `info-` member of a `.conda`, of a `.tar.bz2` no further than its first file of the
 * payload, if the list of files has come by then. What runs is told from the list of files, since nothing else of a package is linked (conda
 * 4.3 alone runs a `pre-link` that the list does not name).
 *
 * @throws RepackError E_ARTIFACT_CORRUPT as `readInfo`, or where it has no list of files. Errors of the disk as they are.
 */
export async function readArtifactInfo(source: RandomAccessSource, distFilename: string): Promise<ArtifactInfo> {
  const names: string[] = [];
  let listed = false;
  const found = await readInfo(source, {
    distFilename,
    wanted: [...PATH_MEMBERS, ABOUT],
    goesOn: (name) => {
      if (!name.startsWith('info/')) return !listed;
      listed ||= PATH_MEMBERS.some((member) => member === name);
      names.push(name);
      return true;
    },
  });
  if (!listed) throw corrupt(distFilename, `it has neither ${PATH_MEMBERS.join(' nor ')}`);
  const paths = listedPaths(found).map(({ path }) => path.replaceAll('\\', '/'));
  const licenses = names.filter((name) => LICENSE_FILE.test(name));
  const more = distFilename.endsWith('.conda') ? [] : statedLicenses(found.get(ABOUT));
  const matching = (pattern: RegExp): string[] => sorted(paths.filter((path) => pattern.test(path)));
  return {
    licenseFiles: sorted([...licenses, ...more.filter((name) => !licenses.some((each) => isFile(each, name)))]),
    linkScripts: matching(LINK_SCRIPT),
    activateScripts: matching(ACTIVATE_SCRIPT),
    menus: matching(MENU),
  };
}

/** `license_file` of a recipe: a name or several. */
function statedLicenses(about: Uint8Array | undefined): string[] {
  const stated = objectIn(new TextDecoder().decode(about))?.['license_file'];
  return [stated].flat().filter((each): each is string => typeof each === 'string' && each !== '');
}

function isFile(path: string, stated: string): boolean {
  return path.slice(path.lastIndexOf('/') + 1) === stated.slice(stated.lastIndexOf('/') + 1);
}

function sorted(paths: readonly string[]): string[] {
  return [...new Set(paths)].sort();
}
