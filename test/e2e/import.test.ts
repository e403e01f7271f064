import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changesBetween, filesThatContain, snapshot } from '../../scripts/lib/snapshot.js';
import type { ImportReport } from '../../src/jobs/import/apply-sets.js';
import { parseSiteReceipt } from '../../src/media/set/headers.js';
import { describeWithLayers } from '../helpers/layers.js';
import { openWorkplace, startOurs, type Ran, type Workplace } from '../helpers/programs.js';
import { readOnlyMedium } from '../helpers/read-only-medium.js';
import { eventsOf, folderOfChannel, openRealWorkplace, recordsIn } from '../helpers/real-upstream.js';
import { expectClean, expectRefusal } from '../helpers/refusals.js';
import { TOKEN } from '../helpers/upstream.js';

const SLOW = 300_000;

/** A vendor's workplace with generations 1, 2, … kept aside, and media as the vendor's own program makes them. */
interface Vendor {
  work: Workplace;
  path(name: string): string;
  run(...args: string[]): Promise<Ran>;
  /** Fails where it does not end with 0. */
  done(...args: string[]): Promise<Ran>;
  /** A copy of the label folder as it is now. */
  keep(name: string): string;
}

function vendorAt(work: Workplace): Vendor {
  const path = (name: string): string => join(work.dir, name);
  const run = (...args: string[]): Promise<Ran> => work.run('repackenv', args);
  return {
    work,
    path,
    run,
    done: async (...args) => {
      const ran = await run(...args);
      expect(ran.exitCode, `${args.join(' ')}\n${ran.stderr}${ran.stdout}`).toBe(0);
      expectClean(ran);
      return ran;
    },
    keep: (name) => {
      cpSync(work.labelDir, path(name), { recursive: true, preserveTimestamps: true });
      return path(name);
    },
  };
}

