import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below those that systems give to whoever connects somewhere: none is taken by chance meanwhile. */
const range = { from: 15_000, to: 32_000 };
/** Others listen at it, or the system keeps it for somebody. */
const isTaken = /^(EADDRINUSE|EACCES)$/;

/** One of this machine's that nobody listens at just now. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(range.from, range.to);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((done, fail) => {
    const server = createServer();
    server.on('error', (error: NodeJS.ErrnoException) =>
      isTaken.test(error.code ?? '') ? done(false) : fail(error),
    );
    server.listen(port, '127.0.0.1', () => server.close(() => done(true)));
  });
}
