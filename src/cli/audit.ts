import { auditSecrets } from '../audit/audit-secrets.ts';
import { verifyAudit } from '../audit/verify.ts';
import type { Config } from '../config.ts';
import { openDatabase } from '../db/database.ts';
import { AppError } from '../errors.ts';
import { say } from './command.ts';
import { directUrl } from './connection.ts';

/** Looks through the whole audit; what is wrong with it is an error. */
export async function verifyOf(
  { head: given }: { head?: string },
  config: Config,
): Promise<unknown> {
  const head = given === undefined ? null : given.trim().toLowerCase();
  if (head !== null && !/^[0-9a-f]{64}$/.test(head))
    throw new AppError('usage', 500, 'A head is 64 characters, 0 to 9 and a to f.');
  const db = await openDatabase({
    connectionString: directUrl(config),
    schema: config.BULKHEAD_DATABASE_SCHEMA,
    auditSecrets: await auditSecrets(config),
  });
  try {
    const { sound, unsealed, unsigned, early, checkpoint, problem, ...rest } = await verifyAudit(
      db,
      head,
    );
    if (problem) throw new AppError('audit-broken', 500, `The audit is broken. ${problem}`);
    say(`${count(sound, 'entry is', 'entries are')} as they were when they were sealed.`);
    if (checkpoint && checkpoint.position > 0)
      say(`Those up to seal ${said(checkpoint.position)} have been forgotten in their time.`);
    if (unsealed > 0) say(`${count(unsealed, 'entry waits', 'entries wait')} for a seal.`);
    if (unsigned > 0)
      say(
        `${count(unsigned, 'launch was', 'launches were')} written by the database itself, by SQL or at the end of a task, and nobody signed them.`,
      );
    if (early > 0)
      say(
        `${count(early, 'entry is', 'entries are')} from before there was a secret, and nobody signed them.`,
      );
    say(`Head: ${rest.head.hash || 'none'}`);
    return { sound, unsealed, unsigned, early, checkpoint, head: rest.head };
  } finally {
    await db.close();
  }
}

const said = (number: number) => number.toLocaleString('en');

function count(number: number, one: string, more: string): string {
  return `${said(number)} ${number === 1 ? one : more}`;
}
