import path from 'node:path';
import { plural } from '../base/plural.js';
import { EXIT, RepackError, type ExitCode } from '../base/errors.js';
import type { RepackEvent } from '../base/events.js';
import { declaredLabel, type DeclaredLabel } from '../config/labels/resolve-label.js';
import { selectLabels } from '../config/labels/select.js';
import { isInShard, parseShard } from '../config/labels/shard.js';
import { CONFIG_NAME } from '../config/resolve-settings.js';
import { SETTING_NAMES } from '../config/settings.js';
import { renderConfig } from '../config/show-config.js';
import type { RepackRequest } from '../jobs/request.js';
import type { Runtime } from '../runtime/runtime.js';
import { buildRepackRequest } from './build-request.js';
import { requireRoot, sayRoot } from './require-root.js';
import { textOption, type CliCall } from './command.js';
import { requestChanges } from './commands/request-options.js';
import { finishJob, updateOne } from './finish-job.js';
import { queueUrl } from './fleet/queue-url.js';
import { runFleet, type PreparedLabel } from './fleet/run-fleet.js';
import { lastFailed } from '../jobs/fleet/last-update.js';
import { registerUserInfo, takeLogins } from './take-logins.js';
import { readToken } from './token.js';

/**
 * `update` and `plan` of declared labels. What stands in files is read before the first is begun, so that an edit during the run changes nothing;
 * a label that can't be begun, or fails, stops no other. The exit code is the worst.
 */
export async function runDeclared(call: CliCall, job: 'update' | 'plan'): Promise<ExitCode> {
  const { rt, args, options, resolved } = call;
  const found = requireRoot(call, NO_ROOT);
  const shardText = textOption(call, 'shard');
  const shard = shardText === undefined ? undefined : parseShard(shardText);
  const meant =
    options['failed'] === true
      ? await failedLabels(call, found.root)
      : selectLabels(resolved.declared, options['all'] === true ? 'all' : args, path.join(found.root, CONFIG_NAME));
  const labels = shard === undefined ? meant : meant.filter((label) => isInShard(label, shard));
  const declared = labels.map((label) => declaredLabel(rt, resolved, label));
  if (options['showConfig'] === true) {
    for (const each of declared) call.reporter.print(labelConfig(each));
    return EXIT.done;
  }
  sayRoot(rt, found);
  if (shard !== undefined) {
    const message = `shard ${shard.text}: ${labels.length} of ${plural(meant.length, 'label')}`;
    rt.events.emit({ type: 'note', message });
  }
  refuseDropAll(call, labels);
  if (options['all'] === true) await sayUndeclared(call, found.root);
  const url = queueUrl(call);
  if (url !== undefined && labels.length > 0) {
    const { queueFleet } = await import('./fleet/queue-fleet.js');
    return queueFleet(call, { url, root: found.root, labels, shard: shard?.text });
  }
  const prepared: PreparedLabel[] = [];
  for (const each of declared) prepared.push(await prepare(call, found.root, each));
  const [first, ...more] = prepared;
  if (first === undefined) return EXIT.done;
  return more.length === 0 && shard === undefined
    ? runOne(call, job, { root: found.root, prepared: first })
    : runFleet(call, job, { root: found.root, prepared, shard: shard?.text });
}

/** A line that was taken out of the file ends no customer: the folder stays, and this is said. */
async function sayUndeclared({ rt, resolved }: CliCall, root: string): Promise<void> {
  const { undeclaredLabels } = await import('../jobs/labels.js');
  const undeclared = await undeclaredLabels(rt, root, resolved.declared?.labels ?? new Set());
  if (undeclared.length === 0) return;
  const message = `published and not declared, left as ${undeclared.length === 1 ? 'it is' : 'they are'}: ${undeclared.join(', ')}`;
  rt.events.emit({ type: 'note', message });
}

/** As a label that is named by `--label`. */
async function runOne(
  call: CliCall,
  job: 'update' | 'plan',
  { root, prepared }: { root: string; prepared: PreparedLabel },
): Promise<ExitCode> {
  const { label, request, events } = prepared;
  for (const event of events) call.rt.events.emit(event);
  const begin = async (): Promise<RepackRequest> => {
    if ('error' in request) throw request.error;
    return request;
  };
  if (job === 'update') return updateOne(call, { label, root, declared: true }, begin);
  return finishJob(await (await import('../jobs/plan.js')).plan(call.rt, await begin()), call);
}

