import { isDeepStrictEqual } from 'node:util';
import type { AuditAct } from '../audit/acts.ts';
import { writeEntry } from '../audit/entry.ts';
import type { Database } from '../db/database.ts';
import { query, raw, sql } from '../db/sql.ts';
import { transaction } from '../db/transaction.ts';
import { AppError } from '../errors.ts';
import { getUser, holdUser, type User } from './find-users.ts';
import { hashPassword } from './passwords.ts';
import type { Principal } from './principal.ts';
import { deleteSessions, type EndedSessions } from './user-sessions.ts';
import {
  createUser,
  emailTaken,
  isEmailTaken,
  type NewUser,
  normalEmail,
  normalValues,
  passwordMark,
  passwordProblem,
  problemsOf,
  refuseProblems,
  type Users,
  type UserValues,
  valuesOf,
} from './users.ts';

declare module '../errors.ts' {
  interface ErrorDetails {
    /** Somebody as they are now. */
    readonly now?: UserValues;
  }
}

/** Of which database, and who does it: a person, or the system for a command. */
export interface Act {
  readonly db: Pick<Database, 'pages' | 't' | 'auditKeys'>;
  readonly by: Principal;
}

/** Each of these is whole in one transaction, with its entry in the audit. */
function within<T>({ db, by }: Act, work: (users: Users, note: Note) => Promise<T>): Promise<T> {
  return transaction(db.pages, (client) =>
    work({ pages: client, t: db.t }, (act, { email }, details = {}) =>
      writeEntry(client, db, { act, by, details: { email, ...details } }),
    ),
  );
}

/** What was done to whom. */
type Note = (
  act: AuditAct,
  user: Pick<UserValues, 'email'>,
  details?: Readonly<Record<string, unknown>>,
) => Promise<void>;

/** Throws AppError 422 'invalid-user' or 409 'email-taken', with `fieldErrors`. */
export function addUser(act: Act, user: NewUser): Promise<Principal> {
  return within(act, async (users, note) => {
    const created = await createUser(users, user);
    const { roles, claims = {} } = normalValues({ claims: {}, ...user });
    await note('user-created', { email: normalEmail(user.email) }, { roles, claims });
    return created;
  });
}

/**
 * Changes what is given of somebody; it counts from their next request on, and for their running
 * tasks a second later. `was`: as whoever changes them saw them.
 *
 * Throws AppError 404 'not-found', 422 'invalid-user', 409 'email-taken', 409 'user-changed' where
 * they are not as they were any more, and 409 'last-admin'.
 */
export function changeUser(
  act: Act,
  id: string,
  changes: Partial<UserValues>,
  was?: UserValues,
): Promise<User> {
  return within(act, async (users, note) => {
    const admins = await holdAdmins(users);
    const user = await holdUser(users, id);
    if (was && !isSame(was, user)) throw userChanged(user);
    const values = normalValues({ ...valuesOf(user), ...changes });
    refuseProblems(problemsOf(values, user.roles));
    if (!values.roles.includes('admin')) assertNotLast(admins, id);
    await writeValues(users, id, values);
    const changed = differing(user, values);
    if (Object.keys(changed).length > 0) await note('user-changed', user, { changed });
    return { ...user, ...values };
  });
}

/**
 * Sets a password and ends the sessions that began with another, but for that of whoever sets their
 * own. Returns the mark that a session keeps of it. Throws AppError 404 'not-found' or 422
 * 'invalid-user'.
 */
export async function setPassword(
  act: Act,
  id: string,
  password: string,
  but: string | null = null,
): Promise<string> {
  refuseProblems(passwordProblem(password));
  const hash = await hashPassword(password);
  return within(act, async (users, note) => {
    const user = await holdUser(users, id);
    await query(
      users.pages,
      sql`update ${raw(users.t.user)} set password_hash = ${hash} where id::text = ${id}`,
    );
    await deleteSessions(users, id, { but });
    await note('password-set', user);
    return passwordMark(hash);
  });
}

