import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWithLayers } from '../../helpers/layers.js';
import { signManifest, signatureNamespace, verifySignature } from '../../../src/site/signature/sign.js';
import { parseSshSignature } from '../../../src/site/signature/parse.js';
import { execaExec } from '../../../src/runtime/exec.js';
import { testRuntime, type TestRuntime } from '../../helpers/runtime.js';

const MANIFEST = Buffer.from('{"label":"acme","generation":3}\n');
const OLDER = Buffer.from('{"label":"acme","generation":2}\n');

describeWithLayers(['ssh-keygen'], 'signature by ssh-keygen', () => {
  let dir: string;
  let ids = 0;
  const file = (name: string): string => join(dir, name);

  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'repackenv-signature-test-'));
    mkdirSync(file('tmp'));
    mkdirSync(file('medium'));
    for (const [name, ...more] of [['vendor'], ['foreign'], ['rsa', '-t', 'rsa', '-b', '2048']])
      keygen(name!, '', more);
    keygen('locked', 'a passphrase');
    const key = readFileSync(file('vendor.pub'), 'utf8').trim();
    const allowed: Record<string, string> = {
      allowed: `release@vendor.example namespaces="repackenv-*" ${key}\n`,
      'allowed-plain': `# our vendor\n\nrelease@vendor.example ${key}\n`,
      'allowed-crlf': `release@vendor.example ${key}\r\n`,
      'medium/allowed': `release@vendor.example ${key}\n`,
      expired: `release@vendor.example valid-before="20200101" ${key}\n`,
      'not-yet': `release@vendor.example valid-after="20990101" ${key}\n`,
      'git-only': `release@vendor.example namespaces="git" ${key}\n`,
      stranger: `other@vendor.example ${readFileSync(file('foreign.pub'), 'utf8')}`,
      empty: '',
      garbage: 'this is no list of signers\n',
    };
    for (const [name, text] of Object.entries(allowed)) writeFileSync(file(name), text);
    symlinkSync(file('medium/allowed'), file('linked'));
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  function runtime(env: Record<string, string | undefined> = {}): TestRuntime {
    return testRuntime({
      exec: execaExec(),
      env: { PATH: process.env['PATH'], ...env },
      machine: { cwd: dir, tmpdir: file('tmp'), randomId: () => `s${++ids}` },
    });
  }
  const sign = (keyFile = 'vendor', manifest: Uint8Array = MANIFEST, label = 'acme'): Promise<Uint8Array> =>
    signManifest(runtime(), { keyFile, manifest, label });
  const verify = (signature: Uint8Array | undefined, allowedSignersFile?: string): ReturnType<typeof verifySignature> =>
    verifySignature(runtime(), { manifest: MANIFEST, signature, label: 'acme', allowedSignersFile });
  const refused = async (work: Promise<unknown>, says: string | RegExp): Promise<void> => {
    await expect(work).rejects.toMatchObject({ code: 'E_SIGNATURE', what: expect.stringMatching(says) as string });
    await work.catch((error: { where?: string; hint?: string }) => {
      expect(error.where).toMatch(/\S/);
      expect(error.hint).toMatch(/\S.{10}/);
    });
    expect(readdirSync(file('tmp')), 'left in the temporary folder').toEqual([]);
  };

  it('is verified against the site’s signers, and only well formed without them', async () => {
    const signature = await sign();
    expect(parseSshSignature(signature)).toEqual({ namespace: 'repackenv-acme', hashAlgorithm: 'sha512' });
    expect(await verify(signature)).toEqual({ state: 'well formed' });
    for (const allowed of ['allowed', 'allowed-plain', 'allowed-crlf'])
      expect(await verify(signature, allowed)).toEqual({ state: 'verified', principal: 'release@vendor.example' });
    expect(readdirSync(file('tmp'))).toEqual([]);
  });

  it('is the same bytes each time', async () => {
    for (const key of ['vendor', 'rsa']) expect(await sign(key)).toEqual(await sign(key));
  });

  it('is what the line of INSTALL.md accepts', async () => {
    writeFileSync(file('manifest.json.sig'), await sign());
    const args = ['-Y', 'verify', '-f', 'allowed', '-I', 'release@vendor.example', '-n', signatureNamespace('acme')];
    const said = execFileSync('ssh-keygen', [...args, '-s', 'manifest.json.sig'], { cwd: dir, input: MANIFEST });
    expect(said.toString()).toContain('Good "repackenv-acme" signature for release@vendor.example');
  });

  it('G7 refuses a manifest without signature', () => refused(verify(undefined, 'allowed'), /is not signed/));

  it('G7 refuses a wrong key, with its fingerprint', async () => {
    const print = execFileSync('ssh-keygen', ['-l', '-f', file('foreign.pub')])
      .toString()
      .split(' ')[1]!;
    await refused(
      verify(await sign('foreign'), 'allowed'),
      new RegExp(`${print.replace(/[+/]/g, '.')} is not among the allowed`),
    );
    for (const list of ['stranger', 'empty', 'garbage'])
      await refused(verify(await sign(), list), /is not among the allowed/);
  });

  it('G7 refuses a wrong namespace', async () => {
    const made = execFileSync('ssh-keygen', ['-Y', 'sign', '-f', file('vendor'), '-n', 'git'], { input: MANIFEST });
    await refused(verify(made, 'allowed'), /made for something else: its namespace is "git"/);
    await refused(verify(await sign(), 'git-only'), /listed, but not for the namespace repackenv-acme/);
  });

  it('G7 refuses an expired key, and one that is not yet valid', async () => {
    await refused(verify(await sign(), 'expired'), /is listed, but has expired/);
    await refused(verify(await sign(), 'not-yet'), /is listed, but not yet valid/);
  });

  it('G7 refuses the signature of another label', async () =>
    refused(
      verify(await sign('vendor', MANIFEST, 'globex'), 'allowed'),
      /made for the label "globex", not for "acme"/,
    ));

  it('G7 refuses the signature of an older set, with and without signers', async () => {
    await refused(verify(await sign('vendor', OLDER), 'allowed'), /is not over this manifest\.json/);
    await refused(verify(await sign('vendor', OLDER)), /is not over this manifest\.json/);
  });

  it('G7 refuses signers that lie on the medium, also by a link', async () => {
    const signature = await sign();
    const onMedium = { manifest: MANIFEST, signature, label: 'acme', medium: file('medium') };
    for (const list of ['medium/allowed', 'medium/../medium/allowed', 'linked'])
      await refused(verifySignature(runtime(), { ...onMedium, allowedSignersFile: list }), /lies on the medium/);
    expect(await verifySignature(runtime(), { ...onMedium, allowedSignersFile: 'allowed' })).toMatchObject({
      state: 'verified',
    });
  });

  it('G7 refuses what is cut off, altered or no signature', async () => {
    const whole = Buffer.from(await sign()).toString('latin1');
    for (const length of [0, 1, 40, 150, whole.length - 30, whole.length - 2])
      await refused(verify(Buffer.from(whole.slice(0, length)), 'allowed'), /is not whole/);
    await refused(verify(Buffer.from('x'.repeat(100_000)), 'allowed'), /is not whole/);
    const lines = whole.split('\n');
    // Within the signature proper.
    lines[4] = lines[4]!.replace(/[A-Y]/, (char) => String.fromCharCode(char.charCodeAt(0) + 1));
    await refused(verify(Buffer.from(lines.join('\n')), 'allowed'), /is not over this|is not whole/);
    await refused(verify(Buffer.from(whole.replaceAll('\n', '\r\n')).subarray(0, 100), 'allowed'), /is not whole/);
  });

  it.each<[string, (text: string) => string]>([
    ['with CRLF', (text) => text.replaceAll('\n', '\r\n')],
    ['with empty lines behind it', (text) => `${text}\n\r\n`],
  ])('a signature %s, as mail and FTP make it, is the one that it was', async (_how, changed) => {
    const signature = Buffer.from(changed(Buffer.from(await sign()).toString('latin1')), 'latin1');
    expect(await verify(signature, 'allowed')).toEqual({ state: 'verified', principal: 'release@vendor.example' });
    expect(await verify(signature)).toEqual({ state: 'well formed' });
  });

  it('a list of signers that ssh-keygen can not read is told from one without the key', async () => {
    const signature = await sign();
    const advice = (list: string): Promise<unknown> =>
      verify(signature, list).catch((error: { hint?: string }) => error.hint);
    writeFileSync(file('utf-16'), Buffer.from(`\uFEFF${readFileSync(file('allowed'), 'utf8')}`, 'utf16le'));
    for (const list of ['vendor.pub', 'garbage', 'utf-16'])
      expect(await advice(list), list).toMatch(/can't read a line of .*NAME KEYTYPE KEY/);
    for (const list of ['stranger', 'empty', 'expired']) expect(await advice(list), list).toMatch(/^Ask the vendor/);
  });

  it('a missing or unreadable list of signers is named', async () => {
    const signature = await sign();
    await expect(verify(signature, 'nowhere')).rejects.toMatchObject({
      code: 'E_CONFIG',
      exitCode: 2,
      what: 'The file of allowed signers is not there',
      where: file('nowhere'),
    });
    await expect(verify(undefined, 'nowhere'), 'an unsigned one is not the first problem').rejects.toMatchObject({
      code: 'E_CONFIG',
    });
    await expect(verify(signature, 'tmp')).rejects.toMatchObject({
      code: 'E_CONFIG',
      what: expect.stringMatching(/The file of allowed signers (is no file|can't be read)/) as string,
      where: file('tmp'),
    });
  });

  it('a key with a passphrase is an error, not a question', async () => {
    const asked = join(dir, 'asked');
    writeFileSync(file('askpass'), `#!/bin/sh\ntouch '${asked}'\necho wrong\n`, { mode: 0o755 });
    const rt = runtime({ SSH_ASKPASS: file('askpass'), SSH_ASKPASS_REQUIRE: 'force', DISPLAY: ':0' });
    await refused(
      signManifest(rt, { keyFile: 'locked', manifest: MANIFEST, label: 'acme' }),
      /the key has a passphrase/,
    );
    expect(readdirSync(dir)).not.toContain('asked');
  });

  it('a key that is missing, public only, open to others, or none is named', async () => {
    copyFileSync(file('vendor'), file('open'));
    chmodSync(file('open'), 0o644);
    writeFileSync(file('junk'), 'no key\n', { mode: 0o600 });
    copyFileSync(file('vendor.pub'), file('lonely.pub'));
    await refused(sign('nowhere'), /The signing key is not there/);
    await refused(sign('tmp'), /The signing key (is no file|can't be read)/);
    if (process.getuid?.() !== undefined)
      await refused(sign('open'), /other accounts can read the key|ssh-keygen refused/);
    await refused(sign('junk'), /no private key that ssh-keygen reads/);
    await refused(sign('lonely.pub'), /could not be signed/);
  });

  it('a key in the agent signs by its public half', async () => {
    const agent = spawn('ssh-agent', ['-D', '-a', file('agent')], { stdio: 'ignore' });
    try {
      const env = { ...process.env, SSH_AUTH_SOCK: file('agent') };
      await expect.poll(() => readdirSync(dir).includes('agent')).toBe(true);
      execFileSync('ssh-add', ['-q', file('vendor')], { env, stdio: 'ignore' });
      const rt = runtime({ SSH_AUTH_SOCK: file('agent') });
      const signature = await signManifest(rt, { keyFile: 'vendor.pub', manifest: MANIFEST, label: 'acme' });
      expect(await verify(signature, 'allowed')).toMatchObject({ state: 'verified' });
    } finally {
      agent.kill();
    }
  });

  it('no ssh-keygen on the PATH is said', async () => {
    const rt = runtime({ PATH: file('tmp') });
    await refused(
      signManifest(rt, { keyFile: 'vendor', manifest: MANIFEST, label: 'acme' }),
      /ssh-keygen is not on the PATH/,
    );
  });

  it('the token of the run does not reach ssh-keygen', async () => {
    writeFileSync(file('ssh-keygen'), `#!/bin/sh\nenv > '${file('seen-env')}'\nexit 1\n`, { mode: 0o755 });
    const rt = runtime({ PATH: `${dir}:${process.env['PATH']}`, CONDA_TOKEN: 'xx-secret-token' });
    await expect(signManifest(rt, { keyFile: 'vendor', manifest: MANIFEST, label: 'acme' })).rejects.toThrow();
    rmSync(file('ssh-keygen'));
    expect(readFileSync(file('seen-env'), 'utf8')).not.toContain('xx-secret-token');
  });

  function keygen(name: string, passphrase: string, more: readonly string[] = ['-t', 'ed25519']): void {
    const type = more.length === 0 ? ['-t', 'ed25519'] : more;
    execFileSync('ssh-keygen', ['-q', ...type, '-N', passphrase, '-C', name, '-f', file(name)]);
  }
});
