import { specForAnyShell, wordForAnyShell } from '../../base/shell-quote.js';

/** What a reader gave to get the page: `token` and `login` have to stand in the address that a client is given, too. */
export type Credentials = 'none' | 'token' | 'login';

/** Lines for one client, one command each. */
export interface InstallLines {
  client: string;
  lines: readonly string[];
}

/**
 * What installs the specs from the channel at `address`, for a shell as well as for cmd and PowerShell. `credentials` stand there as the
 * words TOKEN, USER and PASSWORD: without brackets, which a shell would take for a redirection.
 */
export function installLines(specs: readonly string[], address: string): InstallLines[] {
  const url = wordForAnyShell(address) ?? 'URL';
  const wanted = specs.flatMap((spec) => specForAnyShell(spec) ?? []).join(' ') || 'PACKAGE';
  return [
    { client: 'conda', lines: [`conda create -n my-env --override-channels -c ${url} ${wanted}`] },
    {
      client: 'conda, for good, in an activated environment (conda 4.3 takes this way only)',
      lines: [`conda config --env --add channels ${url}`, `conda install ${wanted}`],
    },
    { client: 'mamba', lines: [`mamba create -n my-env --override-channels -c ${url} ${wanted}`] },
    { client: 'pixi', lines: [`pixi init --channel ${url} my-project`, 'cd my-project', `pixi add ${wanted}`] },
  ];
}

/** Where clients reach a channel: `origin` without a slash at its end, `path` without one at its start. */
export function channelUrl(origin: string, path: string, credentials: Credentials): string {
  const place = [origin, ...(credentials === 'token' ? ['t/TOKEN'] : []), ...(path === '' ? [] : [path])].join('/');
  return credentials === 'login' ? place.replace('//', '//USER:PASSWORD@') : place;
}
