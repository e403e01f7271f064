import { isMap, isScalar } from 'yaml';
import type { Node } from 'yaml';
import { parseChannelUrl } from '../../conda/channel/declare-channels.js';
import { isRepackError } from '../../base/errors.js';
import type { Finding } from '../../base/findings.js';
import { KNOWN_SUBDIRS, caseFoldClash, safeSegment, shown } from '../../conda/channel/names.js';
import { Secret, reveal } from '../../base/secret.js';
import type { MirrorChannel, MirrorInstaller } from './types.js';
import { itemNodes, readPairs, readText, refuse, sourceText } from './parse-values.js';
import type { ReadContext } from './parse-values.js';

const CHANNEL_EXAMPLE = 'channels: [conda-forge, https://host/channel]';
const TOKEN_EXAMPLE = 'channels:\n    - url: https://host/channel\n      token: true';
const INSTALLER_EXAMPLE =
  'installers:\n    - url: https://host/Miniforge3-Linux-x86_64.sh\n      sha256: <64 hexadecimal digits>';

export interface ReadChannels {
  channels: MirrorChannel[];
  token: Secret | undefined;
  warnings: Finding[];
}

/**
 * Channels: names, URLs, or `{url, token: true}`. A token in a URL (`/t/TOKEN/`, as the old tools have it) is taken out and given back
 * as a secret; one run has one token.
 */
export function readChannels(context: ReadContext): ReadChannels {
  const nodes = itemNodes(context, CHANNEL_EXAMPLE);
  if (nodes.length === 0) {
    refuse(context, {
      what: 'has no channel',
      hint: `Leave the line out for \`defaults\`, or write for example\n  ${CHANNEL_EXAMPLE}`,
    });
  }
  const result: ReadChannels = { channels: [], token: undefined, warnings: [] };
  for (const node of nodes) {
    const { channel, token } = oneChannel(context, node);
    if (token !== undefined) {
      if (result.token !== undefined && reveal(result.token) !== reveal(token)) {
        refuse(
          context,
          {
            what: 'has two different tokens',
            hint: 'One run has one token: make a mirror file for each, with mirrors of their own.',
          },
          node,
        );
      }
      result.token = token;
      result.warnings.push({
        code: 'token-in-mirror-file',
        message: `${context.file.place(node).where}: the channel's URL holds the token, which everybody who reads the file sees. Write {url: ${channel.text}, token: true} and give it with --token-file or --token-env.`,
        subject: channel.text,
        exit: false,
        warn: true,
      });
    }
    const twin = result.channels.find((each) => each.text === channel.text);
    if (twin !== undefined) {
      refuse(
        context,
        {
          what: `has ${shown(channel.text)} twice (line ${twin.line})`,
          hint: 'Delete one of the two; the first one counts.',
        },
        node,
      );
    }
    result.channels.push(channel);
  }
  return result;
}

function oneChannel(context: ReadContext, node: Node): { channel: MirrorChannel; token: Secret | undefined } {
  if (!isMap(node)) return checkedChannel(context, node, readText(context, CHANNEL_EXAMPLE, node).text, false);
  const pairs = readPairs(context, node, ['url', 'token'], TOKEN_EXAMPLE);
  const url = pairs.get('url');
  if (url === undefined)
    refuse(context, { what: 'has an item without `url`', hint: `Write for example\n  ${TOKEN_EXAMPLE}` }, node);
  const flag = pairs.get('token');
  let marked = false;
  if (flag !== undefined) {
    const text = isScalar(flag) ? String(flag.value).toLowerCase() : '';
    marked = ['true', 'yes', 'on'].includes(text);
    if (!marked && !['false', 'no', 'off'].includes(text)) {
      refuse(
        context,
        {
          what: 'has a `token` that is neither true nor false',
          hint: 'The token itself is not written here: write `token: true` and give it with --token-file or --token-env.',
        },
        flag,
      );
    }
  }
  return checkedChannel(context, url!, readText(context, TOKEN_EXAMPLE, url).text, marked);
}

