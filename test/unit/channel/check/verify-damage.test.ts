import {
  cpSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { verifyFolder } from '../../../helpers/verify-call.js';
import { testRuntime } from '../../../helpers/runtime.js';
import { samplePackages, stage, tempDir } from '../../delivery/proof/staged.js';

const temp = tempDir();
const rt = testRuntime();
let sound: string;
let files: string[];
let count = 0;

beforeAll(async () => {
  sound = (await stage(join(temp.sub('root'), 'halkbank'), await samplePackages())).dir;
  files = readdirSync(sound, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(sound.length + 1))
    .sort();
});
afterAll(() => temp.remove());

/** Positions are parts of the file, so that one arbitrary fits every file. */
type Damage = (file: string, at: { part: number; byte: number; dir: string }) => void;

const write = (file: string, change: (bytes: Buffer) => Uint8Array): void =>
  writeFileSync(file, change(readFileSync(file)));
const place = (bytes: Buffer, part: number): number => Math.min(bytes.length - 1, Math.floor(part * bytes.length));

/** What a disk, a copy program or a person does to one file. `byte` is 1 to 255. */
const DAMAGES: Record<string, Damage> = {
  'a byte changed': (file, { part, byte }) =>
    write(file, (bytes) => {
      bytes[place(bytes, part)]! ^= byte;
      return bytes;
    }),
  'letters turned': (file) =>
    write(file, (bytes) => {
      const at = bytes.findIndex((each) => each >= 0x61 && each <= 0x7a);
      if (at < 0) bytes[0]! ^= 1;
      else bytes[at]! ^= 0x20;
      return bytes;
    }),
  'cut off': (file, { part }) => truncateSync(file, Math.floor(part * readFileSync(file).length)),
  'a byte more': (file, { byte }) => write(file, (bytes) => Buffer.concat([bytes, Buffer.from([byte])])),
  'line ends of Windows': (file, { part }) =>
    write(file, (bytes) => {
      const text = bytes.toString('latin1');
      const changed = Buffer.from(text.replaceAll('\n', '\r\n'), 'latin1');
      if (changed.length > bytes.length) return changed;
      bytes[place(bytes, part)]! ^= 1;
      return bytes;
    }),
  gone: (file) => rmSync(file),
  'a folder in its place': (file) => {
    rmSync(file);
    mkdirSync(file);
  },
  'a link to the same bytes': (file, { dir }) => {
    const other = join(dirname(dir), 'elsewhere');
    renameSync(file, other);
    symlinkSync(other, file);
  },
  'other letters in its name': (file) => {
    const slash = file.lastIndexOf('/');
    const name = file.slice(slash + 1);
    const other = name.toUpperCase() === name ? name.toLowerCase() : name.toUpperCase();
    renameSync(file, join(file.slice(0, slash), other));
  },
  'the subdir gone': (file, { dir }) =>
    dirname(file) === dir ? rmSync(file) : rmSync(dirname(file), { recursive: true }),
  'a second copy': (file, { dir }) =>
    cpSync(file, join(dir, 'noarch', `copy-of-${file.slice(file.lastIndexOf('/') + 1)}`)),
};

const SAME_SUMS = new Set(['letters turned', 'line ends of Windows', 'cut off']);

const damage = fc.record({
  which: fc.nat(),
  how: fc.constantFrom(...Object.keys(DAMAGES)),
  part: fc.integer({ min: 0, max: 999 }).map((per) => per / 1000),
  byte: fc.integer({ min: 1, max: 255 }),
});

function copyOfSound(): string {
  const dir = join(temp.sub(`copy-${++count}`), 'halkbank');
  cpSync(sound, dir, { recursive: true, preserveTimestamps: true });
  return dir;
}

it('every damage to one file of a published folder is a finding', { timeout: 600_000 }, async () => {
  const missed: string[] = [];
  await fc.assert(
    fc.asyncProperty(damage, async ({ which, how, part, byte }) => {
      const path = files[which % files.length]!;
      // G6: with CR LF, capitals or no last line end it says the same.
      fc.pre(path !== 'SHA256SUMS' || !SAME_SUMS.has(how));
      const dir = copyOfSound();
      DAMAGES[how]!(join(dir, path), { part, byte, dir });
      const { ok } = await verifyFolder(rt, { dir });
      rmSync(dirname(dir), { recursive: true });
      if (ok) missed.push(`${how} ${path} ${part} ${byte}`);
    }),
    { numRuns: 100 },
  );
  expect(missed).toEqual([]);
});

it('times, rights and files at the root are none', async () => {
  const dir = copyOfSound();
  for (const path of files) utimesSync(join(dir, path), 0, 2_000_000_000);
  writeFileSync(join(dir, 'README.txt'), '');
  const { findings } = await verifyFolder(rt, { dir });
  expect(findings.filter(({ exit }) => exit)).toEqual([]);
});
