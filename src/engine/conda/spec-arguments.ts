import type { EngineAccess } from '../../conda/channel/engine-access.js';
import { RepackError } from '../../base/errors.js';
import type { MatchSpec } from '../../conda/spec/match-spec.js';
import { channelsOfSpec, isPlainSpec } from '../../conda/spec/match-spec.js';
import type { FileSystem } from '../../runtime/fs.js';
import { engineTitle } from './conda-engine.js';
import type { CondaEngine } from './conda-engine.js';

/** Windows takes 32,767 characters in a command line, and the rest of the line needs room too. */
const MAX_ON_COMMAND_LINE = 8_000;

export interface SpecArgumentOptions {
  specs: readonly MatchSpec[];
  engine: Pick<CondaEngine, 'program' | 'version' | 'abilities'>;
  /** Where to put them when they are many; not there yet. */
  file: string;
  /** What the engine was told, for specs that name a channel. */
  told: EngineAccess['channels'];
}

/**
 * The specs as arguments, or, where they are many, as `--file` (A13). Each was parsed, so none can be an option (A9) or say more
 * than it seems to. Throws E_ENGINE_VERSION for a spec that this conda would misread.
 */
export async function specArguments(fs: FileSystem, options: SpecArgumentOptions): Promise<string[]> {
  const texts = options.specs.map((spec) => engineText(spec, options));
  if (texts.reduce((sum, text) => sum + text.length + 3, 0) <= MAX_ON_COMMAND_LINE) return texts;
  await fs.writeNew(options.file, `${texts.join('\n')}\n`);
  return ['--file', options.file];
}

function engineText(spec: MatchSpec, { engine, told }: SpecArgumentOptions): string {
  const text = withToldChannel(spec, told);
  if (engine.abilities.overridesChannels || isPlainSpec({ ...spec, text })) return text;
  throw new RepackError('E_ENGINE_VERSION', {
    what: `${engineTitle(engine)} does not understand ${spec.text}, 4.4 or newer is needed`,
    where: `package ${spec.text}`,
    hint: 'Use --engine embedded or a newer conda with --engine-path, or write the spec with name, version and build only.',
  });
}

/** The engine knows a channel only by the URL it was told; where several are meant (`defaults`), the result is what is checked. */
function withToldChannel(spec: MatchSpec, told: EngineAccess['channels']): string {
  if (spec.channel === undefined) return spec.text;
  const text = spec.text.slice(spec.channel.length + 2);
  const meant = channelsOfSpec(
    spec,
    told.map((each) => each.channel),
  );
  const only = meant.length === 1 ? told.find((each) => each.channel === meant[0]) : undefined;
  return only === undefined ? text : `${only.url}::${text}`;
}
