import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { ConnectionError } from 'fastify';
import plugin from 'fastify-plugin';
import { limits, limitTexts } from '../../limits.ts';
import { shellTexts } from '../shell/shell-texts.ts';

/**
 * So many connections are served; some more are told so, and what comes beyond them is ended as it
 * begins.
 */
export const connections = plugin(
  async (app) => {
    const { server } = app;
    const surplus = new WeakSet<Socket>();
    let open = 0;
    server.maxConnections = limits.server.connections + limits.server.connectionsAnswered;
    server.on('connection', (socket: Socket) => {
      open += 1;
      if (open > limits.server.connections) surplus.add(socket);
      socket.once('close', () => {
        open -= 1;
      });
    });
    app.addHook('onRequest', async ({ raw }, reply) => {
      if (!surplus.has(raw.socket)) return;
      return reply
        .code(503)
        .header('connection', 'close')
        .type('text/plain; charset=utf-8')
        .send(limitTexts.connections);
    });
  },
  { name: 'bulkhead-connections' },
);

const answered = new WeakSet<Socket>();
/**
 * For so long what still arrives is read and thrown away: a connection that is ended before takes
 * its answer with it.
 */
const readOnMs = 1_000;

/** What is no request that could be answered by a page is answered in a sentence. */
export function answerClientError({ code }: ConnectionError, socket: Socket): void {
  if (answered.has(socket)) return;
  answered.add(socket);
  if (!socket.writable || code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const [status, message] = sentences[code] ?? [400, shellTexts.errors['bad-request']];
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Connection: close',
    'Content-Type: text/plain; charset=utf-8',
  ];
  socket.end([...head, `Content-Length: ${Buffer.byteLength(message)}`, '', message].join('\r\n'));
  socket.once('end', () => socket.destroy());
  setTimeout(() => socket.destroy(), readOnMs).unref();
}

const sentences: Readonly<Record<string, readonly [number, string]>> = {
  HPE_HEADER_OVERFLOW: [431, limitTexts.headers],
  ERR_HTTP_REQUEST_TIMEOUT: [408, limitTexts.silent],
};