describe('the import command', () => {
  let vendor: Vendor;
  let site: string;
  let g1: string;
  let g2: string;

  beforeAll(async () => {
    const work = await openWorkplace();
    vendor = vendorAt(work);
    expect((await work.update()).exitCode).toBe(0);
    g1 = vendor.keep('g1');
    await vendor.done('export', work.labelDir, '--to', vendor.path('full'));
    work.upstream.setGeneration(2);
    expect((await work.update()).exitCode).toBe(0);
    g2 = vendor.keep('g2');
    const since = join(vendor.path('full'), 'halkbank-g1.manifest.json');
    await vendor.done('delta', work.labelDir, '--since', since, '--to', vendor.path('delta'));
    await vendor.done('export', work.labelDir, '--to', vendor.path('full2'), '--zstd');
    site = vendor.path('site');
  }, SLOW);
  afterAll(() => vendor.work.close());

  it(
    'takes a full set, then a delta, each once and again, from read-only media; the folder is the vendor’s',
    async () => {
      const { done, path } = vendor;
      for (const [medium, expected] of [
        ['full', g1],
        ['delta', g2],
      ] as const) {
        const work = path(`work-${medium}`);
        const stick = readOnlyMedium(path(medium), work);
        try {
          const before = snapshot(stick.dir);
          const ran = await done('import', stick.dir, '--root', site);
          expect(ran.stdout).toMatch(/^halkbank: generation \d is published \(before: (a new folder|generation 1)\)\n/);
          expect(ran.stdout).toContain('signature absent');
          expect(digests(join(site, 'halkbank'))).toEqual(digests(expected));
          // A synchronisation of the packages moves nothing: sizes and times are the vendor's.
          expect(packageTimes(join(site, 'halkbank'))).toEqual(packageTimes(expected));
          const once = snapshot(join(site, 'halkbank'));
          const again = await done('import', stick.dir, '--root', site);
          expect(again.stdout).toMatch(
            /^halkbank: nothing to do, the folder is of generation \d already; 0 bytes written\n/,
          );
          expect(changesBetween(once, snapshot(join(site, 'halkbank')))).toEqual([]);
          expect(snapshot(stick.dir)).toEqual(before);
        } finally {
          stick.release();
        }
      }
      const verified = await vendor.run('verify', join(site, 'halkbank'));
      expect(verified.exitCode, verified.stdout).toBe(0);
      expect(filesThatContain(site, TOKEN)).toEqual([]);
    },
    SLOW,
  );

  it(
    'writes what a site without this program needs beside the folder, and not where that is off',
    async () => {
      expect(existsSync(join(site, 'halkbank.verify.sh'))).toBe(true);
      const ran = spawnSync('sh', [join(site, 'halkbank.verify.sh')], { encoding: 'utf8' });
      expect(ran.status, ran.stdout + ran.stderr).toBe(0);
      const other = vendor.path('site-without');
      await vendor.done('import', vendor.path('full'), '--root', other, '--site-files', 'off');
      expect(existsSync(join(other, 'halkbank.verify.sh'))).toBe(false);
    },
    SLOW,
  );

  it(
    'gives a receipt from which the vendor makes the next delta',
    async () => {
      const other = vendor.path('site-receipt');
      await vendor.done('import', vendor.path('full'), '--root', other, '--receipt', vendor.path('back.json'));
      expect(parseSiteReceipt(readFileSync(vendor.path('back.json')), 'receipt')).toMatchObject({ generation: 1 });
      await vendor.done(
        'delta',
        vendor.work.labelDir,
        '--since',
        vendor.path('back.json'),
        '--to',
        vendor.path('next'),
      );
      await vendor.done('import', vendor.path('next'), '--root', other);
      expect(digests(join(other, 'halkbank'))).toEqual(digests(g2));
    },
    SLOW,
  );

  it('--dry-run and --json: what would change, and nothing written', async () => {
    const other = vendor.path('site-dry');
    const ran = await vendor.done('import', vendor.path('full2'), '--root', other, '--dry-run', '--json');
    const report = eventsOf(ran).at(-1) as unknown as ImportReport;
    expect(report).toMatchObject({ job: 'import', dryRun: true, generation: 2, before: null, bytesWritten: 0 });
    expect(report.changes.added.length).toBeGreaterThan(3);
    expect(existsSync(other)).toBe(false);
  });

  it(
    'G5 G8 G11 refusals name what, where and what to bring, and change nothing',
    async () => {
      const { run, path } = vendor;
      const before = snapshot(site);
      const parts = path('parts');
      await vendor.done('export', vendor.work.labelDir, '--to', parts, '--part-size', '36KB');
      renameSync(join(parts, 'halkbank-g2.part002.tar'), path('aside.tar'));
      const incomplete = await run('import', parts, '--root', path('nowhere'));
      expectRefusal(incomplete, {
        code: 'E_MEDIUM',
        says: ['halkbank-g2.part002.tar', 'is on none of the media', parts],
      });
      expect(existsSync(path('nowhere'))).toBe(false);
      cpSync(path('aside.tar'), join(parts, 'halkbank-g2.part002.tar'));
      truncateSync(join(parts, 'halkbank-g2.part002.tar'), 1024);
      expectRefusal(await run('import', parts, '--root', path('nowhere')), { code: 'E_MEDIUM', says: ['was cut off'] });
      renameSync(path('aside.tar'), join(parts, 'halkbank-g2.part002.tar'));
      await vendor.done('import', parts, '--root', path('from-parts'));
      expect(digests(join(path('from-parts'), 'halkbank'))).toEqual(digests(g2));

      expectRefusal(await run('import', path('full'), '--root', site), {
        code: 'E_ROLLBACK',
        says: ['generation 2 already'],
      });
      expectRefusal(await run('import', path('delta'), '--root', path('empty')), { code: 'E_WRONG_BASE' });
      expectRefusal(await run('import', path('no-such-stick'), '--root', site), { code: 'E_MEDIUM' });
      expectRefusal(await run('import', path('full')), { code: 'E_USAGE', says: ['--root is missing'] });
      const by = { env: { REPACKENV_ROOT: path('by-variable') } };
      const found = await vendor.work.run('repackenv', ['import', path('parts')], by);
      expect(found.exitCode, found.stderr).toBe(0);
      expect(found.stderr).toContain(`ROOT is ${path('by-variable')}, from REPACKENV_ROOT`);
      expect(digests(join(path('by-variable'), 'halkbank'))).toEqual(digests(g2));
      expectRefusal(await run('import', path('full'), '--root', site, '--label', '../x'), { code: 'E_USAGE' });
      expect(changesBetween(before, snapshot(site))).toEqual([]);
    },
    SLOW,
  );

  it(
    'I1 two imports at once: one works, the other says who, and ends with 6',
    async () => {
      const other = vendor.path('site-twice');
      const start = () =>
        startOurs('repackenv', ['import', vendor.path('full2'), '--root', other], { home: vendor.work.home }).ended;
      const ran = await Promise.all([start(), start(), start()]);
      expect(ran.map(({ exitCode }) => exitCode).filter((code) => code !== 0 && code !== 6)).toEqual([]);
      expect(ran.some(({ exitCode }) => exitCode === 0)).toBe(true);
      expect(digests(join(other, 'halkbank'))).toEqual(digests(g2));
    },
    SLOW,
  );

  it('--log-dir keeps a dated log', async () => {
    const logs = vendor.path('logs');
    await vendor.done(
      'import',
      vendor.path('full2'),
      '--root',
      vendor.path('site-log'),
      '--log-dir',
      logs,
      '--label',
      'halkbank',
    );
    const [name, ...more] = [...snapshot(logs).keys()];
    expect(more).toEqual([]);
    expect(name).toMatch(/^\d{4}\/\d\d\/\d\d\/\d\d\.\d\d-import-halkbank.*\.log$/);
    expect(readFileSync(join(logs, name!), 'utf8')).toContain('generation 2 is published');
  });
});

