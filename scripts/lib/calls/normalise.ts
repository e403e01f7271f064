import { hostname } from 'node:os';

/** What is put in the place of what another recording has otherwise. */
export type Normaliser = {
  text(text: string): string;
  /** Standard output of a `--json` call: each line laid out over many, without progress; undefined where it is none. */
  json(stdout: string): string | undefined;
};

export type NormaliserOptions = {
  /** Text -> what stands for it: folders, ports. The longest first. */
  names: ReadonlyMap<string, string>;
  /** Times from here on are the recording's; those before are somebody's data. */
  since: number;
};

/** A pid and a random id, as the names of files under work have them. */
const RUN_NAME = /\b\d+-[0-9a-f]{8}\b(?:-\d+)?/g;

/** Members of JSON that are of this run and this machine only. */
const OF_THIS_RUN = ['pid', 'run', 'boot', 'pidNamespace', 'started', 'startTicks', 'ms', 'waitMs', 'ino', 'dev'];
const RUN_MEMBERS = new RegExp(`("(?:${OF_THIS_RUN.join('|')})": ?)("[^"]*"|[\\d.]+)`, 'g');

export function normaliser({ names, since }: NormaliserOptions): Normaliser {
  const found = [...names].sort(([a], [b]) => b.length - a.length);
  const host = new RegExp(`(?<![\\w.-])${hostname().replaceAll('.', '\\.')}(?![\\w.-])`, 'g');
  const time = (text: string): string => (Date.parse(text) >= since ? '<TIME>' : text);
  const day = (text: string): string => (Date.parse(text.replaceAll('/', '-')) >= since ? '<DAY>' : text);

  const text = (original: string): string =>
    inOrder(
      found
        .reduce((now, [from, to]) => now.replaceAll(from, to), original)
        .replace(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|(?= ))/g, time)
        .replace(/\d{4}([-/])\d\d\1\d\d(?!\d)/g, day)
        .replace(/(<DAY>\/)\d\d\.\d\d-/g, '$1<HH.MM>-')
        // As a mirror notes a file: mtime, ctime, inode.
        .replace(/(\d{13}(?:\.\d+)?,\s*)\d{13}(?:\.\d+)?,\s*\d+(?=\s*\])/g, '$1"<TIME>","<INODE>"')
        .replace(/\b1\d{12}(?:\.\d+)?\b/g, (each) => (Number(each) >= since ? '"<TIME>"' : each))
        // Whichever of all that are asked at once fails first.
        .replace(/http:\/\/127\.0\.0\.1:1\/[^\s"]*\/repodata/g, '<NOBODY>/repodata')
        .replace(RUN_NAME, '<RUN>')
        .replace(/(?<=(?:runs|house|medium|incoming)[/-])[0-9a-f]{8}\b/g, '<RUN>')
        .replace(RUN_MEMBERS, '$1"<RUN>"')
        .replace(/\bpid \d+/g, 'pid <PID>')
        .replace(/\b[\d.]+ ms\b/g, '<MS>')
        .replace(/\b(in|after|for|since) \d+(?:\.\d+)? s(?:econds)?\b/g, '$1 <SECONDS>')
        .replace(/, \d+(?:\.\d+)? s$/gm, ', <SECONDS>')
        .replace(/\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT/g, time)
        .replace(/(127\.0\.0\.1:)\d{4,5}\b/g, '$1<PORT>')
        .replace(host, '<HOST>'),
    );
  return {
    text,
    json: (stdout) => {
      const lines = stdout.split('\n').filter((line) => line !== '');
      if (lines.length === 0 || !lines.every((line) => line.startsWith('{'))) return undefined;
      const kept = lines.filter((line) => !/"type":"(acquire-)?progress"/.test(line));
      return `${inOrder(kept.map(text).join('\n'))
        .split('\n')
        .map((line) => JSON.stringify(JSON.parse(line), undefined, 1))
        .join('\n')}\n`;
    },
  };
}

/** Artifacts come in as they come, and several questions are tried again at once: of lines that tell of one each, the sorted set. */
function inOrder(text: string): string {
  const told = /"type":"(artifact-acquired|retry)"|fetch: \S+\/\S+ \(/;
  const groups: string[][] = [];
  for (const line of text.split('\n')) {
    const last = groups.at(-1);
    if (last !== undefined && told.test(line) && told.test(last[0]!)) last.push(line);
    else groups.push([line]);
  }
  return groups.flatMap((group) => (group.length === 1 ? group : [...new Set(group)].sort())).join('\n');
}
