/** What to type instead of the command of a tool that people come from, or of a word of theirs. First match counts. */
const COMMANDS: readonly (readonly [typed: RegExp, instead: string])[] = [
  [/^anaconda-mirror .*\bclean\b/, 'repackenv clean -f FILE'],
  [/^anaconda-mirror .*\bmerge\b/, 'repackenv merge DELTA CHANNEL'],
  [/^cas-merge\b/, 'repackenv merge DELTA CHANNEL'],
  [/^cas-server\b/, 'repackenv serve DIR'],
  [
    /^cas-(?:sync|mirror)[\w-]*/,
    'repackenv mirror --cas (reads ~/.cas-mirror, else /etc/cas-mirror), or repackenv mirror -f FILE',
  ],
  [/^anaconda-(?:server-sync-conda|mirror)\b/, 'repackenv mirror -f FILE'],
  [/^(?:conda-mirror|sync)\b/, 'repackenv mirror -f FILE'],
  [/^(?:conda-index|rattler-index|index)\b/, 'repackenv doctor DIR --repair'],
  [/^(?:conda-pack|pack)\b/, 'repackenv capture ROOT --prefix ENV'],
];

/** The same of their options. */
const OPTIONS: Readonly<Record<string, string>> = {
  '-c': '--channel NAME',
  '--channels': '--channel NAME, once for each',
  '--override-channels': 'the command without it: no channel counts that is not declared here',
  '--strict-channel-priority': '--channel-priority strict',
  '--solver': '--engine NAME',
  '-n': '--prefix ENV (capture), or --label LABEL',
  '--name': '--prefix ENV (capture), or --label LABEL',
  '-p': '--prefix ENV (capture)',
  '--yes': 'the command without it: nothing asks',
  '-y': 'the command without it: nothing asks',
  '--offline':
    'the command without it; with base channels in folders (--base-url FOLDER) nothing is asked over a network',
  '--no-proxy': '--proxy-bypass HOST',
  '--insecure': '--ca-file FILE with the authority of that server',
  '--ssl-verify': '--ca-file FILE with the authority of that server',
  '--output': '--to OUT',
  '--destination': '--to OUT',
  '--config-file': '-f FILE',
  '--upstream-channel': 'channels: [NAME] in the mirror file',
  '--target-directory': 'mirror_dir: DIR in the mirror file',
  '--platform': 'platforms: [linux-64] in the mirror file (--subdir for update)',
};

/** Undefined for what is of none of them. `args`: what stands behind `repackenv`, of which the first word is no command here. */
export function insteadOfCommand(args: readonly string[]): { typed: string; instead: string } | undefined {
  for (const [at, typed] of args.entries()) {
    const line = args.slice(at).join(' ');
    const found = COMMANDS.find(([pattern]) => pattern.test(line));
    if (found !== undefined) return { typed, instead: found[1] };
  }
  return undefined;
}

/** One that is unknown here. */
export function insteadOfOption(args: readonly string[]): { typed: string; instead: string } | undefined {
  const typed = args.map((arg) => arg.replace(/=.*/s, '')).find((arg) => Object.hasOwn(OPTIONS, arg));
  return typed === undefined ? undefined : { typed, instead: OPTIONS[typed]! };
}
