import { RepackError } from '../../base/errors.js';
import type { GatewayOptions } from '../../gateway/gateway.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { Secret } from '../../base/secret.js';
import type { Channel } from '../../conda/channel/channel.js';
import type { WorkSettings } from '../../config/work-settings.js';

type WaySettings = Pick<
  WorkSettings,
  'logins' | 'cacheDir' | 'proxy' | 'noProxy' | 'caFiles' | 'allowHttp' | 'maxIndexMb' | 'requestsPerSecond'
>;

/** How the channels are reached: what every gateway is opened with. Throws E_CONFIG. */
export async function gatewayWay(
  rt: Runtime,
  options: WaySettings & {
    channels: readonly Channel[];
    token: Secret | undefined;
  },
): Promise<Omit<GatewayOptions, 'view' | 'store'>> {
  const { caFiles, maxIndexMb, channels, token, logins, cacheDir, proxy, noProxy, allowHttp, requestsPerSecond } =
    options;
  const most = maxIndexMb * 1_000_000;
  const limits = { maxRepodataBytes: most, maxRepodataWireBytes: most };
  const ca = await readCaFiles(rt, caFiles);
  return { channels, token, logins, cacheDir, proxy, noProxy, ca, allowHttp, limits, requestsPerSecond };
}

/** PEM texts. Throws E_CONFIG naming the file. */
export async function readCaFiles(rt: Runtime, files: readonly string[]): Promise<string[]> {
  return Promise.all(
    files.map(async (file) => {
      const text = await rt.fs.readText(file).catch((cause: unknown) => {
        throw new RepackError('E_CONFIG', {
          what: 'The file with the certificate authority can’t be read',
          where: file,
          hint: 'Check --ca-file (or SSL_CERT_FILE) and the file’s permissions.',
          cause,
        });
      });
      if (text.includes('-----BEGIN CERTIFICATE-----')) return text;
      throw new RepackError('E_CONFIG', {
        what: 'The file holds no certificate in PEM form',
        where: file,
        hint: 'Give a PEM file: it begins with -----BEGIN CERTIFICATE-----.',
      });
    }),
  );
}
