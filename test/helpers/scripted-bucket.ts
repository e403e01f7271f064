import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { answer, startChaosServer, type ChaosStep } from './chaos-server.js';

/** A bucket in memory, as much of S3 as a push asks for, whose answers a test may replace. */
export interface ScriptedBucket {
  url: string;
  objects: Map<string, BucketObject>;
  /** Asked before each request; what it gives answers in place of the bucket. */
  meddle: (request: IncomingMessage, number: number) => ChaosStep | undefined;
  /** Requests so far. */
  count: number;
  close(): Promise<void>;
}

interface BucketObject {
  bytes: Buffer;
  /** As its header says. */
  sha256: string;
}

export async function startScriptedBucket(name: string): Promise<ScriptedBucket> {
  const server = await startChaosServer({ host: '127.0.0.1' });
  const bucket: ScriptedBucket = {
    url: server.url,
    objects: new Map(),
    meddle: () => undefined,
    count: 0,
    close: server.close,
  };
  server.scriptAll(async (request, response) => {
    const meddled = bucket.meddle(request, bucket.count++);
    if (meddled !== undefined) return meddled(request, response);
    const { pathname, searchParams } = new URL(request.url!, server.url);
    const key = decodeURIComponent(pathname.slice(`/${name}/`.length));
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const right = ((): ChaosStep => {
      const found = bucket.objects.get(key);
      if (request.method === 'PUT') {
        bucket.objects.set(key, { bytes: body, sha256: String(request.headers['x-amz-meta-sha256'] ?? '') });
        return answer(200, { etag: tagOf(body) });
      }
      if (request.method === 'DELETE') return bucket.objects.delete(key) ? answer(204) : answer(404);
      if (key === '' && searchParams.has('uploads')) return answer(200, {}, '<R></R>');
      if (key === '') return answer(200, {}, listing(bucket.objects, searchParams));
      if (found === undefined) return answer(404, {}, '<Error><Code>NoSuchKey</Code></Error>');
      const headers = { etag: tagOf(found.bytes), 'x-amz-meta-sha256': found.sha256 };
      return request.method === 'HEAD' ? answer(200, headers) : answer(200, headers, found.bytes.toString());
    })();
    await right(request, response);
  });
  return bucket;
}

const tagOf = (bytes: Buffer): string => `"${createHash('md5').update(bytes).digest('hex')}"`;

function listing(objects: ReadonlyMap<string, BucketObject>, query: URLSearchParams): string {
  const prefix = query.get('prefix') ?? '';
  const delimiter = query.get('delimiter');
  const listed = [...objects].filter(
    ([key]) => key.startsWith(prefix) && (delimiter === null || !key.slice(prefix.length).includes(delimiter)),
  );
  const contents = listed.map(
    ([key, { bytes }]) =>
      `<Contents><Key>${encodeURIComponent(key)}</Key><Size>${bytes.length}</Size><ETag>${tagOf(bytes)}</ETag></Contents>`,
  );
  return `<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>${contents.join('')}</ListBucketResult>`;
}
