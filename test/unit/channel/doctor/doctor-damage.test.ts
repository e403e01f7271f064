import { cpSync, existsSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeChannel, makePackage } from '../../../../scripts/lib/sample-upstream.js';
import { snapshot } from '../../../../scripts/lib/snapshot.js';
import { bzip2Compress } from '../../../../src/codec/bzip2.js';
import { zstdCompress } from '../../../../src/codec/zstd.js';
import { diagnosisOf, examine } from '../../../../src/channel/doctor/doctor.js';
import type { DoctorFinding } from '../../../../src/channel/doctor/doctor.js';
import { systemClock } from '../../../../src/runtime/clock.js';
import { holdsForAny } from '../../../helpers/attack.js';
import { callDoctor } from '../../../helpers/doctor-call.js';
import { testRuntime } from '../../../helpers/runtime.js';
import { breaches } from '../../../helpers/tiny-channel.js';
import { tempDir } from '../../delivery/proof/staged.js';

/**
 * Random damage to a channel that others made, and what is known of it: which rule must see which file. Packages are damaged at most once,
 * the records of a subdir only as long as its index can be read.
 */
const temp = tempDir();
const rt = { ...testRuntime(), clock: systemClock() };
let sound: string;
/** `<subdir>/<fn>` of every package. */
let packages: string[];
let count = 0;

beforeAll(async () => {
  sound = temp.sub('sound');
  const made = await Promise.all([
    makePackage({ name: 'aaa', version: '1.0' }),
    makePackage({ name: 'bbb', version: '1.0', format: 'tar.bz2', depends: ['aaa'] }),
    makePackage({ name: 'ccc', version: '2!1.0', depends: ['bbb >=1'] }),
    makePackage({ name: 'ddd', version: '1.0', build: 'py39_0', subdir: 'linux-64', depends: ['__glibc >=2.17'] }),
    makePackage({ name: 'eee', version: '1.0', build: 'h1_0', subdir: 'linux-64', format: 'tar.bz2' }),
  ]);
  const patches = { 'aaa-1.0-0.conda': { depends: ['zlib'], indexed_timestamp: 1_700_000_000_000 } };
  await makeChannel(sound, made, { subdirs: ['linux-64'], patches });
  for (const subdir of ['noarch', 'linux-64']) {
    cpSync(join(sound, subdir, 'repodata.json'), join(sound, subdir, 'current_repodata.json'));
    cpSync(join(sound, subdir, 'repodata.json.bz2'), join(sound, subdir, 'current_repodata.json.bz2'));
    writeFileSync(join(sound, subdir, 'index.html'), '<table>');
  }
  packages = made.map(({ subdir, distFilename }) => `${subdir}/${distFilename}`);
});
afterAll(() => temp.remove());

/** A rule, or one of several, that must be told of a path. */
type Told = [path: string, ...rules: string[]];

type Records = Record<string, Record<string, unknown>>;
interface Document {
  packages: Records;
  'packages.conda': Records;
}

const documentOf = (dir: string, subdir: string): Document =>
  JSON.parse(readFileSync(join(dir, subdir, 'repodata.json'), 'utf8')) as Document;

const recordsIn = (document: Document): Records => ({ ...document.packages, ...document['packages.conda'] });

async function editRecord(dir: string, path: string, change: (records: Records, fn: string) => void): Promise<void> {
  const [subdir = '', fn = ''] = path.split('/');
  const document = documentOf(dir, subdir);
  change(fn.endsWith('.conda') ? document['packages.conda'] : document.packages, fn);
  const bytes = Buffer.from(JSON.stringify(document));
  writeFileSync(join(dir, subdir, 'repodata.json'), bytes);
  writeFileSync(join(dir, subdir, 'repodata.json.zst'), await zstdCompress(bytes));
  writeFileSync(join(dir, subdir, 'repodata.json.bz2'), await bzip2Compress(bytes));
}

