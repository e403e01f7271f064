import type { RepackEvent } from '../../base/events.js';
import { formatBytes, plural, sourcesText } from './format.js';

/** `log`: goes to the log in any case, to the terminal with --debug. */
export type Level = 'normal' | 'warning' | 'log' | 'debug';

export const STAGE_TITLES = {
  read: 'read',
  engine: 'engine',
  solve: 'solve',
  acquire: 'fetch',
  index: 'index',
  prove: 'prove',
  publish: 'publish',
  medium: 'medium',
  'clean-up': 'clean up',
} as const;

/** One line for an event, without line end; undefined for events that only a progress display shows. */
export function eventText(event: RepackEvent): { level: Level; text: string } | undefined {
  switch (event.type) {
    case 'stage-started':
      return { level: 'normal', text: `${STAGE_TITLES[event.stage]}: ${event.detail ?? 'started'}` };
    case 'stage-finished':
      return event.detail === undefined
        ? undefined
        : { level: 'normal', text: `${STAGE_TITLES[event.stage]}: ${event.detail}` };
    case 'acquire-total':
      return {
        level: 'normal',
        text: `fetch: ${plural(event.artifacts, 'artifact')}, ${formatBytes(event.bytes)}, from here or upstream`,
      };
    case 'artifact-acquired':
      return {
        level: 'debug',
        text: `fetch: ${event.subdir}/${event.fn} (${formatBytes(event.bytes)}, ${event.source})`,
      };
    case 'acquire-finished':
      return { level: 'normal', text: `fetch: ${sourcesText(event)}` };
    case 'acquire-progress':
    case 'progress':
      return undefined;
    case 'retry':
      return {
        // One host that is down is one line, however many files are asked of it.
        level: event.again === true ? 'log' : 'warning',
        text: `retry ${event.attempt} in ${(event.waitMs / 1000).toFixed(1)} s: ${event.reason} (${event.url})`,
      };
    case 'waiting':
      return { level: 'warning', text: `waiting: ${event.reason}` };
    case 'note':
      return { level: 'normal', text: event.message };
    case 'listening':
      return { level: 'normal', text: `listening on ${event.url}` };
    case 'request':
      return {
        level: 'log',
        text:
          `${event.client} "${event.method} ${event.path}" ${event.status} ${event.bytes} ${event.ms} ms` +
          `${event.agent === '' ? '' : ` "${event.agent}"`}${event.incomplete === true ? ' incomplete' : ''}`,
      };
    case 'warning':
      return { level: 'warning', text: `warning: ${event.message}` };
    case 'finding':
      return {
        level: event.finding.exit || event.finding.warn === true ? 'warning' : 'normal',
        text: `finding ${event.finding.code}: ${event.finding.message}`,
      };
    case 'debug':
      return { level: 'debug', text: event.message };
  }
}
