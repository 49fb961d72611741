import { createHash } from 'node:crypto';
import { query, raw, sql } from '../db/sql.ts';
import type { Users } from './users.ts';

/** A session, as it is shown to others: its own id lets nobody guess it. */
export interface UserSession {
  /** A digest of the session's own id. */
  readonly id: string;
  /** Null: it is from before that was kept. */
  readonly startedAt: Date | null;
  /** Unless it is prolonged. */
  readonly endsAt: Date;
  /** From where its user signed in; null: not known. */
  readonly address: string | null;
  readonly browser: string | null;
}

/** As a session is listed whose own id is known. */
export function sessionDigest(sid: string): string {
  return createHash('sha256').update(sid).digest('hex');
}

const digest = raw(`encode(sha256(convert_to(sid, 'UTF8')), 'hex')`);

/** The latest first. */
export async function listSessions(
  users: Users,
  userId: string,
  limit: number,
): Promise<UserSession[]> {
  const { rows } = await query<UserSession>(
    users.pages,
    sql`select ${digest} as id, to_timestamp((sess ->> 'startedAt')::float8 / 1000) as "startedAt", expire::timestamptz as "endsAt",
        sess -> 'from' ->> 'address' as address, sess -> 'from' ->> 'browser' as browser
      from ${raw(users.t.session)} where sess ->> 'userId' = ${userId} and expire > now()
      order by (sess ->> 'startedAt')::float8 desc nulls last, sid limit ${limit}`,
  );
  return rows;
}

/** Which sessions end, by the ids under which they are listed; nothing given: all of them. */
export interface EndedSessions {
  but?: string | null;
  only?: string | null;
}

export async function deleteSessions(
  users: Users,
  userId: string,
  { but = null, only = null }: EndedSessions = {},
): Promise<number> {
  const { rowCount } = await query(
    users.pages,
    sql`delete from ${raw(users.t.session)} where sess ->> 'userId' = ${userId}
      and (${but}::text is null or ${digest} <> ${but}) and (${only}::text is null or ${digest} = ${only})`,
  );
  return rowCount ?? 0;
}
