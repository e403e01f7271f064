import type { Policy } from '../../src/conda/policy/policy.js';
import { parseSpecPattern } from '../../src/conda/spec/spec-entry.js';

const NOTHING = { licenses: undefined, packages: undefined, channels: undefined };

/** A policy that denies packages, judged on 2026-11-29 at noon. */
export function denying(...specs: string[]): Policy {
  const rules = {
    name: 'house',
    deny: { ...NOTHING, scripts: undefined, packages: specs.map(parseSpecPattern) },
    allow: NOTHING,
    newest: undefined,
    undated: 'allow' as const,
    advisories: () => [],
    require: [],
    except: [],
  };
  return { parts: [rules], at: Date.parse('2026-11-29T12:00:00Z') };
}
