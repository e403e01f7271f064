import path from 'node:path';
import { sha256Of } from '../../codec/digests.js';
import type { MirrorSource } from '../../mirror/select/select.js';
import { errnoOf } from '../../base/disk-errors.js';
import type { Runtime } from '../../runtime/runtime.js';
import { VERSION } from '../../base/tool-version.js';
import type { MirrorRequest } from './mirror-request.js';
import { pickFiles } from './pick-files.js';
import type { Choice } from './pick-files.js';

/** In the state folder: what the filter took of the channels in the last run that was published. */
export const CHOICE_NAME = 'choice.json';

const SCHEMA = 2;

/** A choice, and what it was made of: the same key gives the same choice. Empty: it is not kept. */
export interface KeyedChoice extends Choice {
  key: string;
  /** It is on disk already. */
  remembered: boolean;
}

interface ChoiceTask {
  request: MirrorRequest;
  sources: readonly MirrorSource[];
  stateDir: string;
}

/**
 * What the mirror file's filter takes of the channels. Where these and the filter are byte for byte as in the last run it is known, and no
 * record is parsed and no solver asked. Throws as `pickFiles`.
 */
export async function chooseFiles(rt: Runtime, { request, sources, stateDir }: ChoiceTask): Promise<KeyedChoice> {
  // What a policy says goes by the day and by its advisories.
  const key = request.policy === undefined ? keyOf(request, sources) : '';
  const known =
    request.reset || key === ''
      ? undefined
      : await recalled(rt, { file: path.join(stateDir, CHOICE_NAME), key, sources });
  if (known !== undefined) return { ...known, key, remembered: true };
  return { ...(await pickFiles(rt, request, sources)), key, remembered: false };
}

/** To be called with the mirror locked, after the switch; a choice that is not final is not kept. It only saves time, so a disk that refuses is a debug event. */
export async function rememberChoice(
  rt: Pick<Runtime, 'fs' | 'events'>,
  { stateDir }: { stateDir: string },
  { key, remembered, final, picked, excluded, refused, findings }: KeyedChoice,
): Promise<void> {
  if (remembered || !final || key === '') return;
  const places = new Map<string, string[]>();
  for (const { channel, subdir, fn } of picked) {
    const place = placeOf({ channel, subdir });
    const names = places.get(place);
    if (names === undefined) places.set(place, [fn]);
    else names.push(fn);
  }
  const file = path.join(stateDir, CHOICE_NAME);
  const text = JSON.stringify({ key, picked: Object.fromEntries(places), excluded, refused, findings });
  try {
    await rt.fs.writeWhole(file, `${text}\n`, { durable: false });
  } catch (error) {
    rt.events.emit({ type: 'debug', message: `the choice of files was not remembered: ${String(error)}` });
  }
}

/** Everything that `pickFiles` looks at. */
function keyOf(
  { settings, channels, channelPriority, profiles }: MirrorRequest,
  sources: readonly MirrorSource[],
): string {
  const { filter, platforms } = settings;
  const read = sources.map((source) => [placeOf(source), sha256Of(source.index.document)]);
  const urls = channels.map(({ url, name }) => [url, name]);
  return sha256Of(JSON.stringify([SCHEMA, VERSION, filter, platforms, urls, channelPriority, profiles, read]));
}

function placeOf({ channel, subdir }: Pick<MirrorSource, 'channel' | 'subdir'>): string {
  return `${channel.url}/${subdir}`;
}

async function recalled(
  rt: Pick<Runtime, 'fs' | 'events'>,
  { file, key, sources }: { file: string; key: string; sources: readonly MirrorSource[] },
): Promise<Choice | undefined> {
  try {
    const kept = JSON.parse(await rt.fs.readText(file)) as KeyedChoice & { picked: Record<string, string[]> };
    if (kept.key !== key) return undefined;
    const picked = sources.flatMap((source) =>
      (kept.picked[placeOf(source)] ?? []).map((fn) => {
        if (!source.index.has(fn)) throw new TypeError(`the index has no ${fn}`);
        return { channel: source.channel, subdir: source.subdir, fn };
      }),
    );
    return { picked, excluded: kept.excluded, refused: kept.refused, findings: kept.findings, final: true };
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT')
      rt.events.emit({ type: 'debug', message: `the choice of the last run is not used: ${String(error)}` });
    return undefined;
  }
}
