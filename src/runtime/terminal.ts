import { createInterface } from 'node:readline/promises';

/** Where text goes. `columns` and `rows` are 0 and `interactive` false when the stream is a file or a pipe. */
export interface TextSink {
  write(text: string): void;
  readonly interactive: boolean;
  readonly columns: number;
  readonly rows: number;
  readonly colours: boolean;
}

export interface Terminal {
  stdout: TextSink;
  stderr: TextSink;
  /** All of standard input as text; used for `TOKEN` given as `-`. */
  readStdin(): Promise<string>;
  /** One line of an answer; absent where nobody sits at a terminal. */
  ask?: ((question: string) => Promise<string>) | undefined;
}

type Streams = {
  stdout: NodeJS.WriteStream;
  stderr: NodeJS.WriteStream;
  stdin: NodeJS.ReadStream;
  env: Readonly<Record<string, string | undefined>>;
  /** Called when what goes to standard output is lost (a full disk), but not when nobody wants it (`| head`). */
  onOutputLost: () => void;
};

export function nodeTerminal(streams: Streams): Terminal {
  return {
    stdout: sink(streams.stdout, streams.env, streams.onOutputLost),
    stderr: sink(streams.stderr, streams.env, () => undefined),
    readStdin: async () => {
      let text = '';
      for await (const chunk of streams.stdin) text += String(chunk);
      return text;
    },
    ask:
      streams.stdin.isTTY === true && streams.stderr.isTTY === true ? (question) => ask(streams, question) : undefined,
  };
}

async function ask({ stdin, stderr }: Streams, question: string): Promise<string> {
  const lines = createInterface({ input: stdin, output: stderr });
  try {
    return await lines.question(question);
  } finally {
    lines.close();
  }
}

function sink(stream: NodeJS.WriteStream, env: Streams['env'], onLost: () => void): TextSink {
  // `| head` closes our output, a disk may be full: the work goes on, the text is dropped.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') onLost();
  });
  return {
    write: (text) => void stream.write(text),
    get interactive() {
      return stream.isTTY === true && env['TERM'] !== 'dumb' && env['CI'] === undefined;
    },
    get columns() {
      return stream.isTTY ? stream.columns : 0;
    },
    get rows() {
      return stream.isTTY ? stream.rows : 0;
    },
    get colours() {
      // As Node, chalk and others: what forces colours comes first.
      const { FORCE_COLOR: forced = '', NO_COLOR: noColour = '' } = env;
      if (forced !== '') return !['0', 'false'].includes(forced);
      return stream.isTTY === true && env['TERM'] !== 'dumb' && noColour === '';
    },
  };
}
