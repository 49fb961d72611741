import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request as it came. */
export interface ReceivedHook {
  path: string;
  method: string;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface HookServer {
  url: string;
  requests: ReceivedHook[];
  /** What the next requests are answered; then 204 again. */
  answers: { status: number; location?: string }[];
  /** Ends it; its port stays its own. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** A web server of a test's own, which keeps what it is sent. */
export async function startHookServer(): Promise<HookServer> {
  const requests: ReceivedHook[] = [];
  const answers: HookServer['answers'] = [];
  let server: Server | null = null;
  let port = 0;
  const start = async () => {
    server = createServer(async (request, reply) => {
      const parts: Buffer[] = [];
      for await (const part of request) parts.push(part as Buffer);
      const { url: path = '', method = '', headers } = request;
      requests.push({ path, method, headers, body: Buffer.concat(parts).toString('utf8') });
      const { status, location } = answers.shift() ?? { status: 204 };
      reply.writeHead(status, { connection: 'close', ...(location && { location }) }).end();
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
  };
  const stop = async () => {
    const ending = server;
    server = null;
    ending?.closeAllConnections();
    if (ending) await new Promise<void>((done) => ending.close(() => done()));
  };
  await start();
  return { url: `http://127.0.0.1:${port}`, requests, answers, stop, start };
}
