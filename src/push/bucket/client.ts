import { createHash } from 'node:crypto';
import { RepackError, isRepackError } from '../../base/errors.js';
import { reveal } from '../../base/secret.js';
import type { HttpClient, HttpRequest } from '../../runtime/http.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { BucketAccess } from './credentials.js';

/** One request to the bucket; `body` is asked for anew at each try. */
export interface BucketRequest {
  method: HttpRequest['method'];
  /** Without a slash at its start; empty: the bucket itself. */
  key: string;
  query?: Readonly<Record<string, string>>;
  headers?: Readonly<Record<string, string>>;
  body?: { size: number; sha256: string; bytes: () => Uint8Array | AsyncIterable<Uint8Array> };
  /** Answers that are no failure, beside 2xx. */
  takes?: readonly number[];
}

export interface BucketAnswer {
  status: number;
  headers: Readonly<Record<string, string>>;
  text: string;
}

export interface BucketClient {
  /** @throws RepackError E_LOGIN_REFUSED, E_TARGET, E_PUSH, E_UPSTREAM, E_TLS; what `body` throws */
  ask(request: BucketRequest): Promise<BucketAnswer>;
  close(): Promise<void>;
}

const ATTEMPTS = 6;
const FIRST_DELAY_MS = 500;
const NO_BYTES = createHash('sha256').digest('hex');

/** Signed requests (AWS signature 4), tried again where the server is busy or the line breaks. */
export function bucketClient(
  rt: Pick<Runtime, 'clock' | 'signal' | 'events'>,
  { client, access, bucket }: { client: HttpClient; access: BucketAccess; bucket: string },
): BucketClient {
  const base = baseOf(access, bucket);

  async function once(request: BucketRequest): Promise<BucketAnswer> {
    const { method, key, query = {}, body, headers = {} } = request;
    const url = urlOf(base, key, query);
    const { AwsV4Signer } = await import('aws4fetch');
    const { accessKeyId, secretAccessKey, sessionToken, region } = access;
    const signed = await new AwsV4Signer({
      method,
      url,
      headers: { ...headers, 'x-amz-content-sha256': body?.sha256 ?? NO_BYTES },
      accessKeyId,
      secretAccessKey: reveal(secretAccessKey),
      ...(sessionToken === undefined ? {} : { sessionToken: reveal(sessionToken) }),
      service: 's3',
      region,
      datetime: new Date(rt.clock.now()).toISOString().replaceAll(/[:-]|\.\d{3}/g, ''),
    }).sign();
    const length: [string, string][] =
      method === 'GET' || method === 'HEAD' ? [] : [['content-length', String(body?.size ?? 0)]];
    const answer = await client.request({
      method,
      url,
      headers: Object.fromEntries([...signed.headers, ...length]),
      body: body?.bytes(),
      signal: rt.signal,
    });
    const chunks: Uint8Array[] = [];
    for await (const chunk of answer.body) chunks.push(chunk);
    return { status: answer.status, headers: answer.headers, text: Buffer.concat(chunks).toString('utf8') };
  }

  async function ask(request: BucketRequest): Promise<BucketAnswer> {
    const where = urlOf(base, request.key, {});
    for (let attempt = 1; ; attempt++) {
      let reason: string;
      let failure: unknown;
      try {
        const answer = await once(request);
        const { status } = answer;
        if (status < 300 || request.takes?.includes(status) === true) return answer;
        reason = `${status} ${codeIn(answer) ?? ''}`.trim();
        failure = refusal(answer, where);
        if (status !== 429 && status < 500 && codeIn(answer) !== 'RequestTimeout') throw failure;
      } catch (error) {
        rt.signal.throwIfAborted();
        if (isRepackError(error)) throw error;
        const code = networkCode(error);
        if (code === undefined) throw error;
        reason = code;
        failure = unreachable(code, where, error);
        if (/CERT|TLS|SSL|SELF_SIGNED|UNABLE_TO/.test(code)) throw failure;
      }
      if (attempt === ATTEMPTS) throw failure;
      const waitMs = FIRST_DELAY_MS * 2 ** (attempt - 1);
      rt.events.emit({ type: 'retry', url: where, reason, attempt, waitMs });
      await rt.clock.sleep(waitMs, rt.signal);
    }
  }

  return { ask, close: () => client.close() };
}

