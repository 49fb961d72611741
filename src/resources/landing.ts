import { types } from 'node:util';

/** Where somebody is led once a task of theirs is launched to the background. */
export type LaunchLanding = (typeof launchLandings)[number];
export const launchLandings = ['dialog', 'task-page', 'list'] as const;

/** What they are shown when it ends while they watch it. */
export type FinishLanding = (typeof finishLandings)[number];
export const finishLandings = ['toast', 'task-page'] as const;

/** A task as `afterLaunch` and `afterFinish` are asked of it. */
export interface LandedTask {
  readonly id: number;
  /** Name of the operation. */
  readonly operation: string;
  readonly title: string;
  readonly state: string;
  readonly changed: number;
  readonly failed: number;
}

/** One of them, or a function that says which; it answers at once. */
export type Landing<Name extends string> = Name | ((task: LandedTask) => Name);

export function landingProblem(names: readonly string[], given: unknown): string | null {
  if (given === undefined || names.includes(given as string)) return null;
  if (types.isAsyncFunction(given)) return 'must answer at once: it is async.';
  if (typeof given === 'function') return null;
  return `must be ${names.map((name) => `"${name}"`).join(' or ')}, or a function that says which.`;
}

/** Asks for one; code that throws, or says anything else, is told in the log, and the first is taken. */
export function askedLanding<Name extends string>(
  about: {
    resource: string;
    option: string;
    onUnreadable: (message: string, details: Record<string, unknown>) => void;
  },
  names: readonly [Name, ...Name[]],
  given: Landing<Name> | undefined,
): (task: LandedTask) => Name {
  const [first] = names;
  if (typeof given !== 'function') return () => given ?? first;
  const { resource, option, onUnreadable } = about;
  return ({ id, operation, title, state, changed, failed }) => {
    try {
      const answer = given({ id, operation, title, state, changed, failed });
      if (names.includes(answer)) return answer;
      throw new Error(`it says ${JSON.stringify(answer)}`);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      onUnreadable(`${resource}: ${option} failed, so "${first}" is taken`, { resource, why });
      return first;
    }
  };
}
