import { EXIT, RepackError, isRepackError } from '../model/errors.js';
import type { ExitCode } from '../model/errors.js';
import type { EventSink, RepackEvent } from '../model/events.js';
import type { Redactor } from '../model/redact.js';
import type { JobReport } from '../model/report.js';
import { Secret } from '../model/secret.js';
import type { Runtime } from '../runtime/runtime.js';
import type { Terminal } from '../runtime/terminal.js';
import { buildCaptureRequest, buildRepackRequest, refuseTokenAsLabel, workSettings } from './build-request.js';
import type { Invocation, ProgramName } from './program.js';
import { parseArguments } from './program.js';
import { enginesText } from './reporter/engines-text.js';
import type { LogFile } from './reporter/log-file.js';
import { openLogFile } from './reporter/log-file.js';
import { reportText } from './reporter/report-text.js';
import type { Reporter } from './reporter/reporter.js';
import { createReporter } from './reporter/reporter.js';
import { verifyText } from './reporter/verify-text.js';
import { resolveSettings } from './resolve-settings.js';
import type { ResolvedSettings } from './resolve-settings.js';
import { renderConfig } from './show-config.js';
import { readToken } from './token.js';

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

/** Runs one of the two programs and returns its exit code. Never throws. */
export async function runCli(program: ProgramName, args: readonly string[], context: CliContext): Promise<ExitCode> {
  const { rt, relay, terminal, redactor } = context;
  const plain = { json: false, quiet: false, debug: args.includes('--debug'), log: undefined };
  let reporter = createReporter({ ...plain, terminal, redactor, clock: rt.clock });
  let log: LogFile | undefined;
  try {
    const parsed = parseArguments(program, args);
    if (parsed.kind === 'text') {
      terminal.stdout.write(parsed.text);
      return EXIT.done;
    }
    const { invocation } = parsed;
    const resolved = await resolveSettings(rt, invocation.given, { config: invocation.config, root: invocation.root });
    const { values } = resolved;
    registerUserInfo(values.proxy, redactor);
    if (invocation.showConfig) {
      terminal.stdout.write(redactor.redact(renderConfig(resolved)));
      return EXIT.done;
    }
    requirePositionals(invocation, program);
    refuseTokenAsLabel(invocation.label);
    const token = await takeToken(invocation, context);
    if (values.logDir !== undefined && ['update', 'capture', 'plan'].includes(invocation.command)) {
      const label = /^[A-Za-z0-9._-]{1,128}$/.test(invocation.label ?? '')
        ? (invocation.label ?? '')
        : invocation.command;
      log = await openLogFile(rt, { dir: values.logDir, job: invocation.command, label });
    }
    reporter = createReporter({ ...values, terminal, redactor, clock: rt.clock, log });
    relay.attach(reporter);
    if (token.warning !== undefined) rt.events.emit({ type: 'warning', message: token.warning });
    return await dispatch(invocation, resolved, token.secret, { ...context, reporter });
  } catch (error) {
    relay.attach(reporter);
    if (rt.signal.aborted) {
      reporter.error(interrupted(rt.signal));
      return rt.signal.reason === 'SIGINT' ? EXIT.interrupted : EXIT.terminated;
    }
    reporter.error(error);
    return isRepackError(error) ? error.exitCode : EXIT.bug;
  } finally {
    const failure = await log?.close();
    if (failure !== undefined) terminal.stderr.write(`warning: the log file is incomplete: ${failure.message}\n`);
  }
}

/** A command is loaded when it is its turn: reading modules is a third of a run that finds nothing new. */
async function dispatch(
  invocation: Invocation,
  resolved: ResolvedSettings,
  token: Secret | undefined,
  { rt, reporter, redactor }: CliContext & { reporter: Reporter },
): Promise<ExitCode> {
  const { values } = resolved;
  switch (invocation.command) {
    case 'update':
    case 'plan': {
      const request = await buildRepackRequest(rt, invocation, values, token);
      if (invocation.command === 'plan' || values.dryRun) {
        const { plan } = await import('../commands/plan.js');
        return finishJob(await plan(rt, request), reporter, rt);
      }
      const { update } = await import('../commands/update.js');
      return finishJob(await update(rt, request, redactor), reporter, rt);
    }
    case 'capture': {
      const { capture } = await import('../commands/capture.js');
      const request = buildCaptureRequest(rt, invocation, values, token);
      return finishJob(await capture(rt, request, redactor), reporter, rt);
    }
    case 'verify': {
      const { verify } = await import('../commands/verify.js');
      const report = await verify(rt, { dir: invocation.dir ?? '.' });
      reporter.result(verifyText(report), { ...report });
      return report.findings.some((finding) => finding.exit) ? EXIT.findings : EXIT.done;
    }
    case 'engines': {
      const { listEngines } = await import('../commands/engines.js');
      const engines = await listEngines(rt, workSettings(rt, values));
      reporter.result(enginesText(engines), { engines });
      return EXIT.done;
    }
  }
}

function finishJob(report: JobReport, reporter: Reporter, rt: Runtime): ExitCode {
  reporter.result(reportText(report, rt.machine.platform === 'win32'), { ...report });
  return report.findings.some((finding) => finding.exit) ? EXIT.findings : EXIT.done;
}

/** Checked in the order in which they are typed, before any of them is looked at. */
function requirePositionals({ command, label, token, root }: Invocation, program: ProgramName): void {
  if (command !== 'update' && command !== 'plan') return;
  const missing = Object.entries({ LABEL: label, TOKEN: token, ROOT: root }).flatMap(([name, value]) =>
    value === undefined ? [name] : [],
  );
  if (missing.length === 0) return;
  throw new RepackError('E_USAGE', {
    what: `${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing`,
    where: 'command line',
    hint:
      program === 'repackenv'
        ? `repackenv ${command} --label LABEL --root ROOT [--token-env NAME | --token-file FILE] PACKAGE...   (see --help)`
        : 'update-offline-repo LABEL TOKEN ROOT PACKAGE...   (TOKEN is env:NAME, file:PATH, - or none; see --help)',
  });
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

function registerUserInfo(url: string | undefined, redactor: Redactor): void {
  if (url === undefined || !URL.canParse(url)) return;
  const { password } = new URL(url);
  if (password !== '') redactor.register(new Secret(decodeURIComponent(password)));
}

function interrupted(signal: AbortSignal): RepackError {
  return new RepackError('E_INTERRUPTED', {
    what: `Interrupted by ${String(signal.reason)}`,
    hint: 'Everything temporary is removed, and the published folder is complete: as before, or as new. Run again when you like.',
  });
}
