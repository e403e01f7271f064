import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** Guards the loopback proxy against other accounts of this machine: they can reach its port, but not the password. */
export interface ProxyGate {
  /** `run:PASSWORD`, for the proxy URL. */
  userinfo: string;
  /** Whether a `Proxy-Authorization` header opens it; takes the same time for every wrong one. */
  opens(header: string | undefined): boolean;
}

export const PROXY_CHALLENGE = { 'proxy-authenticate': 'Basic realm="repackenv"' };

/** A gate with a fresh password, good for one run. */
export function proxyGate(): ProxyGate {
  const userinfo = `run:${randomBytes(24).toString('hex')}`;
  const expected = digest(userinfo);
  return {
    userinfo,
    opens(header) {
      const given = /^basic +([A-Za-z0-9+/=]+)$/i.exec(header?.trim() ?? '')?.[1] ?? '';
      return timingSafeEqual(digest(Buffer.from(given, 'base64').toString('utf8')), expected);
    },
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
