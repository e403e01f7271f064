import { describe, expect, it } from 'vitest';
import type { Manifest } from '../../../../src/channel/manifest/manifest.js';
import { parseManifest } from '../../../../src/channel/manifest/read-manifest.js';

const SOUND: Manifest = {
  schema: 1,
  label: 'acme',
  generation: 3,
  previous: null,
  specs: ['numpy>=1.26,<2', "a[version='>=1',subdir='linux-64']", 'conda-forge::b=1.0=py39_0'],
  channels: ['https://conda.anaconda.org/acme', 'file:///srv/my%20channel'],
  subdirs: ['linux-64', 'noarch'],
  profiles: [
    {
      subdir: 'linux-64',
      virtual_packages: [{ name: '__glibc', version: '2.17', build: '0' }],
      client: 'conda 4.4',
    },
  ],
  files: [
    {
      path: 'noarch/a-1!2.0+x-0.conda',
      kind: 'artifact',
      size: 1,
      sha256: '0'.repeat(64),
      md5: '0'.repeat(32),
      channel: 'https://conda.anaconda.org/acme',
      record: '0'.repeat(64),
    },
  ],
};

/** What somebody would have in our papers, commands, paths and terminals. */
const HOSTILE = [
  '$(touch x)',
  '`touch x`',
  'a;touch x',
  'a\ntouch x',
  'a\u001B[2J',
  '"; touch x; "',
  "'; touch x; '",
  '%PATH%',
  '--evil',
  '../../x',
  '',
  'a'.repeat(100_000),
];

const FIELDS: Record<string, (text: string) => Partial<Manifest>> = {
  specs: (text) => ({ specs: ['a', text] }),
  'a version': (text) => ({ specs: [`a[version='${text}']`] }),
  'a build': (text) => ({ specs: [`a[build="${text}"]`] }),
  'the channel of a spec': (text) => ({ specs: [`a[channel='${text}']`] }),
  label: (text) => ({ label: text }),
  channels: (text) => ({ channels: [text] }),
  subdirs: (text) => ({ subdirs: [text] }),
  'the subdir of a profile': (text) => ({ profiles: [{ ...SOUND.profiles[0]!, subdir: text }] }),
  client: (text) => ({ profiles: [{ ...SOUND.profiles[0]!, client: `conda ${text}` }] }),
  'the name of a virtual package': (name) => withVirtual({ name: `__${name}` }),
  'the version of a virtual package': (version) => withVirtual({ version }),
  'the build of a virtual package': (build) => withVirtual({ build }),
  'the path of a file': (text) => ({ files: [{ ...SOUND.files[0]!, path: `noarch/${text}` }] }),
  'the channel of a file': (text) => ({ files: [{ ...SOUND.files[0]!, channel: text }] }),
};

function withVirtual(part: Partial<{ name: string; version: string; build: string }>): Partial<Manifest> {
  const [profile] = SOUND.profiles;
  return { profiles: [{ ...profile!, virtual_packages: [{ ...profile!.virtual_packages[0]!, ...part }] }] };
}

const bytesOf = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

describe('what a manifest says is read as what it stands for', () => {
  it('sound', () => expect(parseManifest(bytesOf(SOUND))).toMatchObject({ kind: 'sound', manifest: SOUND }));

  const cases = Object.keys(FIELDS).flatMap((field) =>
    HOSTILE.map((text) => [field, text.slice(0, 40), text] as const),
  );
  it.each(cases)('%s: %j is refused', (field, _shown, text) => {
    const parsed = parseManifest(bytesOf({ ...SOUND, ...FIELDS[field]!(text) }));
    expect(parsed.kind).toBe('broken');
    expect(JSON.stringify(parsed).length).toBeLessThan(200_000);
  });

  it.each([
    'https://user:pw@host/acme',
    'https://host/acme?x=1',
    'https://host/a b',
    'https://host/`touch x`',
    'javascript:alert(1)',
    'https://host/a\u202Eb',
  ])('the channel %s is refused', (url) =>
    expect(parseManifest(bytesOf({ ...SOUND, channels: [url] })).kind).toBe('broken'),
  );
});
