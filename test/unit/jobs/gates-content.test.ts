import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { makeChannel } from '../../../scripts/lib/sample-upstream.js';
import type { RepackEvent } from '../../../src/base/events.js';
import { createRedactor } from '../../../src/base/redact.js';
import type { Channel } from '../../../src/conda/channel/channel.js';
import type { ExecCommand, ExecResult } from '../../../src/runtime/exec.js';
import { tempDir } from '../../helpers/artifacts.js';
import { file, redirect, startChaosServer } from '../../helpers/chaos-server.js';
import { scriptIndex } from '../../helpers/chaos-upstream.js';
import { GATE_TOKEN, gatePackages, JOB_NAMES, JOBS, planJob, type GatedOptions } from '../../helpers/gated-jobs.js';
import { denying } from '../../helpers/policies.js';
import { expectRefused, onStaged, overwrite } from '../../helpers/gates.js';
import { samplePackage } from '../../helpers/label-folders.js';
import { testRuntime } from '../../helpers/runtime.js';

// As gates.test.ts: what comes in with a job, and must not go out of it.

const APP = 'app-2.0-0.conda';
const FULL = { bavail: 1, bsize: 4096, files: 1000, ffree: 1000 };

describe('nothing leaves unasked', () => {
  it.each(['update', 'capture'] as const)('%s: the signature', async (name) => {
    const job = await JOBS[name]();
    writeFileSync(join(job.labelDir, 'manifest.json.sig'), 'signed');
    const error = await expectRefused(job, 'E_ASKS_LESS');
    expect(error.hint).toContain('--drop signature');
  });

  it.each([
    ['update', JOBS.update],
    ['plan', planJob],
  ] as const)('%s: a platform', async (_name, job) => {
    const asked = await job({ request: { subdirs: ['win-64'] } });
    await expect(asked.run()).rejects.toMatchObject({
      code: 'E_ASKS_LESS',
      hint: expect.stringContaining('--drop linux-64') as unknown,
    });
  });

  it.each(['update', 'capture'] as const)('%s: goes where it may', async (name) => {
    const job = await JOBS[name]({ request: { drop: ['signature'] } });
    writeFileSync(join(job.labelDir, 'manifest.json.sig'), 'signed');
    await job.run();
    expect(existsSync(join(job.labelDir, 'manifest.json.sig'))).toBe(false);
  });
});

describe('what a policy denies', () => {
  const policy = denying('app');
  const request = { policy, policyOf: async () => policy };

  it.each(['update', 'capture', 'merge a delta', 'merge a channel', 'import'] as const)('%s', async (name) => {
    const error = await expectRefused(await JOBS[name]({ request }), 'E_POLICY');
    expect(error.details).toContain('linux-64/app-2.0-0.conda: deny packages: app (it is 2.0)');
  });

  it('mirror, whatever chose its files, and what lies there from before', async () => {
    const by = async (spec: string) =>
      (await expectRefused(await JOBS.mirror({ request: { policy: denying(spec) } }), 'E_POLICY')).details;
    expect(await by('app >=2')).toEqual(['linux-64/app-2.0-0.conda: deny packages: app >=2 (it is 2.0)']);
    expect(await by('app <2')).toContainEqual(expect.stringMatching(/from before: repackenv clean -f mirror\.yml/));
  });

  it('plan, and an update before it fetches', async () => {
    await expect((await planJob({ request })).run()).rejects.toMatchObject({ code: 'E_POLICY' });
    const reached: string[] = [];
    const job = await JOBS.update({ request });
    await expectRefused(job, 'E_POLICY', { reach: (step) => void reached.push(step) });
    expect(reached).not.toContain('update:acquired');
  });

  it('a signature that is required and will not be there: before anything is fetched', async () => {
    const {
      parts: [rules],
      at,
    } = denying();
    const signed = { at, parts: [{ ...rules!, require: ['signature' as const] }] };
    const reached: string[] = [];
    const job = await JOBS.update({ request: { policy: signed } });
    await expectRefused(job, 'E_POLICY', { reach: (step) => void reached.push(step) });
    expect(reached).not.toContain('update:acquired');
  });

  it('is not in the way of what it allows, and the verdict stands in the receipt', async () => {
    const job = await JOBS.update({ request: { policy: denying('other') } });
    await job.run();
    const receipt: unknown = JSON.parse(readFileSync(join(job.stateDir, 'receipts', '1.json'), 'utf8'));
    expect(receipt).toMatchObject({
      policy: { policies: ['house'], at: '2026-11-29T12:00:00.000Z', packages: 2, denied: [], excepted: [] },
    });
  });
});

