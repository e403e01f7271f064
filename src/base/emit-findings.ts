import type { EventSink } from './events.js';
import type { Finding } from './findings.js';

/** The one way of a finding: `collectFindings` keeps it for the report, and who shows events shows it. */
export function emitFindings(rt: { events: EventSink }, findings: readonly Finding[]): void {
  for (const finding of findings) rt.events.emit({ type: 'finding', finding });
}
