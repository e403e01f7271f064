import type { Finding } from '../base/findings.js';
import type { Runtime } from '../runtime/runtime.js';

export interface Collected {
  rt: Runtime;
  /** Every finding emitted so far, each once, by code and subject. */
  findings(): Finding[];
}

/** A runtime whose findings are kept for the report, while they go on to whoever shows them. */
export function collectFindings(rt: Runtime): Collected {
  const seen = new Map<string, Finding>();
  return {
    rt: {
      ...rt,
      events: {
        emit(event) {
          if (event.type === 'finding') {
            const key = `${event.finding.code}\n${event.finding.subject ?? event.finding.message}`;
            if (seen.has(key)) return;
            seen.set(key, event.finding);
          }
          rt.events.emit(event);
        },
      },
    },
    findings: () => [...seen.keys()].sort().flatMap((key) => seen.get(key) ?? []),
  };
}

/** The first of many in one line, with how many more there are: a cache of another account may hold thousands. */
export function listed(shown: readonly string[], total: number, between = ', '): string {
  const more = total - shown.length;
  return `${shown.join(between)}${more > 0 ? `${between}and ${more} more` : ''}`;
}
