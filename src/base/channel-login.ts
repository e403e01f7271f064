import type { Secret } from './secret.js';

/** What opens the channels of one host: user and password, or a token in a header (design D10). It is sent to no other. */
export interface ChannelLogin {
  /** As `URL` writes it: lower case, punycode, IPv6 in brackets. */
  hostname: string;
  /** Undefined: each port of the host. */
  port: string | undefined;
  /** The header it goes in, as a client library takes its name. */
  header: 'authorization' | 'x-api-key';
  value: Secret;
  /** What is masked, looked for in files, and sent nowhere else. */
  secrets: readonly Secret[];
  /** Whose it is and where it was given, for people: `user anna, env:ART_LOGIN`. */
  who: string;
}

/** The login for a URL's host; one that names the port counts more. */
export function loginFor(url: URL, logins: readonly ChannelLogin[] | undefined): ChannelLogin | undefined {
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  const fitting = logins?.filter((login) => login.hostname === url.hostname && [undefined, port].includes(login.port));
  return fitting?.find((login) => login.port !== undefined) ?? fitting?.[0];
}
