import type { ChannelPriority, Subdir } from '../../conda/channel/channel.js';
import { NOWHERE } from '../private-home.js';
import type { CondaEngine } from './conda-engine.js';
import { PROGRAM_TRAITS } from './programs.js';

export interface CondarcParts {
  /** As the engine is told them, highest priority first. */
  channels: readonly string[];
  channelPriority: ChannelPriority;
  subdir: Subdir;
  /** The only way out; undefined: offline. */
  proxyUrl: string | undefined;
  pkgsDir: string;
  envsDir: string;
  engine: Pick<CondaEngine, 'program' | 'abilities' | 'info'>;
}

/**
 * The run's `condarc.yml` (design D1a), every setting that decides what is solved or where it comes from said explicitly. Keys that a
 * version does not know are ignored by all of conda 4.3 to 26 and by mamba. Written as JSON, which is YAML.
 */
export function condarcText(parts: CondarcParts): string {
  const settings = { ...condarcSettings(parts), ...(parts.engine.program === 'conda' ? {} : mambaSettings(parts)) };
  return `${JSON.stringify(settings, undefined, 2)}\n`;
}

/** What only mamba and micromamba know (mamba `libmamba/src/api/configuration.cpp`). */
function mambaSettings({ subdir }: CondarcParts): Record<string, unknown> {
  return {
    platform: subdir,
    mirrored_channels: {},
    // With --json it would keep to itself why a request is unsolvable.
    log_level: 'error',
    // The environment is thrown away, and its python may be of a kind that does not run here.
    compile_pyc: false,
    extra_safety_checks: false,
    no_py_pin: false,
    repodata_use_zst: true,
    show_anaconda_channel_warnings: false,
    // From 2.6 on; conda's name for it is repodata_use_shards.
    use_sharded_repodata: false,
    verify_artifacts: false,
  };
}

export function condarcSettings(parts: CondarcParts): Record<string, unknown> {
  const proxy = parts.proxyUrl ?? NOWHERE;
  return {
    channels: parts.channels,
    default_channels: [],
    custom_channels: {},
    custom_multichannels: {},
    migrated_channel_aliases: [],
    // Else conda takes URLs below its own alias for names and puts the alias' scheme and credentials on them.
    channel_alias: 'http://channel-alias.invalid',
    channel_priority: parts.engine.abilities.namesPriorities
      ? parts.channelPriority
      : parts.channelPriority !== 'disabled',
    override_channels_enabled: true,
    proxy_servers: { http: proxy, https: proxy },
    offline: parts.proxyUrl === undefined && PROGRAM_TRAITS[parts.engine.program].offlineReadsFolders,
    subdir: parts.subdir,
    pkgs_dirs: [parts.pkgsDir],
    envs_dirs: [parts.envsDir],

    add_anaconda_token: false,
    anaconda_upload: false,
    add_pip_as_python_dependency: true,
    aggressive_update_packages: [],
    allow_softlinks: false,
    always_copy: false,
    always_softlink: false,
    always_yes: true,
    auto_update_conda: false,
    create_default_packages: [],
    // conda 4.3 would prefer the python it runs on itself.
    default_python: null,
    disallowed_packages: [],
    // From 26.9 on: packages that are newer than a date, or than so many days, are left out.
    exclude_newer: '',
    notify_outdated_conda: false,
    number_channel_notices: 0,
    pinned_packages: [],
    register_envs: false,
    report_errors: false,
    restore_free_channel: false,
    // What is delivered is checked by its digests; looking at each unpacked file of an environment that is thrown away takes 0.3 s.
    safety_checks: 'disabled',
    // Windows: no entries in the build host's Start menu.
    shortcuts: false,
    // Its own default may be one that is not installed.
    ...(parts.engine.info.solver === undefined ? {} : { solver: parts.engine.info.solver.name }),
    track_features: [],
    use_only_tar_bz2: false,

    // The package cache is shared by labels whose views of one channel differ: never take an index on trust.
    local_repodata_ttl: 0,
    repodata_fns: ['repodata.json'],
    repodata_use_shards: false,
    // The gateway retries and waits; the engine has but to be patient.
    remote_connect_timeout_secs: 30,
    remote_read_timeout_secs: 900,
    remote_max_retries: 1,
  };
}
