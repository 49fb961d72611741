import { createHash } from 'node:crypto';
import type { TableNames } from '../db/names.ts';
import type { Queryable } from '../db/transaction.ts';
import { AppError } from '../errors.ts';
import { limits, limitTexts } from '../limits.ts';
import { hashPassword } from './passwords.ts';
import type { Principal } from './principal.ts';
import { looksLikeSystem } from './system-principal.ts';

export const roles = ['admin', 'editor', 'viewer'] as const;
export type Role = (typeof roles)[number];

export interface NewUser {
  email: string;
  name: string;
  password: string;
  /** Of `roles`; any other is refused. */
  roles: readonly string[];
}

/** Where users are: the database's pool, or a transaction of the caller's. */
export interface Users {
  readonly pages: Queryable;
  readonly t: TableNames;
}

export const minPasswordLength = 10;

/**
 * Emails are compared in lower case. Throws AppError 422 `invalid-user` with `fieldErrors`, or 409
 * `email-taken`.
 */
export async function createUser(users: Users, user: NewUser): Promise<Principal> {
  const email = normalEmail(user.email);
  const name = user.name.trim();
  assertUser({ ...user, email, name });
  const { rows } = await users.pages.query<Principal & { email: string }>(
    `insert into ${users.t.user} (id, email, name, password_hash, roles) values (gen_random_uuid(), $1, $2, $3, $4)
     on conflict (email) do nothing returning id, name, email, roles`,
    [email, name, await hashPassword(user.password), user.roles],
  );
  if (!rows[0]) {
    const message = 'There is already a user with this email.';
    throw new AppError('email-taken', 409, message, { fieldErrors: { email: message } });
  }
  return rows[0];
}

export function normalEmail(email: string): string {
  return email.trim().toLowerCase();
}

function assertUser({ email, name, password, roles: given }: NewUser): void {
  const wrong: Record<string, string> = {};
  if (!/^[^\s@]+@[^\s@]+$/.test(email) || email.length > limits.signIn.emailLength)
    wrong.email = 'This is not an email address.';
  if (name === '' || name.length > limits.signIn.nameLength) wrong.name = limitTexts.name;
  if (looksLikeSystem(name)) wrong.name = 'A name that begins with “system:” is the system’s own.';
  const badPassword = passwordProblem(password);
  if (badPassword) wrong.password = badPassword;
  if (given.length === 0 || given.some((role) => !roles.includes(role as Role)))
    wrong.roles = `A role is one of ${roles.join(', ')}.`;
  const reasons = Object.values(wrong);
  if (reasons.length > 0)
    throw new AppError('invalid-user', 422, reasons.join(' '), { fieldErrors: wrong });
}

/**
 * The mark that a session keeps of its user's password, by the hash of it. It changes with the
 * password and does not reveal it.
 */
export function passwordMark(passwordHash: string): string {
  return createHash('sha256').update(passwordHash).digest('hex').slice(0, 32);
}

export async function readPasswordMark(users: Users, id: string): Promise<string> {
  const { rows } = await users.pages.query<{ passwordHash: string }>(
    `select password_hash as "passwordHash" from ${users.t.user} where id::text = $1`,
    [id],
  );
  return rows[0] ? passwordMark(rows[0].passwordHash) : '';
}

/**
 * Sets a password. Sessions that began with the old one end with their next request. False: there
 * is no such user. Throws AppError 422.
 */
export async function setPassword(users: Users, email: string, password: string): Promise<boolean> {
  const wrong = passwordProblem(password);
  if (wrong) throw new AppError('invalid-user', 422, wrong, { fieldErrors: { password: wrong } });
  const { rowCount } = await users.pages.query(
    `update ${users.t.user} set password_hash = $2 where email = $1`,
    [normalEmail(email), await hashPassword(password)],
  );
  return rowCount === 1;
}

function passwordProblem(password: string): string | null {
  if (password.length < minPasswordLength)
    return `A password needs at least ${minPasswordLength} characters.`;
  return password.length > limits.signIn.passwordLength ? limitTexts.password : null;
}

/**
 * Deactivates a user: signed out everywhere with the next request, and their tasks stop before they
 * write again.
 */
export async function deactivateUser(users: Users, email: string): Promise<boolean> {
  const { rowCount } = await users.pages.query(
    `update ${users.t.user} set deactivated_at = now() where email = $1 and deactivated_at is null`,
    [normalEmail(email)],
  );
  return rowCount === 1;
}

export async function hasUsers(users: Users): Promise<boolean> {
  const { rowCount } = await users.pages.query(`select 1 from ${users.t.user} limit 1`);
  return rowCount === 1;
}
