import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** Stands before a server, and can hold back all that is said, as a network that loses every packet. */
export interface HeldRelay {
  /** From then on it leads there. */
  through(connectionString: string): string;
  hold(): void;
  goOn(): void;
  stop(): Promise<void>;
}

export async function startHeldRelay(): Promise<HeldRelay> {
  let server = { hostname: '', port: '' };
  const sockets = new Set<Socket>();
  let isHeld = false;
  const relay = createServer((front) => {
    const back = connect(Number(server.port), server.hostname);
    for (const [one, other] of [
      [front, back],
      [back, front],
    ] as const) {
      sockets.add(one);
      one.on('data', (bytes) => {
        other.write(bytes);
        if (isHeld) one.pause();
      });
      one.on('error', () => undefined);
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
      if (isHeld) one.pause();
    }
  });
  await new Promise<void>((done) => relay.listen(0, '127.0.0.1', done));
  const own = (relay.address() as AddressInfo).port;
  return {
    through(connectionString) {
      server = new URL(connectionString);
      const url = new URL(connectionString);
      url.hostname = '127.0.0.1';
      url.port = String(own);
      return url.href;
    },
    hold() {
      isHeld = true;
      for (const socket of sockets) socket.pause();
    },
    goOn() {
      isHeld = false;
      for (const socket of sockets) socket.resume();
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => relay.close(done));
    },
  };
}
