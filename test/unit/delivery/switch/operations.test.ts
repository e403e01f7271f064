import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bzip2Decompress } from '../../../../src/codec/bzip2.js';
import { sha256Of } from '../../../../src/codec/digests.js';
import { zstdDecompress } from '../../../../src/codec/zstd.js';
import { readJournal, removeJournal, writeJournal, type Journal } from '../../../../src/delivery/switch/journal.js';
import { PHASES, planOperations, subdirOf, type FileToPut } from '../../../../src/delivery/switch/operations.js';
import { writeReducedIndexes } from '../../../../src/delivery/switch/reduced-index.js';
import { isHeldOpen, withRetry } from '../../../../src/delivery/switch/retry.js';
import { failWhere, faultFs, faultError, type FaultCode } from '../../../helpers/fault-fs.js';
import { journalOf } from '../../../helpers/journals.js';
import { folderOfTest } from '../../../helpers/made-channel.js';
import { testRuntime } from '../../../helpers/runtime.js';

/**
 * Design D6: at every instant every index on disk names only files on disk with the stated digest. So what is new comes before the indexes, what
 * leaves after them, and a name whose bytes change is in no index meanwhile.
 */

const file = (path: string, kind: FileToPut['kind'], fresh: boolean): FileToPut => ({
  path,
  from: `channel/${path}`,
  kind,
  size: path.length,
  sha256: `digest of ${path}`,
  mtimeMs: 2000,
  fresh,
});

describe('the order of a switch', () => {
  const FILES = [
    file('SHA256SUMS', 'sums', false),
    file('manifest.json.sig', 'signature', true),
    file('manifest.json', 'manifest', false),
    file('win-64/repodata.json', 'index', true),
    file('linux-64/repodata.json', 'index', false),
    file('noarch/repodata.json', 'index', false),
    file('papers/CHANGES.md', 'paper', false),
    file('linux-64/a-1-0.conda.v0.sigs', 'side', true),
    file('linux-64/b-1-0.conda', 'artifact', false),
    file('linux-64/a-1-0.conda', 'artifact', true),
    file('noarch/z-1-0.tar.bz2', 'artifact', true),
    file('noarch/y-1-0.conda', 'artifact', true),
  ];
  const planned = planOperations({
    files: FILES,
    reduced: [{ ...file('linux-64/repodata.json', 'index', false), from: 'reduced/linux-64/repodata.json' }],
    leaving: [
      'linux-64/old-1-0.conda',
      'noarch/old-1-0.tar.bz2',
      'linux-64/current_repodata.json',
      'noarch/current_repodata.json',
      'index.html',
    ],
    gives: new Map([
      ['linux-64/b-1-0.conda', 'old b'],
      ['linux-64/old-1-0.conda', 'old'],
    ]),
  });

  it('is by phase, noarch first, then by path', () => {
    expect(planned.map(({ phase, kind, path }) => `${phase} ${kind} ${path}`)).toEqual([
      'artifact-in put noarch/y-1-0.conda',
      'artifact-in put noarch/z-1-0.tar.bz2',
      'artifact-in put linux-64/a-1-0.conda',
      'reduced-index-in put linux-64/repodata.json',
      'old-index-out remove linux-64/current_repodata.json',
      'replaced-in put linux-64/b-1-0.conda',
      'index-in put noarch/repodata.json',
      'index-in put linux-64/a-1-0.conda.v0.sigs',
      'index-in put linux-64/repodata.json',
      'index-in put papers/CHANGES.md',
      'index-in put win-64/repodata.json',
      'stale-index-out remove noarch/current_repodata.json',
      'stale-index-out remove index.html',
      'manifest-in put manifest.json',
      'manifest-in put manifest.json.sig',
      'sums-in put SHA256SUMS',
      'leaving-out remove noarch/old-1-0.tar.bz2',
      'leaving-out remove linux-64/old-1-0.conda',
    ]);
    expect(new Set(planned.map(({ phase }) => phase))).toEqual(new Set(PHASES));
  });

  it('says of each put whence, how large, of which digest and time, and which bytes are given', () => {
    expect(planned.find(({ path }) => path === 'linux-64/b-1-0.conda')).toEqual({
      kind: 'put',
      phase: 'replaced-in',
      path: 'linux-64/b-1-0.conda',
      from: 'channel/linux-64/b-1-0.conda',
      size: 20,
      sha256: 'digest of linux-64/b-1-0.conda',
      mtimeMs: 2000,
      gives: 'old b',
    });
    expect(planned.filter(({ gives }) => gives !== undefined).map(({ path }) => path)).toEqual([
      'linux-64/b-1-0.conda',
      'linux-64/old-1-0.conda',
    ]);
  });

  it.each([
    ['linux-64/repodata.json', 'linux-64'],
    ['linux-64/deep/x', 'linux-64'],
    ['manifest.json', ''],
  ])('%s is of the subdir "%s"', (path, subdir) => {
    expect(subdirOf(path)).toBe(subdir);
  });

  it('of what only adds has nothing to take out before', () => {
    const fresh = FILES.filter((each) => each.fresh);
    const operations = planOperations({ files: fresh, reduced: [], leaving: ['linux-64/repodata.json.bz2'] });
    expect(operations.map(({ phase }) => phase)).not.toContain('old-index-out');
    expect(operations.every((operation) => !('gives' in operation))).toBe(true);
  });
});

