import { generate, type CertificateExtension } from 'selfsigned';

/** A CA of a test's own, and what it has signed. PEM texts. */
export interface TestCa {
  cert: string;
  issue(options: LeafOptions): Promise<Leaf>;
}

export interface LeafOptions {
  /** Host names and IPv4 addresses that the certificate is good for. */
  hosts: readonly string[];
  notBefore?: Date;
  notAfter?: Date;
}

export interface Leaf {
  cert: string;
  key: string;
}

const DAY_MS = 86_400_000;

/** A fresh CA. Nothing but the tests that hand its `cert` on trusts it. */
export async function makeTestCa(name = 'repackenv test CA'): Promise<TestCa> {
  const extensions: CertificateExtension[] = [
    { name: 'basicConstraints', cA: true, critical: true },
    { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
  ];
  const ca = await generate([{ name: 'commonName', value: name }], {
    ...validity({}),
    keyType: 'ec',
    algorithm: 'sha256',
    extensions,
  });
  return {
    cert: ca.cert,
    async issue(options) {
      const leaf = await generate([{ name: 'commonName', value: options.hosts[0] ?? 'nobody' }], {
        ...validity(options),
        keyType: 'ec',
        algorithm: 'sha256',
        ca: { key: ca.private, cert: ca.cert },
        extensions: [
          { name: 'basicConstraints', cA: false, critical: true },
          { name: 'extKeyUsage', serverAuth: true },
          {
            name: 'subjectAltName',
            altNames: options.hosts.map((host) =>
              /^[\d.]+$/.test(host) ? { type: 7, ip: host } : { type: 2, value: host },
            ),
          },
        ],
      });
      return { cert: leaf.cert, key: leaf.private };
    },
  };
}

function validity({ notBefore, notAfter }: Pick<LeafOptions, 'notBefore' | 'notAfter'>): {
  notBeforeDate: Date;
  notAfterDate: Date;
} {
  return {
    notBeforeDate: notBefore ?? new Date(Date.now() - DAY_MS),
    notAfterDate: notAfter ?? new Date(Date.now() + DAY_MS),
  };
}
