import { explainName, explanationText, rootsLeadingTo } from '../../mirror/select/explain.js';
import type { Explanation } from '../../mirror/select/explain.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { MirrorRequest } from './mirror-request.js';
import { readChannels } from './read-mirror.js';
import { solveClosure } from './solve-closure.js';
import { lookAtMirror, withMirrorGateway } from './with-mirror.js';

export interface ExplanationReport extends Explanation {
  text: string;
}

/** `mirror --explain NAME`: which rule takes or leaves out each file of a package. Reads the channels' indexes, writes nothing. */
export async function explainMirror(
  rt: Runtime,
  request: MirrorRequest,
  { name }: { name: string },
): Promise<ExplanationReport> {
  const { channels, settings } = request;
  const { live } = await lookAtMirror(rt, request);
  const { sources } = await withMirrorGateway(rt, request, (gateway) =>
    readChannels(rt, { gateway, channels, platforms: settings.platforms, live }),
  );
  const { filter } = settings;
  const roots = filter.dependencies === 'solve' ? rootsLeadingTo({ sources, filter, name }) : [];
  const solved = roots.length === 0 ? undefined : (await solveClosure(rt, request, { sources, picked: roots })).added;
  const lying = (live.manifest?.files ?? []).filter(({ kind }) => kind === 'artifact').map(({ path }) => path);
  const explanation = explainName({ sources, filter, name, solved, lying });
  return { ...explanation, text: explanationText(explanation, settings.file) };
}
