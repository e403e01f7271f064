/**
 * What rattler's WebAssembly asks of the web, for its own thread, and no more: Node's own classes take a third of the time until the first
 * solve. What it uses of each is in `node_modules/@conda-org/rattler/dist/rattler.node.cjs` (`__wbg_…`), of one exact version.
 */
class Headers extends Map<string, string> {
  append(name: string, value: string): void {
    this.set(name, value);
  }
}

class Request {
  constructor(readonly url: string) {}
}

/** The WebAssembly side asks whether what it got is one. */
class Response {
  readonly headers = new Headers();

  constructor(
    readonly url: string,
    readonly status: number,
    readonly body: { getReader(): unknown },
  ) {}
}

/** Asked to give up what is in memory already. */
class AbortController {
  readonly signal = {};
  abort(): void {}
}

export const RATTLERS_WEB = { AbortController, Headers, Request, Response };

/** `bytes` in one piece, or 404. */
export function answerTo(url: string, bytes: Uint8Array | undefined): Response {
  let left = bytes;
  const read = async (): Promise<{ done: boolean; value: Uint8Array | undefined }> => {
    const value = left;
    left = undefined;
    return { done: value === undefined, value };
  };
  const reader = { read, cancel: async () => {}, releaseLock: () => {} };
  return new Response(url, bytes === undefined ? 404 : 200, { getReader: () => reader });
}
