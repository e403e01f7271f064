/** Every setting's value, checked. */
export interface SettingValues {
  baseUrl: string;
  owner: string | undefined;
  labelPath: 'label' | 'channel';
  channels: string[];
  channelPriority: 'flexible' | 'strict' | 'disabled';
  subdirs: string[];
  virtualPackages: string[];
  client: string | undefined;
  packagesFile: string | undefined;
  engine: 'auto' | 'conda' | 'mamba' | 'micromamba' | 'embedded';
  enginePath: string | undefined;
  prove: string;
  index: 'bz2'[];
  replace: string[];
  signKey: string | undefined;
  siteFiles: 'on' | 'off';
  attestations: boolean;
  adopt: boolean;
  dryRun: boolean;
  waitLock: number;
  takeOverLock: boolean;
  allowHttp: string[];
  maxIndexMb: number;
  proxy: string | undefined;
  noProxy: string[];
  caFiles: string[];
  cacheDir: string;
  logDir: string | undefined;
  json: boolean;
  quiet: boolean;
  debug: boolean;
}

export const DEFAULTS: Omit<SettingValues, 'cacheDir' | 'subdirs'> = {
  baseUrl: 'https://conda.anaconda.org',
  owner: undefined,
  labelPath: 'label',
  channels: [],
  channelPriority: 'flexible',
  virtualPackages: [],
  client: undefined,
  packagesFile: undefined,
  engine: 'auto',
  enginePath: undefined,
  prove: 'solve',
  index: [],
  replace: [],
  signKey: undefined,
  siteFiles: 'on',
  attestations: false,
  adopt: false,
  dryRun: false,
  waitLock: 0,
  takeOverLock: false,
  allowHttp: [],
  maxIndexMb: 450,
  proxy: undefined,
  noProxy: [],
  caFiles: [],
  logDir: undefined,
  json: false,
  quiet: false,
  debug: false,
};