describeWithLayers(['ssh-keygen'], 'G7 signatures', () => {
  let vendor: Vendor;
  const signers = (name: string): string => vendor.path(name);
  beforeAll(async () => {
    const work = await openWorkplace();
    vendor = vendorAt(work);
    for (const key of ['vendor', 'stranger']) {
      const made = spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', key, '-f', vendor.path(key)]);
      expect(made.status).toBe(0);
    }
    const publicKey = (key: string): string =>
      readFileSync(vendor.path(`${key}.pub`), 'utf8')
        .split(' ')
        .slice(0, 2)
        .join(' ');
    writeFileSync(signers('signers'), `vendor@example namespaces="repackenv-halkbank" ${publicKey('vendor')}\n`);
    writeFileSync(signers('others'), `other@example ${publicKey('stranger')}\n`);
    writeFileSync(signers('expired'), `vendor@example valid-before="20200101" ${publicKey('vendor')}\n`);
    expect((await work.update({ args: ['--sign-key', vendor.path('vendor')] })).exitCode).toBe(0);
    await vendor.done('export', work.labelDir, '--to', vendor.path('usb'));
  }, SLOW);
  afterAll(() => vendor.work.close());

  it('verified against the site’s keys, and said so in report and receipt', async () => {
    const ran = await vendor.done(
      'import',
      vendor.path('usb'),
      '--root',
      vendor.path('s1'),
      '--allowed-signers',
      signers('signers'),
      '--require-signature',
    );
    expect(ran.stdout).toContain('signature verified by vendor@example');
    const receipt = join(vendor.path('s1'), '.repackenv/halkbank/site-receipts/g1.json');
    expect(parseSiteReceipt(readFileSync(receipt), receipt).verified).toEqual({
      signature: 'verified by vendor@example',
    });
    expect(digests(join(vendor.path('s1'), 'halkbank'))).toEqual(digests(vendor.work.labelDir));
  });

  it('without keys it is called well formed, not verified', async () => {
    const ran = await vendor.done('import', vendor.path('usb'), '--root', vendor.path('s2'));
    expect(ran.stdout).toContain('signature well formed, not verified');
  });

  it('by a key that the site does not list, or that has expired, or over other bytes: refused, nothing written', async () => {
    const at = ['--root', vendor.path('s3'), '--allowed-signers'];
    expectRefusal(await vendor.run('import', vendor.path('usb'), ...at, signers('others')), { code: 'E_SIGNATURE' });
    expectRefusal(await vendor.run('import', vendor.path('usb'), ...at, signers('expired')), {
      code: 'E_SIGNATURE',
      says: ['expired'],
    });
    expectRefusal(await vendor.run('import', vendor.path('usb'), ...at, signers('nowhere')), {
      code: 'E_CONFIG',
      says: [signers('nowhere')],
    });
    expectRefusal(await vendor.run('import', vendor.path('usb'), '--root', vendor.path('s3'), '--require-signature'), {
      code: 'E_USAGE',
    });
    expect(existsSync(vendor.path('s3'))).toBe(false);
  });
});

