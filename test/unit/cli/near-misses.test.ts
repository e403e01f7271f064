import { describe, expect, it } from 'vitest';
import { nearMisses } from '../../../src/cli/near-misses.js';
import { parseSubdir } from '../../../src/conda/channel/names.js';

describe('what is told of probable slips', () => {
  it.each([
    ['linux-46', 'linux-64'],
    ['osx-arm', 'osx-arm64'],
    ['linux-amd64', 'linux-64'],
    ['linux-x64', 'linux-64'],
    ['linux-arm64', 'linux-aarch64'],
    ['macos-arm64', 'osx-arm64'],
    ['windows-64', 'win-64'],
  ])('a subdir %s: %s', (typed, meant) => {
    expect(nearMisses({}, [typed, 'win-64', typed])).toEqual([
      `conda knows no platform ${typed}. Did you mean ${meant}?`,
    ]);
  });

  it.each([
    ['win64', 'win-64'],
    ['Linux-64', 'linux-64'],
    ['linux', 'linux-64'],
    ['windows', 'win-64'],
    ['linux-x86_64', 'linux-64'],
  ])('what is no name of a subdir, %s: %s', (typed, meant) => {
    expect(() => parseSubdir(typed)).toThrow(
      expect.objectContaining({ hint: expect.stringContaining(`mean ${meant}?`) }),
    );
  });

  it('subdirs that are known, or like none, and no others are told', () => {
    expect(nearMisses({}, ['linux-64', 'noarch', 'plan9-mips'])).toEqual([]);
    expect(() => parseSubdir('???')).toThrow(
      expect.objectContaining({ hint: expect.stringMatching(/^Known subdirs/) }),
    );
  });

  it('variables that are no setting’s', () => {
    const env = {
      REPACKENV_OWNR: 'x',
      REPACKENV_SUBDIRS: 'win-64',
      REPACKENV_XYZZY: '1',
      REPACKENV_QUIETT: '',
      REPACKENV_NO_PROXY: 'h',
    };
    expect(nearMisses(env, [])).toEqual([
      'the environment variable REPACKENV_NO_PROXY has no effect: no setting is called so. Did you mean REPACKENV_PROXY_BYPASS?',
      'the environment variable REPACKENV_OWNR has no effect: no setting is called so. Did you mean REPACKENV_OWNER?',
      'the environment variable REPACKENV_SUBDIRS has no effect: no setting is called so. Did you mean REPACKENV_SUBDIR?',
      'the environment variable REPACKENV_XYZZY has no effect: no setting is called so',
    ]);
    const known = { REPACKENV_OWNER: 'x', REPACKENV_ROOT: '/r', REPACKENV_TEST_KILL_AT: 'x', PATH: '/bin' };
    expect(nearMisses(known, [])).toEqual([]);
  });
});
