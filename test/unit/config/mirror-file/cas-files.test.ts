import { describe, expect, it } from 'vitest';
import { casFiles, mirrorConfigFiles } from '../../../../src/config/mirror-file/cas-files.js';

const places = { home: '/home/joe', cwd: '/srv/here', configDir: '/home/joe/.config/repackenv', windows: false };

describe('where mirror files are looked for', () => {
  it('--cas: the user’s file, then the machine’s', () => {
    expect(casFiles(places)).toEqual(['/home/joe/.cas-mirror', '/etc/cas-mirror']);
    expect(casFiles({ home: 'C:\\Users\\joe', windows: true })[0]).toBe('C:\\Users\\joe\\.cas-mirror');
  });

  it.each([
    ['nightly.yml', ['/srv/here/nightly.yml']],
    ['./nightly', ['/srv/here/nightly']],
    ['/etc/cas-mirror', ['/etc/cas-mirror']],
    ['~/nightly', ['/home/joe/nightly']],
    [
      'nightly',
      [
        '/srv/here/nightly.yml',
        '/srv/here/nightly.yaml',
        '/srv/here/nightly',
        '/home/joe/.config/repackenv/mirrors/nightly.yml',
        '/home/joe/.config/repackenv/mirrors/nightly.yaml',
        '/home/joe/.config/repackenv/mirrors/nightly',
      ],
    ],
  ])('--mirror-config %s', (text, expected) => {
    expect(mirrorConfigFiles(text, places)).toEqual(expected);
  });

  it('--mirror-config on Windows, and without a configuration folder', () => {
    const windows = { home: 'C:\\Users\\joe', cwd: 'D:\\work', configDir: undefined, windows: true };
    expect(mirrorConfigFiles('mirrors\\nightly', windows)).toEqual(['D:\\work\\mirrors\\nightly']);
    expect(mirrorConfigFiles('nightly', windows)).toHaveLength(3);
  });
});