/** Those of `--failed`, in the file's order. */
async function failedLabels({ rt, resolved }: CliCall, root: string): Promise<string[]> {
  const failed = (await lastFailed(rt, root)) ?? [];
  const known = [...(resolved.declared?.labels.keys() ?? [])];
  const gone = failed.filter((label) => !known.includes(label));
  if (gone.length > 0) rt.events.emit({ type: 'note', message: `failed, and no longer declared: ${gone.join(', ')}` });
  const labels = known.filter((label) => failed.includes(label));
  if (labels.length === 0)
    rt.events.emit({ type: 'note', message: `nothing to do: of no declared label did the last update fail` });
  return labels;
}

async function prepare(call: CliCall, root: string, declared: DeclaredLabel): Promise<PreparedLabel> {
  const events: RepackEvent[] = [];
  const rt: Runtime = { ...call.rt, events: { emit: (event) => void events.push(event) } };
  const { label, settings } = declared;
  const { logDir } = settings.values;
  try {
    return { label, logDir, request: await requestFor({ ...call, rt }, root, declared), events };
  } catch (error) {
    return { label, logDir, request: { error }, events };
  }
}

async function requestFor(
  call: CliCall,
  root: string,
  { label, settings, packages, installers, token }: DeclaredLabel,
): Promise<RepackRequest> {
  const { rt, redactor, terminal } = call;
  const { values, origins } = settings;
  registerUserInfo(values.proxy, redactor);
  const isTyped = textOption(call, 'tokenEnv') !== undefined || textOption(call, 'tokenFile') !== undefined;
  const secret = isTyped || token === undefined ? call.token : (await readToken(token.source, rt, terminal)).secret;
  if (secret !== undefined) redactor.register(secret);
  const { logins, warning } = await takeLogins(values, { rt, redactor });
  if (warning !== undefined) rt.events.emit({ type: 'warning', message: warning });
  if (values.signKey !== undefined) {
    const { requireSignKey } = await import('../delivery/hand-over.js');
    await requireSignKey(rt, values.signKey);
  }
  return buildRepackRequest(
    rt,
    {
      label,
      root,
      packages: [],
      ...requestChanges(call),
      declared: { specs: packages?.specs, installers: installers?.files },
    },
    {
      values: { ...values, logins },
      leftOpen: new Set(SETTING_NAMES.filter((name) => origins[name] === 'default')),
      resolved: settings,
      token: secret,
      redactor,
      at: call.at,
    },
  );
}

/** Everything in force for a label, as `--show-config` prints it; what is no setting stands in comments. */
function labelConfig({ label, settings, packages, installers, token, policy }: DeclaredLabel): string {
  const own = [
    `# label: ${label}`,
    packages === undefined
      ? '# packages: as last published'
      : `# packages: ${JSON.stringify(packages.specs.map(({ text }) => text))}  # ${packages.origin}`,
    `# policy: ${policy.length === 0 ? 'none' : policy.join(', ')}`,
    ...(installers === undefined
      ? []
      : [`# installers: ${JSON.stringify(installers.files.map(({ name }) => name))}  # ${installers.origin}`]),
    `# token: ${token === undefined ? 'none' : `${token.source}  # ${token.origin}`}`,
  ];
  return `${own.join('\n')}\n${renderConfig(settings, SETTING_NAMES)}`;
}

/** One word must not let go of everything of many customers. */
function refuseDropAll(call: CliCall, labels: readonly string[]): void {
  if (labels.length < 2 || !requestChanges(call).drop.includes('all')) return;
  throw new RepackError('E_USAGE', {
    what: `--drop all is taken for one label at a time, and these are ${labels.length}`,
    where: '--drop all',
    hint: 'Name what may go, or the one label.',
  });
}

const NO_ROOT = {
  what: 'ROOT is missing: which labels are declared is not known',
  hint: 'Give --root ROOT. Labels that are not declared: repackenv update --label LABEL --root ROOT PACKAGE...',
};
