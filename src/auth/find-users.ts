import { join, query, raw, type Sql, sql } from '../db/sql.ts';
import { notFound } from '../errors.ts';
import type { Claims } from './principal.ts';
import type { Users } from './users.ts';

/** A row of our table of users, as whoever keeps it sees it. */
export interface User {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly roles: readonly string[];
  readonly claims: Claims;
  readonly createdAt: Date;
  /** Null: they never did, or it is not known. */
  readonly signedInAt: Date | null;
  /** Null: they may sign in. */
  readonly deactivatedAt: Date | null;
}

export const userStates = ['active', 'deactivated'] as const;
export type UserState = (typeof userStates)[number];

export interface UserSearch {
  /** In the name or the email; empty: any. */
  text: string;
  /** Null: any. */
  role: string | null;
  state: UserState | null;
}

const selectUser = raw(
  'select id::text, name, email, roles, claims, created_at as "createdAt", signed_in_at as "signedInAt", deactivated_at as "deactivatedAt"',
);

/** A page of them, by name, and whether there are more. Pages are counted from 1. */
export async function listUsers(
  users: Users,
  { text, role, state }: UserSearch,
  { page, limit }: { page: number; limit: number },
): Promise<{ users: User[]; hasMore: boolean }> {
  const wanted = text.trim().toLowerCase();
  const conditions: Sql[] = [sql`true`];
  if (wanted !== '')
    conditions.push(sql`(strpos(lower(name), ${wanted}) > 0 or strpos(email, ${wanted}) > 0)`);
  if (role !== null) conditions.push(sql`${role} = any(roles)`);
  if (state !== null)
    conditions.push(
      state === 'active' ? sql`deactivated_at is null` : sql`deactivated_at is not null`,
    );
  const { rows } = await query<User>(
    users.pages,
    sql`${selectUser} from ${raw(users.t.user)} where ${join(conditions, ' and ')}
      order by lower(name), id limit ${limit + 1} offset ${(page - 1) * limit}`,
  );
  return { users: rows.slice(0, limit), hasMore: rows.length > limit };
}

/** Throws AppError 404 'not-found'. */
export async function getUser(users: Users, id: string): Promise<User> {
  return readOne(users, sql`where id::text = ${id}`);
}

/** In the caller's transaction nobody else changes them then. Throws AppError 404 'not-found'. */
export async function holdUser(users: Users, id: string): Promise<User> {
  return readOne(users, sql`where id::text = ${id} for update`);
}

async function readOne(users: Users, where: Sql): Promise<User> {
  const { rows } = await query<User>(
    users.pages,
    sql`${selectUser} from ${raw(users.t.user)} ${where}`,
  );
  if (!rows[0]) throw notFound();
  return rows[0];
}

/** Null: nobody has it. */
export async function findUserId(users: Users, email: string): Promise<string | null> {
  const { rows } = await query<{ id: string }>(
    users.pages,
    sql`select id::text from ${raw(users.t.user)} where email = ${email}`,
  );
  return rows[0]?.id ?? null;
}
