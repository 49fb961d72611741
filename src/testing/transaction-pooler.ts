import { type AddressInfo, createServer, type Socket } from 'node:net';
import pg from 'pg';

/** A session with the server, lent to whoever begins a transaction. */
interface Session {
  socket: Socket;
  owner: Socket | null;
  /** Of the server's messages, what is not whole yet. */
  rest: Buffer;
}

export interface TransactionPooler {
  through(connectionString: string): string;
  stop(): Promise<void>;
}

const int = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const message = (type: string, ...parts: (Buffer | string)[]) => {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
  return Buffer.concat([Buffer.from(type), int(body.length + 4), body]);
};

/**
 * A pooler in transaction mode that keeps nothing of what a client began with, as some do: sessions
 * are opened beforehand, and each transaction gets the one that has rested longest.
 */
export async function startTransactionPooler(
  connectionString: string,
  size: number,
): Promise<TransactionPooler> {
  const clients = Array.from({ length: size }, () => new pg.Client({ connectionString }));
  const waiting: (() => void)[] = [];
  const free: Session[] = [];
  const fronts = new Set<Socket>();
  for (const client of clients) {
    client.on('error', () => undefined);
    await client.connect();
    const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
    stream.removeAllListeners('data');
    const session: Session = { socket: stream, owner: null, rest: Buffer.alloc(0) };
    stream.on('data', (chunk) => hear(session, chunk));
    stream.on('close', () => {
      for (const front of fronts) front.destroy();
    });
    free.push(session);
  }
  const server = createServer((front) => {
    fronts.add(front);
    front.on('error', () => undefined);
    let session: Session | null = null;
    let isWaiting = false;
    let hasBegun = false;
    const held: Buffer[] = [];
    const send = () => {
      if (session && session.owner !== front) session = null;
      if (!session) session = free.shift() ?? null;
      if (!session) {
        if (!isWaiting) waiting.push(() => send());
        isWaiting = true;
        return;
      }
      isWaiting = false;
      session.owner = front;
      session.socket.write(Buffer.concat(held.splice(0)));
    };
    front.on('data', (chunk) => {
      if (!hasBegun) {
        hasBegun = true;
        front.write(
          Buffer.concat([message('R', int(0)), message('K', int(1), int(1)), message('Z', 'I')]),
        );
        return;
      }
      // Goodbye is for us alone.
      if (chunk[0] === 0x58) return void front.end();
      held.push(chunk);
      send();
    });
    front.on('close', () => fronts.delete(front));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  return {
    through(url) {
      const changed = new URL(url);
      changed.host = `127.0.0.1:${port}`;
      return changed.href;
    },
    async stop() {
      for (const front of fronts) front.destroy();
      await new Promise((done) => server.close(done));
      for (const client of clients) await client.end();
    },
  };

  /**
   * Passes on what the server says; a transaction is over when the server says that it waits
   * outside of one.
   */
  function hear(session: Session, chunk: Buffer): void {
    session.owner?.write(chunk);
    let rest = Buffer.concat([session.rest, chunk]);
    let isOver = false;
    while (rest.length >= 5 && rest.length > rest.readInt32BE(1)) {
      const length = rest.readInt32BE(1) + 1;
      isOver = rest[0] === 0x5a ? rest[5] === 0x49 : false;
      rest = rest.subarray(length);
    }
    session.rest = rest;
    if (!isOver || rest.length > 0) return;
    session.owner = null;
    free.push(session);
    waiting.shift()?.();
  }
}
