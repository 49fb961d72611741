import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface Relay {
  through(connectionString: string): string;
  /**
   * From now on what either side says comes nowhere, and no connection ends: nobody can tell it from
   * a network that has lost its packets. Whoever connects anew is taken, and hears nothing.
   */
  swallow(): void;
  /** The same for connections that there are; whoever connects anew is served. */
  swallowOpen(): void;
  /** Those that were swallowed stay so, as when nobody sends again what was lost. */
  swallowNothingMore(): void;
  stop(): Promise<void>;
}

interface Pair {
  front: Socket;
  back: Socket | null;
  isSwallowed: boolean;
}

/** Stands before a server and passes everything on, until it is said to pass nothing on. */
export async function startRelay(connectionString: string, port = 0): Promise<Relay> {
  const target = new URL(connectionString);
  const pairs = new Set<Pair>();
  let isSwallowing = false;
  const server = createServer((front) => {
    const pair: Pair = { front, back: null, isSwallowed: isSwallowing };
    pairs.add(pair);
    front.on('error', () => undefined);
    front.on('close', () => leave(pair, pair.back));
    if (isSwallowing) return void front.resume();
    const back = connect(Number(target.port || 5432), target.hostname);
    pair.back = back;
    back.on('error', () => undefined);
    back.on('close', () => leave(pair, front));
    front.on('data', (chunk) => pair.isSwallowed || back.write(chunk));
    back.on('data', (chunk) => pair.isSwallowed || front.write(chunk));
  });
  await new Promise<void>((done) => server.listen(port, '127.0.0.1', done));
  const own = (server.address() as AddressInfo).port;
  const swallowOpen = () => {
    for (const pair of pairs) pair.isSwallowed = true;
  };
  return {
    swallowOpen,
    through(url) {
      const changed = new URL(url);
      changed.host = `127.0.0.1:${own}`;
      return changed.href;
    },
    swallow() {
      isSwallowing = true;
      swallowOpen();
    },
    swallowNothingMore() {
      isSwallowing = false;
    },
    async stop() {
      for (const { front, back } of pairs) {
        front.destroy();
        back?.destroy();
      }
      await new Promise((done) => server.close(done));
    },
  };

  /** Neither side hears of the other's end where nothing is passed on. */
  function leave(pair: Pair, other: Socket | null): void {
    if (!pair.isSwallowed) other?.destroy();
    if (pair.front.destroyed && (pair.back?.destroyed ?? true)) pairs.delete(pair);
  }
}
