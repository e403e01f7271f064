import { setImmediate } from 'node:timers/promises';
import { createTarDecoder, type ParsedTarEntry } from 'modern-tar';

export interface TarMemberOptions {
  /** Compared with the members' names as they stand: nothing is cut, cleaned or followed. */
  wanted: ReadonlySet<string>;
  /** Of one wanted member. */
  maxMemberBytes: number;
  /** Read to the end of the archive, so that damage anywhere in it is noticed, instead of stopping when all are found. */
  whole: boolean;
  /** Told the name of each member in order: false ends the reading, and until then it goes on when all that is wanted is found. */
  goesOn?: ((name: string) => boolean) | undefined;
}

/**
 * The wanted regular files of a tar archive, by name; those that are not there are missing from the result. Stops pulling
 * from `tar` once it has them all (unless `whole`, or `goesOn` says how far).
 *
 * @throws Error saying what is wrong with the archive; whatever `tar` throws.
 */
export async function readTarMembers(
  tar: AsyncIterable<Uint8Array>,
  options: TarMemberOptions,
): Promise<Map<string, Uint8Array>> {
  const { readable, writable } = createTarDecoder({ strict: true });
  const reader = readable.getReader();
  const found = new Map<string, Uint8Array>();
  const feeding = feed(tar, writable.getWriter());
  try {
    while (options.whole || options.goesOn !== undefined || found.size < options.wanted.size) {
      const { done, value: entry } = await reader.read().catch(feeding.explain);
      if (done || options.goesOn?.(entry.header.name) === false) break;
      const content = await takeEntry(entry, found, options).catch(feeding.explain);
      if (content !== undefined) found.set(entry.header.name, content);
    }
  } finally {
    feeding.stop();
    await reader.cancel().catch(() => undefined);
    // Waited for, so that nobody reads on when this returns.
    await feeding.ended;
  }
  return found;
}

/**
 * The content of a wanted entry; any other is read past. Not by `body.cancel()`: modern-tar then drops the body that it is at by now, which may be
 * the next entry's, and that one never ends. Throws where a wanted one is not what it should be.
 */
function takeEntry(
  { header: { name, size, type }, body }: ParsedTarEntry,
  found: ReadonlyMap<string, Uint8Array>,
  options: TarMemberOptions,
): Promise<Uint8Array | void> {
  if (!options.wanted.has(name)) return drain(body);
  if (found.has(name)) throw new Error(`it holds ${name} twice`);
  if (type !== 'file') throw new Error(`${name} in it is a ${type}, not a file`);
  if (size > options.maxMemberBytes) {
    throw new Error(`${name} in it has ${size} bytes, more than the ${options.maxMemberBytes} that are believable`);
  }
  return collect(body, size);
}

async function drain(body: AsyncIterable<Uint8Array>): Promise<void> {
  const chunks = body[Symbol.asyncIterator]();
  while ((await chunks.next()).done !== true);
}

async function collect(body: AsyncIterable<Uint8Array>, size: number): Promise<Uint8Array> {
  const content = new Uint8Array(size);
  let at = 0;
  for await (const chunk of body) {
    content.set(chunk, at);
    at += chunk.length;
  }
  return content;
}

/** Pumps `tar` into the decoder until it ends, fails or is stopped; `ended` never rejects, faults come out of the decoder. */
function feed(tar: AsyncIterable<Uint8Array>, writer: WritableStreamDefaultWriter<Uint8Array>) {
  let stopped = false;
  let sourceFault: { error: unknown } | undefined;

  async function* watched(): AsyncGenerator<Uint8Array> {
    try {
      yield* tar;
    } catch (error) {
      sourceFault = { error };
      throw error;
    }
  }

  async function pump(): Promise<void> {
    for await (const chunk of watched()) {
      await writer.write(chunk);
      // Gives the reader its turn: without it the next block is unpacked before the reader can say that it has all it wants.
      await setImmediate();
      if (stopped) return;
    }
    await writer.close();
  }

  return {
    ended: pump().catch((error: unknown) => writer.abort(error).catch(() => undefined)),
    stop: () => void (stopped = true),
    /** Tells a fault of `tar` from one that the decoder found in it. */
    explain: (error: unknown): never => {
      if (sourceFault !== undefined) throw sourceFault.error;
      throw new Error(`the tar archive in it is damaged (${error instanceof Error ? error.message : String(error)})`, {
        cause: error,
      });
    },
  };
}
