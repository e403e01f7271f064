import { fileURLToPath } from 'node:url';
import type { Channel } from '../conda/channel/channel.js';
import { KNOWN_SUBDIRS } from '../conda/channel/names.js';
import { wordForShellHere } from '../base/shell-quote.js';
import { loginFor, type ChannelLogin } from '../base/channel-login.js';
import { RepackError, isRepackError, type ErrorCode } from '../base/errors.js';
import { failureCode } from './retry.js';
import { opensWithToken, type WireRules } from './wire-url.js';

export interface FailureContext {
  /** Identity URL of what was asked, token-free. */
  url: string;
  /** Code for a server that sends other bytes than it or the index states. */
  contentCode: Extract<ErrorCode, 'E_ARTIFACT_DIGEST' | 'E_REPODATA'>;
}

/** Turns what a transfer ended with into an error a person can act on. RepackErrors and aborts pass unchanged. */
export function explainFailure(error: unknown, { url, contentCode }: FailureContext): unknown {
  if (isRepackError(error)) return error;
  const code = failureCode(error);
  if (code === undefined || code === 'ABORT_ERR' || code === 'UND_ERR_ABORTED') return error;
  const explain = (known: ErrorCode, what: string, hint: string): RepackError =>
    new RepackError(known, { what, where: url, hint, cause: error });
  const host = new URL(url).host;

  const tls = explainTls(code, host);
  if (tls !== undefined) return explain('E_TLS', tls.what, tls.hint);
  if (code === 'WRONG_SIZE' || code === 'TOO_LONG' || code === 'ENCODING') {
    return explain(
      contentCode,
      capital((error as Error).message),
      'The file and the index of this channel do not belong together: tell whoever runs it, or try later.',
    );
  }
  if (code.startsWith('PROXY_'))
    return explain(
      'E_UPSTREAM',
      `The outer proxy refused the connection to ${host} (${code.slice(6)})`,
      proxyHint(code),
    );
  if (code.startsWith('HTTP_'))
    return explain(
      'E_UPSTREAM',
      `${host} answered ${code.slice(5)} each time`,
      'Try later; if it stays, ask whoever runs the channel.',
    );
  if (code === 'ENOTFOUND')
    return explain(
      'E_UPSTREAM',
      `There is no host named ${host}`,
      'Check its spelling in the configuration, the DNS of this machine, and whether a proxy is needed.',
    );
  if (code === 'EAI_AGAIN')
    return explain(
      'E_UPSTREAM',
      `The name ${host} could not be looked up`,
      'Check the DNS of this machine, and whether a proxy is needed.',
    );
  if (code === 'ECONNREFUSED')
    return explain(
      'E_UPSTREAM',
      `${host}, or the proxy to it, refuses connections`,
      'Check the address and the proxy in the configuration, and whether the server runs.',
    );
  if (code === 'TOO_LATE')
    return explain(
      'E_UPSTREAM',
      `${host} is too slow: ${(error as Error).message}`,
      'Run the same command again: packages that have arrived are kept. If it stays, check the line and the proxy.',
    );
  if (code === 'TOO_SLOW' || code.endsWith('_TIMEOUT') || code === 'ETIMEDOUT') {
    return explain('E_UPSTREAM', `${host} answers too slowly (${code})`, 'Try later, or check the line and the proxy.');
  }
  return explain(
    'E_UPSTREAM',
    `The connection to ${host} broke again and again (${code})`,
    'Try later; what has arrived is kept. Check the line and the proxy if it stays.',
  );
}

/** The usual slips with --base-url. */
function ownerTwice(url: string): string {
  const { pathname } = new URL(url);
  const whole = /^(?:\/.*)?(\/[^/]+\/(?:label|channel)\/[^/]+)\/[^/]/.exec(pathname)?.[1];
  if (whole !== undefined) return `--base-url ends before the owner: leave ${whole} out there. `;
  const twice = /\/([^/]+)\/\1(?:\/|$)/.exec(pathname)?.[1];
  return twice === undefined ? '' : `--base-url names the owner ${twice} already: leave it out there. `;
}

function pathInBase(url: string, { token, tokenBase }: WireRules): string {
  const below = tokenBase !== '' && new URL(url).pathname.startsWith(`${tokenBase}/`);
  return token === undefined || !below ? '' : `Does --base-url end before the owner? Its path is ${tokenBase}. `;
}

function tokenHint({ token }: WireRules): string {
  return token === undefined
    ? ' (TOKEN, --token-env, or token_env: in the file)'
    : ' (the one that was given goes to the channels of --owner at --base-url only, so not to this one)';
}

/** Not there, or not for you. */
const SAYS_NO = new Set([400, 401, 402, 403, 404, 410]);

/** Whether the answer is about who asks: 401, the proxy's 407, and 403 where a login was given. */
export function asksWho(status: number, url: string, { logins }: WireRules): boolean {
  return status === 401 || status === 407 || (status === 403 && loginFor(new URL(url), logins) !== undefined);
}

