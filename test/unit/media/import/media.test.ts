import { createHash } from 'node:crypto';
import {
  appendFileSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { snapshot } from '../../../../scripts/lib/snapshot.js';
import { readTarget } from '../../../../src/media/set/target.js';
import { mediumJson } from '../../../../src/media/set/names.js';
import { isRepackError, type RepackError } from '../../../../src/base/errors.js';
import type { Manifest } from '../../../../src/channel/manifest/manifest.js';
import { tempDir } from '../../../helpers/artifacts.js';
import { importAt, makeGenerations } from '../../../helpers/import-site.js';
import { makeMedium, type MadeMedium, type MediumOptions, type RawMember } from '../../../helpers/media.js';

let work: string;
let dirs: string[];
beforeAll(async () => {
  work = mkdtempSync(join(tmpdir(), 'repackenv-import-media-'));
  ({ dirs } = await makeGenerations(work));
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

let dir: string;
let root: string;
beforeEach(() => {
  dir = tempDir();
  root = join(dir, 'site');
});

function medium(options: Partial<MediumOptions> = {}): Promise<MadeMedium> {
  return makeMedium({ channel: dirs[0]!, out: join(dir, 'usb'), ...options });
}

/** Refused with a code, nothing written at the site, the media as they were. Gives the error. */
async function refused(
  code: string | RegExp,
  media: string | readonly string[] = join(dir, 'usb'),
): Promise<RepackError> {
  const places = typeof media === 'string' ? [media] : media;
  const before = places.map((place) => snapshot(place));
  const error: unknown = await importAt(root, media).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!isRepackError(error)) throw new Error(`not refused: ${String(error)}`, { cause: error });
  expect(error.code, error.message).toMatch(code);
  expect(error.what.length).toBeGreaterThan(10);
  expect(error.hint?.length ?? 0).toBeGreaterThan(10);
  expect(existsSync(root), 'nothing is written at the site').toBe(false);
  expect(places.map((place) => snapshot(place))).toEqual(before);
  return error;
}

function said(error: RepackError): string {
  return [error.what, error.where, error.hint, ...error.details].join('\n');
}

describe('G5 parts', () => {
  it.each([
    [
      'missing',
      (parts: string[]) => rmSync(parts[1]!),
      /Part 2 of 3 \(acme-g1\.part002\.tar\) is on none of the media/,
    ],
    ['of 0 bytes', (parts: string[]) => truncateSync(parts[1]!, 0), /Part 2 of 3 .* is empty \(0 bytes\)/],
    [
      'cut off (G11)',
      (parts: string[]) => truncateSync(parts[1]!, 600),
      /Part 2 of 3 .* was cut off: 600 of \d+ bytes/,
    ],
    [
      'with bytes behind its end',
      (parts: string[]) => appendFileSync(parts[1]!, 'x'),
      /Part 2 of 3 .* has 1 byte more/,
    ],
    [
      'repeated',
      (parts: string[]) => copyFileSync(parts[0]!, parts[1]!),
      /part002\.tar.* holds part 1 under this name/,
    ],
    ['swapped', swap, /part001\.tar.* holds part 2 under this name[\s\S]*part002\.tar.* holds part 1/],
    [
      'renamed',
      (parts: string[]) => renameSync(parts[1]!, join(parts[1]!, '..', 'backup.tar')),
      /under another name, backup\.tar/,
    ],
    [
      'overwritten by something else',
      (parts: string[]) => writeFileSync(parts[1]!, 'no tar at all'.repeat(999)),
      /Part 2 of 3/,
    ],
  ])('a part %s: named with its medium, and only it has to be brought', async (_title, break_, says) => {
    const { parts } = await medium({ parts: 3 });
    break_(parts);
    const error = await refused('E_MEDIUM');
    expect(said(error)).toMatch(says);
    expect(said(error)).toContain(join(dir, 'usb'));
    if (_title !== 'swapped') expect(error.hint).toContain('The other 2 parts are right');
  });

  it('of another set: told which', async () => {
    const other = await makeMedium({ channel: dirs[1]!, out: join(dir, 'other'), parts: 3 });
    const { parts } = await medium({ parts: 3 });
    copyFileSync(other.parts[2]!, parts[2]!);
    expect(said(await refused('E_MEDIUM'))).toMatch(/part003\.tar.* is of another set: part 3 of 3 of acme-g2/);
  });

  it('one with a part number that the set does not have is refused', async () => {
    const { parts } = await medium({ parts: 3 });
    copyFileSync(parts[1]!, parts[1]!.replace('part002', 'part004'));
    expect(said(await refused('E_MEDIUM'))).toMatch(/acme-g1\.part004\.tar on .* is not in the set file/);
  });

  it('several are wrong: all are named at once', async () => {
    const { parts } = await medium({ parts: 4 });
    rmSync(parts[1]!);
    truncateSync(parts[3]!, 100);
    const error = await refused('E_MEDIUM');
    expect(error.details).toHaveLength(2);
    expect(error.hint).toContain('The other 2 parts are right');
  });

  it('G11 a flipped bit in the middle: that part only is to be brought again, then it goes on', async () => {
    const made = await medium({ parts: 3 });
    const whole = readFileSync(made.parts[1]!);
    const bytes = Buffer.from(whole);
    bytes[bytes.length - 3000]! ^= 1;
    writeFileSync(made.parts[1]!, bytes);
    const error = await refused('E_MEDIUM');
    expect(said(error)).toMatch(/Part 2 of 3 \(acme-g1\.part002\.tar\) on .* is damaged/);
    expect(error.hint).toContain('The other 2 parts are right');
    writeFileSync(made.parts[1]!, whole);
    expect(await importAt(root, made.dir)).toMatchObject({ generation: 1 });
  });

  it('G11 one is missing and another damaged in its content: both are named in one go, and no damaged one is called right', async () => {
    const made = await medium({ parts: 7 });
    rmSync(made.parts[1]!);
    spoil(made.parts[2]!);
    const error = await refused('E_MEDIUM');
    expect(error.details.map((line) => line.slice(0, 11))).toEqual(['Part 2 of 7', 'Part 3 of 7']);
    expect(error.details[1]).toMatch(/part003\.tar\) on .* is damaged: its sha256/);
    expect(error.hint).toContain('The other 5 parts are right');
  });

  it('G11 one is missing and another damaged with a sound copy: told, and only the missing one is to be brought', async () => {
    const made = await medium({ parts: 3 });
    rmSync(made.parts[1]!);
    cpSync(made.dir, join(dir, 'copy'), { recursive: true });
    spoil(made.parts[2]!);
    const error = await refused('E_MEDIUM', [made.dir, join(dir, 'copy')]);
    expect(error.what).toMatch(/^Part 2 of 3 .* is on none of the media/);
    expect(error.hint).toContain('The other 2 parts are right');
  });

  it('a part too many and a damaged one: both are named', async () => {
    const { parts } = await medium({ parts: 3 });
    copyFileSync(parts[1]!, parts[1]!.replace('part002', 'part004'));
    spoil(parts[2]!);
    const error = await refused('E_MEDIUM');
    expect(said(error)).toMatch(/Part 3 of 3 .* is damaged[\s\S]*part004\.tar on .* is not in the set file/);
    expect(error.hint).toContain('The other 2 parts are right');
  });

  it('on several sticks, in any order, with one of them there twice', async () => {
    const made = await medium({ parts: 3 });
    const sticks = ['s1', 's2', 's3'].map((name) => join(dir, name));
    for (const [index, stick] of sticks.entries()) {
      mkdirSync(stick);
      copyFileSync(made.parts[index]!, join(stick, basename(made.parts[index]!)));
      for (const name of ['acme-g1.set.json', 'acme-g1.manifest.json'])
        copyFileSync(join(made.dir, name), join(stick, name));
    }
    copyFileSync(made.parts[0]!, join(sticks[2]!, basename(made.parts[0]!)));
    expect(await importAt(root, [sticks[2]!, sticks[0]!, sticks[1]!])).toMatchObject({ generation: 1 });
    rmSync(root, { recursive: true });
    expect(said(await refused('E_MEDIUM', [sticks[0]!, sticks[2]!]))).toContain('Part 2 of 3');
  });

  it('a damaged copy on one stick does not stand in the way of a sound one on another', async () => {
    const made = await medium({ parts: 2 });
    cpSync(made.dir, join(dir, 'copy'), { recursive: true });
    truncateSync(join(dir, 'copy', basename(made.parts[1]!)), 10);
    expect(await importAt(root, [join(dir, 'copy'), made.dir])).toMatchObject({ generation: 1 });
  });

  it('a renamed part on a read-only disc is taken where it is given itself', async () => {
    const { parts } = await medium({ parts: 2 });
    renameSync(parts[1]!, join(dir, 'usb', 'TWO.TAR'));
    expect(await importAt(root, [join(dir, 'usb'), join(dir, 'usb', 'TWO.TAR')])).toMatchObject({ generation: 1 });
  });

  it('a set file or a part stands for its folder', async () => {
    const made = await medium({ parts: 2 });
    expect(await importAt(root, join(made.dir, 'acme-g1.set.json'))).toMatchObject({ generation: 1 });
    expect(await importAt(join(dir, 'site2'), made.parts[1]!)).toMatchObject({ generation: 1 });
  });
});

/** One byte of the content, none of the header. */
function spoil(part: string): void {
  const bytes = readFileSync(part);
  bytes[bytes.length - 3000]! ^= 1;
  writeFileSync(part, bytes);
}

function swap(parts: string[]): void {
  renameSync(parts[0]!, `${parts[0]}.x`);
  renameSync(parts[1]!, parts[0]!);
  renameSync(`${parts[0]}.x`, parts[1]!);
}

describe('the set file and the loose manifest', () => {
  it.each([
    ['missing', (file: string) => rmSync(file), /no set file/],
    ['empty', (file: string) => writeFileSync(file, ''), /it is empty/],
    ['cut off', (file: string) => truncateSync(file, 300), /it is not JSON/],
    [
      'of a newer format',
      (file: string) => writeFileSync(file, '{"schema": 2, "format": "repackenv-set"}'),
      /format 2/,
    ],
    ['of something else', (file: string) => writeFileSync(file, '{"a": 1}'), /set file can't be used/],
  ])('%s: refused', async (_title, break_, says) => {
    await medium();
    break_(join(dir, 'usb', 'acme-g1.set.json'));
    expect(said(await refused('E_MEDIUM'))).toMatch(says);
  });

  it('one that names a part outside the medium is refused', async () => {
    await medium();
    const file = join(dir, 'usb', 'acme-g1.set.json');
    writeFileSync(file, readFileSync(file, 'utf8').replace('acme-g1.tar', '../acme-g1.tar'));
    expect(said(await refused('E_MEDIUM'))).toContain('is not a safe name');
  });

  it('a damaged one with a sound copy on another medium: told, and the copy is used', async () => {
    const made = await medium();
    cpSync(made.dir, join(dir, 'copy'), { recursive: true });
    truncateSync(join(dir, 'copy', 'acme-g1.set.json'), 20);
    const report = await importAt(root, [join(dir, 'copy'), made.dir]);
    expect(report.findings).toMatchObject([{ code: 'medium-copy-damaged', exit: false }]);
  });

  it('two that call themselves one set and differ are refused', async () => {
    const made = await medium();
    cpSync(made.dir, join(dir, 'copy'), { recursive: true });
    const file = join(dir, 'copy', 'acme-g1.set.json');
    writeFileSync(file, readFileSync(file, 'utf8').replace(/"md5": "../, '"md5": "00'));
    expect(said(await refused('E_MEDIUM', [made.dir, join(dir, 'copy')]))).toContain('differ');
  });

  it('a damaged loose manifest is told; the one in part 1 counts', async () => {
    const made = await medium();
    truncateSync(join(made.dir, 'acme-g1.manifest.json'), 30);
    const report = await importAt(root, made.dir);
    expect(report.findings).toMatchObject([{ code: 'medium-copy-damaged' }]);
  });

  it.each([
    [
      'the generation of the manifest',
      (text: string) => text.replaceAll('"generation": 1', '"generation": 9'),
      'E_MEDIUM',
    ],
    [
      'an added path that the manifest lacks',
      (text: string) => text.replace('"noarch/n-1.0-0.conda"', '"noarch/x-1.0-0.conda"'),
      'E_MEDIUM',
    ],
    ['the id of the set', (text: string) => text.replace(/"set": "[0-9a-f]{8}/, '"set": "00000000'), 'E_MEDIUM'],
  ])('one that was edited, %s: refused', async (_title, edit, code) => {
    await medium();
    const file = join(dir, 'usb', 'acme-g1.set.json');
    const text = readFileSync(file, 'utf8');
    expect(edit(text)).not.toBe(text);
    writeFileSync(file, edit(text));
    await refused(code);
  });

  it('the folder in which a mirror leaves its deltas', async () => {
    const delta = join(dir, 'usb/acme-g1-to-g2');
    mkdirSync(delta, { recursive: true });
    writeFileSync(join(delta, 'delta.json'), '{}');
    expect(said(await refused('E_MEDIUM'))).toContain(`repackenv merge ${delta} ROOT/LABEL`);
  });

  it('an empty folder, and one that is not there', async () => {
    mkdirSync(join(dir, 'usb'));
    expect(said(await refused('E_MEDIUM'))).toContain('nothing of ours');
    expect(said(await refused('E_MEDIUM', join(dir, 'nowhere')))).toContain('no such medium');
  });

  it('the folder above, and an unpacked channel: told what to give instead', async () => {
    await medium({ out: join(dir, 'stick', 'export') });
    expect(said(await refused('E_MEDIUM', join(dir, 'stick')))).toContain(join(dir, 'stick', 'export'));
    cpSync(dirs[0]!, join(dir, 'usb'), { recursive: true });
    expect(said(await refused('E_MEDIUM'))).toContain('repackenv merge takes it');
  });

  it('links on a medium lead nowhere', async () => {
    const made = await medium();
    mkdirSync(join(dir, 'links'));
    for (const name of ['acme-g1.set.json', 'acme-g1.tar', 'acme-g1.manifest.json'])
      symlinkSync(join(made.dir, name), join(dir, 'links', name));
    await refused('E_MEDIUM', join(dir, 'links'));
  });
});

describe('G6 side files', () => {
  const sums = (edit: (line: string) => string) => {
    const made = ['acme-g1.tar', 'acme-g1.set.json', 'acme-g1.manifest.json'];
    const lines = made.map((name) => {
      const digest = sha256File(join(dir, 'usb', name));
      return edit(`${digest}  ${name}`);
    });
    writeFileSync(join(dir, 'usb', 'SHA256SUMS'), lines.join(''));
  };

  it.each([
    ['with CRLF', (line: string) => `${line}\r\n`],
    ['with * for binary', (line: string) => `${line.replace('  ', ' *')}\n`],
    ['with escaped names', (line: string) => `\\${line}\n`],
    ['with ./ and upper-case digits', (line: string) => `${line.slice(0, 64).toUpperCase()}  ./${line.slice(66)}\n`],
    [
      'with unknown names, comments and a BOM',
      (line: string) => `\uFEFF# made by hand\n${'0'.repeat(64)}  ../else/where\n${line}\n`.replace(/^\uFEFF/, ''),
    ],
  ])('SHA256SUMS %s is read', async (_title, edit) => {
    const made = await medium();
    sums(edit);
    expect((await importAt(root, made.dir)).findings).toEqual([]);
  });

  it('SHA256SUMS wrong and .md5 right: refused, sha256 decides', async () => {
    await medium();
    sums((line) => `${line.endsWith('.tar') ? line.replace(/^.{8}/, '00000000') : line}\n`);
    expect(said(await refused('E_MEDIUM'))).toContain(
      'acme-g1.tar is not the file that SHA256SUMS on this medium lists',
    );
  });

  it('SHA256SUMS without the part: the set file decides, and that is told', async () => {
    const made = await medium();
    sums((line) => (line.endsWith('.tar') ? '' : `${line}\n`));
    expect((await importAt(root, made.dir)).findings).toMatchObject([{ code: 'medium-unlisted', exit: false }]);
  });

  it('.md5 wrong and SHA256SUMS right: told, and imported', async () => {
    const made = await medium();
    sums((line) => `${line}\n`);
    writeFileSync(join(made.dir, 'acme-g1.tar.md5'), `${'0'.repeat(32)}  acme-g1.tar\n`);
    expect((await importAt(root, made.dir)).findings).toMatchObject([{ code: 'medium-md5-differs', exit: false }]);
  });

  it('SHA256SUMS that is no list of sums, or lists a name twice: refused with the line', async () => {
    await medium();
    writeFileSync(join(dir, 'usb', 'SHA256SUMS'), 'hello\n');
    expect(said(await refused('E_MEDIUM'))).toContain('Line 1');
    writeFileSync(join(dir, 'usb', 'SHA256SUMS'), `${'0'.repeat(64)}  a\n${'1'.repeat(64)}  a\n`);
    expect(said(await refused('E_MEDIUM'))).toContain('twice');
  });

  it('G10 a .list that names files outside the set, or lacks one: refused', async () => {
    const made = await medium();
    const list = join(made.dir, 'acme-g1.tar.list');
    const text = readFileSync(list, 'utf8');
    writeFileSync(list, `${text}acme/../../etc/passwd\n`);
    expect(said(await refused('E_MEDIUM'))).toContain('"acme/../../etc/passwd", which is not in it');
    writeFileSync(list, text.replace(/^.*\n/, ''));
    expect(said(await refused('E_MEDIUM'))).toContain('lacks');
    writeFileSync(list, text.replaceAll('\n', '\r\n'));
    expect((await importAt(root, made.dir)).findings).toEqual([]);
  });

  it('other people’s files on the stick are let be', async () => {
    const made = await medium();
    writeFileSync(join(made.dir, 'holiday.jpg'), 'x');
    mkdirSync(join(made.dir, 'System Volume Information'));
    expect((await importAt(root, made.dir)).findings).toEqual([]);
  });
});

function sha256File(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

const BAD_PATHS = [
  '../evil-1-0.conda',
  '/abs-1-0.conda',
  'C:x-1-0.conda',
  'linux-64/..',
  'linux-64/sub/x-1-0.conda',
  'linux-64/x y-1-0.conda',
  'linux-64/nul',
  'linux-64/a.',
  'other-dir/x-1-0.conda',
  'installers/x-1-0.conda',
  'linux-64/.repackenv',
  'linux-64\\\\x-1-0.conda',
  'x-1-0.conda',
];

describe('G1–G4 what an undamaged part must not hold', () => {
  const extra = (member: RawMember): Partial<MediumOptions> => ({
    tamper: ({ members }) => void members.push(member),
  });

  it.each([
    '../x',
    '/etc/passwd',
    'C:x',
    '\\\\?\\C:\\x',
    'acme/a/../../b',
    'acme\\linux-64\\x',
    '.',
    '',
    './acme/linux-64/a-1.0-0.conda',
    'acme/linux-64/con',
  ])('G1 a member %j that no header lists', async (path) => {
    await medium(extra({ path, bytes: Buffer.from('x') }));
    const error = await refused('E_ARCHIVE_MEMBER');
    expect(said(error)).toContain('which its header does not list');
  });

  it('G1 a member in the place of another', async () => {
    await medium({ tamper: ({ members }) => void (members[3]!.path = '../../etc/cron.d/x') });
    expect(said(await refused('E_ARCHIVE_MEMBER'))).toContain('"../../etc/cron.d/x" is in it where its header has');
  });

  it.each(BAD_PATHS)('G1 a manifest that names %j', async (path) => {
    await medium({
      manifest: (manifest) => void (manifest.files.find(({ kind }) => kind === 'artifact')!.path = path),
    });
    await refused(/^E_(MEDIUM|ARCHIVE_MEMBER)$/);
  });

  it.each(BAD_PATHS)('G1 and where the set file does not name it: %j', (path) => {
    const manifest = JSON.parse(readFileSync(join(dirs[0]!, 'manifest.json'), 'utf8')) as Manifest;
    manifest.files.find(({ kind }) => kind === 'artifact')!.path = path;
    const parts = { bytes: mediumJson(manifest), signature: undefined, where: 'here' };
    expect(() => readTarget(parts)).toThrow(/E_ARCHIVE_MEMBER|E_MEDIUM/);
  });

  it.each(['$(touch x)', '`touch x`', 'a\ntouch x', 'a\u001B[2J', "a'; touch x; '"])(
    'commands in a paper: the spec %j of an unsigned manifest',
    async (spec) => {
      await medium({ manifest: (manifest) => void (manifest.specs = [spec]) });
      await refused('E_MEDIUM');
    },
  );

  it.each([
    ['symbolic link', '2', 'a symbolic link'],
    ['hard link', '1', 'a hard link'],
    ['device', '3', 'a device'],
    ['pipe', '6', 'a pipe'],
    ['GNU sparse file', 'S', 'a sparse file'],
    ['GNU long name', 'L', 'a long name'],
    ['global header', 'g', 'a header for all that follows'],
  ])('G2 a %s', async (_title, type, says) => {
    await medium({
      tamper: ({ members }) => {
        const target = members[3]!;
        members.splice(3, 0, { path: target.path, type, linkname: '/etc/passwd' });
      },
    });
    expect(said(await refused('E_ARCHIVE_MEMBER'))).toContain(says);
  });

  it('G2 a link, then a file through it', async () => {
    await medium({
      tamper: ({ members }) => {
        members.splice(2, 0, { path: 'acme/linux-64', type: '2', linkname: '/tmp' });
      },
    });
    expect(said(await refused('E_ARCHIVE_MEMBER'))).toContain('a symbolic link');
  });

  it('G3 a member repeated, and one that differs in case only', async () => {
    await medium({ tamper: ({ members }) => void members.push(members[3]!) });
    expect(said(await refused('E_ARCHIVE_MEMBER'))).toContain('which its header does not list');
    rmSync(join(dir, 'usb'), { recursive: true });
    await medium({
      manifest: ({ files }) => {
        const first = files.find(({ path }) => path === 'linux-64/a-1.0-0.conda')!;
        files.push({ ...first, path: 'linux-64/A-1.0-0.conda' });
      },
    });
    expect(said(await refused('E_ARCHIVE_MEMBER'))).toContain(
      'differs from "linux-64/a-1.0-0.conda" in upper and lower case only',
    );
  });

  it('G3 a header that lists a member twice', async () => {
    await medium({
      tamper: ({ header, members }) => {
        header.members.push(header.members[3]!);
        members.push(members[3]!);
      },
    });
    await refused('E_MEDIUM');
  });

  it('G4 a size that is claimed and not there, and one that is there and not claimed', async () => {
    await medium({ tamper: ({ members }) => void (members[3]!.size = 8_000_000_000) });
    expect(said(await refused('E_ARCHIVE_MEMBER'))).toMatch(/has 8000000000 bytes in it, its header says/);
    rmSync(join(dir, 'usb'), { recursive: true });
    await medium({ tamper: ({ members }) => void (members[3]!.bytes = Buffer.alloc(5_000_000)) });
    await refused('E_ARCHIVE_MEMBER');
  });

  it('G4 a header that claims 10 GB for itself', async () => {
    const made = await medium();
    const tar = readFileSync(made.parts[0]!);
    tar.write('77777777777\0', 124);
    tar.write('        ', 148);
    tar.write(
      `${tar
        .subarray(0, 512)
        .reduce((sum, byte) => sum + byte, 0)
        .toString(8)
        .padStart(6, '0')}\0 `,
      148,
    );
    writeFileSync(made.parts[0]!, tar);
    await refused('E_MEDIUM');
  });

  it('G4 a packed bomb: what comes out is held against the header, not unpacked to its end', async () => {
    await medium({ zstd: true, trailer: Buffer.alloc(200_000_000) });
    expect(said(await refused('E_ARCHIVE_MEMBER'))).toContain('something follows its end');
  });

  it('G4 a member with other bytes than the manifest says', async () => {
    await medium({
      tamper: ({ members }) => {
        const bytes = Buffer.from(members[3]!.bytes!);
        bytes[10]! ^= 1;
        members[3]!.bytes = bytes;
      },
    });
    expect(said(await refused('E_ARCHIVE_MEMBER'))).toContain('another sha256 than its header says');
  });

  it('G4 something behind the end of the archive', async () => {
    await medium({ trailer: Buffer.from('x'.repeat(512)) });
    expect(said(await refused('E_ARCHIVE_MEMBER'))).toContain('something follows its end');
  });

  it('a SHA256SUMS that is not what the manifest comes to', async () => {
    const copy = join(dir, 'acme');
    cpSync(dirs[0]!, copy, { recursive: true });
    appendFileSync(join(copy, 'SHA256SUMS'), `${'0'.repeat(64)}  linux-64/more\n`);
    await medium({ channel: copy });
    expect(said(await refused('E_ARCHIVE_MEMBER'))).toContain('it is not what the manifest comes to');
  });

  it('an index that names what the manifest does not have', async () => {
    const copy = join(dir, 'acme');
    cpSync(dirs[0]!, copy, { recursive: true });
    const index = join(copy, 'linux-64/repodata.json');
    const bytes = Buffer.from(readFileSync(index, 'utf8').replaceAll('a-1.0-0.conda', 'z-1.0-0.conda'));
    writeFileSync(index, bytes);
    const sums: Record<string, string> = {};
    await medium({
      channel: copy,
      manifest: ({ files }) => {
        const file = files.find(({ path }) => path === 'linux-64/repodata.json')!;
        file.sha256 = createHash('sha256').update(bytes).digest('hex');
        file.md5 = createHash('md5').update(bytes).digest('hex');
        for (const each of files) sums[each.path] = each.sha256;
        const digest = createHash('sha256')
          .update(mediumJson(JSON.parse(JSON.stringify(manifestOf(files, copy)))))
          .digest('hex');
        sums['manifest.json'] = digest;
        writeFileSync(
          join(copy, 'SHA256SUMS'),
          Object.entries(sums)
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([path, sha]) => `${sha}  ${path}\n`)
            .join(''),
        );
      },
    });
    expect(said(await refused('E_MEDIUM'))).toContain('names z-1.0-0.conda, which the manifest does not have');
  });
});

function manifestOf(files: unknown, channel: string): unknown {
  return { ...(JSON.parse(readFileSync(join(channel, 'manifest.json'), 'utf8')) as object), files };
}
