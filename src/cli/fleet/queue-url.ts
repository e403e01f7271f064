import { RepackError } from '../../base/errors.js';
import { registerUserInfo } from '../take-logins.js';
import type { CliCall } from '../command.js';
import { textOption } from '../command.js';
import { parseUrl } from '../../base/parse-url.js';

/** The URL of `--queue`, or of the variable that it names; its password is known to the redactor. @throws RepackError E_USAGE */
export function queueUrl(call: Pick<CliCall, 'args' | 'options' | 'rt' | 'redactor'>): string | undefined {
  const given = textOption(call, 'queue');
  if (given === undefined) return undefined;
  const variable = /^env:(.+)$/.exec(given)?.[1];
  const url = (variable === undefined ? given : (call.rt.env[variable] ?? '')).trim();
  const parsed = parseUrl(url);
  if (parsed !== undefined && /^rediss?:$/.test(parsed.protocol) && parsed.hostname !== '') {
    registerUserInfo(url, call.redactor);
    return url;
  }
  throw new RepackError('E_USAGE', {
    what:
      variable === undefined
        ? '--queue is not the URL of a Redis'
        : `The variable ${variable} does not hold the URL of a Redis`,
    where: '--queue',
    hint: 'Give redis://HOST:6379, rediss://… for TLS, or env:NAME with the URL in that variable, where it holds a password.',
  });
}
