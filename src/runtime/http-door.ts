/** The network: one client (undici), the gateway's server on loopback, and the public one of `serve`. */
export interface HttpDoor {
  client(options: HttpClientOptions): HttpClient;
  listenLoopback(handler: LoopbackHandler): Promise<LoopbackServer>;
  /** Rejects with the error of the socket: `EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL`, `ENOTFOUND`. */
  listenPublic(options: PublicServerOptions): Promise<PublicServer>;
}

export interface HttpClientOptions {
  /** Outer proxy for http and https, may hold credentials; hosts of `noProxy` go direct. */
  proxy: string | undefined;
  noProxy: readonly string[];
  /** PEM texts of own CAs, added to the built-in ones. */
  ca: readonly string[];
  connectTimeoutMs: number;
  /** No byte for so long: the response is broken off. */
  idleTimeoutMs: number;
  /** No headers for so long, the wait for a free connection included. */
  answerTimeoutMs: number;
  /** The rest of a small body that is not wanted may take so long, so that its connection can be used again; then it is closed. */
  finishTimeoutMs: number;
  maxConnectionsPerOrigin: number;
}

/**
 * Never follows redirects, never retries, never decodes content: that is the gateway's to decide. Rejects with the error of
 * the socket (`code` there or in its `cause`: `ECONNREFUSED`, `UND_ERR_SOCKET`, `CERT_HAS_EXPIRED`, `PROXY_407`, …).
 */
export interface HttpClient {
  request(request: HttpRequest): Promise<HttpResponse>;
  close(): Promise<void>;
}

export interface HttpRequest {
  method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  url: string;
  headers: Readonly<Record<string, string>>;
  /** Its length stands in `content-length`. Where it throws, the request is broken off and rejects with that. */
  body?: Uint8Array | AsyncIterable<Uint8Array> | undefined;
  signal?: AbortSignal;
}

export interface HttpResponse {
  status: number;
  /** Lower-case names. */
  headers: Readonly<Record<string, string>>;
  body: AsyncIterable<Uint8Array>;
  /** Drops the rest of the body. */
  discard(): Promise<void>;
}

export interface LoopbackRequest {
  method: string;
  /** Request target as received: absolute form for a proxy request, else a path. */
  target: string;
  headers: Readonly<Record<string, string>>;
}

export interface LoopbackResponse {
  status: number;
  headers: Readonly<Record<string, string>>;
  body?: Uint8Array | AsyncIterable<Uint8Array>;
}

export type LoopbackHandler = (request: LoopbackRequest, signal: AbortSignal) => Promise<LoopbackResponse>;

export interface LoopbackServer {
  port: number;
  /** Ends open connections and stops listening. */
  close(): Promise<void>;
}

export interface PublicServerOptions {
  /** Address or host name to listen on; IPv6 without brackets. */
  host: string;
  /** 0: a free one. */
  port: number;
  limits: PublicLimits;
  handler: PublicHandler;
  /** Told once for every request that was answered, refused before the handler, or broken off. */
  onAnswered(answered: Answered): void;
}

/** What strangers may take of the server. Times in milliseconds, sizes in bytes. */
export interface PublicLimits {
  /**
   * Requests that are answered at a time; what comes on top is told 503. Twice as many connections are kept: for one more, that which has
   * been without a request for the longest is dropped, else the new one.
   */
  connections: number;
  headerBytes: number;
  /** Until the head of a request is whole. */
  headersMs: number;
  /** An open connection between two requests. */
  keepAliveMs: number;
  /** A piece (64 KiB or more) that the client has not taken by then ends the connection. */
  pieceMs: number;
  /** Requests sent ahead on one connection. */
  pipelined: number;
}

export interface PublicRequest {
  method: string;
  /** As received. */
  target: string;
  /** Lower-case names. */
  headers: Readonly<Record<string, string>>;
  /** Address of the peer. */
  client: string;
}

/** `content-length` is stated by the server for bytes; for a body and for HEAD it stands in `headers`. */
export interface PublicResponse {
  status: number;
  headers: Readonly<Record<string, string>>;
  body?: Uint8Array | PublicBody | undefined;
}

export interface PublicBody {
  /**
   * All of it, in order. A piece may be overwritten when the next but one is asked for. Throws where it can't be finished: the connection
   * is then broken off, so that no part looks whole. `pieceBytes`: how large a piece may be at present.
   */
  pieces(pieceBytes: () => number): AsyncIterable<Uint8Array>;
  /** Called in every case, also where `pieces` never was. */
  close(): Promise<void>;
}

/** `signal`: the server does not wait for the answer any more. */
export type PublicHandler = (request: PublicRequest, signal: AbortSignal) => PublicResponse | Promise<PublicResponse>;

export interface Answered {
  client: string;
  /** Empty where the request could not be read. */
  method: string;
  target: string;
  agent: string;
  status: number;
  /** Of the body, as far as it was handed to the network. */
  bytes: number;
  ms: number;
  /** False where the connection ended first. */
  complete: boolean;
}

export interface PublicServer {
  port: number;
  /** The address that is listened on, without brackets. */
  address: string;
  /** Takes no new connection, lets answers under way end, breaks them off after `deadlineMs`. Gives the number broken off. */
  stop(options: { deadlineMs: number }): Promise<number>;
}