/** By path at an endpoint, and where the name has a dot, which no certificate covers; else by host, as Amazon wants it. */
export function baseOf({ endpoint, region }: Pick<BucketAccess, 'endpoint' | 'region'>, bucket: string): string {
  if (endpoint !== undefined) return `${endpoint}/${bucket}`;
  const domain = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  return bucket.includes('.') ? `https://s3.${region}.${domain}/${bucket}` : `https://${bucket}.s3.${region}.${domain}`;
}

/** All but unreserved signs are encoded before signing: a `+` or `!` as it stands is SignatureDoesNotMatch. */
export function urlOf(base: string, key: string, query: Readonly<Record<string, string>>): string {
  const search = Object.entries(query).map(([name, value]) => `${encoded(name)}=${encoded(value)}`);
  return `${base}/${key.split('/').map(encoded).join('/')}${search.length === 0 ? '' : `?${search.join('&')}`}`;
}

function encoded(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** The text of the first such element of an answer in XML. */
export function elementOf(text: string, name: string): string | undefined {
  return new RegExp(`<${name}>([^<]*)</${name}>`).exec(text)?.[1];
}

function codeIn({ text, headers }: BucketAnswer): string | undefined {
  return elementOf(text, 'Code') ?? headers['x-amz-error-code'];
}

/** Some servers tell these with another status than 403. */
const NOT_LET_IN = /^(?:AccessDenied|Expired|Invalid(?:AccessKeyId|Token)|SignatureDoesNotMatch|\w*UserNotFound)/;

function refusal(answer: BucketAnswer, where: string): RepackError {
  const code = codeIn(answer);
  const said = `${answer.status}${code === undefined ? '' : ` ${code}`}`;
  if (code === 'RequestTimeTooSkewed')
    return new RepackError('E_LOGIN_REFUSED', {
      what: `The server says that the clock of this machine is wrong (${said})`,
      where,
      hint: 'Set the clock (NTP): a signed request counts for a quarter of an hour.',
    });
  if (code === 'NoSuchBucket' || (answer.status === 404 && code === undefined))
    return new RepackError('E_TARGET', {
      what: `There is no such bucket (${said})`,
      where,
      hint: 'Check its name, the endpoint and the region. A bucket is not made by a push.',
    });
  if (code === 'PermanentRedirect' || code === 'AuthorizationHeaderMalformed' || answer.status === 301)
    return new RepackError('E_TARGET', {
      what: `The bucket is in another region (${said})`,
      where,
      hint: `Set AWS_REGION${answer.headers['x-amz-bucket-region'] === undefined ? '' : ` to ${answer.headers['x-amz-bucket-region']}`}.`,
    });
  if (code !== undefined && /^(?:Invalid|Expired)Token/.test(code))
    return new RepackError('E_LOGIN_REFUSED', {
      what: `The bucket refuses this session (${said})`,
      where,
      hint: 'Log in again for a new AWS_SESSION_TOKEN and its keys; with keys that last, unset AWS_SESSION_TOKEN.',
    });
  if (answer.status === 401 || answer.status === 403 || (code !== undefined && NOT_LET_IN.test(code)))
    return new RepackError('E_LOGIN_REFUSED', {
      what: `The bucket refuses these keys (${said})`,
      where,
      hint: 'Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or AWS_PROFILE), and that they may list, read, write and delete there.',
    });
  return new RepackError('E_PUSH', {
    what: `The server of the bucket answered ${said}`,
    where,
    hint: 'Push again: what has arrived is kept.',
  });
}

function unreachable(code: string, where: string, cause: unknown): RepackError {
  const { host } = new URL(where);
  if (/CERT|TLS|SSL|SELF_SIGNED|UNABLE_TO/.test(code))
    return new RepackError('E_TLS', {
      what: `The certificate of ${host} is not accepted (${code})`,
      where,
      hint: 'Give the authority that signed it with --ca-file.',
      cause,
    });
  return new RepackError('E_UPSTREAM', {
    what: `${host} can’t be reached, or the connection broke again and again (${code})`,
    where,
    hint: 'Check the endpoint, the proxy and the line, then push again: what has arrived is kept.',
    cause,
  });
}

/** Of a socket; undefined where the error is none of the network. */
function networkCode(error: unknown): string | undefined {
  for (let each = error; each instanceof Error; each = each.cause) {
    const { code, path } = each as NodeJS.ErrnoException;
    // Of an answer that is no HTTP it has a code, or none.
    if (each.name === 'HTTPParserError') return code ?? 'NOT_HTTP';
    if (typeof code === 'string' && path === undefined && code !== 'ABORT_ERR') return code;
  }
  return undefined;
}
