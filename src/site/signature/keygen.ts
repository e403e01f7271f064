import { RepackError } from '../../base/errors.js';
import type { Runtime } from '../../runtime/runtime.js';

export type SignatureRuntime = Pick<Runtime, 'fs' | 'exec' | 'env' | 'machine' | 'signal'>;

export interface KeygenAnswer {
  ok: boolean;
  stdout: Uint8Array;
  /** Lines of standard error, for messages: no key material, no passphrase is ever in them. */
  said: string[];
}

export interface Signer {
  /** `ssh-keygen ARGS`, with `input` on standard input. Throws E_SIGNATURE where it can't be run at all. */
  run(args: readonly string[], input?: Uint8Array): Promise<KeygenAnswer>;
}

/** A key on a token may wait for a touch. */
const TIMEOUT_MS = 120_000;
/** What the program, the loader of Windows and the agent need; nothing by which a window could be opened to ask for a passphrase. */
const PASSED_ON = [
  'PATH',
  'Path',
  'SystemRoot',
  'windir',
  'TEMP',
  'TMP',
  'USERPROFILE',
  'HOME',
  'SSH_AUTH_SOCK',
  'SSH_SK_PROVIDER',
];

export function openSigner(rt: SignatureRuntime): Signer {
  const env: Record<string, string> = { LC_ALL: 'C', SSH_ASKPASS: '', SSH_ASKPASS_REQUIRE: 'never' };
  for (const name of PASSED_ON) {
    const value = rt.env[name];
    if (value !== undefined) env[name] = value;
  }
  return {
    async run(args, input) {
      const ran = await rt.exec.run({
        file: 'ssh-keygen',
        args,
        env,
        cwd: rt.machine.tmpdir,
        timeoutMs: TIMEOUT_MS,
        signal: rt.signal,
        maxOutputBytes: 1 << 20,
        input: input ?? new Uint8Array(),
      });
      rt.signal.throwIfAborted();
      const said = Buffer.from(ran.stderr)
        .toString('utf8')
        .split(/\r?\n/)
        .map((line) => line.trim())
        .filter((line) => line !== '' && !line.startsWith('@@@') && line !== 'Signing data on standard input');
      if (ran.startError !== undefined) throw notThere(ran.startError);
      if (ran.timedOut) throw failed('ssh-keygen gave no answer within two minutes', said);
      if (/unknown option|illegal option|unrecognized|Unsupported operation/i.test(said.join('\n')))
        throw failed('This ssh-keygen is too old for signatures', said);
      return { ok: ran.exitCode === 0, stdout: ran.stdout, said };
    },
  };
}

function notThere(startError: string): RepackError {
  return new RepackError('E_SIGNATURE', {
    what: startError === 'ENOENT' ? 'ssh-keygen is not on the PATH' : `ssh-keygen could not be started (${startError})`,
    where: 'ssh-keygen',
    hint: 'Install the OpenSSH client, 8.2 or newer (Windows: Settings, Optional features, OpenSSH Client).',
  });
}

function failed(what: string, said: readonly string[]): RepackError {
  return new RepackError('E_SIGNATURE', {
    what,
    where: 'ssh-keygen',
    hint: 'OpenSSH 8.2 or newer is needed; a key on a token may be waiting to be touched.',
    details: said,
  });
}
