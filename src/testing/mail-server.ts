import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';

/** A mail as it came. */
export interface ReceivedMail {
  from: string;
  to: readonly string[];
  /** Headers and body as they were sent. */
  source: string;
}

export interface MailServer {
  url: string;
  mails: ReceivedMail[];
  /** Ends it; its port stays its own. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** A mail server of a test's own, which keeps what it is sent. */
export async function startMailServer(): Promise<MailServer> {
  const mails: ReceivedMail[] = [];
  let server: SMTPServer | null = null;
  let port = 0;
  const start = async () => {
    server = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS'],
      onData(stream, session, done) {
        const parts: Buffer[] = [];
        stream.on('data', (part: Buffer) => parts.push(part));
        stream.on('end', () => {
          const { mailFrom, rcptTo } = session.envelope;
          mails.push({
            from: mailFrom ? mailFrom.address : '',
            to: rcptTo.map(({ address }) => address),
            source: Buffer.concat(parts).toString('utf8'),
          });
          done();
        });
      },
    });
    // A client that breaks off is no fault of the test's.
    server.on('error', () => undefined);
    const listening = server.listen(port, '127.0.0.1');
    await once(listening, 'listening');
    port = (listening.address() as AddressInfo).port;
  };
  const stop = async () => {
    const ending = server;
    server = null;
    if (ending) await new Promise<void>((done) => ending.close(() => done()));
  };
  await start();
  return { url: `smtp://127.0.0.1:${port}`, mails, stop, start };
}