/** Many hosts answer 404, not 401, for a wrong token (conda-pypi#482) or login (Artifactory), so both are named. */
export function refusedStatus(
  status: number,
  { url, channel, rules }: { url: string; channel: Channel; rules: WireRules },
): RepackError {
  const { host } = new URL(url);
  const login = loginFor(new URL(url), rules.logins);
  if (!SAYS_NO.has(status)) {
    return new RepackError('E_UPSTREAM', {
      what: `${host} answered ${status}, which says neither yes nor no`,
      where: url,
      hint: 'Open the address in a browser on this machine, and ask whoever runs the server or the proxy before it.',
    });
  }
  const subdir = /\/([a-z0-9-]+)$/.exec(channel.url)?.[1] ?? '';
  if (KNOWN_SUBDIRS.includes(subdir)) {
    return new RepackError('E_UPSTREAM_NOT_FOUND', {
      what: `The channel ${channel.name} is named with its subdir`,
      where: url,
      hint: `Name the channel, ${channel.url.slice(0, -subdir.length - 1)}; the subdir is asked for with --subdir.`,
    });
  }
  if (channel.url.startsWith('file:')) {
    return new RepackError('E_UPSTREAM_NOT_FOUND', {
      what: `There is no index in the folder of the channel ${channel.name}`,
      where: url,
      hint: `Check the path. Where packages lie in it, make their index: repackenv doctor --repair ${wordForShellHere(fileURLToPath(channel.url))}`,
    });
  }
  if (login !== undefined && (status === 401 || status === 403)) {
    return new RepackError('E_LOGIN_REFUSED', {
      what: `${host} answered ${status}: it refused the login (${login.who}), or that opens no ${channel.name}`,
      where: url,
      hint: 'Check user and password, or the token, and what they may read; bearer:TOKEN and basic:USER:PASSWORD say which it is.',
    });
  }
  if (opensWithToken(channel, rules.token)) {
    return new RepackError('E_TOKEN_REFUSED', {
      what: `The upstream answered ${status}: owner, token or label is wrong, or the token does not open ${channel.name}`,
      where: url,
      hint: `${ownerTwice(channel.url)}Check owner and label in the address above, then the token: is it still valid, and for this owner?`,
    });
  }
  return new RepackError('E_UPSTREAM_NOT_FOUND', {
    what:
      status === 404
        ? `There is no channel ${channel.name} here`
        : `The upstream answered ${status} for the channel ${channel.name}`,
    where: url,
    hint: `${pathInBase(channel.url, rules)}Check the name of the channel; ${login === undefined ? `if it is private, it needs the token${tokenHint(rules)}${hintOfLogin(status, host, rules)}` : `or the login (${login.who}) does not open it`}.`,
  });
}

function hintOfLogin(status: number, host: string, { logins = [] }: WireRules): string {
  if (status !== 401) return '';
  const others = logins.length === 0 ? '' : `; given are those for ${logins.map(nameOf).join(', ')}`;
  return `, or a login: --channel-login ${host}=env:NAME, with user:password or a bearer token in NAME${others}`;
}

function nameOf({ hostname, port }: ChannelLogin): string {
  return port === undefined ? hostname : `${hostname}:${port}`;
}

function explainTls(code: string, host: string): { what: string; hint: string } | undefined {
  const insecure = 'The connection was given up; there is no insecure mode.';
  if (UNKNOWN_AUTHORITY.has(code)) {
    return {
      what: `The certificate of ${host} is signed by an authority this program does not know (${code})`,
      hint: `If your company or the server has its own CA, give its PEM file with --ca-file. ${insecure}`,
    };
  }
  if (code === 'CERT_HAS_EXPIRED') {
    return {
      what: `The certificate of ${host} has expired`,
      hint: `It must be renewed there; check the clock of this machine too. ${insecure}`,
    };
  }
  if (code === 'CERT_NOT_YET_VALID') {
    return {
      what: `The certificate of ${host} is not valid yet`,
      hint: `Check the clock of this machine. ${insecure}`,
    };
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return {
      what: `The certificate that ${host} shows was made for another host`,
      hint: `Check the host name in the configuration, and the proxy. ${insecure}`,
    };
  }
  if (code === 'EPROTO' || /^(ERR_SSL_|ERR_TLS_|CERT_|CRL_)/.test(code)) {
    return {
      what: `No secure connection to ${host} could be made (${code})`,
      hint: `Check that https is spoken on this port, and the proxy. ${insecure}`,
    };
  }
  return undefined;
}

const UNKNOWN_AUTHORITY = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_UNTRUSTED',
  'INVALID_CA',
]);

function proxyHint(code: string): string {
  return code === 'PROXY_407'
    ? 'It wants a user name and a password: set them in the proxy URL (http://USER:PASSWORD@HOST:PORT).'
    : 'Ask whoever runs the proxy to let this host through, or list it under no_proxy.';
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
