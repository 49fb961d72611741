import { randomBytes } from 'node:crypto';
import { auditSecrets } from '../audit/audit-secrets.ts';
import {
  type Act,
  activateUser,
  addUser,
  changeUser,
  deactivateUser,
  endSessions,
  setPassword,
} from '../auth/change-users.ts';
import { parseClaims } from '../auth/claims.ts';
import { findUserId, listUsers, type User } from '../auth/find-users.ts';
import type { Claims } from '../auth/principal.ts';
import { listSessions } from '../auth/user-sessions.ts';
import { normalEmail, roles } from '../auth/users.ts';
import type { Config } from '../config.ts';
import { openDatabase } from '../db/database.ts';
import { AppError } from '../errors.ts';
import { asCommand } from './as-operator.ts';
import { type Command, say } from './command.ts';
import { directUrl } from './connection.ts';
import { migrateAll } from './migrate-all.ts';

/** People, or sessions, that are read in one statement. */
const atATime = 1_000;

const anyRole = roles.join('|');

const email = { type: 'string', value: 'EMAIL', says: 'whose account it is' } as const;
const role = {
  type: 'string',
  value: `${anyRole}[,…]`,
  says: 'what they may do, by the names of roles',
} as const;
const claims = {
  type: 'string',
  value: 'JSON',
  says: 'what rules of the project’s read of them',
} as const;
const password = {
  type: 'string',
  value: 'PASSWORD',
  says: 'unless given, one is drawn, and said',
} as const;

/** What was typed. */
interface UserOptions {
  email?: string;
  name?: string;
  role?: string;
  claims?: string;
  password?: string;
}

/** What was done, in a sentence and as a document. */
interface UserOutcome {
  readonly text: string;
  readonly document: unknown;
}

/** For the people of Bulkhead's own table. */
export const userCommands = {
  'user create': {
    says: 'Makes an account.',
    options: {
      email,
      name: { type: 'string', value: 'NAME', says: 'what they are called' },
      role,
      claims,
      password,
    },
    gives: '`{ email, roles }`, and `password` where it was drawn',
    run: create,
  },
  'user list': {
    says: 'Lists the people, with their roles and when they signed in last.',
    options: {},
    gives: 'a list of people',
    run: (_, config) => list(config),
  },
  'user roles': {
    says: 'Gives somebody these roles in place of those they had.',
    options: { email, role },
    gives: '`{ email, roles }`',
    run: (typed: UserOptions, config) => {
      const given = rolesIn(required(typed.role, '--role ROLE'));
      return about(typed, config, async (act, id) => {
        const { roles: now } = await changeUser(act, id, { roles: given });
        return {
          text: `${typed.email} has the roles ${now.join(', ')}.`,
          document: { roles: now },
        };
      });
    },
  },
  'user claims': {
    says: 'Gives somebody these claims in place of those they had.',
    options: { email, claims },
    gives: '`{ email, claims }`',
    run: (typed: UserOptions, config) => {
      const given = claimsIn(required(typed.claims, '--claims JSON'));
      return about(typed, config, async (act, id) => {
        const { claims: now } = await changeUser(act, id, { claims: given });
        return {
          text: `${typed.email} has the claims ${JSON.stringify(now)}.`,
          document: { claims: now },
        };
      });
    },
  },
  'user password': {
    says: 'Gives somebody a new password; their sessions end.',
    options: { email, password },
    gives: '`{ email }`, and `password` where it was drawn',
    run: (typed: UserOptions, config) => {
      const { password: given } = typed;
      const fresh = given ?? randomPassword();
      return about(typed, config, async (act, id) => {
        await setPassword(act, id, fresh);
        const which = given ? 'the new password' : `the password ${fresh}`;
        return {
          text: `${typed.email} signs in with ${which}; sessions of before have ended.`,
          document: given ? {} : { password: fresh },
        };
      });
    },
  },
  'user deactivate': {
    says: 'Lets somebody in no more; their sessions end, and running tasks of theirs stop.',
    options: { email },
    gives: '`{ email, isActive }`',
    run: (typed: UserOptions, config) =>
      about(typed, config, async (act, id) => {
        await deactivateUser(act, id);
        return {
          text: `${typed.email} may not sign in any more; sessions have ended, and running tasks stop within seconds.`,
          document: { isActive: false },
        };
      }),
  },
  'user activate': {
    says: 'Lets somebody in again.',
    options: { email },
    gives: '`{ email, isActive }`',
    run: (typed: UserOptions, config) =>
      about(typed, config, async (act, id) => {
        await activateUser(act, id);
        return {
          text: `${typed.email} may sign in again, with the password of before.`,
          document: { isActive: true },
        };
      }),
  },
  'user sessions': {
    says: 'Lists where somebody is signed in.',
    options: { email },
    gives: '`{ email, sessions }`',
    run: (typed: UserOptions, config) => sessionsOf(typed, config),
  },
  'user sign-out': {
    says: 'Ends the sessions of somebody.',
    options: { email },
    gives: '`{ email, sessions }`: how many ended',
    run: (typed: UserOptions, config) =>
      about(typed, config, async (act, id) => {
        const count = await endSessions(act, id);
        const ended = count === 1 ? '1 session' : `${count} sessions`;
        const text =
          count === 0
            ? `${typed.email} was signed in nowhere.`
            : `${ended} of ${typed.email} ended.`;
        return { text, document: { sessions: count } };
      }),
  },
} as const satisfies Readonly<Record<string, Command>>;

