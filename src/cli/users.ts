import { randomBytes } from 'node:crypto';
import { hostname, userInfo } from 'node:os';
import { auditSecrets } from '../audit/audit-secrets.ts';
import { withOrigin } from '../audit/origin.ts';
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
import { systemPrincipal } from '../auth/system-principal.ts';
import { listSessions } from '../auth/user-sessions.ts';
import { normalEmail, roles } from '../auth/users.ts';
import { commandLine } from '../command-line.ts';
import type { Config } from '../config.ts';
import { openDatabase } from '../db/database.ts';
import { AppError } from '../errors.ts';
import { ownProperty } from '../own-property.ts';
import { directUrl } from './connection.ts';
import { migrateAll } from './migrate-all.ts';

/** People, or sessions, that are read in one statement. */
const atATime = 1_000;

const anyRole = roles.join('|');

export const userUsage = [
  `  ${commandLine('user create', `--email EMAIL --name NAME --role ${anyRole}[,…] [--claims JSON] [--password PASSWORD]`)}`,
  `  ${commandLine('user list', '[--json]')}`,
  `  ${commandLine('user roles', `--email EMAIL --role ${anyRole}[,…]`)}`,
  `  ${commandLine('user claims', '--email EMAIL --claims JSON')}`,
  `  ${commandLine('user password', '--email EMAIL [--password PASSWORD]')}`,
  `  ${commandLine('user deactivate', '--email EMAIL')}`,
  `  ${commandLine('user activate', '--email EMAIL')}`,
  `  ${commandLine('user sessions', '--email EMAIL')}`,
  `  ${commandLine('user sign-out', '--email EMAIL')}`,
];

/** What was typed. */
interface Typed {
  email?: string;
  name?: string;
  role?: string;
  claims?: string;
  password?: string;
  json?: boolean;
}

type Command = (typed: Typed, config: Config) => Promise<void>;

/** For the people of Bulkhead's own table. */
export const userCommands = {
  'user create': create,
  'user list': list,
  'user roles': ({ email, role }, config) => {
    const given = rolesIn(required(role, '--role ROLE'));
    return about(email, config, async (act, id) => {
      const { roles: now } = await changeUser(act, id, { roles: given });
      return `${email} has the roles ${now.join(', ')}.`;
    });
  },
  'user claims': ({ email, claims }, config) => {
    const given = claimsIn(required(claims, '--claims JSON'));
    return about(email, config, async (act, id) => {
      const { claims: now } = await changeUser(act, id, { claims: given });
      return `${email} has the claims ${JSON.stringify(now)}.`;
    });
  },
  'user password': ({ email, password: given }, config) => {
    const password = given ?? randomPassword();
    return about(email, config, async (act, id) => {
      await setPassword(act, id, password);
      return `${email} signs in with ${given ? 'the new password' : `the password ${password}`}; sessions of before have ended.`;
    });
  },
  'user deactivate': ({ email }, config) =>
    about(email, config, async (act, id) => {
      await deactivateUser(act, id);
      return `${email} may not sign in any more; sessions have ended, and running tasks stop within seconds.`;
    }),
  'user activate': ({ email }, config) =>
    about(email, config, async (act, id) => {
      await activateUser(act, id);
      return `${email} may sign in again, with the password of before.`;
    }),
  'user sessions': ({ email }, config) =>
    about(email, config, async ({ db }, id) => {
      const sessions = await listSessions(db, id, atATime);
      if (sessions.length === 0) return `${email} is signed in nowhere.`;
      return sessions
        .map(({ startedAt, endsAt, address, browser }) =>
          [
            `since ${startedAt ? timeOf(startedAt) : 'an unknown time'}`,
            `until ${timeOf(endsAt)}`,
            ...[address, browser].filter((part) => part !== null && part !== ''),
          ].join('  '),
        )
        .join('\n');
    }),
  'user sign-out': ({ email }, config) =>
    about(email, config, async (act, id) => {
      const count = await endSessions(act, id);
      return count === 0
        ? `${email} was signed in nowhere.`
        : `${count === 1 ? '1 session' : `${count} sessions`} of ${email} ended.`;
    }),
} as const satisfies Readonly<Record<string, Command>>;

export function isUserCommand(command: string): command is keyof typeof userCommands {
  return ownProperty(userCommands, command) !== undefined;
}

async function create(
  { email, name, role, claims, password: given }: Typed,
  config: Config,
): Promise<void> {
  const values = {
    email: required(email, '--email EMAIL'),
    name: required(name, '--name NAME'),
    roles: rolesIn(required(role, '--role ROLE')),
    claims: claims === undefined ? {} : claimsIn(claims),
    password: given ?? randomPassword(),
  };
  // There may have been no start yet, and people are in tables of ours.
  await migrateAll(directUrl(config), config, {});
  await acting(config, (act) => addUser(act, values));
  const word = given ? '.' : ` with the password ${values.password}`;
  console.log(`${email} can sign in as ${values.roles.join(', ')}${word}`);
}

async function list({ json }: Typed, config: Config): Promise<void> {
  const all: User[] = [];
  await acting(config, async ({ db }) => {
    const any = { text: '', role: null, state: null };
    for (let page = 1, hasMore = true; hasMore; page++) {
      const found = await listUsers(db, any, { page, limit: atATime });
      all.push(...found.users);
      hasMore = found.hasMore;
    }
  });
  if (json) console.log(JSON.stringify(all, null, 2));
  else for (const user of all) console.log(lineOf(user));
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

/** Does it with whoever has the email, and prints what was done. */
async function about(
  email: string | undefined,
  config: Config,
  work: (act: Act, id: string) => Promise<string>,
): Promise<void> {
  const address = required(email, '--email EMAIL');
  const done = await acting(config, async (act) => {
    const id = await findUserId(act.db, normalEmail(address));
    if (id === null) throw new AppError('no-user', 500, `There is no user ${address}.`);
    return work(act, id);
  });
  console.log(done);
}

async function acting<T>(config: Config, work: (act: Act) => Promise<T>): Promise<T> {
  const db = await openDatabase({
    connectionString: directUrl(config),
    schema: config.BULKHEAD_DATABASE_SCHEMA,
    auditSecrets: await auditSecrets(config),
  });
  try {
    const name = `${userInfo().username}@${hostname()}`;
    return await withOrigin({ kind: 'command', name }, () =>
      work({ db, by: systemPrincipal('command') }),
    );
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
