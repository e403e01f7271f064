import type { ServeReport } from '../../jobs/serve.js';
import { formatBytes, plural } from './format.js';

export function serveText({ url, requests, answers, bytes, seconds, incomplete }: ServeReport): string {
  const byStatus = Object.entries(answers).map(([status, count]) => `${count} × ${status}`);
  const parts = [
    `${plural(requests, 'request')}${byStatus.length === 0 ? '' : ` (${byStatus.join(', ')})`}`,
    formatBytes(bytes),
    ...(incomplete === 0 ? [] : [`${incomplete} not sent to the end`]),
    `${seconds} s`,
  ];
  return `served ${url}: ${parts.join(', ')}\n`;
}
