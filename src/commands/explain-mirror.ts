import { explainName, explanationText } from '../mirror/explain.js';
import type { Explanation } from '../mirror/explain.js';
import type { Runtime } from '../runtime/runtime.js';
import type { MirrorRequest } from './mirror/mirror-request.js';
import { readChannels } from './mirror/read-mirror.js';
import { lookAtMirror, withMirrorGateway } from './mirror/with-mirror.js';

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
  const explanation = explainName({ sources, filter: settings.filter, name });
  return { ...explanation, text: explanationText(explanation, settings.file) };
}
