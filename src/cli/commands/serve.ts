import path from 'node:path';
import { EXIT, RepackError } from '../../base/errors.js';
import type { CliCommand, Typed } from '../command.js';
import { OUTPUT_SETTINGS, textOption } from '../command.js';
import { readLogins } from '../../config/logins.js';

const DEFAULT_PORT = 8000;
const STOP_DEADLINE_MS = 30_000;

export const serveCommand: CliCommand = {
  name: 'serve',
  summary:
    'a label folder, a mirror or a whole ROOT over HTTP for conda, mamba and pixi; read-only, with a page to browse',
  folders: [0],
  settings: [...OUTPUT_SETTINGS, 'logDir'],
  declare: (command) =>
    void command
      .argument(
        '<DIR>',
        'a channel folder or ROOT/LABEL@N, served as / and /LABEL; or ROOT, its label folders as /LABEL',
      )
      .option('--port <N>', `port to listen on; 0 takes a free one and prints it (default ${DEFAULT_PORT})`)
      .option('--host <ADDR>', 'address to listen on: 127.0.0.1 reaches this machine only (default), 0.0.0.0 or :: all')
      .option('--basic-auth-file <FILE>', 'ask for user and password: a file of user:password lines')
      .option('--shards', 'also offer the indexes in shards (CEP 16), from which clients read only what they need')
      .addHelpText('after', EXAMPLES),
  token: 'options',
  log: ({ args }) => path.basename(path.resolve(args[0] ?? '.')),
  check: (typed) => void [portOf(typed), hostOf(typed)],
  async run(call) {
    const { rt, args, token, reporter, redactor } = call;
    const file = textOption(call, 'basicAuthFile');
    const users = file === undefined ? undefined : await readLogins(file, rt);
    for (const { password } of users?.logins ?? []) redactor.register(password);
    if (users?.warning !== undefined) rt.events.emit({ type: 'warning', message: users.warning });
    const { serve, SERVE_LIMITS } = await import('../../jobs/serve.js');
    const report = await serve(rt, {
      dir: args[0] ?? '.',
      host: hostOf(call),
      port: portOf(call),
      access: { token, users: users?.logins },
      shards: call.options['shards'] === true,
      limits: SERVE_LIMITS,
      stopDeadlineMs: STOP_DEADLINE_MS,
    });
    reporter.result((await import('../reporter/serve-text.js')).serveText(report), { ...report });
    return EXIT.done;
  },
};

function portOf(typed: Typed): number {
  const text = textOption(typed, 'port') ?? String(DEFAULT_PORT);
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port;
  throw new RepackError('E_USAGE', {
    what: `${JSON.stringify(text)} is not a port`,
    where: '--port',
    hint: 'Give a whole number up to 65535, or 0 for a free one.',
  });
}

/** Without an address Node listens on all of them: nothing that an empty variable in a script may bring about. */
function hostOf(typed: Typed): string {
  const host = textOption(typed, 'host') ?? '127.0.0.1';
  if (host.replace(/^\[(.*)\]$/, '$1').trim() !== '') return host;
  throw new RepackError('E_USAGE', {
    what: `${JSON.stringify(host)} is not an address`,
    where: '--host',
    hint: 'Give an address of this machine: 127.0.0.1 for this machine only, 0.0.0.0 or :: for all that it has.',
  });
}

const EXAMPLES = `
Examples:
  repackenv serve /srv/conda/halkbank
    then: conda install -c http://127.0.0.1:8000/halkbank ratingpro
  repackenv serve /srv/conda --host 0.0.0.0 --port 80 --token-file /etc/repackenv/token
    then: conda install -c http://SERVER/t/TOKEN/halkbank ratingpro
  repackenv serve /srv/conda --basic-auth-file users.txt
    then: conda install -c http://USER:PASSWORD@127.0.0.1:8000/halkbank ratingpro

Only what the manifest and the indexes name is served, each file with the digest that is named
there; a folder that is published or synchronised meanwhile is read as it is at each moment. Ctrl-C
or SIGTERM ends it: answers under way are finished, exit code 0.
`;
