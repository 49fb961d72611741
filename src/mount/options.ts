import type { AdminDefinition } from '../admin-definition.ts';
import type { People } from '../auth/people.ts';
import type { Principal } from '../auth/principal.ts';
import { prefixPattern } from '../config.ts';
import { AppError } from '../errors.ts';
import { principalOfHost } from '../http/host-request.ts';
import { unknownOptions } from '../nearest.ts';

type Found = Principal | null | undefined;

/** How an admin is mounted in an app of yours, whose requests are of this type. */
export interface MountOptions<Request> {
  /** Where its pages are: a slash and a name, such as `/admin`. */
  prefix: string;
  /** What `defineAdmin` gives. */
  admin: AdminDefinition;
  /**
   * Who is asking, by your own session, token or header; null: nobody is signed in. Asked once for
   * each page. Left out: `people` of the definition say it, else Bulkhead's own page for signing in.
   */
  getUser?: ((request: Request) => Found | Promise<Found>) | undefined;
  /**
   * Somebody as they are now, by the id that `getUser` gives; null: they are gone, or may not come in
   * any more, and their tasks end. Needed beside `getUser`.
   */
  refreshUser?: ((id: string) => Found | Promise<Found>) | undefined;
  /**
   * Where somebody goes to sign in, and comes back from to `next`, a path of this site. Default: a page
   * says that they are not signed in.
   */
  signInUrl?: ((to: { next: string }) => string) | undefined;
  /** Of the database. Default: `DATABASE_URL` of the environment. */
  databaseUrl?: string | undefined;
  /** Runs tasks in this process too, until it is closed. Default: workers apart do. */
  worker?: boolean | undefined;
}

const names = [
  'prefix',
  'admin',
  'getUser',
  'refreshUser',
  'signInUrl',
  'databaseUrl',
  'worker',
] as const;

/** Throws AppError 'invalid-mount' for what cannot have been meant, in one sentence. */
export function checkMount(
  options: Partial<MountOptions<never>>,
  prefix: unknown,
  others: readonly string[] = [],
): void {
  const { admin, getUser, refreshUser, databaseUrl, worker } = options;
  const people = admin?.people;
  const problem =
    unknownOptions(options, [...names, ...others])[0] ??
    (typeof prefix !== 'string' || prefix === '' || !prefixPattern.test(prefix)
      ? `prefix must be a slash and letters, digits, hyphens and underscores, such as /admin, and is ${JSON.stringify(prefix)}.`
      : !Array.isArray(admin?.resources)
        ? 'admin must be what defineAdmin gives.'
        : (['getUser', 'refreshUser', 'signInUrl'] as const)
            .filter((name) => options[name] !== undefined && typeof options[name] !== 'function')
            .map((name) => `${name} must be a function.`)[0]);
  if (problem) throw invalid(problem, prefix);
  if (getUser && !refreshUser && !people)
    throw invalid(
      'refreshUser is missing beside getUser: tasks ask it, by id, who somebody is now, and end where it gives null.',
      prefix,
    );
  if (!getUser && !people && (refreshUser || options.signInUrl))
    throw invalid(
      'getUser is missing: it says who is asking, and without it people sign in on Bulkhead’s own page.',
      prefix,
    );
  if (worker !== undefined && typeof worker !== 'boolean')
    throw invalid('worker must be true or false.', prefix);
  if ((databaseUrl ?? process.env.DATABASE_URL ?? '') === '')
    throw invalid('databaseUrl is missing, and DATABASE_URL is not set.', prefix);
}

export function invalid(problem: string, prefix: unknown): AppError {
  const at = typeof prefix === 'string' && prefix !== '' ? ` at ${prefix}` : '';
  return new AppError('invalid-mount', 500, `Bulkhead${at}: ${problem}`);
}

/** The definition, with the people of the app that it is mounted in. */
export function withPeople({
  admin,
  getUser,
  refreshUser,
  signInUrl,
}: MountOptions<never>): AdminDefinition {
  if (!getUser && !refreshUser && !signInUrl) return admin;
  const people = {
    ...admin.people,
    ...(getUser && {
      getUser: ({ raw }: Parameters<People['getUser']>[0]) => principalOfHost(raw),
    }),
    ...(refreshUser && { refreshUser }),
    ...(signInUrl && { signInUrl }),
  };
  return { ...admin, people: people as People };
}