/** To a package, its file or its record. `n`: 0 to 999. */
const OF_PACKAGES: Record<string, (dir: string, path: string, n: number) => Promise<Told[]> | Told[]> = {
  lost: (dir, path) => {
    rmSync(join(dir, path));
    return [[path, 'file-missing']];
  },
  cut: (dir, path, n) => {
    const bytes = readFileSync(join(dir, path));
    writeFileSync(join(dir, path), bytes.subarray(0, Math.floor((bytes.length * n) / 1000)));
    return [[path, 'artifact-corrupt']];
  },
  'a byte changed': (dir, path, n) => {
    const bytes = readFileSync(join(dir, path));
    bytes[Math.floor((bytes.length * n) / 1000)]! ^= 1 + (n % 255);
    writeFileSync(join(dir, path), bytes);
    return [[path, 'artifact-corrupt', 'artifact-mislabelled', 'digest-differs']];
  },
  'more bytes': (dir, path) => {
    writeFileSync(join(dir, path), Buffer.concat([readFileSync(join(dir, path)), Buffer.from('more')]));
    return [[path, 'artifact-corrupt', 'digest-differs']];
  },
  // A .conda says its name inside, in the names of its members too.
  renamed: (dir, path) => {
    const other = path.replace('1.0', '1.1');
    renameSync(join(dir, path), join(dir, other));
    return [
      [path, 'file-missing'],
      [other, 'artifact-mislabelled', 'artifact-corrupt'],
    ];
  },
  'copied under another name': (dir, path) => {
    const other = path.replace(/\/.../, '/fff');
    cpSync(join(dir, path), join(dir, other));
    return [[other, 'artifact-mislabelled', 'artifact-corrupt']];
  },
  'in another subdir': (dir, path) => {
    const other = path.replace(/^[^/]+/, path.startsWith('noarch') ? 'linux-64' : 'noarch');
    renameSync(join(dir, path), join(dir, other));
    return [
      [path, 'file-missing'],
      [other, 'artifact-mislabelled', 'artifact-corrupt'],
    ];
  },
  'of another package': (dir, path) => {
    const other = packages.find((each) => each !== path && each.endsWith(path.slice(-6)))!;
    cpSync(join(sound, other), join(dir, path));
    return [[path, 'artifact-mislabelled', 'artifact-corrupt', 'digest-differs']];
  },
  'half a transfer beside it': (dir, path) => {
    writeFileSync(join(dir, `${path}.partial`), 'half');
    return [[`${path}.partial`, 'partial-file']];
  },
  'no record': async (dir, path) => {
    await editRecord(dir, path, (records, fn) => delete records[fn]);
    return [[path, 'file-unindexed']];
  },
  'a record under another name': async (dir, path) => {
    const other = path.replace('1.0', '1.1');
    await editRecord(dir, path, (records, fn) => {
      records[other.slice(other.indexOf('/') + 1)] = records[fn]!;
      delete records[fn];
    });
    return [
      [path, 'file-unindexed'],
      [other, 'file-missing'],
    ];
  },
  'a wrong sha256': async (dir, path) => {
    await editRecord(dir, path, (records, fn) => (records[fn]!['sha256'] = '0'.repeat(64)));
    return [[path, 'digest-differs']];
  },
  'a wrong md5': async (dir, path) => {
    await editRecord(dir, path, (records, fn) => (records[fn]!['md5'] = '0'.repeat(32)));
    return [[path, 'digest-differs']];
  },
  'a wrong size': async (dir, path, n) => {
    await editRecord(dir, path, (records, fn) => (records[fn]!['size'] = n));
    return [[path, 'size-differs']];
  },
  'no digest': async (dir, path) => {
    await editRecord(dir, path, (records, fn) => {
      delete records[fn]!['sha256'];
      delete records[fn]!['md5'];
    });
    return [[path, 'no-digest']];
  },
  'a record of another version': async (dir, path) => {
    await editRecord(dir, path, (records, fn) => (records[fn]!['version'] = '9'));
    return [[path, 'record-name']];
  },
  'a record without build number': async (dir, path) => {
    await editRecord(dir, path, (records, fn) => delete records[fn]!['build_number']);
    return [[`${path.split('/')[0]}/repodata.json`, 'index-broken']];
  },
};

/** The rest of the record is right, and stays. */
const MENDED_RECORD = new Set(['a wrong md5', 'a wrong size']);

/** To an index file; those of one subdir keep at least one whole form. */
const OF_FORMS: Record<string, (file: string, n: number) => void> = {
  gone: (file) => rmSync(file),
  empty: (file) => writeFileSync(file, ''),
  NUL: (file) => writeFileSync(file, Buffer.alloc(500)),
  cut: (file, n) => {
    const bytes = readFileSync(file);
    writeFileSync(file, bytes.subarray(0, Math.floor((bytes.length * n) / 1000)));
  },
  'of another time': (file) => {
    const from = file.includes('noarch') ? 'linux-64' : 'noarch';
    cpSync(join(sound, from, file.slice(file.lastIndexOf('/') + 1)), file);
  },
};
const FORMS = [
  'repodata.json',
  'repodata.json.zst',
  'repodata.json.bz2',
  'current_repodata.json',
  'current_repodata.json.bz2',
];

