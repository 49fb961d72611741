import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface KillAt {
  /** Number of the statement, from 1; none where it never comes. */
  statement: number;
  /** Whether the server still gets it. What it answers is never heard. */
  isSent: boolean;
}

export interface KillingProxy {
  through(connectionString: string): string;
  /** What was said to the server, in its order. */
  statements: readonly string[];
  /** Resolves when the statement came and everything was cut. */
  killed: Promise<void>;
  stop(): Promise<void>;
}

interface Front {
  socket: Socket;
  back: Socket;
  /** Of its messages, what is not whole yet. */
  rest: Buffer;
  hasBegun: boolean;
}

/**
 * Stands before a server, counts statements over all connections, and cuts every one of them at
 * one: to the server it is as if the process had died.
 */
export async function startKillingProxy(
  connectionString: string,
  { statement: last, isSent }: KillAt,
): Promise<KillingProxy> {
  const { hostname, port } = new URL(connectionString);
  const fronts = new Set<Front>();
  const statements: string[] = [];
  let isDead = false;
  let tell: () => void = () => undefined;
  const killed = new Promise<void>((done) => {
    tell = done;
  });
  const server = createServer((socket) => {
    if (isDead) return void socket.destroy();
    const front: Front = {
      socket,
      back: connect(Number(port), hostname),
      rest: Buffer.alloc(0),
      hasBegun: false,
    };
    fronts.add(front);
    for (const [one, other] of [
      [socket, front.back],
      [front.back, socket],
    ] as const) {
      one.on('error', () => undefined);
      one.on('close', () => other.destroy());
    }
    socket.on('close', () => fronts.delete(front));
    front.back.on('data', (chunk) => {
      if (!isDead) socket.write(chunk);
    });
    socket.on('data', (chunk) => {
      if (isDead) return;
      const isLast = listen(front, chunk);
      if (!isLast || isSent) front.back.write(chunk);
      if (isLast) die();
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const own = (server.address() as AddressInfo).port;
  return {
    statements,
    killed,
    through(url) {
      const changed = new URL(url);
      changed.host = `127.0.0.1:${own}`;
      return changed.href;
    },
    async stop() {
      for (const { socket } of fronts) socket.destroy();
      if (server.listening) await new Promise((done) => server.close(done));
    },
  };

  /** Notes the statements that are whole now; true when the last one is among them. */
  function listen(front: Front, chunk: Buffer): boolean {
    let rest = Buffer.concat([front.rest, chunk]);
    let isLast = false;
    if (!front.hasBegun && rest.length >= 4 && rest.length >= rest.readInt32BE(0)) {
      rest = rest.subarray(rest.readInt32BE(0));
      front.hasBegun = true;
    }
    while (front.hasBegun && rest.length >= 5 && rest.length > rest.readInt32BE(1)) {
      const length = rest.readInt32BE(1) + 1;
      const type = String.fromCharCode(rest[0] ?? 0);
      if (type === 'Q' || type === 'P') {
        const from = type === 'Q' ? 5 : rest.indexOf(0, 5) + 1;
        statements.push(
          rest
            .subarray(from, rest.indexOf(0, from))
            .toString()
            .trim()
            .replaceAll(/\s+/g, ' ')
            .slice(0, 120),
        );
        isLast ||= statements.length === last;
      }
      rest = rest.subarray(length);
    }
    front.rest = rest;
    return isLast;
  }

  // What was given to the socket before still reaches the server; after it comes the end.
  function die(): void {
    isDead = true;
    server.close();
    for (const { socket, back } of fronts) {
      back.end();
      socket.destroy();
    }
    tell();
  }
}