function checkedChannel(
  context: ReadContext,
  node: Node,
  written: string,
  marked: boolean,
): { channel: MirrorChannel; token: Secret | undefined } {
  const { text, token } = withoutToken(context, node, written);
  const bad = channelProblem(text);
  if (bad !== undefined) refuse(context, bad, node);
  try {
    parseChannelUrl(text, 'https://channels.invalid');
  } catch (error) {
    if (!isRepackError(error)) throw error;
    context.file.refuse(context.file.place(node), {
      what: `"${context.entry.key}": ${error.what}`,
      hint: 'Give a name (conda-forge, defaults), https://…, or file:///… for a folder. The token is given by --token-file or --token-env.',
    });
  }
  const channel = {
    text: text.includes('://') ? parseChannelUrl(text, 'https://channels.invalid') : text,
    token: marked || token !== undefined,
    line: context.file.place(node).line,
  };
  return { channel, token };
}

function withoutToken(context: ReadContext, node: Node, written: string): { text: string; token: Secret | undefined } {
  const match = /^([a-z]+:\/\/[^/]*)\/t\/([^/]+)(\/.*)?$/i.exec(written);
  if (match === null) return { text: written, token: undefined };
  const value = match[2]!;
  if (/[<>${}%]/.test(value.replace(/%[0-9a-f]{2}/gi, ''))) {
    refuse(
      context,
      {
        what: 'has a placeholder where a channel URL holds its token',
        hint: `Nothing is filled in here. Write\n  ${TOKEN_EXAMPLE}\nand give the token with --token-file or --token-env.`,
      },
      node,
    );
  }
  let token = value;
  try {
    token = decodeURIComponent(value);
  } catch {
    // A token with a lone percent sign stands for itself.
  }
  return { text: match[1]! + (match[3] ?? ''), token: new Secret(token) };
}