describe('the token', () => {
  const inRecord = { patches: { [APP]: { license_url: `https://conda.example/t/${GATE_TOKEN}/licence` } } };

  it.each(['update', 'capture', 'mirror', 'merge a channel'] as const)('%s: in a record', async (name) => {
    const job = await JOBS[name](inRecord);
    const error = await expectRefused(job, 'E_SECRET_LEAK');
    expect(JSON.stringify([error.what, error.where, error.hint])).not.toContain(GATE_TOKEN);
  });

  it.each(JOB_NAMES)('%s: in a file that would be published', async (name) => {
    const secrets = { ...createRedactor(), foundIn: () => Promise.resolve(true) };
    await expectRefused(await JOBS[name](), 'E_SECRET_LEAK', { secrets });
  });

  it.each([
    ['update', 'the run folder', (cache: string) => join(cache, 'runs', readdirSync(join(cache, 'runs'))[0]!)],
    ['update', 'the engine’s cache', (cache: string) => join(cache, 'engine-pkgs', 'none')],
    ['capture', 'the run folder', (cache: string) => join(cache, 'runs', readdirSync(join(cache, 'runs'))[0]!)],
  ] as const)('%s: in %s', async (name, _where, place) => {
    const job = await JOBS[name]();
    const leak = onStaged(job, () => {
      const folder = place(job.cacheDir);
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, 'urls.txt'), `https://conda.example/t/${GATE_TOKEN}/linux-64/${APP}\n`);
    });
    await expectRefused(job, 'E_SECRET_LEAK', leak);
  });

  it('update: a redirect to another host', async () => {
    const upstream = await startChaosServer({ host: '127.0.0.1' });
    const other = await startChaosServer({ host: '127.0.0.2' });
    onTestFinished(async () => {
      await upstream.close();
      await other.close();
    });
    const { two } = await gatePackages();
    const channel: Channel = { url: `${upstream.url}/owner`, name: 'owner', authenticated: true, role: 'owner' };
    for (const subdir of ['linux-64', 'noarch'])
      await scriptIndex(upstream, `/t/${GATE_TOKEN}/owner/${subdir}`, subdir, two);
    for (const { subdir, distFilename, bytes } of two) {
      const path = `/t/${GATE_TOKEN}/owner/${subdir}/${distFilename}`;
      upstream.script(path, redirect(`${other.url}${path}`));
      other.script(`/owner/${subdir}/${distFilename}`, file(bytes));
    }
    const job = await JOBS.update({ fresh: true, request: { channels: [channel] } });
    await job.run();
    expect(other.requests.map(({ path }) => path).sort()).toEqual(
      two.map(({ subdir, distFilename }) => `/owner/${subdir}/${distFilename}`).sort(),
    );
    expect(other.tokenReceipts(GATE_TOKEN)).toEqual([]);
    const refused = await JOBS.update({ request: { channels: [channel] } });
    upstream.script(`/t/${GATE_TOKEN}/owner/linux-64/${APP}`, redirect(`${other.url}/file?signature=${GATE_TOKEN}`));
    await expectRefused(refused, 'E_REDIRECT');
    expect(other.tokenReceipts(GATE_TOKEN)).toEqual([]);
  });
});

