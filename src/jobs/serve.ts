import { errnoOf } from '../base/disk-errors.js';
import { RepackError } from '../base/errors.js';
import type { Answered, PublicLimits, PublicServer } from '../runtime/http-door.js';
import type { Runtime } from '../runtime/runtime.js';
import { openWholeFolder } from '../delivery/generations/generation-folder.js';
import { makeFileChecker } from '../serve/checked-file.js';
import { makeGuard } from '../serve/guard.js';
import type { Access } from '../serve/guard.js';
import { requestLine } from '../serve/request-line.js';
import { makePages } from '../serve/page-answer.js';
import { makeHandler } from '../serve/serve.js';
import { openSite } from '../serve/site.js';
import { channelUrl } from '../site/page/install-lines.js';
import { makeInformants } from './serve-informants.js';

export interface ServeRequest {
  dir: string;
  /** Address or name to listen on; IPv6 with or without brackets. */
  host: string;
  /** 0: a free one. */
  port: number;
  access: Access;
  limits: PublicLimits;
  /** Offers the indexes in shards too (CEP 16). */
  shards?: boolean;
  /** For answers under way when the server is told to stop. */
  stopDeadlineMs: number;
}

export interface ServeReport {
  dir: string;
  /** Of the server, without a slash at its end. */
  url: string;
  /** Names of the channels at the end. */
  channels: string[];
  requests: number;
  /** By status: `{ "200": 12, "304": 3 }`. */
  answers: Record<string, number>;
  /** Sent, without headers. */
  bytes: number;
  seconds: number;
  /** Answers that the deadline, or their reader, ended. */
  incomplete: number;
}

export const SERVE_LIMITS: PublicLimits = {
  connections: 512,
  headerBytes: 16 * 1024,
  headersMs: 15_000,
  keepAliveMs: 30_000,
  pieceMs: 120_000,
  pipelined: 16,
};

/**
 * `repackenv serve DIR`: the channels of a folder over HTTP, read-only, until it is told to stop, which is its regular end. Takes no lock: a
 * publication in the same folder goes on beside it. Throws E_NOT_A_CHANNEL, E_GENERATION, E_ARTIFACT_MISSING,
 * E_PORT.
 */
export async function serve(machine: Runtime, request: ServeRequest): Promise<ServeReport> {
  const { rt, dir } = await openWholeFolder(machine, request.dir);
  const checker = makeFileChecker(rt);
  const site = await openSite(rt, { dir, checker });
  const guard = makeGuard(request.access);
  const pages = makePages(site, makeInformants(rt, dir));
  rt.signal.throwIfAborted();
  const counted = { requests: 0, bytes: 0, incomplete: 0, answers: {} as Record<string, number> };
  const begun = rt.clock.monotonic();
  const server = await listening(rt, request, {
    handler: makeHandler(rt, { site, guard, checker, pages, shards: request.shards ?? false }),
    onAnswered(answered) {
      counted.requests += 1;
      counted.bytes += answered.bytes;
      counted.answers[answered.status] = (counted.answers[answered.status] ?? 0) + 1;
      if (!answered.complete) counted.incomplete += 1;
      rt.events.emit({ type: 'request', ...requestLine(answered) });
    },
  });
  const url = `http://${shownHost(rt, request)}:${server.port}`;
  for (const message of exposure(server, guard.closed)) rt.events.emit({ type: 'warning', message });
  const folders = await site.folders();
  const below = folders.length === 1 && folders[0]!.name !== '' ? `/${folders[0]!.name}` : '';
  rt.events.emit({ type: 'listening', url: url + below, port: server.port, chosen: request.port === 0 });
  for (const message of addresses(url, folders, request.access)) rt.events.emit({ type: 'note', message });
  void pages.prepare().catch(() => {});
  await untilStopped(rt.signal);
  rt.events.emit({ type: 'note', message: 'stopping: answers under way are finished' });
  await server.stop({ deadlineMs: request.stopDeadlineMs });
  const seconds = Math.round((rt.clock.monotonic() - begun) / 100) / 10;
  return { dir, url, channels: (await site.folders()).map(({ name }) => name), ...counted, seconds };
}

async function listening(
  rt: Runtime,
  request: ServeRequest,
  parts: { handler: ReturnType<typeof makeHandler>; onAnswered: (answered: Answered) => void },
): Promise<PublicServer> {
  const host = hostOf(request);
  try {
    return await rt.http.listenPublic({ host, port: request.port, limits: request.limits, ...parts });
  } catch (error) {
    const errno = errnoOf(error) ?? '';
    const [what, hint] = WHY_NOT[errno] ?? [
      `The server can't listen there (${errno || String(error)})`,
      'Give another --host or --port.',
    ];
    throw new RepackError('E_PORT', { what, where: `${inUrl(host)}:${request.port}`, hint, cause: error });
  }
}

const WHY_NOT: Readonly<Record<string, readonly [what: string, hint: string]>> = {
  EADDRINUSE: ['Another program listens on this port', 'Give another --port, 0 for a free one, or end that program.'],
  EACCES: ['This account may not listen on this port', 'Give a --port of 1024 or more.'],
  EADDRNOTAVAIL: [
    'This machine has no such address',
    'Give as --host an address of this machine, or 0.0.0.0 for all of them.',
  ],
  ENOTFOUND: [
    'There is no host of this name',
    'Give as --host an address of this machine, or 0.0.0.0 for all of them.',
  ],
  EAI_AGAIN: ['The name of the host can’t be looked up now', 'Give as --host an address of this machine.'],
};

/** What a client is given where readers are asked who they are. */
function addresses(url: string, folders: readonly { name: string }[], { token, users = [] }: Access): string[] {
  const name = folders.length === 1 ? folders[0]!.name : 'LABEL';
  return [
    ...(token === undefined ? [] : [`with the token: ${channelUrl(url, name, 'token')}`]),
    ...(users.length === 0
      ? []
      : [`with user and password, as USER:PASSWORD@ before the host: ${channelUrl(url, name, 'none')}`]),
  ];
}

/** What somebody who serves others than himself should know. */
function exposure({ address }: PublicServer, closed: boolean): string[] {
  if (isLoopback(address)) return [];
  const place = isEverywhere(address) ? 'every address of this machine' : address;
  return [
    closed
      ? `serving on ${place}: token and passwords go over the line as they are; put a proxy with TLS in front where others can listen`
      : `serving on ${place}, to everybody who can reach it; --token-file or --basic-auth-file asks readers who they are`,
  ];
}

/** Nobody can connect to "all addresses": then it is the machine's name. */
function shownHost(rt: Runtime, request: ServeRequest): string {
  const host = hostOf(request);
  return isEverywhere(host) && rt.machine.hostname !== '' ? rt.machine.hostname : inUrl(host);
}

function isEverywhere(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}

function isLoopback(address: string): boolean {
  return address === '::1' || /^(::ffff:)?127\./.test(address);
}

function hostOf({ host }: ServeRequest): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}

function inUrl(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

function untilStopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