describe('an index for the time in between', () => {
  const INDEX = {
    info: { subdir: 'linux-64' },
    packages: { 'a-1-0.tar.bz2': { name: 'a' }, 'b-1-0.tar.bz2': { name: 'b' } },
    'packages.conda': { 'a-1-0.conda': { name: 'a' }, 'c-1-0.conda': { name: 'c' } },
    removed: [],
  };
  const FORMS = ['.zst', '.bz2', ''];
  const reduce = async (names: string[], content: object = INDEX, forms = FORMS) => {
    const stagingDir = folderOfTest();
    const path = 'linux-64/repodata.json';
    mkdirSync(dirname(join(stagingDir, 'channel', path)), { recursive: true });
    writeFileSync(join(stagingDir, 'channel', path), JSON.stringify(content));
    const indexes = forms.map((form) => file(`${path}${form}`, 'index', false));
    const made = await writeReducedIndexes(testRuntime(), { stagingDir, indexes, names: new Set(names) });
    return { stagingDir, made };
  };

  it('has all but the names whose bytes change, in every form, with its own size and digest', async () => {
    const { stagingDir, made } = await reduce(['linux-64/a-1-0.conda', 'linux-64/b-1-0.tar.bz2', 'noarch/c-1-0.conda']);
    expect(made.map(({ path, from }) => [path, from])).toEqual(
      FORMS.map((form) => [`linux-64/repodata.json${form}`, `reduced/linux-64/repodata.json${form}`]),
    );
    const unpack = [
      (bytes: Uint8Array) => zstdDecompress(bytes, { maxBytes: 10_000 }),
      (bytes: Uint8Array) => bzip2Decompress(bytes, { maxBytes: 10_000 }),
      async (bytes: Uint8Array) => bytes,
    ];
    for (const [at, { from, size, sha256, mtimeMs }] of made.entries()) {
      const bytes = readFileSync(join(stagingDir, from));
      expect([size, sha256, mtimeMs]).toEqual([bytes.length, sha256Of(bytes), 2000]);
      expect(JSON.parse(Buffer.from(await unpack[at]!(bytes)).toString())).toEqual({
        ...INDEX,
        packages: { 'a-1-0.tar.bz2': { name: 'a' } },
        'packages.conda': { 'c-1-0.conda': { name: 'c' } },
      });
    }
  });

  it('may lack a kind of package, or have null there', async () => {
    const { stagingDir, made } = await reduce(['linux-64/a-1-0.conda'], { packages: null, removed: [] }, ['']);
    expect(JSON.parse(readFileSync(join(stagingDir, made[0]!.from), 'utf8'))).toEqual({ packages: null, removed: [] });
  });
});