describe('bytes that are not those of the record', () => {
  const spoilt = (path: string): GatedOptions => ({ spoil: (source) => overwrite(join(source, path)) });

  it.each([
    ['update', 'E_ARTIFACT_DIGEST'],
    ['capture', 'E_ARTIFACT_DIGEST'],
    ['mirror', 'E_ARTIFACT_DIGEST'],
    ['merge a delta', 'E_MEDIUM'],
    ['merge a channel', 'E_ARTIFACT_DIGEST'],
  ] as const)('%s', async (name, code) => {
    await expectRefused(await JOBS[name](spoilt(`linux-64/${APP}`)), code);
  });

  it('import', async () => {
    const spoil = (medium: string): void => {
      const part = join(
        medium,
        readdirSync(medium).find((fn) => fn.endsWith('.tar'))!,
      );
      const bytes = Buffer.from(readFileSync(part));
      const at = bytes.indexOf('PK') + 40;
      bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
      writeFileSync(part, bytes);
    };
    await expectRefused(await JOBS.import({ spoil }), 'E_MEDIUM');
  });
});

describe('too little room', () => {
  it.each(['mirror', 'merge a delta', 'import', 'doctor, foreign'] as const)('%s', async (name) => {
    const job = await JOBS[name]();
    const { fs } = testRuntime();
    const statfs = (async () => FULL) as unknown as typeof fs.statfs;
    await expectRefused(job, 'E_DISK_FULL', { fs: { ...fs, statfs } });
  });
});

describe('M13: too little room is told before anything is fetched', () => {
  const room = (free: number) => ({ bavail: free, bsize: 1, files: 100, ffree: 50 });
  const places = { ROOT: '.repackenv', cache: `${sep}cache` };

  it.each([
    ['update', 'ROOT'],
    ['update', 'cache'],
    ['capture', 'ROOT'],
    ['capture', 'cache'],
  ] as const)('%s: %s on a volume of its own', async (name, full) => {
    const job = await JOBS[name]();
    const { fs } = testRuntime();
    const isFull = (path: string) => path.includes(places[full]);
    const statfs = (async (path: string) => room(isFull(path) ? 1000 : 1e12)) as unknown as typeof fs.statfs;
    const stat: typeof fs.stat = async (path) =>
      Object.assign(await fs.stat(path), path.includes(places.ROOT) ? { dev: 1 } : {});
    const events: RepackEvent[] = [];
    const options = { fs: { ...fs, statfs, stat }, onEvent: (event: RepackEvent) => void events.push(event) };
    const error = await expectRefused(job, 'E_DISK_FULL', options);
    expect(error.what).toMatch(/^the volume is too full: 4\.2 MB needed, 0\.0 MB free$/);
    expect(error.hint).toContain(full === 'ROOT' ? 'a ROOT on another' : '--cache-dir on another');
    expect(events.filter(({ type }) => type === 'artifact-acquired')).toEqual([]);
    expect(existsSync(join(job.cacheDir, 'store', 'sha256'))).toBe(false);
  });

  it('update: what leaves a subdir that is a mount of its own is copied for earlier generations', async () => {
    const run = (mounts: string[]) => {
      const { fs } = testRuntime();
      let free = 1e12;
      const statfs = (async () => room(free)) as unknown as typeof fs.statfs;
      const stat: typeof fs.stat = async (path) =>
        Object.assign(await fs.stat(path), mounts.includes(path) ? { dev: 77 } : {});
      const reach = (step: string): void => {
        if (step === 'channel:staged') free = 1000;
      };
      return { fs: { ...fs, statfs, stat }, reach };
    };
    const job = await JOBS.update();
    const error = await expectRefused(job, 'E_DISK_FULL', run([join(job.labelDir, 'linux-64')]));
    expect(error.where).toBe(job.stateDir);
    // What is linked takes no room.
    await job.run(run([]));
    expect(readdirSync(join(job.root, '.repackenv', '.kept'))).not.toEqual(['users']);
  });

  it('what lies in the store, and what stays, is not counted', async () => {
    const job = await JOBS.update();
    await job.run();
    const { fs } = testRuntime();
    const statfs = (async () => room(0)) as unknown as typeof fs.statfs;
    await job.run({ fs: { ...fs, statfs } });
  });
});

