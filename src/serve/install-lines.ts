/** What a reader gave to get the page: `token` and `login` have to stand in the address that a client is given, too. */
export type Credentials = 'none' | 'token' | 'login';

/** Lines for one client, one command each. */
export interface InstallLines {
  client: string;
  lines: readonly string[];
}

/**
 * What installs the specs from the channel at `url`, for a shell as well as for cmd and PowerShell. `credentials` stand there as the
 * words TOKEN, USER and PASSWORD: without brackets, which a shell would take for a redirection.
 */
export function installLines(specs: readonly string[], url: string): InstallLines[] {
  const wanted = specs.flatMap(inShell).join(' ') || 'PACKAGE';
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

/**
 * Between double quotes where it needs any. A manifest may be a stranger's, and its specs are pasted into a shell: where one holds what
 * means something between quotes too (`$`, a grave accent, a backslash, the `!` of an epoch) its name alone is asked for – the channel
 * has what was meant.
 */
function inShell(text: string): string[] {
  const spec = text.replaceAll('"', "'");
  if (/^[A-Za-z0-9_][\w.=-]*$/.test(spec)) return [spec];
  if (/^[A-Za-z0-9_](?:[\w .*=<>~,|+:/()[\]'-]|!(?==))*$/.test(spec)) return [`"${spec}"`];
  return /^[A-Za-z0-9_][\w.-]*/.exec(spec) ?? [];
}