/**
 * Deactivates somebody: signed out everywhere with the next request, and their tasks stop within
 * a second and a chunk. Throws AppError 404 'not-found', 409 'own-account' and 409 'last-admin'.
 */
export function deactivateUser(act: Act, id: string): Promise<User> {
  return within(act, async (users, note) => {
    const admins = await holdAdmins(users);
    const user = await holdUser(users, id);
    if (act.by.id === id)
      throw new AppError('own-account', 409, 'Nobody deactivates themselves: ask another admin.');
    assertNotLast(admins, id);
    const { rowCount } = await query(
      users.pages,
      sql`update ${raw(users.t.user)} set deactivated_at = now() where id::text = ${id} and deactivated_at is null`,
    );
    await deleteSessions(users, id);
    if (rowCount === 1) await note('user-deactivated', user);
    return user;
  });
}

/** They may sign in again, with the password that they had. Throws AppError 404 'not-found'. */
export function activateUser(act: Act, id: string): Promise<User> {
  return within(act, async (users, note) => {
    const user = await holdUser(users, id);
    // Of a session that began as they were deactivated nothing is left to come back to.
    const { rowCount } = await query(
      users.pages,
      sql`update ${raw(users.t.user)} set deactivated_at = null where id::text = ${id} and deactivated_at is not null`,
    );
    if (rowCount === 0) return user;
    await deleteSessions(users, id);
    await note('user-activated', user);
    return user;
  });
}

/** Ends sessions of somebody's. Returns how many have ended. Throws AppError 404 'not-found'. */
export function endSessions(act: Act, id: string, which: EndedSessions = {}): Promise<number> {
  return within(act, async (users, note) => {
    const user = await getUser(users, id);
    const count = await deleteSessions(users, id, which);
    if (count > 0) await note('sessions-ended', user, { count });
    return count;
  });
}

/** What is other than it was: both, by the names of values. */
function differing(
  was: UserValues,
  now: UserValues,
): Record<string, { from: unknown; to: unknown }> {
  const [before, after] = [plain(was), plain(now)] as Record<string, unknown>[];
  const names = Object.keys(valuesOf(now)) as (keyof UserValues)[];
  return Object.fromEntries(
    names
      .filter((name) => !isDeepStrictEqual(before?.[name], after?.[name]))
      .map((name) => [name, { from: before?.[name], to: after?.[name] }]),
  );
}

function isSame(was: UserValues, user: User): boolean {
  return isDeepStrictEqual(plain(was), plain(user));
}

/** As a form brings it back; in which order names of claims stand does not count. */
function plain(values: UserValues): unknown {
  return JSON.parse(JSON.stringify(valuesOf(values)));
}

function userChanged(now: User): AppError {
  const message = 'Somebody else has changed this person meanwhile. Nothing was saved.';
  return new AppError('user-changed', 409, message, { now: valuesOf(now) });
}

/**
 * Everybody who is an admin and may sign in. Of two at once that take one away, the second waits
 * here, and sees whom the first has left.
 */
async function holdAdmins(users: Users): Promise<string[]> {
  const { rows } = await query<{ id: string }>(
    users.pages,
    sql`select id::text from ${raw(users.t.user)} where 'admin' = any(roles) and deactivated_at is null order by id for update`,
  );
  return rows.map(({ id }) => id);
}

function assertNotLast(admins: readonly string[], id: string): void {
  if (admins.length !== 1 || admins[0] !== id) return;
  const message = 'This is the last admin who may sign in: make another first.';
  throw new AppError('last-admin', 409, message, { fieldErrors: { roles: message } });
}

async function writeValues(users: Users, id: string, values: UserValues): Promise<void> {
  const { email, name, roles, claims } = values;
  try {
    await query(
      users.pages,
      sql`update ${raw(users.t.user)} set email = ${email}, name = ${name}, roles = ${roles}, claims = ${JSON.stringify(claims)} where id::text = ${id}`,
    );
  } catch (error) {
    throw isEmailTaken(error) ? emailTaken() : error;
  }
}
