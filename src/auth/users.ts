import { createHash } from 'node:crypto';
import type { TableNames } from '../db/names.ts';
import { sqlstate, sqlstateOf } from '../db/sqlstate.ts';
import type { Queryable } from '../db/transaction.ts';
import { AppError } from '../errors.ts';
import { limits, limitTexts } from '../limits.ts';
import { claimsProblem } from './claims.ts';
import { hashPassword } from './passwords.ts';
import type { Claims, Principal } from './principal.ts';
import { looksLikeSystem } from './system-principal.ts';

export const roles = ['admin', 'editor', 'viewer'] as const;
export type Role = (typeof roles)[number];

/** May they see and change who the people are? */
export function mayKeepUsers({ roles: own }: Pick<Principal, 'roles'>): boolean {
  return own.includes('admin');
}

/** What an admin says of somebody. */
export interface UserValues {
  email: string;
  name: string;
  /** Of `roles`; any other is refused. */
  roles: readonly string[];
  claims: Claims;
}

export interface NewUser extends Omit<UserValues, 'claims'> {
  password: string;
  /** Default: none. */
  claims?: Claims;
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
  const values = normalValues({ claims: {}, ...user });
  const { email, name, claims } = values;
  refuseProblems({ ...problemsOf(values), ...passwordProblem(user.password) });
  const { rows } = await users.pages.query<Principal & { email: string }>(
    `insert into ${users.t.user} (id, email, name, password_hash, roles, claims) values (gen_random_uuid(), $1, $2, $3, $4, $5)
     on conflict (email) do nothing returning id, name, email, roles, claims`,
    [email, name, await hashPassword(user.password), values.roles, JSON.stringify(claims)],
  );
  if (!rows[0]) throw emailTaken();
  return rows[0];
}

export function normalEmail(email: string): string {
  return email.trim().toLowerCase();
}

/** As they are kept: each role once, in one order. */
export function normalValues(values: UserValues): UserValues {
  const others = values.roles.filter((role) => !roles.includes(role as Role));
  return {
    email: normalEmail(values.email),
    name: values.name.trim(),
    roles: [...roles.filter((role) => values.roles.includes(role)), ...new Set(others)],
    claims: values.claims,
  };
}

export function valuesOf({ email, name, roles: own, claims }: UserValues): UserValues {
  return { email, name, roles: own, claims };
}

/** Sentences by the names of fields. */
type FieldProblems = Readonly<Record<string, string>>;

/** `had`: roles of theirs that others may have given them, and that they may keep. */
export function problemsOf(
  { email, name, roles: given, claims }: UserValues,
  had: readonly string[] = [],
): FieldProblems {
  const wrong: Record<string, string> = {};
  if (!/^[^\s@]+@[^\s@]+$/.test(email) || email.length > limits.signIn.emailLength)
    wrong.email = 'This is not an email address.';
  if (name === '' || name.length > limits.signIn.nameLength) wrong.name = limitTexts.name;
  if (hasUnseen(name)) wrong.name = 'A name is one line, of characters that are seen.';
  if (looksLikeSystem(name)) wrong.name = 'A name that begins with “system:” is the system’s own.';
  const known: readonly string[] = [...roles, ...had];
  if (given.length === 0 || given.some((role) => !known.includes(role)))
    wrong.roles = `A role is one of ${roles.join(', ')}.`;
  const badClaims = claimsProblem(claims);
  if (badClaims) wrong.claims = badClaims;
  return wrong;
}

/** Ends of lines, and what turns the writing around or is not seen: joiners are of some languages. */
function hasUnseen(name: string): boolean {
  return /[\p{Cc}\u2028\u2029\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]/u.test(name);
}

export function passwordProblem(password: string): FieldProblems {
  if (password.length < minPasswordLength)
    return { password: `A password needs at least ${minPasswordLength} characters.` };
  return password.length > limits.signIn.passwordLength ? { password: limitTexts.password } : {};
}

/** Throws AppError 422 `invalid-user` where there are any. */
export function refuseProblems(problems: FieldProblems): void {
  const reasons = Object.values(problems);
  if (reasons.length > 0)
    throw new AppError('invalid-user', 422, reasons.join(' '), { fieldErrors: problems });
}

export function emailTaken(): AppError {
  const message = 'There is already a user with this email.';
  return new AppError('email-taken', 409, message, { fieldErrors: { email: message } });
}

/** Another was given the email at the same time. */
export function isEmailTaken(error: unknown): boolean {
  return sqlstateOf(error) === sqlstate.uniqueViolation;
}

/**
 * The mark that a session keeps of its user's password, by the hash of it. It changes with the
 * password and does not reveal it.
 */
export function passwordMark(passwordHash: string): string {
  return createHash('sha256').update(passwordHash).digest('hex').slice(0, 32);
}

/** Somebody comes in now. Returns the mark of their password. */
export async function noteSignIn(users: Users, id: string): Promise<string> {
  const { rows } = await users.pages.query<{ passwordHash: string }>(
    `update ${users.t.user} set signed_in_at = now() where id::text = $1 returning password_hash as "passwordHash"`,
    [id],
  );
  return rows[0] ? passwordMark(rows[0].passwordHash) : '';
}

export async function hasUsers(users: Users): Promise<boolean> {
  const { rowCount } = await users.pages.query(`select 1 from ${users.t.user} limit 1`);
  return rowCount === 1;
}
