import type { Subdir } from '../channel/channel.js';

/** A virtual package of the customer's machines: `__glibc=2.17` -> name `__glibc`, version `2.17`, build `0`. */
export interface VirtualPackage {
  name: string;
  version: string;
  build: string;
}

export type ClientName = 'conda' | 'mamba' | 'micromamba' | 'pixi' | 'rattler';

/** The program that will install at the site, `conda 4.4`. */
export interface TargetClient {
  name: ClientName;
  version: string;
  /** `.conda` is readable (conda >= 4.7; every mamba, pixi, rattler). */
  readsCondaFormat: boolean;
  /** Virtual packages are known (conda >= 4.7 …). */
  knowsVirtualPackages: boolean;
  /** Needs `repodata.json.bz2` beside the index offline (conda < 4.4). */
  needsBz2Index: boolean;
  /** Adds `pip` to python's depends in memory (conda family). */
  injectsPip: boolean;
}

/** What the machines at the site are like, per subdir (design D3). Never the build host's. */
export interface TargetProfile {
  subdir: Subdir;
  virtualPackages: readonly VirtualPackage[];
  client: TargetClient | undefined;
}
