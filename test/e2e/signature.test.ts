import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeWithLayers } from '../helpers/layers.js';
import { digest } from '../../scripts/lib/conda-package.js';
import { changesBetween } from '../../scripts/lib/snapshot.js';
import type { Manifest } from '../../src/channel/manifest/manifest.js';
import { mirrorPlaceOf, readIndex, recordsOf } from '../helpers/mirrors.js';
import { startSampleUpstream } from '../helpers/upstream.js';
import { writeIndex } from '../../scripts/lib/sample-upstream.js';
import { openWorkplace, type Workplace } from '../helpers/programs.js';
import { expectNothingLeft, expectRefusal } from '../helpers/refusals.js';
import { attestation } from '../unit/site/sample-attestation.js';

describeWithLayers(['ssh-keygen'], 'a signed label folder', () => {
  let work: Workplace;
  const key = (): string => join(work.dir, 'key');
  const read = (path: string): Buffer => readFileSync(join(work.labelDir, path));

  beforeAll(async () => {
    work = await openWorkplace();
    for (const name of ['key', 'other'])
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', join(work.dir, name)]);
  });
  afterAll(() => work.close());

  it('is checked at the site by the line of its INSTALL.md, and by verify.sh', async () => {
    const ran = await work.update({ args: ['--sign-key', key()] });
    expect(ran.exitCode, ran.stderr).toBe(0);
    const page = readFileSync(join(work.root, 'halkbank.INSTALL.md'), 'utf8');
    const [line, ...more] = page.split('\n').filter((text) => text.startsWith('ssh-keygen -Y verify'));
    expect(more).toEqual([]);
    writeFileSync(join(work.dir, 'allowed_signers'), `release@vendor ${readFileSync(`${key()}.pub`, 'utf8')}`);
    const here = line!.replaceAll('/repos/halkbank', work.labelDir).replace('NAME', 'release@vendor');
    expect(execFileSync('sh', ['-c', here], { cwd: work.dir }).toString()).toContain(
      'Good "repackenv-halkbank" signature for release@vendor',
    );
    const checked = execFileSync('sh', [join(work.root, 'halkbank.verify.sh')]).toString();
    expect(checked).toContain('halkbank: fine: generation 1');
    expect((await work.verify()).exitCode).toBe(0);
  });

  it('G7 verify tells "verified" from "well formed", and a key of a stranger from the vendor’s', async () => {
    const said = async (...args: string[]) => {
      const ran = await work.run('repackenv', ['verify', work.labelDir, ...args]);
      return { exitCode: ran.exitCode, text: ran.stdout };
    };
    const signers = (name: string): string => {
      const file = join(work.dir, `signers-of-${name}`);
      writeFileSync(file, `release@vendor ${readFileSync(join(work.dir, `${name}.pub`), 'utf8')}`);
      return file;
    };
    const formed = await said();
    expect(formed).toMatchObject({ exitCode: 0, text: expect.stringContaining('signature well formed, not verified') });
    const verified = await said('--allowed-signers', signers('key'));
    expect(verified).toMatchObject({ exitCode: 0, text: expect.stringContaining('verified by release@vendor') });
    const refused = await said('--allowed-signers', signers('other'));
    expect(refused).toMatchObject({ exitCode: 1, text: expect.stringMatching(/signature: .*not accept/) });
  });

  it('a file of allowed signers that is not there is no finding of the folder: exit code 2, with its path', async () => {
    const nowhere = join(work.dir, 'nowhere');
    const ran = await work.run('repackenv', ['verify', work.labelDir, '--allowed-signers', nowhere]);
    expect(ran.exitCode).toBe(2);
    expect(ran.stderr).toContain(nowhere);
    expect(ran.stderr).toContain('The file of allowed signers is not there');
  });

  it('keeps its signature, time and all, while its manifest is the same', async () => {
    const before = work.published();
    for (const args of [['--sign-key', key()], []]) {
      const ran = await work.update({ args });
      expect(ran.exitCode, ran.stderr).toBe(0);
      expect(changesBetween(before, work.published())).toEqual([]);
    }
  });

  it('a dry run foresees what becomes of it', async () => {
    const foreseen = async (...args: string[]): Promise<unknown> => {
      const ran = await work.update({ args: ['--dry-run', '--json', ...args] });
      const { signature, code } = JSON.parse(ran.stdout.trimEnd().split('\n').at(-1)!) as Record<string, unknown>;
      return [ran.exitCode, signature ?? code];
    };
    expect(await foreseen()).toEqual([0, 'signed']);
    expect(await foreseen('--sign-key', key())).toEqual([0, 'signed']);
    // Another encoding of the indexes is another manifest.
    expect(await foreseen('--index', 'bz2')).toEqual([2, 'E_ASKS_LESS']);
    work.upstream.setGeneration(2);
    expect(await foreseen()).toEqual([2, 'E_ASKS_LESS']);
    expect((await work.update()).stderr).toContain('--drop signature');
    expect(await foreseen('--drop', 'signature')).toEqual([0, 'none']);
    expect(await foreseen('--sign-key', key())).toEqual([0, 'signed']);
    work.upstream.setGeneration(1);
  });

  it('verify.sh tells a signature of another generation', async () => {
    const whole = read('manifest.json.sig');
    appendFileSync(join(work.labelDir, 'manifest.json.sig'), '\n');
    const ran = await runScript();
    expect(ran).toMatchObject({
      exitCode: 3,
      stdout: expect.stringMatching(/manifest\.json\.sig is of another generation/) as string,
    });
    rmSync(join(work.labelDir, 'manifest.json.sig'));
    expect(await runScript()).toMatchObject({
      exitCode: 3,
      stdout: expect.stringMatching(/manifest\.json\.sig is not there/) as string,
    });
    writeFileSync(join(work.labelDir, 'manifest.json.sig'), whole);
    expect(await runScript()).toMatchObject({ exitCode: 0 });
  });

  it('G7 a key that can’t be used refuses the run, and nothing is published', async () => {
    const before = work.published();
    work.upstream.setGeneration(2);
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', 'a passphrase', '-f', join(work.dir, 'locked')]);
    writeFileSync(join(work.dir, 'junk'), 'junk', { mode: 0o600 });
    for (const [name, says] of [
      ['locked', 'passphrase'],
      ['junk', 'no private key'],
      ['nowhere', 'not there'],
    ] as const) {
      const ran = await work.update({ args: ['--sign-key', join(work.dir, name)] });
      expectRefusal(ran, { code: 'E_SIGNATURE', says: [says, name] });
      // What a look can tell is told before the work.
      if (name === 'nowhere') expect(ran.stderr).not.toContain('solve:');
      expect(changesBetween(before, work.published())).toEqual([]);
    }
    expectNothingLeft(work);
  });

  it('signs the next generation anew', async () => {
    const before = read('manifest.json.sig');
    const ran = await work.update({ args: ['--sign-key', key()] });
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(read('manifest.json.sig').equals(before)).toBe(false);
    expect(await runScript()).toMatchObject({ exitCode: 0 });
  });

  async function runScript(): Promise<{ exitCode: number; stdout: string }> {
    try {
      return { exitCode: 0, stdout: execFileSync('sh', [join(work.root, 'halkbank.verify.sh')]).toString() };
    } catch (error) {
      const { status, stdout } = error as { status: number; stdout: Buffer };
      return { exitCode: status, stdout: stdout.toString() };
    }
  }
});

