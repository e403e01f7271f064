/** The network: one client (undici) and one kind of server (loopback only). */
export interface HttpDoor {
  client(options: HttpClientOptions): HttpClient;
  listenLoopback(handler: LoopbackHandler): Promise<LoopbackServer>;
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
  method: 'GET' | 'HEAD';
  url: string;
  headers: Readonly<Record<string, string>>;
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
