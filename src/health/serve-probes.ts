import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerProbe, type ProbeAnswer, type ProbeParts, probePaths } from './probes.ts';

/** Who asks a worker how it is are few, and quick. */
const maxConnections = 50;
const silentMs = 10_000;

/** Answers for a process that has no pages. */
export async function serveProbes(
  { host, port }: { host: string; port: number },
  parts: ProbeParts,
): Promise<{ address: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    // Whatever was sent as an address, it is compared and not parsed: a part of it may be none.
    const [asked] = (request.url ?? '').split('?');
    const path = probePaths.find((one) => one === asked);
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    if (!path || !isRead) return send(response, none);
    answerProbe(path, request.headers.authorization, parts).then(
      (answer) => send(response, answer),
      () => send(response, { ...none, status: 500 }),
    );
  });
  server.maxConnections = maxConnections;
  server.requestTimeout = silentMs;
  server.headersTimeout = silentMs;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const { port: taken, address, family } = server.address() as AddressInfo;
  return {
    address: `http://${family === 'IPv6' ? `[${address}]` : address}:${taken}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const none: ProbeAnswer = { status: 404, headers: { 'cache-control': 'no-store' }, body: '' };

function send(response: ServerResponse, { status, headers, body }: ProbeAnswer): void {
  response.writeHead(status, headers).end(body);
}
