import { createServer, request as ask, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestUpstream } from './upstream.js';

/** An upstream behind a door that a test can hold shut or put something else behind. */
export interface GatedUpstream extends TestUpstream {
  /**
   * From now on requests whose path matches are not answered. Resolves when the first has come; `open` answers those that wait and
   * lets the others by.
   */
  hold(path: RegExp): { came: Promise<void>; open(): void };
  /** Answers matching requests itself; the last rule that matches counts. */
  answer(path: RegExp, status: number, body?: Uint8Array): void;
  /** Matching requests need this header, else 401. */
  lock(path: RegExp, header: string, value: string): void;
  /** Ends all rules. */
  reset(): void;
}

interface Rule {
  path: RegExp;
  handle(request: IncomingMessage, response: ServerResponse): void;
}

/** Everything but what rules say goes on to the upstream, whose `close` then closes both. */
export async function gate(upstream: TestUpstream): Promise<GatedUpstream> {
  let rules: Rule[] = [];
  const forward = (request: IncomingMessage, response: ServerResponse): void => {
    const { method, url = '', headers } = request;
    const onward = ask(`${upstream.url}${url}`, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    onward.end();
  };
  const server = createServer((request, response) => {
    const rule = rules.findLast(({ path }) => path.test(request.url ?? ''));
    if (rule === undefined) forward(request, response);
    else rule.handle(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    ...upstream,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    hold(path) {
      const waiting: (() => void)[] = [];
      let arrived = (): void => {};
      const came = new Promise<void>((resolve) => {
        arrived = resolve;
      });
      const rule: Rule = {
        path,
        handle: (request, response) => {
          waiting.push(() => forward(request, response));
          arrived();
        },
      };
      rules.push(rule);
      return {
        came,
        open: () => {
          rules = rules.filter((each) => each !== rule);
          for (const go of waiting.splice(0)) go();
        },
      };
    },
    answer: (path, status, body = new Uint8Array()) => {
      rules.push({
        path,
        handle: (_request, response) => {
          response.writeHead(status, { 'content-length': body.length });
          response.end(body);
        },
      });
    },
    lock: (path, header, value) => {
      rules.push({
        path,
        handle: (request, response) => {
          if (request.headers[header] === value) forward(request, response);
          else response.writeHead(401, { 'content-length': 0 }).end();
        },
      });
    },
    reset: () => {
      rules = [];
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
      await upstream.close();
    },
  };
}
