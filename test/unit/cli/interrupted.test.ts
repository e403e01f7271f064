import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../../src/cli/commands/index.js';
import { interrupted } from '../../../src/cli/interrupted.js';
import { isRepackError } from '../../../src/base/errors.js';

describe('what an interrupted command says of what it leaves', () => {
  const said = (name: string, options: Record<string, unknown> = {}, dryRun = false): string => {
    const command = COMMANDS.find((each) => each.name === name)!;
    const error = interrupted(AbortSignal.abort('SIGINT'), { command, options, dryRun, args: [] });
    expect(isRepackError(error) && error.exitCode).toBe(130);
    return error.hint ?? '';
  };

  it('nothing, where it takes no lock and writes no set', () => {
    const writes = new Set(['init', 'import', 'export', 'delta', 'push', 'received', 'clean', 'mirror', 'capture']);
    for (const { name, settings } of COMMANDS) {
      const looks = !settings.includes('waitLock') && !settings.includes('dryRun') && !writes.has(name);
      if (looks && !['serve', 'work', 'engines', 'schema', 'help', 'completion'].includes(name))
        expect(said(name), name).toBe('Nothing was changed. Run again when you like.');
      expect(said(name, {}, true), name).toBe('Nothing was changed. Run again when you like.');
    }
    expect(said('doctor')).toMatch(/^Nothing was changed/);
  });

  it.each([
    ['update', /^What was published is complete.* kept for the next run/],
    ['import', /^What was published is complete: as before, or as new\. Everything temporary is removed/],
    ['merge', /^What was published is complete.*Everything temporary is removed/],
    ['export', /^What was on the medium before is as it was/],
    ['delta', /^What was on the medium before is as it was/],
    ['push', /what has arrived.*goes on from there\.$/],
    ['clean', /still there/],
  ])('%s', (name, hint) => expect(said(name)).toMatch(hint));

  it('doctor --repair has begun to write', () => {
    expect(said('doctor', { repair: true })).toMatch(/^What was published is complete/);
  });
});