async function create(typed: UserOptions, config: Config): Promise<unknown> {
  const { email: address, name, role: given, claims: said } = typed;
  const values = {
    email: required(address, '--email EMAIL'),
    name: required(name, '--name NAME'),
    roles: rolesIn(required(given, '--role ROLE')),
    claims: said === undefined ? {} : claimsIn(said),
    password: typed.password ?? randomPassword(),
  };
  // There may have been no start yet, and people are in tables of ours.
  await migrateAll(directUrl(config), config, {});
  await acting(config, (act) => addUser(act, values));
  const drawn = typed.password === undefined ? { password: values.password } : {};
  const word = typed.password === undefined ? ` with the password ${values.password}` : '.';
  say(`${address} can sign in as ${values.roles.join(', ')}${word}`);
  return { email: values.email, roles: values.roles, ...drawn };
}

async function list(config: Config): Promise<User[]> {
  const all: User[] = [];
  await acting(config, async ({ db }) => {
    const any = { text: '', role: null, state: null };
    for (let page = 1, hasMore = true; hasMore; page++) {
      const found = await listUsers(db, any, { page, limit: atATime });
      all.push(...found.users);
      hasMore = found.hasMore;
    }
  });
  for (const user of all) say(lineOf(user));
  return all;
}

function lineOf({ email, name, roles: own, claims, signedInAt, deactivatedAt }: User): string {
  return [
    email,
    name,
    own.join(','),
    JSON.stringify(claims),
    deactivatedAt ? `deactivated ${timeOf(deactivatedAt)}` : `signed in ${timeOf(signedInAt)}`,
  ].join('  ');
}

async function sessionsOf(typed: UserOptions, config: Config): Promise<unknown> {
  const address = required(typed.email, '--email EMAIL');
  const sessions = await acting(config, async ({ db }) =>
    listSessions(db, await idOf(db, address), atATime),
  );
  if (sessions.length === 0) say(`${address} is signed in nowhere.`);
  for (const { startedAt, endsAt, address: from, browser } of sessions)
    say(
      [
        `since ${startedAt ? timeOf(startedAt) : 'an unknown time'}`,
        `until ${timeOf(endsAt)}`,
        ...[from, browser].filter((part) => part !== null && part !== ''),
      ].join('  '),
    );
  const shown = sessions.map(({ startedAt, endsAt, address: from, browser }) => ({
    ...{ startedAt, endsAt, address: from, browser },
  }));
  return { email: address, sessions: shown };
}

/** Does it with whoever has the email, and says what was done. */
async function about(
  typed: UserOptions,
  config: Config,
  work: (act: Act, id: string) => Promise<UserOutcome>,
): Promise<unknown> {
  const address = required(typed.email, '--email EMAIL');
  const { text, document } = await acting(config, async (act) =>
    work(act, await idOf(act.db, address)),
  );
  say(text);
  return { email: address, ...(document as object) };
}

async function idOf(db: Act['db'], address: string): Promise<string> {
  const id = await findUserId(db, normalEmail(address));
  if (id === null) throw new AppError('no-user', 500, `There is no user ${address}.`);
  return id;
}

async function acting<T>(config: Config, work: (act: Act) => Promise<T>): Promise<T> {
  const db = await openDatabase({
    connectionString: directUrl(config),
    schema: config.BULKHEAD_DATABASE_SCHEMA,
    auditSecrets: await auditSecrets(config),
  });
  try {
    return await asCommand((by) => work({ db, by }));
  } finally {
    await db.close();
  }
}

function required(given: string | undefined, option: string): string {
  if (!given) throw new AppError('usage', 500, `${option} is missing. See --help.`);
  return given;
}

function rolesIn(given: string): string[] {
  const wanted = given.split(',').map((role) => role.trim());
  const unknown = wanted.find((role) => !roles.some((one) => one === role));
  if (unknown !== undefined)
    throw new AppError(
      'usage',
      500,
      `There is no role "${unknown}". A role is one of ${roles.join(', ')}.`,
    );
  return wanted;
}

function claimsIn(given: string): Claims {
  const parsed = parseClaims(given);
  if ('claims' in parsed) return parsed.claims;
  throw new AppError('usage', 500, parsed.problem);
}

function randomPassword(): string {
  return randomBytes(12).toString('base64url');
}

function timeOf(at: Date | null): string {
  return at === null ? 'never' : at.toISOString();
}
