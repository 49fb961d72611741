import { request as forward, type IncomingHttpHeaders } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text as wholeText } from 'node:stream/consumers';
import tls from 'node:tls';

// Of tests alone, for this machine, until 2126.
const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg4cuO/gK0iJ3xgEcS
WMIpGHNt8TN2l6bvDn2fnbsqu86hRANCAARUEHwYTnpnf4ob/P+RGViT9n7VhgdZ
ddbBmpXVvwhabSaXe4wYnkc/cvsNuWopSJqPACXObPguf4tRy2QVAyZ7
-----END PRIVATE KEY-----
`;
const cert = `-----BEGIN CERTIFICATE-----
MIIBqjCCAU+gAwIBAgIUMuPfdfjz/lgM+CF691cftFr3UAswCgYIKoZIzj0EAwIw
FTETMBEGA1UEAwwKYWRtaW4udGVzdDAgFw0yNjExMzAyMDA4MjJaGA8yMTI2MTEw
NjIwMDgyMlowFTETMBEGA1UEAwwKYWRtaW4udGVzdDBZMBMGByqGSM49AgEGCCqG
SM49AwEHA0IABFQQfBhOemd/ihv8/5EZWJP2ftWGB1l11sGaldW/CFptJpd7jBie
Rz9y+w25ailImo8AJc5s+C5/i1HLZBUDJnujezB5MB0GA1UdDgQWBBQAOymOlp39
CvGdevY3vis2m069FDAfBgNVHSMEGDAWgBQAOymOlp39CvGdevY3vis2m069FDAm
BgNVHREEHzAdggphZG1pbi50ZXN0gglsb2NhbGhvc3SHBH8AAAEwDwYDVR0TAQH/
BAUwAwEB/zAKBggqhkjOPQQDAgNJADBGAiEAi72vu6V/CKswTx93P/fdQM/IksW6
yB82E2xpUdfpEq0CIQD4CJnAJ1qS7s5RQ5g1ef/c2GOZUdOHikd9lgh1TG0/2Q==
-----END CERTIFICATE-----
`;

/** What a proxy does beside ending TLS. */
export interface ProxyOptions {
  /** Where the pages are. */
  to: string;
  /** Taken from the path that it was asked for, before it goes on. */
  stripped?: string;
  /** Left out: it says that it speaks HTTPS. */
  isSilent?: boolean;
}

export interface HttpsProxy {
  /** `https://localhost:…` */
  readonly address: string;
  stop(): Promise<void>;
}

/**
 * A reverse proxy as they are set up: ends TLS, takes requests and answers whole before it passes
 * them on, and says by X-Forwarded-… who asked and how, whatever a client had said of that.
 */
export async function startHttpsProxy({
  to,
  stripped = '',
  isSilent = false,
}: ProxyOptions): Promise<HttpsProxy> {
  // As if the machine's authorities had signed it.
  tls.setDefaultCACertificates([...tls.getCACertificates('default'), cert]);
  const server = createServer({ key, cert }, async (asked, answer) => {
    const body = await wholeText(asked);
    const { host = '', ...headers } = withoutHops(asked.headers);
    const before = asked.headers['x-forwarded-for'];
    const seen = asked.socket.remoteAddress ?? '';
    const path = (asked.url ?? '').replace(new RegExp(`^${stripped}(?=[/?]|$)`), '') || '/';
    const passed = forward(
      new URL(path, to),
      {
        method: asked.method,
        headers: {
          ...headers,
          host,
          'x-forwarded-for': before ? `${before}, ${seen}` : seen,
          'x-forwarded-host': host,
          ...(isSilent ? {} : { 'x-forwarded-proto': 'https' }),
        },
      },
      async (given) => {
        const chunks = await given.toArray();
        answer.writeHead(given.statusCode ?? 502, withoutHops(given.headers));
        answer.end(Buffer.concat(chunks));
      },
    );
    passed.on('error', () => answer.writeHead(502).end());
    passed.end(body);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  return {
    address: `https://localhost:${port}`,
    stop() {
      server.closeAllConnections();
      return new Promise((done) => server.close(() => done()));
    },
  };
}

/** What is between two of them, and goes no further. */
function withoutHops(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const { connection: _, 'keep-alive': _kept, 'transfer-encoding': _coded, ...rest } = headers;
  return rest;
}
