import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Manifest } from '../../../../src/channel/manifest/manifest.js';
import { profileOfManifest } from '../../../../src/channel/manifest/profile.js';
import { parseManifest, readManifest } from '../../../../src/channel/manifest/read-manifest.js';
import { sha256Of } from '../../../../src/codec/digests.js';
import { parseClient } from '../../../../src/conda/plan/target.js';
import { folderOfTest } from '../../../helpers/made-channel.js';
import { testRuntime } from '../../../helpers/runtime.js';

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

describe('what is no sound manifest (design D8)', () => {
  const parsed = (value: unknown) => parseManifest(typeof value === 'string' ? Buffer.from(value) : bytesOf(value));

  it.each<[string, unknown]>([
    ['it is empty', ''],
    // What a power loss leaves of a file whose length was written before its bytes.
    ['it is filled with NUL', '\0\0\0'],
    ['it is not JSON', '\0\0{'],
    ['it is not JSON', '{\0\0'],
    ['it is not JSON', JSON.stringify(SOUND).slice(0, 200)],
    ['subdirs.1: ', { ...SOUND, subdirs: ['noarch', 'linux/64'] }],
    ['files.0.size: ', { ...SOUND, files: [{ ...SOUND.files[0], size: -1 }] }],
    ['files: ', { ...SOUND, files: undefined }],
    ['channels.1: it is not the URL of a channel', { ...SOUND, channels: [SOUND.channels[0], 'acme'] }],
    ['profiles.0.virtual_packages.0: it is not a virtual package', { ...SOUND, ...withVirtual({ name: 'glibc' }) }],
  ])('broken: %s', (reason, value) => {
    const found = parsed(value);
    expect(found).toEqual({ kind: 'broken', reason: expect.stringContaining(reason) as string, spec: undefined });
    expect(found.kind === 'broken' && found.reason.startsWith(reason)).toBe(true);
  });

  it('names the first spec that is none, and says why', () => {
    expect(parsed({ ...SOUND, specs: ['a', 'b c d e', '=='] })).toEqual({
      kind: 'broken',
      reason: expect.stringMatching(/^specs\.1: .*b c d e/) as string,
      spec: 'b c d e',
    });
  });

  it.each<[string, unknown]>([
    ['a list', [SOUND]],
    ['null', null],
    ['a number', 1],
    ['a text', '"acme"'],
    ['the manifest of an extension', { schema: 1, name: 'x' }],
    ['of an app, whose schema is a text', { schema: '1', label: 'acme' }],
    ['a label that is no text', { schema: 1, label: 4 }],
  ])('of somebody else: %s', (_, value) => {
    expect(parsed(value)).toEqual({ kind: 'other' });
  });

  it('of a later version of this program, whatever else is in it', () => {
    expect(parsed({ schema: 2, label: 'acme', boxes: [] })).toEqual({ kind: 'newer', schema: 2 });
    expect(parsed({ ...SOUND, schema: 0 })).toEqual({ kind: 'newer', schema: 0 });
    expect(parsed({ ...SOUND, schema: 1, generation: 0 }).kind).toBe('broken');
  });

  it.each<[string, Partial<Record<keyof Manifest, unknown>>]>([
    ['a generation that is no number of ours', { generation: 1.5 }],
    ['a previous one that is no digest', { previous: 'abc' }],
    ['an empty previous one', { previous: '' }],
    ['a digest with more in front of it', { previous: `x${'0'.repeat(64)}` }],
    ['a digest with more behind it', { previous: `${'0'.repeat(64)}\n` }],
    ['a digest in capitals', { previous: 'A'.repeat(64) }],
    ...(['sha256', 'record', 'md5'] as const).map((key): [string, Partial<Manifest>] => [
      `a ${key} of another length`,
      { files: [{ ...SOUND.files[0]!, [key]: '0'.repeat(40) }] },
    ]),
    ['a kind of its own', { files: [{ ...SOUND.files[0]!, kind: 'other' }] }],
    ['half a byte', { files: [{ ...SOUND.files[0]!, size: 0.5 }] }],
    ['a path from the root', { files: [{ ...SOUND.files[0]!, path: '/etc/passwd' }] }],
    ['a path out', { files: [{ ...SOUND.files[0]!, path: 'noarch/../../x' }] }],
    ['a path with backslashes', { files: [{ ...SOUND.files[0]!, path: 'noarch\\x' }] }],
    ['a client without a version', { profiles: [{ ...SOUND.profiles[0]!, client: 'conda' }] }],
    ['a channel that is no URL', { channels: ['https://[::1'] }],
    ['a channel with only a user', { channels: ['https://user@host/acme'] }],
    ['a channel with only a password', { channels: ['https://:pw@host/acme'] }],
    ['a channel with something before it', { channels: [' https://host/acme'] }],
    ['a channel that ends in a line feed', { channels: ['https://host/acme\n'] }],
    ['a right channel and the same with a login', { channels: ['https://host/acme', 'https://u:p@host/acme'] }],
  ])('%s is refused', (_, change) => {
    expect(parsed({ ...SOUND, ...change }).kind).toBe('broken');
  });

  it.each<[string, Partial<Record<keyof Manifest, unknown>>]>([
    ['a first generation', { generation: 1, previous: null }],
    ['a later one', { previous: '0123456789abcdef'.repeat(4) }],
    ['a mirror, without specs and profiles', { specs: [], profiles: [] }],
    ['an unpublished artifact', { files: [{ ...SOUND.files[0]!, channel: null }] }],
    ['an empty file', { files: [{ ...SOUND.files[0]!, size: 0 }] }],
    [
      'index, side file and paper',
      {
        files: (['index', 'side', 'paper'] as const).map((kind) => {
          const { path, size, sha256, md5 } = SOUND.files[0]!;
          return { path, size, sha256, md5, kind };
        }),
      },
    ],
    ['no client', { profiles: [{ ...SOUND.profiles[0]!, client: null }] }],
    ['channels of all three ways', { channels: ['http://h:8080/a', 'https://h/t/b', 'file:///C:/c', 'https://h/t/b'] }],
  ])('%s is sound', (_, change) => {
    expect(parsed({ ...SOUND, ...change })).toMatchObject({ kind: 'sound', manifest: { ...SOUND, ...change } });
  });

  it('has the bytes that it was read from, and their digest; of a view only the view', () => {
    const bytes = bytesOf(SOUND);
    const whole = Buffer.concat([Buffer.from('xx'), bytes, Buffer.from('xx')]);
    const view = new Uint8Array(whole.buffer, whole.byteOffset + 2, bytes.length);
    expect(parseManifest(view)).toEqual({ kind: 'sound', manifest: SOUND, bytes: view, sha256: sha256Of(bytes) });
  });
});

describe('readManifest', () => {
  const rt = testRuntime();
  const read = (content?: string | Uint8Array) => {
    const file = join(folderOfTest(), 'manifest.json');
    if (content !== undefined) writeFileSync(file, content);
    return readManifest(rt, file);
  };

  it('gives a sound manifest of ours, and nothing of all else', async () => {
    expect(await read(bytesOf(SOUND))).toMatchObject({ manifest: SOUND, sha256: sha256Of(bytesOf(SOUND)) });
    expect(await read()).toBeUndefined();
    expect(await read('{')).toBeUndefined();
    expect(await read('{"schema":2,"label":"acme"}')).toBeUndefined();
    expect(await read('{}')).toBeUndefined();
  });
});

describe('the profile of a manifest', () => {
  it('is what it was made of', () => {
    const [profile] = SOUND.profiles;
    expect(profileOfManifest(profile!)).toEqual({
      subdir: 'linux-64',
      virtualPackages: [{ name: '__glibc', version: '2.17', build: '0' }],
      client: parseClient('conda 4.4'),
    });
    expect(profileOfManifest({ ...profile!, client: null })).toHaveProperty('client', undefined);
  });
});
