import { createServer, connect, type Socket } from 'node:net';

/** Between ssh and sshd; breaks the line where it is told to. */
export interface BrokenLine {
  port: number;
  /** Bytes that each connection has carried, both ways, since the last `arm`. */
  carried(): number[];
  /** `act` is called once, as the connection of that number (from 0) has carried so many bytes; the line is cut where it says so. */
  arm(at?: { connection: number; bytes: number; act: () => 'cut' | 'goes on' }): void;
  close(): Promise<void>;
}

export async function startBrokenLine(to: number): Promise<BrokenLine> {
  let bytes: number[] = [];
  let armed: Parameters<BrokenLine['arm']>[0];
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const number = bytes.push(0) - 1;
    const far = connect(to, '127.0.0.1');
    const pair = [near, far];
    for (const socket of pair) {
      open.add(socket);
      const other = socket === near ? far : near;
      socket.on('error', () => other.destroy());
      socket.on('close', () => (open.delete(socket), other.destroy()));
      socket.on('end', () => other.end());
      socket.on('data', (piece) => {
        let sent: Buffer | undefined = piece as Buffer;
        const before = bytes[number] ?? 0;
        bytes[number] = before + piece.length;
        if (armed?.connection === number && bytes[number]! >= armed.bytes) {
          const { bytes: limit, act } = armed;
          armed = undefined;
          // What lies before the cut still gets there.
          sent = act() === 'cut' ? sent.subarray(0, Math.max(0, limit - before)) : sent;
          if (sent.length < piece.length) {
            other.write(sent, () => pair.forEach((each) => each.resetAndDestroy()));
            return;
          }
        }
        other.write(sent);
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    carried: () => bytes,
    arm(at) {
      bytes = [];
      armed = at;
    },
    close: () => {
      for (const socket of open) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