describe('the journal', () => {
  const JOURNAL = journalOf();

  it('is there whole, or says what it is', async () => {
    const rt = testRuntime();
    const dir = folderOfTest();
    const path = join(dir, 'journal.json');
    expect(await readJournal(rt, dir)).toBeUndefined();
    for (const schema of [1, 2] as const) {
      await writeJournal(rt, dir, { ...JOURNAL, schema });
      expect(await readJournal(rt, dir)).toEqual({ ...JOURNAL, schema });
    }
    // It tells of packages and customers.
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const [digest, body] = readFileSync(path, 'utf8').split('\n') as [string, string];
    const texts = [
      '',
      digest,
      `${digest}\n`,
      `${digest}\n${body}x\n`,
      `${digest}\n${body.slice(1)}\n`,
      `x${digest}\n${body}`,
    ];
    for (const text of texts) {
      writeFileSync(path, text);
      expect(await readJournal(rt, dir)).toBe('damaged');
    }
    for (const schema of [0, 3]) {
      await writeJournal(rt, dir, { ...JOURNAL, schema } as unknown as Journal);
      expect(await readJournal(rt, dir)).toBe('newer');
    }
  });

  it('that a disk does not show is not taken for none', async () => {
    const { fs } = faultFs(failWhere(({ name }) => name === 'readText', 'EIO'));
    await expect(readJournal(testRuntime({ fs }), folderOfTest())).rejects.toMatchObject({ code: 'EIO' });
  });

  it('goes, with what was left of its writing; the folder is synced where that is asked for', async () => {
    const { fs, calls } = faultFs(() => undefined);
    const rt = testRuntime({ fs });
    const dir = folderOfTest();
    const synced = () => calls.splice(0).filter(({ name, args }) => name === 'syncDir' && args[0] === dir).length;
    await writeJournal(rt, dir, JOURNAL);
    expect(synced()).toBeGreaterThan(0);
    writeFileSync(join(dir, 'journal.json.new'), '{');
    await removeJournal(rt, dir);
    expect(synced()).toBe(1);
    expect(await rt.fs.readdir(dir)).toEqual([]);
    await removeJournal(rt, dir, { durable: false });
    expect(synced()).toBe(0);
    const broken = testRuntime({ fs: faultFs(failWhere(({ name }) => name === 'unlink', 'EIO')).fs });
    await expect(removeJournal(broken, dir)).rejects.toMatchObject({ code: 'EIO' });
  });
});

describe('H1 trying again while others hold a file', () => {
  const error = (code: FaultCode) => faultError(code, { name: 'rename', args: [] });
  const tried = async (code: FaultCode, times: number, deadlineMs = 60_000) => {
    const rt = testRuntime();
    let calls = 0;
    const work = async () => {
      calls += 1;
      if (calls <= times) throw error(code);
      return 'done';
    };
    const outcome = await withRetry(rt, { deadlineMs, reason: 'held' }, work).catch((caught: unknown) => caught);
    return { outcome, calls, sleeps: rt.clock.sleeps, events: rt.collected };
  };

  it.each(['EPERM', 'EACCES', 'EBUSY'] as const)(
    '%s: in steps that grow to 100 ms, and is said after ten',
    async (code) => {
      expect(await tried(code, 3)).toMatchObject({ outcome: 'done', sleeps: [10, 20, 30], events: [] });
      expect((await tried(code, 9)).events).toEqual([]);
      const { sleeps, events } = await tried(code, 12);
      expect(sleeps.slice(-4)).toEqual([90, 100, 100, 100]);
      expect(events).toEqual([{ type: 'waiting', reason: 'held' }]);
    },
  );

  it('any other error: not once more', async () => {
    for (const code of ['ENOENT', 'EIO', 'EXDEV'] as const)
      expect(await tried(code, 1)).toMatchObject({ outcome: { code }, calls: 1, sleeps: [] });
    expect(isHeldOpen(error('EBUSY'))).toBe(true);
    expect(isHeldOpen(error('EIO'))).toBe(false);
    expect(isHeldOpen(new Error('x'))).toBe(false);
  });

  it('ends with the last error when the time is up, and with the signal', async () => {
    expect(await tried('EBUSY', 100, 0)).toMatchObject({ outcome: { code: 'EBUSY' }, calls: 1 });
    expect(await tried('EBUSY', 100, 30)).toMatchObject({ outcome: { code: 'EBUSY' }, sleeps: [10, 20] });
    const rt = testRuntime();
    rt.abort(new Error('Ctrl-C'));
    const work = () => Promise.reject(error('EBUSY'));
    await expect(withRetry(rt, { deadlineMs: 60_000, reason: '', signal: rt.signal }, work)).rejects.toThrow('Ctrl-C');
  });
});
