import { z } from 'zod';
import { isRepackError } from '../../base/errors.js';
import { Secret } from '../../base/secret.js';
import { KNOWN_SUBDIRS, shown } from '../../conda/channel/names.js';
import { parseChannelUrl } from '../../conda/channel/declare-channels.js';
import { installerAt, NO_SHA256, SHA256, urlProblem, type Installer } from '../installers.js';
import { Wrong, step } from '../yaml/step.js';
import { flag, list, text, written } from './values-schema.js';

const TOKEN_EXAMPLE = 'channels:\n    - url: https://host/channel\n      token: true';

const tokenFlag = flag({
  error: () =>
    new Wrong(
      'has a `token` that is neither true nor false',
      'The token itself is not written here: write `token: true` and give it with --token-file or --token-env.',
    ).message,
});

/** A channel as written, its token taken out of the URL. */
export interface ReadChannel {
  text: string;
  token: boolean;
  /** What stood in the URL. */
  secret: Secret | undefined;
}

/** Names, URLs, or `{url, token: true}`. A token in a URL (`/t/TOKEN/`, as the old tools have it) is taken out as a secret. */
export const channels = list(
  z
    .union([text, z.strictObject({ url: text, token: tokenFlag.optional() })])
    .pipe(
      step((value: string | { url: string; token?: boolean | undefined }) =>
        typeof value === 'string' ? readChannel(value, false) : readChannel(value.url, value.token === true),
      ),
    ),
);

function readChannel(address: string, marked: boolean): ReadChannel | Wrong {
  const [, host, inPath, rest = ''] = /^([a-z]+:\/\/[^/]*)\/t\/([^/]+)(\/.*)?$/i.exec(address) ?? [];
  if (inPath !== undefined && /[<>${}%]/.test(inPath.replace(/%[0-9a-f]{2}/gi, ''))) {
    return new Wrong(
      'has a placeholder where a channel URL holds its token',
      `Nothing is filled in here. Write\n  ${TOKEN_EXAMPLE}\nand give the token with --token-file or --token-env.`,
    );
  }
  const bare = inPath === undefined ? address : host! + rest;
  const problem = channelProblem(bare);
  if (problem !== undefined) return problem;
  try {
    const url = parseChannelUrl(bare, 'https://channels.invalid');
    const secret = inPath === undefined ? undefined : new Secret(decoded(inPath));
    return { text: bare.includes('://') ? url : bare, token: marked || secret !== undefined, secret };
  } catch (error) {
    if (!isRepackError(error)) throw error;
    return new Wrong(
      `: ${error.what}`,
      'Give a name (conda-forge, defaults), https://…, or file:///… for a folder. The token is given by --token-file or --token-env.',
    );
  }
}

/** A token with a lone percent sign stands for itself. */
function decoded(token: string): string {
  try {
    return decodeURIComponent(token);
  } catch {
    return token;
  }
}

function channelProblem(channel: string): Wrong | undefined {
  if (channel === '') return new Wrong('has an empty channel');
  if (KNOWN_SUBDIRS.includes(channel)) {
    return new Wrong(
      `has ${shown(channel)}, which is a platform and no channel`,
      `Platforms stand under \`platforms:\`, in the first column, with \`  - ${channel}\` below it.`,
    );
  }
  if (/^(?:[\\/~.]|[a-z]:[\\/])/i.test(channel)) {
    const path = channel.replaceAll('\\', '/').replace(/^\/*/, '/');
    return new Wrong(
      `has the path ${shown(channel)}`,
      `A folder is a channel as a URL: file://${path.startsWith('/~') || path.startsWith('/.') ? '/full/path' : path}`,
    );
  }
  const subdir = /\/([a-z0-9-]+)\/*$/.exec(channel)?.[1];
  if (subdir === undefined || !KNOWN_SUBDIRS.includes(subdir)) return undefined;
  return new Wrong(
    `names a channel with its subdir, ${shown(channel)}`,
    `Name the channel, ${channel.replace(/\/[a-z0-9-]+\/*$/, '')}, and write the subdir under \`platforms\`.`,
  );
}

const asWritten = written.transform((value) => String(value).trim());

const sha256 = asWritten
  .transform((digest) => digest.toLowerCase())
  .pipe(z.string().regex(SHA256, { error: () => NO_SHA256.message }));

const installer = z.strictObject({
  url: asWritten.optional(),
  file: asWritten.optional(),
  sha256,
  name: asWritten.optional(),
});

/** Installers by URL, or by `file` below `remote_url`, each with its sha256: see `locateInstaller`. */
export const installers = list(installer);

/** Where an installer is fetched from and what it is called. `remoteUrl`: '' = none. */
export function locateInstaller(
  { url, file, sha256, name, line }: z.output<typeof installer> & { line: number },
  remoteUrl: string,
): Installer | Wrong {
  if (url === undefined && file === undefined) return new Wrong('has an item without `url` or `file`');
  if (url !== undefined && file !== undefined) return new Wrong('has an item with both `url` and `file`');
  if (file !== undefined && remoteUrl === '')
    return new Wrong(
      'has a `file`, but remote_url is "" (none)',
      'Write its whole address as `url`, or give remote_url.',
    );
  const address = url ?? `${remoteUrl}${file!.replace(/^\/+/, '')}`;
  return installerAt(address, { sha256, name, line });
}

/** The address installers named by `file` are below: '' = none; else with a slash at its end. */
export const remoteUrl = text.nullable().pipe(
  step((address: string | null): string | Wrong => {
    if (address === null || address === '') return '';
    const problem = urlProblem(address);
    if (problem === undefined) return `${address.replace(/\/+$/, '')}/`;
    return new Wrong(
      `has a URL that ${problem}`,
      /^(?:none|no|false|null)$/i.test(address)
        ? 'For no address at all write remote_url: ""'
        : 'Write it as https://host/path/file, or file:///folder/file.',
    );
  }),
);
