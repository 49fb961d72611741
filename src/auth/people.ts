import { types } from 'node:util';
import type { FastifyRequest } from 'fastify';
import { DatabaseError } from '../db/database-error.ts';
import { sqlstate } from '../db/sqlstate.ts';
import { unknownOptions } from '../nearest.ts';
import { within } from '../within.ts';
import type { Principal } from './principal.ts';
import { isSystem, personOf } from './system-principal.ts';

/** A task that is about no resource, as `seesTask` is asked of it. */
export interface SeenTask {
  /** Of its definition. */
  readonly name: string;
  /** Who launched it, as they were then. */
  readonly principal: Principal;
}

type Found = Principal | null | undefined;

/**
 * Who the people of an admin are. Left out they are the rows of Bulkhead's own table of users, who
 * sign in on its own page.
 */
export interface People {
  /** Who is asking; null: nobody is signed in. Asked once a request. */
  getUser(request: FastifyRequest): Found | Promise<Found>;
  /**
   * Somebody as they are now, by the id that `getUser` gives; null: they are gone, or may not come in
   * any more. Asked before each write of a task: it runs by the roles and claims of today. While it
   * throws, or does not answer within ten seconds, the task waits.
   */
  refreshUser(id: string): Found | Promise<Found>;
  /** Everybody who has this role. Default: it cannot be said. */
  usersWithRole?(role: string): readonly Principal[] | Promise<readonly Principal[]>;
  /**
   * Does somebody see a task that another has launched, and that is about no resource? It answers at
   * once. Default: whoever sees the tasks of every resource. Whoever launched a task sees it.
   */
  seesTask?(principal: Principal, task: SeenTask): boolean;
  /**
   * Where somebody goes to sign in, and comes back from to `next`, a path of this site. Default: a page
   * says that they are not signed in.
   */
  signInUrl?(to: { next: string }): string;
}

/** What code of the project's that is no request asks of people. */
export interface PeopleAtHand {
  /** Somebody as they are now; null: they are gone, or the system itself. */
  findUser(id: string): Promise<Principal | null>;
  /** Everybody who has this role; left out where it cannot be said. */
  usersWithRole?(role: string): readonly Principal[] | Promise<readonly Principal[]>;
}

/** People as the rest asks for them. */
export interface AskedPeople extends Pick<People, 'usersWithRole'> {
  getUser(request: FastifyRequest): Promise<Principal | null>;
  /** `launched`: as they were when they launched what is now to run. */
  findUser(id: string, launched: Principal): Promise<Principal | null>;
  readonly seesTask?: (principal: Principal, task: SeenTask) => boolean;
  /** Where they sign in, where that is elsewhere and known. */
  readonly signInUrl?: (next: string) => string | null;
  /** Is it on our own page that they sign in? */
  readonly isOurs: boolean;
}

type Log = (level: 'error', message: string, details: Record<string, unknown>) => void;

/** Longest that `refreshUser` is waited for. */
const defaultAnswerMs = 10_000;

/**
 * A project's people, whose answers are looked at. What `refreshUser` throws passes, as a database that
 * does not answer does, and so does that it does not answer: what is to run waits.
 */
export function askedPeople(people: People, log: Log, answerMs = defaultAnswerMs): AskedPeople {
  const { usersWithRole, seesTask, signInUrl } = people;
  return {
    isOurs: false,
    getUser: async (request) => personOf(personIn('getUser', await people.getUser(request))),
    async findUser(id, { timeZone }) {
      try {
        const answer = within(Promise.resolve(people.refreshUser(id)), answerMs);
        const found = personIn('refreshUser', await answer);
        return found && personOf(timeZone === undefined ? found : { timeZone, ...found });
      } catch (error) {
        log('error', 'people cannot be asked', { error });
        const message = 'Whether they may come in cannot be asked.';
        const nothing = { constraint: null, column: null };
        throw new DatabaseError(sqlstate.connectionFailure, message, nothing, error);
      }
    },
    ...(usersWithRole && { usersWithRole: (role) => usersWithRole.call(people, role) }),
    ...(seesTask && {
      seesTask(principal, task) {
        try {
          const answer: unknown = seesTask.call(people, principal, task);
          if (typeof answer === 'boolean') return answer;
          log('error', 'who sees a task cannot be told', { error: 'neither true nor false' });
        } catch (error) {
          log('error', 'who sees a task cannot be told', { error });
        }
        return false;
      },
    }),
    ...(signInUrl && {
      signInUrl(next) {
        try {
          const answer: unknown = signInUrl.call(people, { next });
          // Into a header, which takes nothing else.
          if (typeof answer === 'string' && /^[\x21-\x7e]+$/.test(answer)) return answer;
          log('error', 'where people sign in is no address', {});
        } catch (error) {
          log('error', 'where people sign in cannot be asked', { error });
        }
        return null;
      },
    }),
  };
}

export function peopleForCode({ findUser, usersWithRole }: AskedPeople): PeopleAtHand {
  return {
    findUser: async (id) => (isSystem({ id }) ? null : findUser(id, { id, name: '', roles: [] })),
    ...(usersWithRole && { usersWithRole }),
  };
}

/** What a principal is, and nothing else of what was given: it is stored with every task. */
function personIn(asker: string, given: Found): Principal | null {
  if (given === null || given === undefined) return null;
  const { id, name, email, timeZone, roles, claims } = given;
  const isPerson = [id, name].every((text) => typeof text === 'string' && text !== '');
  if (!isPerson || !Array.isArray(roles) || roles.some((role) => typeof role !== 'string'))
    throw new Error(`people: ${asker} gives id and name, texts, and roles, a list of texts.`);
  return {
    id,
    name,
    roles,
    ...(email !== undefined && { email }),
    ...(timeZone !== undefined && { timeZone }),
    ...(claims !== undefined && { claims }),
  };
}

const asked: Readonly<Record<keyof People, 'needed' | 'optional'>> = {
  getUser: 'needed',
  refreshUser: 'needed',
  usersWithRole: 'optional',
  seesTask: 'optional',
  signInUrl: 'optional',
};

/** What is wrong with `people` of an admin, in sentences. */
export function peopleProblems(given: unknown): string[] {
  if (given === undefined) return [];
  if (typeof given !== 'object' || given === null)
    return ['people must be an object of functions.'];
  const names = Object.keys(asked) as (keyof People)[];
  const people = given as Partial<Record<keyof People, unknown>>;
  return [
    ...unknownOptions(people, names).map((problem) => `people: ${problem}`),
    ...names
      .filter((name) => people[name] !== undefined || asked[name] === 'needed')
      .filter((name) => typeof people[name] !== 'function')
      .map((name) => `people: ${name} must be a function.`),
    ...(types.isAsyncFunction(people.seesTask)
      ? ['people: seesTask must answer at once: it is async.']
      : []),
  ];
}