const damages = fc.record({
  packages: fc.uniqueArray(
    fc.record({ which: fc.nat(4), how: fc.constantFrom(...Object.keys(OF_PACKAGES)), n: fc.nat(999) }),
    { maxLength: 3, selector: ({ which }) => which },
  ),
  forms: fc.uniqueArray(
    fc.record({
      subdir: fc.constantFrom('noarch', 'linux-64'),
      form: fc.constantFrom(...FORMS),
      how: fc.constantFrom(...Object.keys(OF_FORMS)),
      n: fc.nat(999),
    }),
    { maxLength: 2, selector: ({ subdir }) => subdir },
  ),
});

const look = async (dir: string): Promise<DoctorFinding[]> => diagnosisOf(await examine(rt, { dir })).findings;

it(
  'every random damage is told, and repair leaves only what it says it can’t mend',
  { timeout: 7_200_000 },
  async (context) => {
    const sizes = { smoke: 25, ci: 25, long: 2000 };
    await holdsForAny(context, { name: 'damaged-channel', cases: damages, sizes }, async (chosen) => {
      const dir = join(temp.sub(`copy-${++count}`), 'channel');
      cpSync(sound, dir, { recursive: true, preserveTimestamps: true });
      const told: Told[] = [];
      for (const { which, how, n } of chosen.packages)
        told.push(...(await OF_PACKAGES[how]!(dir, packages[which]!, n)));
      const dark = new Set<string>(
        chosen.forms.filter(({ form }) => form === 'repodata.json').map(({ subdir }) => subdir),
      );
      for (const [path, ...rules] of told) if (rules.includes('index-broken')) dark.add(path.split('/')[0]!);
      for (const { subdir, form, how, n } of chosen.forms) OF_FORMS[how]!(join(dir, subdir, form), n);
      // What is made for noarch may stand under a platform whose index names it: its index tells (field case C4).
      const moved = new Set<string>();
      for (const { which, how } of chosen.packages)
        if (how === 'in another subdir' && packages[which]!.startsWith('noarch'))
          moved.add(packages[which]!.replace('noarch', 'linux-64'));

      const findings = await look(dir);
      const seen = (path: string, rules: readonly string[]): boolean =>
        findings.some(({ code, subject }) => subject === path && rules.includes(code));
      const needsIndex = new Set([
        'file-missing',
        'file-unindexed',
        'digest-differs',
        'size-differs',
        'no-digest',
        'record-name',
      ]);
      for (const [path, ...rules] of told) {
        if (dark.has(path.split('/')[0]!) && rules.some((rule) => needsIndex.has(rule) || rule === 'index-broken'))
          continue;
        if (dark.has('linux-64') && moved.has(path)) continue;
        expect(
          seen(path, rules),
          `${path}: ${rules.join(' or ')} among ${JSON.stringify(findings.map(({ code, subject }) => `${code} ${subject}`))}`,
        ).toBe(true);
      }
      for (const { subdir, form, how } of chosen.forms) {
        // A form less is no fault of a channel that others made.
        if (how === 'gone' && form !== 'repodata.json') continue;
        expect(
          findings.some(({ subject }) => subject?.startsWith(`${subdir}/`)),
          `${how} ${subdir}/${form}`,
        ).toBe(true);
      }

      const before = new Set(snapshot(dir).keys());
      await callDoctor(dir, { repair: true });
      const after = await look(dir);
      expect(after.filter(({ repair }) => repair === 'mends').map(({ message }) => message)).toEqual([]);
      expect(await breaches(dir)).toEqual([]);
      const files = snapshot(dir);
      // Only what is made out of indexes ever goes.
      for (const path of before) if (!files.has(path)) expect(path).toMatch(/\/current_repodata\.json/);
      expect((await callDoctor(dir, { repair: true })).repair).toMatchObject({ written: [], removed: [] });
      expect(snapshot(dir)).toEqual(files);

      const spared = packages.filter((_path, which) => !chosen.packages.some((each) => each.which === which));
      const mendable = chosen.packages.filter(({ how }) => MENDED_RECORD.has(how)).map(({ which }) => packages[which]!);
      for (const path of [...spared, ...mendable]) {
        const [subdir = '', fn = ''] = path.split('/');
        expect(recordsIn(documentOf(dir, subdir))[fn], path).toEqual(recordsIn(documentOf(sound, subdir))[fn]);
      }
      rmSync(dirname(dir), { recursive: true });
    });
    expect(existsSync(sound) && readdirSync(sound)).toEqual(['linux-64', 'noarch']);
  },
);
