import { createHash, createPrivateKey, createPublicKey } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What stands before the 32 bytes of a seed in the PKCS #8 form of an Ed25519 key. */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

/**
 * Writes `DIR/NAME` and `DIR/NAME.pub`, an OpenSSH key made of its name: the same each time, for Ed25519 signatures don't vary.
 * Returns the public line, `ssh-ed25519 AAAA…`. The form: PROTOCOL.key of OpenSSH.
 */
export function writeSshKey(dir: string, name: string): string {
  const seed = createHash('sha256').update(`sample key ${name}`).digest();
  const key = createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' });
  const publicBytes = Buffer.from(createPublicKey(key).export({ format: 'jwk' }).x!, 'base64url');
  const blob = Buffer.concat([field('ssh-ed25519'), field(publicBytes)]);
  const inner = Buffer.concat([Buffer.alloc(8), blob, field(Buffer.concat([seed, publicBytes])), field(name)]);
  const padding = Buffer.from(Array.from({ length: (8 - (inner.length % 8)) % 8 }, (_, index) => index + 1));
  const whole = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    field('none'),
    field('none'),
    field(''),
    Buffer.from([0, 0, 0, 1]),
    field(blob),
    field(Buffer.concat([inner, padding])),
  ]);
  const lines = whole.toString('base64').match(/.{1,70}/g)!;
  const title = (word: string): string => `-----${word} OPENSSH PRIVATE KEY-----`;
  const line = `ssh-ed25519 ${blob.toString('base64')}`;
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, name), `${[title('BEGIN'), ...lines, title('END')].join('\n')}\n`, { mode: 0o600 });
  writeFileSync(join(dir, `${name}.pub`), `${line} ${name}\n`);
  return line;
}

function field(value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value as Uint8Array);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
