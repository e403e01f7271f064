import { join } from 'node:path';
import { RepackError } from '../../base/errors.js';
import { isMissing } from '../../base/fs-errors.js';
import { Secret } from '../../base/secret.js';
import type { Runtime } from '../../runtime/runtime.js';
import { parseUrl } from '../../base/parse-url.js';

/** How a bucket is reached, from the environment and files that other programs of its kind read. */
export interface BucketAccess {
  accessKeyId: string;
  secretAccessKey: Secret;
  sessionToken: Secret | undefined;
  region: string;
  /** Undefined: Amazon's own. */
  endpoint: string | undefined;
}

type ReadRuntime = Pick<Runtime, 'env' | 'fs' | 'machine'>;

/**
 * AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (with AWS_SESSION_TOKEN), where AWS_PROFILE does not name a profile; else the profile (or `default`) in
 * `~/.aws/credentials` and `~/.aws/config`. Endpoint and region: the option, then the environment, then the profile.
 *
 * @throws RepackError E_LOGIN_REFUSED: there are none. E_CONFIG: a file that can't be read, an endpoint that is no URL
 */
export async function bucketAccess(rt: ReadRuntime, endpointOption: string | undefined): Promise<BucketAccess> {
  const { env } = rt;
  const name = text(env['AWS_PROFILE']) ?? 'default';
  const [keys, config] = await Promise.all([
    profileIn(rt, env['AWS_SHARED_CREDENTIALS_FILE'], 'credentials', name),
    profileIn(rt, env['AWS_CONFIG_FILE'], 'config', name),
  ]);
  const profile: Readonly<Record<string, string>> = { ...config, ...keys };
  const fromEnv = text(env['AWS_PROFILE']) === undefined && text(env['AWS_ACCESS_KEY_ID']) !== undefined;
  const id = fromEnv ? text(env['AWS_ACCESS_KEY_ID']) : profile['aws_access_key_id'];
  const secret = fromEnv ? text(env['AWS_SECRET_ACCESS_KEY']) : profile['aws_secret_access_key'];
  const token = fromEnv ? text(env['AWS_SESSION_TOKEN']) : profile['aws_session_token'];
  if (id === undefined || secret === undefined) {
    throw new RepackError('E_LOGIN_REFUSED', {
      what: `There are no keys for the bucket${text(env['AWS_PROFILE']) === undefined ? '' : ` in the profile ${name}`}`,
      where: 'AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY; ~/.aws/credentials',
      hint: 'Set the two variables, or name a profile of ~/.aws/credentials in AWS_PROFILE.',
    });
  }
  const endpoint =
    endpointOption ?? text(env['AWS_ENDPOINT_URL_S3']) ?? text(env['AWS_ENDPOINT_URL']) ?? profile['endpoint_url'];
  return {
    accessKeyId: id,
    secretAccessKey: new Secret(secret),
    sessionToken: token === undefined ? undefined : new Secret(token),
    region: text(env['AWS_REGION']) ?? text(env['AWS_DEFAULT_REGION']) ?? profile['region'] ?? 'us-east-1',
    endpoint: endpoint === undefined ? undefined : checkedEndpoint(endpoint),
  };
}

function checkedEndpoint(given: string): string {
  const url = parseUrl(given);
  if (url !== undefined && /^https?:$/.test(url.protocol) && url.username === '' && url.search === '')
    return url.href.replace(/\/+$/, '');
  throw new RepackError('E_CONFIG', {
    what: 'The endpoint of the bucket is not a URL that begins with https:// or http://',
    where: '--endpoint, AWS_ENDPOINT_URL',
    hint: 'Give scheme, host and port, and no keys: https://s3.example.com:9000',
  });
}

async function profileIn(
  rt: ReadRuntime,
  named: string | undefined,
  usual: 'credentials' | 'config',
  profile: string,
): Promise<Readonly<Record<string, string>>> {
  const file = text(named) ?? join(rt.machine.homedir, '.aws', usual);
  try {
    return sectionOf(await rt.fs.readText(file), profile);
  } catch (cause) {
    if (isMissing(cause)) return {};
    throw new RepackError('E_CONFIG', {
      what: `The file with the ${usual === 'config' ? 'configuration' : 'keys'} of the bucket can’t be read`,
      where: file,
      hint: 'Check its permissions.',
      cause,
    });
  }
}

/** `[name]` (in `config` also `[profile name]`), then `key = value`; `#` and `;` begin comments. */
function sectionOf(content: string, profile: string): Record<string, string> {
  const found: Record<string, string> = {};
  let inside = false;
  for (const line of content.split(/\r?\n/)) {
    const section = /^\s*\[\s*(?:profile\s+)?([^\]]+?)\s*\]/.exec(line)?.[1];
    if (section !== undefined) inside = section === profile;
    const [, key, value] = /^([a-z_]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (inside && key !== undefined && value !== '') found[key] = value!;
  }
  return found;
}

function text(value: string | undefined): string | undefined {
  return value === undefined || value.trim() === '' ? undefined : value.trim();
}
