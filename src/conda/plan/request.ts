import type { Channel, ChannelPriority, Subdir } from '../channel/channel.js';
import type { MatchSpec } from '../spec/match-spec.js';
import type { TargetClient, TargetProfile, VirtualPackage } from './profile.js';
import type { Secret } from '../../base/secret.js';

export type EngineChoice = 'auto' | 'conda' | 'mamba' | 'micromamba' | 'embedded';

/** How installability is proven before publish: always by an offline solve, on request also by a real installation. */
export type ProofKind = { kind: 'solve' } | { kind: 'install'; enginePath: string | undefined };

/** What every job needs to reach channels and to work on this machine. */
export interface WorkSettings {
  channelPriority: ChannelPriority;
  engine: EngineChoice;
  enginePath: string | undefined;
  cacheDir: string;
  /** Hosts that may be asked over plain http, for channels without a token. */
  allowHttp: readonly string[];
  /** The largest index that is read, unpacked; undefined: the gateway's own limit. */
  maxIndexMb?: number | undefined;
  /** Outer proxy URL; may hold credentials. */
  proxy: string | undefined;
  noProxy: readonly string[];
  /** Files with PEM certificates of own CAs. */
  caFiles: readonly string[];
  /** How long to wait for another run on the same label; 0: not at all. */
  waitLockMs: number;
  /** Take over from a run on another host that gives no sign of life. */
  takeOverLock: boolean;
  prove: ProofKind;
  indexBz2: boolean;
  /** File names or package names whose changed bytes upstream are accepted; `all`: every one. */
  replace: readonly string[];
  /** SSH key that signs the manifest. */
  signKey: string | undefined;
  /** Write what a site without this tool needs beside the label folder. */
  siteFiles: boolean;
  /** Carry the artifacts' attestations (CEP 27). */
  attestations: boolean;
  adopt: boolean;
  dryRun: boolean;
}

/** One label to be made: parsed, validated, secrets wrapped. What the pipeline starts from. */
export interface RepackRequest extends WorkSettings {
  label: string;
  /** As given; checked and resolved by publish/root. */
  root: string;
  token: Secret | undefined;
  specs: readonly MatchSpec[];
  /** Highest priority first (design D2a). */
  channels: readonly Channel[];
  subdirs: readonly Subdir[];
  profiles: readonly TargetProfile[];
}

/** `repackenv capture`: an environment that exists instead of specs. */
export interface CaptureRequest extends WorkSettings {
  /** The environment's folder name when undefined. */
  label: string | undefined;
  root: string;
  token: Secret | undefined;
  /** Base URL whose `/t/TOKEN/` paths the token opens. */
  tokenBaseUrl: string;
  prefix: string | undefined;
  virtualPackages: readonly VirtualPackage[];
  client: TargetClient | undefined;
  /** Where `envinfo.json` is read from and `tgfolder.txt` is written to. */
  workDir: string;
  /** Undefined: no `tgfolder.txt`. */
  writeTargetFolder: boolean;
}