describe('much would leave at once', () => {
  it('mirror', async () => {
    const job = await JOBS.mirror();
    await job.run();
    await makeChannel(join(job.dir, 'upstream'), [], { subdirs: ['linux-64'] });
    await expectRefused(job, 'E_SHRINK');
  });

  it('doctor, foreign', async () => {
    const more = await Promise.all(
      Array.from({ length: 12 }, (_, number) => samplePackage(`p${number}`, '1.0', { noarch: 'generic' })),
    );
    const job = await JOBS['doctor, foreign']({ more });
    for (const { distFilename } of more) rmSync(join(job.labelDir, 'noarch', distFilename));
    await expectRefused(job, 'E_SHRINK');
  });
});

describe('signatures', () => {
  const keys = (): string => {
    const path = join(tempDir(), 'keys');
    writeFileSync(path, 'vendor@example ssh-ed25519 AAAA\n');
    return path;
  };
  const answer = (exitCode: number, out = ''): ExecResult => ({
    exitCode,
    signal: undefined,
    stdout: Buffer.from(out),
    stderr: Buffer.alloc(0),
    truncated: false,
    timedOut: false,
    aborted: false,
    startError: undefined,
  });
  /** ssh-keygen as a table: the answers by the word behind `-Y`. */
  const keygen = (answers: Record<string, ExecResult>) => ({
    exec: { run: async ({ args }: ExecCommand) => answers[args[1]!] ?? answer(255) },
  });
  const good = {
    'check-novalidate': answer(0),
    'find-principals': answer(0, 'vendor@example\n'),
    verify: answer(0),
  };

  it.each([
    ['no signature', undefined, good],
    ['no SSH signature', 'nonsense', good],
    ['a signature of another label', sshSignature('repackenv-other'), good],
    ['a signature over other bytes', sshSignature('repackenv-acme'), { ...good, 'check-novalidate': answer(255) }],
    ['a key that the site does not list', sshSignature('repackenv-acme'), { ...good, 'find-principals': answer(1) }],
    ['a key that is not good for it', sshSignature('repackenv-acme'), { ...good, verify: answer(255) }],
  ])('import: %s', async (_title, signature, answers) => {
    const made = signature === undefined ? {} : { signature };
    const job = await JOBS.import({ ...made, request: { allowedSigners: keys() } });
    await expectRefused(job, 'E_SIGNATURE', keygen(answers));
  });

  it('import: one that is right is taken', async () => {
    const request = { allowedSigners: keys() };
    const job = await JOBS.import({ signature: sshSignature('repackenv-acme'), request });
    expect(await job.run(keygen(good))).toMatchObject({ sets: [{ signature: 'verified by vendor@example' }] });
  });

  it('import: a signature is required, and there are no keys', async () => {
    await expectRefused(await JOBS.import({ request: { requireSignature: true } }), 'E_USAGE');
  });

  it('import: a set that is not signed over one that is: told; with keys, refused', async () => {
    const job = await JOBS.import();
    writeFileSync(join(job.labelDir, 'manifest.json.sig'), sshSignature('repackenv-acme'));
    const told = { findings: [{ code: 'signature-gone', warn: true }] };
    await expect(job.run()).resolves.toMatchObject(told);
    const strict = await JOBS.import({ request: { allowedSigners: keys() } });
    writeFileSync(join(strict.labelDir, 'manifest.json.sig'), sshSignature('repackenv-acme'));
    await expectRefused(strict, 'E_SIGNATURE', keygen(good));
  });

  it.each(['update', 'capture', 'mirror', 'clean -f', 'merge a channel'] as const)(
    '%s: the manifest can not be signed',
    async (name) => {
      const key = keys();
      await expectRefused(
        await JOBS[name]({ request: { signKey: key } }),
        'E_SIGNATURE',
        keygen({ sign: answer(255) }),
      );
    },
  );
});

/** Armour that parses, of that namespace; nobody's key made it. */
function sshSignature(namespace: string): string {
  const field = (text: string): Buffer => {
    const size = Buffer.alloc(4);
    size.writeUInt32BE(text.length);
    return Buffer.concat([size, Buffer.from(text)]);
  };
  const head = Buffer.from('SSHSIG\0\0\0\x01', 'latin1');
  const blob = Buffer.concat([head, field('key'), field(namespace), field(''), field('sha512'), field('signed')]);
  return `-----BEGIN SSH SIGNATURE-----\n${blob.toString('base64')}\n-----END SSH SIGNATURE-----\n`;
}
