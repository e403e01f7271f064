import { programGone } from '../../base/disk-errors.js';
import { EXIT, RepackError, type ExitCode } from '../../base/errors.js';
import { isObject, objectIn } from '../../base/json.js';
import { parseLabel } from '../../conda/channel/names.js';
import type { CliCall, CliCommand } from '../command.js';
import { OUTPUT_SETTINGS, textOption } from '../command.js';
import { NOBODY } from '../fleet/after-run.js';
import { QUEUE_VARIABLE } from '../../runtime/pace.js';
import { queueUrl } from '../fleet/queue-url.js';
import { requireRoot, sayRoot } from '../require-root.js';

const USAGE = 'repackenv work --queue redis://HOST:6379 --root ROOT';

export const workCommand: CliCommand = {
  name: 'work',
  summary:
    'take labels that `update --queue` put into a queue, on any number of hosts that share ROOT; until it is ended',
  settings: ['jobs', 'logDir', ...OUTPUT_SETTINGS],
  declare: (command) =>
    void command
      .option('--queue <URL>', 'the Redis: redis://HOST:6379, or env:NAME with the URL in that variable (required)')
      .option('--root <DIR>', 'folder that holds the label folders, on a disk that all workers share')
      .option('--lease <SECONDS>', 'a worker that gave no sign for so long counts as dead', '30')
      .addHelpText('after', EXAMPLES),
  root: (typed) => textOption(typed, 'root'),
  findsRoot: true,
  log: () => '',
  check(typed) {
    if (textOption(typed, 'queue') !== undefined) return void leaseOf(textOption(typed, 'lease') ?? '');
    throw new RepackError('E_USAGE', { what: '--queue is missing', where: 'command line', hint: USAGE });
  },
  async run(call) {
    const { rt, values } = call;
    const found = requireRoot(call, { hint: USAGE });
    sayRoot(rt, found);
    const [{ openJobQueue }, { queueName }, { defaultJobs }] = await Promise.all([
      import('../../runtime/job-queue.js'),
      import('../../jobs/fleet/queue-name.js'),
      import('../../jobs/fleet/run-labels.js'),
    ]);
    const url = queueUrl(call)!;
    const queue = await openJobQueue({ url, name: await queueName(rt, found.root) });
    const say = (message: string): void => rt.events.emit({ type: 'note', message });
    const atOnce = values.jobs ?? defaultJobs(rt.machine);
    const leaseMs = leaseOf(textOption(call, 'lease') ?? '30') * 1000;
    say(`waiting for labels, ${atOnce} at once`);
    try {
      const onError = (message: string): void => rt.events.emit({ type: 'warning', message: `queue: ${message}` });
      await queue.work({ atOnce, leaseMs, signal: rt.signal, onError }, async ({ data }) => {
        const label = parseLabel(isObject(data) ? String(data['label']) : '');
        say(`${label}: begun`);
        const row = await updateInChild(call, { root: found.root, label, url });
        say(`${label}: ended with ${String(row['exitCode'])}`);
        return row;
      });
    } finally {
      await queue.close();
    }
    return endOf(call);
  },
};

/** However it was ended, that is how a worker ends. */
function endOf({ rt }: CliCall): ExitCode {
  return rt.signal.reason === 'SIGINT' ? EXIT.interrupted : EXIT.terminated;
}

const LONGEST_MS = 86_400_000;
/** Longer than the minute after which the lock of a host that is gone may be taken over. */
const WAIT_SECONDS = '300';

/**
 * A process of its own for each label, so that the heartbeat of the queue is never held up. What guarantees that no two work on a label is its lock, not
 * the queue; that of a host that is gone is taken over. Gives the label's row of the run's report.
 */
async function updateInChild(
  { rt }: CliCall,
  { root, label, url }: { root: string; label: string; url: string },
): Promise<Record<string, unknown>> {
  const [file = '', ...program] = rt.machine.startedAs;
  const env = Object.entries(rt.env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const wanted = ['update', label, '--root', root, '--shard', '1/1', '--json'];
  const ran = await rt.exec.run({
    file,
    // Who is to be told is told by the run that put the label there.
    args: [...program, ...wanted, '--notify', NOBODY, '--wait-lock', WAIT_SECONDS, '--take-over-lock'],
    env: { ...Object.fromEntries(env), [QUEUE_VARIABLE]: url },
    cwd: rt.machine.cwd,
    timeoutMs: LONGEST_MS,
    signal: rt.signal,
  });
  const last = Buffer.from(ran.stdout).toString('utf8').trim().split('\n').at(-1) ?? '';
  const { labels } = objectIn(last) ?? {};
  const row = Array.isArray(labels) ? (labels as unknown[])[0] : undefined;
  if (isObject(row) && row['state'] !== 'interrupted') return row;
  if (rt.signal.aborted || ran.exitCode === undefined)
    throw new Error(`${label} was broken off: ${ran.signal ?? 'ended'}`);
  const text = Buffer.from(ran.stderr).toString('utf8').trim();
  // Node's own words: then it goes back, for a worker whose program is there.
  if (text.includes("code: 'MODULE_NOT_FOUND'")) throw programGone(program[0] ?? file);
  const said = text.split('\n');
  const error = { code: 'E_USAGE', what: (said[0] ?? '').replace(/^error: /, '') || `it ended with ${ran.exitCode}` };
  return { label, state: 'failed', exitCode: ran.exitCode, seconds: 0, error };
}

/** @throws RepackError E_USAGE */
function leaseOf(text: string): number {
  const seconds = Number(text);
  if (Number.isInteger(seconds) && seconds >= 2 && seconds <= 3600) return seconds;
  throw new RepackError('E_USAGE', {
    what: '--lease must be a whole number of seconds from 2 to 3600',
    where: `--lease ${text}`,
    hint: USAGE,
  });
}

const EXAMPLES = `
Examples:
  repackenv work --queue redis://queue.example.com:6379 --root /srv/repos        on each host
  repackenv update --all --queue redis://queue.example.com:6379 --root /srv/repos on one, as each night

Needs the packages bullmq and ioredis beside repackenv (npm install -g bullmq ioredis), and a Redis. Only
names of labels go through it: each worker reads ROOT/repackenv.yml, and has the tokens in its environment.
`;