describe('attestations', () => {
  let work: Workplace;
  beforeAll(async () => {
    work = await openWorkplace();
  });
  afterAll(() => work.close());

  it('of the channels are carried as they are, the malformed ones told and left', async () => {
    const first = await work.update();
    expect(first.exitCode, first.stderr).toBe(0);
    const before = manifest();
    const [good, bad] = before.files.filter(({ kind, path }) => kind === 'artifact' && /ratingpro|pytho-/.test(path));
    const bytes = JSON.stringify([attestation({ fn: good!.path.split('/')[1]!, sha256: good!.sha256 })]);
    put(good!.path, bytes);
    put(bad!.path, JSON.stringify([attestation({ fn: bad!.path.split('/')[1]!, sha256: '0'.repeat(64) })]));

    const ran = await work.update({ args: ['--attestations'] });
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(ran.stdout + ran.stderr).toMatch(
      /attestation of \S+ is malformed and not carried: bundle 1: it is about other bytes/,
    );
    expect(ran.stdout + ran.stderr).not.toMatch(/attestation[^\n]*verified/);
    const side = manifest().files.filter(({ kind }) => kind === 'side');
    expect(side).toEqual([
      {
        path: `${good!.path}.v0.sigs`,
        kind: 'side',
        size: bytes.length,
        sha256: digest('sha256', bytes),
        md5: digest('md5', bytes),
      },
    ]);
    expect(readFileSync(join(work.labelDir, side[0]!.path), 'utf8')).toBe(bytes);
    expect((await work.verify()).exitCode).toBe(0);
    expect(execFileSync('sh', [join(work.root, 'halkbank.verify.sh')]).toString()).toContain(
      'halkbank: fine: generation 2',
    );

    const again = work.published();
    expect((await work.update({ args: ['--attestations'] })).exitCode).toBe(0);
    expect(changesBetween(again, work.published())).toEqual([]);
    // Without the option they are no part of the channel.
    const forgotten = await work.update();
    expectRefusal(forgotten, { code: 'E_ASKS_LESS', says: ['--drop attestations'] });
    expect((await work.update({ args: ['--drop', 'attestations'] })).exitCode).toBe(0);
    expect(manifest().files.filter(({ kind }) => kind === 'side')).toEqual([]);
  });

  it('C15: one that a record states and nobody asked for: the record stays, and it is said', async () => {
    const upstream = await startSampleUpstream();
    const place = mirrorPlaceOf(await openWorkplace({ upstream }));
    const sha256 = 'a'.repeat(64);
    const folder = join(upstream.dir, 'gen1/pkgs/main/noarch');
    const index = readIndex(folder);
    const records = [...Object.values(index.packages), ...Object.values(index['packages.conda'])];
    for (const record of records) record['attestations_sha256'] = sha256;
    await writeIndex(folder, index, ['json', 'zst', 'bz2']);
    const updated = await openWorkplace({ upstream });
    const said = (many: boolean): RegExp =>
      new RegExp(
        `record of noarch/\\S+${many ? ', and of \\d+ more' : ''} states is not carried: --attestations carries it`,
      );
    const ran = await updated.update();
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(ran.stdout + ran.stderr).toMatch(said(true));
    const delivered = Object.values(recordsOf(join(updated.labelDir, 'noarch')));
    expect(delivered.some((record) => record['attestations_sha256'] === sha256)).toBe(true);
    place.write('channels: [pkgs/main]\nplatforms: [linux-64]');
    const { findings } = await place.report();
    expect(findings).toContainEqual(
      expect.objectContaining({
        code: 'attestation-left-out',
        exit: false,
        message: expect.stringMatching(said(true)),
      }),
    );
    await updated.close();
    await place.close();
    await upstream.close();
  });

  const manifest = (): Manifest => JSON.parse(readFileSync(join(work.labelDir, 'manifest.json'), 'utf8')) as Manifest;

  /** Beside the artifact in every channel of the upstream that has it. */
  function put(path: string, text: string): void {
    const [subdir, fn] = path.split('/') as [string, string];
    for (const { publicFolder, tokenFolder } of work.upstream.layout.channels) {
      for (const folder of [publicFolder, tokenFolder].filter((each) => each !== null)) {
        const dir = join(work.upstream.dir, 'gen1', folder, subdir);
        mkdirSync(dir, { recursive: true });
        writeFileSync(join(dir, `${fn}.v0.sigs`), text);
      }
    }
  }
});
