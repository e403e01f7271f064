import path from 'node:path';
import { canonicalJson } from '../../base/json.js';
import type { Finding } from '../../base/findings.js';
import type { Runtime } from '../../runtime/runtime.js';

/** In the state folder: which warnings about the mirror file the last published run had. */
const TOLD_NAME = 'told.json';

/**
 * What the mirror file's own lists bring about is a warning once, and again when it is about something else: whoever wrote them need not hear of
 * it each night. The report has it every time.
 */
export async function withoutTold(
  rt: Pick<Runtime, 'fs'>,
  { stateDir, findings }: { stateDir: string; findings: readonly Finding[] },
): Promise<Finding[]> {
  const text = await rt.fs.readText(path.join(stateDir, TOLD_NAME)).catch(() => '[]');
  const told = new Set(parsed(text));
  return findings.map((finding) =>
    isRemark(finding) && told.has(keyOf(finding)) ? Object.assign({}, finding, { warn: false }) : finding,
  );
}

/** To be called with the mirror locked, after the switch. A disk that refuses is a debug event: it is then reported once more. */
export async function rememberTold(
  rt: Pick<Runtime, 'fs' | 'events'>,
  { stateDir }: { stateDir: string },
  { findings }: { findings: readonly Finding[] },
): Promise<void> {
  const file = path.join(stateDir, TOLD_NAME);
  const text = `${canonicalJson(findings.filter(isRemark).map(keyOf).sort())}\n`;
  try {
    if ((await rt.fs.readText(file).catch(() => '[]\n')) !== text)
      await rt.fs.writeWhole(file, text, { durable: false });
  } catch (error) {
    rt.events.emit({ type: 'debug', message: `what was told was not remembered: ${String(error)}` });
  }
}

function isRemark({ exit, warn }: Finding): boolean {
  return !exit && warn === true;
}

function keyOf({ code, subject, message, topic }: Finding): string {
  return `${code} ${subject ?? ''} ${topic ?? message}`;
}

function parsed(text: string): unknown[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}