function channelProblem(text: string): { what: string; hint: string } | undefined {
  if (text === '') return { what: 'has an empty channel', hint: `Write for example\n  ${CHANNEL_EXAMPLE}` };
  if (KNOWN_SUBDIRS.includes(text)) {
    return {
      what: `has ${shown(text)}, which is a platform and no channel`,
      hint: `Platforms stand under \`platforms:\`, in the first column, with \`  - ${text}\` below it.`,
    };
  }
  if (/^(?:[\\/~.]|[a-z]:[\\/])/i.test(text)) {
    const path = text.replaceAll('\\', '/').replace(/^\/*/, '/');
    return {
      what: `has the path ${shown(text)}`,
      hint: `A folder is a channel as a URL: file://${path.startsWith('/~') || path.startsWith('/.') ? '/full/path' : path}`,
    };
  }
  const subdir = /\/([a-z0-9-]+)\/*$/.exec(text)?.[1];
  if (subdir !== undefined && KNOWN_SUBDIRS.includes(subdir)) {
    return {
      what: `names a channel with its subdir, ${shown(text)}`,
      hint: `Name the channel, ${text.replace(/\/[a-z0-9-]+\/*$/, '')}, and write the subdir under \`platforms\`.`,
    };
  }
  return undefined;
}

/** Installers by URL, or by `file` below `remote_url` ('' = none), each with its sha256. */
export function readInstallers(context: ReadContext, remoteUrl: string): MirrorInstaller[] {
  const installers = itemNodes(context, INSTALLER_EXAMPLE).map((node) => oneInstaller(context, node, remoteUrl));
  const clash = caseFoldClash(installers.map((each) => each.name)) ?? repeated(installers.map((each) => each.name));
  if (clash !== undefined) {
    refuse(context, {
      what: `has two files that would both be ${shown(clash[1])} in installers/`,
      hint: 'Give one of the two a name of its own: `name: …`.',
    });
  }
  return installers;
}

function oneInstaller(context: ReadContext, node: Node, remoteUrl: string): MirrorInstaller {
  const pairs = readPairs(context, node, ['url', 'file', 'sha256', 'name'], INSTALLER_EXAMPLE);
  const text = (key: string): string | undefined => {
    const value = pairs.get(key);
    if (value === undefined) return undefined;
    // A digest of digits only is a number to YAML.
    return isScalar(value) ? sourceText(value).trim() : readText(context, INSTALLER_EXAMPLE, value).text;
  };
  const [url, file, sha256] = [text('url'), text('file'), text('sha256')];
  if ((url === undefined) === (file === undefined)) {
    refuse(
      context,
      {
        what: url === undefined ? 'has an item without `url` or `file`' : 'has an item with both `url` and `file`',
        hint: `Write for example\n  ${INSTALLER_EXAMPLE}`,
      },
      node,
    );
  }
  if (sha256 === undefined || !/^[0-9a-f]{64}$/i.test(sha256)) {
    refuse(
      context,
      {
        what: sha256 === undefined ? 'has an item without `sha256`' : 'has a sha256 that is not 64 hexadecimal digits',
        hint: 'Installers are mirrored by URL and sha256: copy the digest from the publisher’s list of files.',
      },
      pairs.get('sha256') ?? node,
    );
  }
  if (file !== undefined && remoteUrl === '') {
    refuse(
      context,
      {
        what: 'has a `file`, but remote_url is "" (none)',
        hint: 'Write its whole address as `url`, or give remote_url.',
      },
      node,
    );
  }
  const address = url ?? `${remoteUrl}${file!.replace(/^\/+/, '')}`;
  checkedUrl(context, pairs.get('url') ?? pairs.get('file')!, address);
  const name = text('name') ?? decodeURIComponent(new URL(address).pathname.split('/').at(-1)!);
  try {
    safeSegment(name, 'installer');
  } catch (error) {
    if (!isRepackError(error)) throw error;
    refuse(
      context,
      {
        what: `has an installer whose file name can't be used: ${error.what}`,
        hint: 'Give it a plain one with `name: …`.',
      },
      node,
    );
  }
  return { url: address, sha256: sha256!.toLowerCase(), name, line: context.file.place(node).line };
}

/** The address installers named by `file` are below: '' = none; else with a slash at its end. */
export function readRemoteUrl(context: ReadContext): string {
  if (context.entry.value === undefined || (isScalar(context.entry.value) && context.entry.value.value === null))
    return '';
  const { text } = readText(context, 'remote_url: https://repo.anaconda.com/');
  if (text === '') return '';
  checkedUrl(context, context.entry.value, text);
  return `${text.replace(/\/+$/, '')}/`;
}

function checkedUrl(context: ReadContext, node: Node, text: string): void {
  let url: URL | undefined;
  try {
    url = new URL(text);
    decodeURIComponent(url.pathname);
  } catch {
    url = undefined;
  }
  const problem =
    url === undefined || !['https:', 'http:', 'file:'].includes(url.protocol)
      ? 'can’t be read'
      : url.username !== '' || url.password !== ''
        ? 'holds a user name or password'
        : /\/t\/[^/]/.test(url.pathname)
          ? 'holds a token'
          : url.search !== '' || url.hash !== ''
            ? 'has a query or a fragment (?… or #…)'
            : undefined;
  if (problem === undefined) return;
  refuse(
    context,
    {
      what: `has a URL that ${problem}`,
      hint:
        context.entry.key === 'remote_url' && /^(?:none|no|false|null)$/i.test(text)
          ? 'For no address at all write remote_url: ""'
          : 'Write it as https://host/path/file, or file:///folder/file.',
    },
    node,
  );
}

function repeated(names: readonly string[]): readonly [string, string] | undefined {
  const name = names.find((each, at) => names.indexOf(each) !== at);
  return name === undefined ? undefined : [name, name];
}
