import { largest } from '../base/largest.js';
import { controlsShown } from '../conda/channel/names.js';

export function section(title: string, lines: readonly string[]): string[] {
  return ['', `## ${title}`, '', ...lines];
}

export function commands(lines: readonly string[]): string[] {
  return ['```', ...lines, '```'];
}

/** A basic string of TOML; JSON escapes no more than that takes. */
export function quoted(text: string): string {
  return JSON.stringify(text);
}

/** Between as many grave accents as end it; a line feed would end the paragraph. */
export function code(text: string): string {
  const line = controlsShown(text).replaceAll('\n', String.raw`\n`);
  const fence = '`'.repeat(largest([...line.matchAll(/`+/g)].map(([run]) => run.length)) + 1);
  return fence.length === 1 ? `\`${line}\`` : `${fence} ${line} ${fence}`;
}
