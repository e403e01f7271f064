import { largest } from '../../base/largest.js';
import type { EngineLine } from '../../jobs/engines.js';

export function enginesText(engines: readonly EngineLine[]): string {
  const width = (pick: (line: EngineLine) => string) => largest(engines.map((line) => pick(line).length));
  const lines = engines.map((line) =>
    [
      line.usable ? 'usable  ' : 'not used',
      line.program.padEnd(width((one) => one.program)),
      line.version.padEnd(width((one) => one.version)),
      line.path.padEnd(width((one) => one.path)),
      line.detail,
    ].join('  '),
  );
  return `${lines.join('\n')}\n`;
}
