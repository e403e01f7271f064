import { RepackError } from '../base/errors.js';
import { SIGNATURE_NAME } from '../channel/manifest/manifest.js';
import type { LiveFolder, StagedChannel } from '../channel/staged.js';
import { NOARCH } from '../conda/channel/channel.js';
import { parseDistFilename } from '../conda/channel/names.js';
import { parseMatchSpec, type MatchSpec } from '../conda/spec/match-spec.js';
import type { RepackPlan } from '../conda/plan/plan.js';
import type { Runtime } from '../runtime/runtime.js';

/** What a request asks for, beside the content that a solver makes of it. */
export interface Asked {
  subdirs: readonly string[];
  attestations: boolean;
  /** Undefined where it names none of its own, as a captured environment. */
  specs?: readonly MatchSpec[];
  /** It stands in a file: a name less is told, more than half of them are a loss. */
  declared?: boolean | undefined;
  /** Names, subdirs, `signature`, `attestations` that may go; `all`: whatever would. */
  drop: readonly string[];
}

interface Loss {
  /** As `--drop` takes it. */
  word: string;
  text: string;
}

/**
 * Nothing leaves a label folder unasked (design D16): a package name, a platform or the attestations that the live folder has and
 * the request has not. Specs are compared by name: another version, channel or spelling is not less. A name that is still delivered, as
 * something that others need, is said and no loss. What an upstream has no more is not judged here. A declared label's line that is gone
 * was taken out by somebody: it is said, unless more than half of the names would go.
 *
 * @throws RepackError E_ASKS_LESS
 */
export function guard(
  rt: Pick<Runtime, 'events'>,
  { asked, plan, live }: { asked: Asked; plan: Pick<RepackPlan, 'artifacts'>; live: LiveFolder },
): void {
  const { manifest } = live;
  if (manifest === undefined) return;
  const names = new Set(asked.specs?.map(({ name }) => name));
  const before = asked.specs === undefined ? [] : manifest.specs.map((text) => parseMatchSpec(text).name);
  const delivered = new Set(plan.artifacts.map(({ fn }) => parseDistFilename(fn).name));
  const unasked = [...new Set(before)].filter((name) => !names.has(name) && !asked.drop.includes(name));
  for (const name of unasked.filter((each) => delivered.has(each)))
    rt.events.emit({ type: 'note', message: `${name} is no longer asked for; it stays, for something needs it` });

  const left = [...new Set(before)].filter((name) => !names.has(name) && !delivered.has(name));
  const isEdit = asked.declared === true && left.length * 2 <= new Set(before).size;
  const gone = unasked.filter((name) => !delivered.has(name));
  if (isEdit && gone.length > 0)
    rt.events.emit({ type: 'note', message: `no longer declared, and leaving: ${gone.join(', ')}` });

  const known = new Set([...before, ...manifest.subdirs, 'signature', 'attestations', 'all']);
  for (const word of asked.drop.filter((each) => asked.specs !== undefined && !known.has(each)))
    rt.events.emit({ type: 'note', message: `--drop ${word}: the label folder was not asked for it` });

  const losses: Loss[] = [
    ...(isEdit ? [] : gone.map((word) => ({ word, text: `package ${word}` }))),
    ...manifest.subdirs
      .filter((subdir) => subdir !== NOARCH && !asked.subdirs.includes(subdir))
      .map((word) => ({ word, text: `all of ${word}` })),
  ];
  if (manifest.files.some(({ kind, path }) => kind === 'side' && path.includes('.sigs')) && !asked.attestations)
    losses.push({ word: 'attestations', text: 'the attestations of the artifacts' });

  refuse(losses, asked.drop, live);
}

/**
 * The signature of the live folder goes where a request without a key changes the manifest.
 *
 * @throws RepackError E_ASKS_LESS
 */
export function guardSignature(
  staged: Pick<StagedChannel, 'leaving'>,
  drop: readonly string[],
  live: LiveFolder,
): void {
  const lost = staged.leaving.includes(SIGNATURE_NAME);
  refuse(
    lost ? [{ word: 'signature', text: `the signature (${SIGNATURE_NAME}), for want of --sign-key` }] : [],
    drop,
    live,
  );
}

function refuse(losses: readonly Loss[], drop: readonly string[], live: LiveFolder): void {
  const refused = losses.filter(({ word }) => !drop.includes(word) && !drop.includes('all'));
  if (refused.length === 0) return;
  throw new RepackError('E_ASKS_LESS', {
    what: `The label folder has ${refused.length === 1 ? 'something' : `${refused.length} things`} that this request does not ask for; nothing was changed`,
    where: live.dir,
    hint: `Ask for it too, or let it go: ${refused.map(({ word }) => `--drop ${word}`).join(' ')}`,
    details: refused.map(({ text }) => `would leave: ${text}`),
  });
}
