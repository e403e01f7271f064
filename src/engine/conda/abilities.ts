import coerce from 'semver/functions/coerce.js';
import gte from 'semver/functions/gte.js';

/** What a version of a conda, mamba or micromamba can do, as far as it matters here. Sources: the changelog of conda, recordings. */
export interface CondaAbilities {
  /** Reads `.conda` files (4.7). */
  readsCondaFormat: boolean;
  /** Knows virtual packages (4.7), which `CONDA_OVERRIDE_*` replace. */
  knowsVirtualPackages: boolean;
  /** `create --override-channels -c` is obeyed (4.4). */
  overridesChannels: boolean;
  /** Installs offline from `file://` without `repodata.json.bz2` (4.4). */
  readsJsonIndexOffline: boolean;
  /** `channel_priority` is strict, flexible or disabled (4.6); before, true or false. */
  namesPriorities: boolean;
  /**
   * Lets every python need pip. mamba from 2.6 on does only where both are in one subdir of one channel, and where python is asked for by
   * name (mamba `libmamba/src/solver/libsolv/helpers.cpp`, `api/install.cpp`).
   */
  bringsPip: boolean;
  /**
   * `CONDA_OVERRIDE_ARCHSPEC` replaces the processor of the build host (not in micromamba 1.5). Where it does not, what leans on that processor
   * is found by the proof before publish.
   */
  overridesArchspec: boolean;
}

export const OLDEST_CONDA = '4.3.0';

/** `4.3.16`, `26.7.1`, `4.10.3.post1` as semver; undefined where there is no version in it. */
export function condaSemver(version: string): string | undefined {
  return coerce(version)?.version;
}

export function isSupportedConda(version: string): boolean {
  return atLeast(version, OLDEST_CONDA);
}

const ALL: CondaAbilities = {
  readsCondaFormat: true,
  knowsVirtualPackages: true,
  overridesChannels: true,
  readsJsonIndexOffline: true,
  namesPriorities: true,
  bringsPip: true,
  overridesArchspec: true,
};

/** Every mamba and micromamba that is supported can do what today's conda can, but for pip. */
export function abilitiesOf({ program, version }: { program: string; version: string }): CondaAbilities {
  return program === 'conda'
    ? condaAbilities(version)
    : {
        ...ALL,
        bringsPip: !atLeast(version, '2.6.0'),
        overridesArchspec: atLeast(version, '2.0.0'),
      };
}

export function condaAbilities(version: string): CondaAbilities {
  return {
    readsCondaFormat: atLeast(version, '4.7.0'),
    knowsVirtualPackages: atLeast(version, '4.7.0'),
    overridesChannels: atLeast(version, '4.4.0'),
    readsJsonIndexOffline: atLeast(version, '4.4.0'),
    namesPriorities: atLeast(version, '4.6.0'),
    bringsPip: true,
    overridesArchspec: true,
  };
}

function atLeast(version: string, floor: string): boolean {
  const parsed = condaSemver(version);
  return parsed !== undefined && gte(parsed, floor);
}
