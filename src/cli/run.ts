import { explainSystemError } from '../base/disk-errors.js';
import { EXIT, isRepackError } from '../base/errors.js';
import type { ExitCode } from '../base/errors.js';
import type { EventSink, RepackEvent } from '../base/events.js';
import type { Redactor } from '../base/redact.js';
import type { Secret } from '../base/secret.js';
import type { Runtime } from '../runtime/runtime.js';
import type { Terminal } from '../runtime/terminal.js';
import { QUEUE_VARIABLE } from '../runtime/pace.js';
import type { Invocation, ProgramName } from './program.js';
import { interrupted } from './interrupted.js';
import { nameFolders } from './label-folders.js';
import { parseArguments } from './program.js';
import type { LogFile } from './reporter/log-file.js';
import { closedClean, openLogFile } from './reporter/log-file.js';
import { createReporter } from './reporter/reporter.js';
import { findRoot } from '../config/labels/find-root.js';
import { resolveSettings } from '../config/resolve-settings.js';
import { SETTING_NAMES } from '../config/settings.js';
import { renderConfig } from '../config/show-config.js';
import { checkLogins, registerUserInfo, takeLogins } from './take-logins.js';
import { nearMisses } from './near-misses.js';
import { readToken } from './token.js';
import { refuseQuotesInPaths } from '../config/windows-quotes.js';

/** Events go here from the first moment; the reporter is attached as soon as the settings say how it is to look. */
export interface EventRelay extends EventSink {
  attach(sink: EventSink): void;
}

export function eventRelay(): EventRelay {
  let target: EventSink | undefined;
  const early: RepackEvent[] = [];
  return {
    emit(event) {
      if (target === undefined) early.push(event);
      else target.emit(event);
    },
    attach(sink) {
      target = sink;
      for (const event of early.splice(0)) sink.emit(event);
    },
  };
}

export interface CliContext {
  rt: Runtime;
  relay: EventRelay;
  terminal: Terminal;
  redactor: Redactor;
}

/** They ask, or wait for others. */
const WAITING: ReadonlySet<string> = new Set(['init', 'serve', 'work']);

/** Runs one of the two programs and returns its exit code. Never throws. */
export async function runCli(program: ProgramName, args: readonly string[], context: CliContext): Promise<ExitCode> {
  const { rt, relay, terminal, redactor } = context;
  const plain = { json: false, quiet: false, debug: args.includes('--debug'), log: undefined };
  let reporter = createReporter({ ...plain, terminal, redactor, clock: rt.clock });
  let log: LogFile | undefined;
  let doing: (Invocation & { dryRun: boolean }) | undefined;
  const code = await attempt();
  return log === undefined || (await closedClean(log, context)) ? code : EXIT.publish;

  async function attempt(): Promise<ExitCode> {
    try {
      refuseQuotesInPaths(args, rt.machine.platform);
      const commands = program === 'repackenv' ? (await import('./commands/index.js')).COMMANDS : [];
      const parsed = parseArguments(program, args, commands, terminal.stdout.columns);
      if (parsed.kind === 'text') {
        // Our own words: `http://SERVER/t/TOKEN/…` in it is no secret.
        terminal.stdout.write(parsed.text);
        return EXIT.done;
      }
      const invocation = await nameFolders(rt, parsed.invocation);
      const { command } = invocation;
      const typed = command.root?.(invocation);
      const found = command.findsRoot === true ? await findRoot(rt, typed) : undefined;
      const places = { config: invocation.config, root: found?.root ?? typed, labels: found !== undefined };
      const resolved = await resolveSettings(rt, invocation.given, places);
      const { values, origins } = resolved;
      doing = { ...invocation, dryRun: values.dryRun };
      registerUserInfo(values.proxy, redactor);
      registerUserInfo(rt.env[QUEUE_VARIABLE], redactor);
      await checkLogins(values);
      if (invocation.showConfig && command.showsConfig?.(invocation) !== true) {
        reporter.print(renderConfig(resolved, command.settings));
        return EXIT.done;
      }
      command.check?.(invocation, found);
      const token = await takeToken(invocation, context);
      const usesLogins = command.settings.includes('channelLogins');
      const { logins, warning } = usesLogins ? await takeLogins(values, context) : { logins: [], warning: undefined };
      if (values.logDir !== undefined && command.log !== undefined)
        log = await openLogFile(rt, { dir: values.logDir, ...logNames(invocation) });
      reporter = createReporter({
        ...values,
        terminal,
        redactor,
        clock: rt.clock,
        log,
        doing: WAITING.has(command.name) ? '' : command.name,
      });
      relay.attach(reporter);
      const platforms = command.settings.includes('subdirs') && origins.subdirs !== 'default' ? values.subdirs : [];
      for (const message of [token.warning, warning, ...nearMisses(rt.env, platforms)])
        if (message !== undefined) rt.events.emit({ type: 'warning', message });
      if (values.signKey !== undefined && command.settings.includes('signKey')) {
        const { requireSignKey } = await import('../delivery/hand-over.js');
        await requireSignKey(rt, values.signKey);
      }
      const { args: positionals, options } = invocation;
      const leftOpen = new Set(SETTING_NAMES.filter((name) => origins[name] === 'default'));
      const at = rt.clock.now();
      const call = { args: positionals, options, leftOpen, token: token.secret, at, rt, reporter, redactor, terminal };
      return await command.run({ ...call, root: found, resolved, values: { ...values, logins } });
    } catch (error) {
      relay.attach(reporter);
      if (rt.signal.aborted) {
        reporter.error(interrupted(rt.signal, doing));
        return rt.signal.reason === 'SIGINT' ? EXIT.interrupted : EXIT.terminated;
      }
      const explained = explainSystemError(error);
      reporter.error(explained);
      return isRepackError(explained) ? explained.exitCode : EXIT.bug;
    }
  }
}

/** A name that is no safe one (a token typed in the wrong place, a path) stays out of the file's. */
function logNames({ command, ...typed }: Invocation): { job: string; label: string } {
  const job = command.name === 'update-offline-repo' ? 'update' : command.name;
  const name = command.log?.(typed) ?? '';
  return { job, label: /^[A-Za-z0-9._-]{1,128}$/.test(name) ? name : job };
}

async function takeToken(
  invocation: Invocation,
  { rt, terminal, redactor }: CliContext,
): Promise<{ secret: Secret | undefined; warning: string | undefined }> {
  if (invocation.token === undefined) return { secret: undefined, warning: undefined };
  const token = await readToken(invocation.token, rt, terminal);
  if (token.secret !== undefined) redactor.register(token.secret);
  return token;
}
