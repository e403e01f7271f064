import { emitFindings } from '../base/emit-findings.js';
import type { Command } from 'commander';
import type { MirrorSettings } from '../jobs/mirror/mirror-settings.js';
import type { MirrorRequest } from '../jobs/mirror/mirror.js';
import { workSettings } from '../config/work-settings.js';
import { policyOf } from './policy-of.js';
import type { Policy } from '../conda/policy/policy.js';
import { targetProfiles } from './build-request.js';
import { LOCK_SETTINGS, NETWORK_SETTINGS, OUTPUT_SETTINGS, textOption } from './command.js';
import type { CliCall, CliCommand, Typed } from './command.js';

/** What matters to every command that works on a mirror. */
export const MIRROR_SETTINGS: CliCommand['settings'] = [
  'baseUrl',
  'owner',
  'channelPriority',
  'virtualPackages',
  'client',
  'index',
  'dryRun',
  'keep',
  'signKey',
  'siteFiles',
  'attestations',
  'policyFile',
  'cacheDir',
  'logDir',
  ...LOCK_SETTINGS,
  ...NETWORK_SETTINGS,
  ...OUTPUT_SETTINGS,
];

/** `-f`, `--mirror-config`, `--cas`, `--account`: which mirror a command works on. */
export function declareMirrorFile(command: Command): Command {
  return command
    .option('-f, --file <FILE>', 'the mirror file')
    .option(
      '--mirror-config <NAME|FILE>',
      'the mirror file by name: NAME.yml here, or in the user’s folder repackenv/mirrors',
    )
    .option('--cas', 'read the file of cas-mirror: ~/.cas-mirror, else /etc/cas-mirror')
    .option('--account <NAME>', 'the mirror is the folder of this name in mirror_dir');
}

/** For the dated log: the name of the mirror file. */
export function mirrorLogName(typed: Typed): string {
  const file =
    textOption(typed, 'file') ?? textOption(typed, 'mirrorConfig') ?? (typed.options['cas'] === true ? 'cas' : '');
  const name = file.split(/[\\/]/).at(-1) ?? '';
  return [name.replace(/\.ya?ml$/i, ''), textOption(typed, 'account') ?? ''].filter((part) => part !== '').join('-');
}

/** Reads the mirror file that the command line names. A token in it is registered, and its warnings are reported. */
export async function takeMirrorSettings({ rt, redactor, options, args }: CliCall): Promise<MirrorSettings> {
  const typed = { options, args };
  const { readMirrorSettings } = await import('../jobs/mirror/mirror-settings.js');
  const settings = await readMirrorSettings(rt, {
    file: textOption(typed, 'file'),
    name: textOption(typed, 'mirrorConfig'),
    cas: options['cas'] === true,
    account: textOption(typed, 'account'),
  });
  if (settings.token !== undefined) redactor.register(settings.token);
  return settings;
}

/**
 * What the mirror commands work with. The token given on the command line counts more than one that stands in the mirror file.
 *
 * @throws RepackError E_MIRROR_FILE, E_CHANNEL, E_NAME
 */
export async function buildMirrorRequest(call: CliCall, settings: MirrorSettings): Promise<MirrorRequest> {
  const { declareMirrorChannels, deltaFolder, mirrorPlace } = await import('../jobs/mirror/mirror-settings.js');
  const { rt, values, options } = call;
  emitFindings(rt, settings.warnings);
  const token = call.token ?? settings.token;
  const channels = declareMirrorChannels(settings, {
    baseUrl: values.baseUrl,
    owner: values.owner,
    hasToken: token !== undefined,
  });
  if (token !== undefined && !channels.some(({ authenticated }) => authenticated)) {
    rt.events.emit({
      type: 'warning',
      message:
        'the token is used for no channel: none lies below BASE-URL/OWNER (--owner), and none is marked {url: …, token: true} in the mirror file',
    });
  }
  const place = mirrorPlace(rt.machine, settings);
  const policy = await policyOf(rt, { ...call, root: place.root }, { undeclared: true })(place.label);
  return {
    ...workSettings(values),
    ...place,
    settings: policy === undefined ? settings : await withPolicy(settings, policy),
    policy,
    channels,
    token,
    profiles: targetProfiles(settings.platforms, values),
    deltaDir: deltaFolder(rt.machine, settings, place),
    reset: options['reset'] === true,
    allowShrink: options['allowShrink'] === true,
    keepGoing: options['keepGoing'] === true,
  };
}

/** The rules of a policy beside the lists of the mirror file. */
async function withPolicy(settings: MirrorSettings, policy: Policy): Promise<MirrorSettings> {
  const { denialOf } = await import('../jobs/policy/denies.js');
  return { ...settings, filter: { ...settings.filter, policy: denialOf(policy) } };
}
