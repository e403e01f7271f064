import type { Redactor } from '../base/redact.js';
import { Secret } from '../base/secret.js';
import type { readChannelLogins } from '../config/channel-logins.js';
import type { SettingValues } from '../config/settings.js';
import type { Runtime } from '../runtime/runtime.js';
import { parseUrl } from '../base/parse-url.js';

/** Loaded where a login is given. */
const channelLogins = () => import('../config/channel-logins.js');

type Values = Pick<SettingValues, 'channelLogins' | 'netrc'>;

/** Refuses a login in a wrong form before anything is read. @throws RepackError E_USAGE */
export async function checkLogins({ channelLogins: given }: Pick<Values, 'channelLogins'>): Promise<void> {
  if (given.length > 0) (await channelLogins()).parseLoginPlaces(given);
}

/** The logins for channels, known to the redactor. */
export async function takeLogins(
  values: Values,
  { rt, redactor }: { rt: Runtime; redactor: Redactor },
): Promise<Awaited<ReturnType<typeof readChannelLogins>>> {
  const asked = values.channelLogins.length > 0 || (values.netrc !== undefined && values.netrc !== false);
  if (!asked) return { logins: [], warning: undefined };
  const taken = await (await channelLogins()).readChannelLogins(rt, values);
  for (const secret of taken.logins.flatMap(({ secrets }) => secrets)) redactor.register(secret);
  return taken;
}

/** The password in a proxy's URL is a secret. */
export function registerUserInfo(url: string | undefined, redactor: Redactor): void {
  const password = url === undefined ? '' : (parseUrl(url)?.password ?? '');
  if (password !== '') redactor.register(new Secret(decodeURIComponent(password)));
}