describeWithLayers(['upstream-mixed'], 'a real label of 24 artifacts on media', () => {
  let vendor: Vendor;
  const PACKAGES = ['ratingpro', 'pytho', 'alib', 'ratedocs', 'certifi'];
  const TWO_SUBDIRS = ['--subdir', 'linux-64', '--subdir', 'win-64'];
  beforeAll(async () => {
    vendor = vendorAt(await openRealWorkplace('mixed'));
  });
  afterAll(() => vendor.work.close());

  it(
    'export, copy, import; one of 24 changed, delta, import: byte for byte the vendor’s',
    async () => {
      const { work, done, path } = vendor;
      const update = async (packages: string[], drop: string[] = []): Promise<void> => {
        const ran = await work.update({ packages, args: [...TWO_SUBDIRS, ...drop] });
        expect(ran.exitCode, ran.stderr).toBe(0);
      };
      await update(PACKAGES);
      await done('export', work.labelDir, '--to', path('vendor-usb'), '--part-size', '20MB');
      cpSync(path('vendor-usb'), path('site-usb'), { recursive: true });
      const site = path('site');
      await done('import', path('site-usb'), '--root', site, '--receipt', path('receipt.json'));
      expect(digests(join(site, 'halkbank'))).toEqual(digests(work.labelDir));
      expect(packageTimes(join(site, 'halkbank'))).toEqual(packageTimes(work.labelDir));

      await update([...PACKAGES.slice(0, -1), 'idna'], ['--drop', 'certifi']);
      await done('delta', work.labelDir, '--since', path('receipt.json'), '--to', path('delta'));
      const before = snapshot(join(site, 'halkbank'));
      await done('import', path('delta'), '--root', site);
      expect(digests(join(site, 'halkbank'))).toEqual(digests(work.labelDir));
      const untouched = changesBetween(before, snapshot(join(site, 'halkbank'))).filter((line) =>
        /linux-64|win-64/.test(line),
      );
      expect(untouched, 'what did not change is not touched').toEqual([]);
    },
    SLOW,
  );

  it(
    'merge adds a real channel folder to another, records kept, and again changes nothing',
    async () => {
      const { done, path, work } = vendor;
      const from = folderOfChannel(work, `${work.upstream.url}/prometeia`);
      const source = snapshot(from);
      const into = path('merged/all');
      const ran = await done('merge', from, into);
      expect(ran.stdout).toMatch(/^all: generation 1 is published \(before: a new folder\)\n/);
      for (const [file, record] of Object.entries(recordsIn(from, 'noarch'))) {
        expect(recordsIn(into, 'noarch')[file], file).toEqual(record);
      }
      const verified = await vendor.run('verify', into);
      expect(verified.exitCode, verified.stdout).toBe(0);
      const before = snapshot(into);
      expect((await done('merge', from, into)).stdout).toContain('nothing to do');
      expect(changesBetween(before, snapshot(into))).toEqual([]);
      expect(snapshot(from)).toEqual(source);
      expectRefusal(await vendor.run('merge', from, path('merged')), { code: 'E_ROOT' });
    },
    SLOW,
  );

  it(
    'a set of one platform is a channel of its own at the site',
    async () => {
      const { work, done, path } = vendor;
      await done('export', work.labelDir, '--to', path('platforms'), '--per-platform');
      const refused = await vendor.run('import', path('platforms'), '--root', path('windows'));
      expectRefusal(refused, { code: 'E_USAGE', says: ['halkbank-g2-win-64', 'halkbank-g2-linux-64'] });
      const set = join(path('platforms'), 'halkbank-g2-win-64.set.json');
      await done('import', set, '--root', path('windows'));
      const there = [...snapshot(join(path('windows'), 'halkbank')).keys()];
      expect(there.some((file) => file.startsWith('win-64/'))).toBe(true);
      expect(there.some((file) => file.startsWith('linux-64/'))).toBe(false);
      const verified = await vendor.run('verify', join(path('windows'), 'halkbank'));
      expect(verified.exitCode, verified.stdout).toBe(0);
      const other = join(path('platforms'), 'halkbank-g2-linux-64.set.json');
      expectRefusal(await vendor.run('import', other, '--root', path('windows')), {
        code: 'E_ROLLBACK',
        says: ['linux-64'],
      });
    },
    SLOW,
  );
});

function digests(dir: string): Record<string, string> {
  return Object.fromEntries([...snapshot(dir)].map(([path, { sha256 }]) => [path, sha256]));
}

function packageTimes(dir: string): Record<string, number> {
  const packages = [...snapshot(dir)].filter(([path]) => /\.(conda|tar\.bz2)$/.test(path));
  return Object.fromEntries(packages.map(([path, { mtimeMs }]: [string, { mtimeMs: number }]) => [path, mtimeMs]));
}
