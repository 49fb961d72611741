import { didYouMean } from '../nearest.ts';
import {
  autoName,
  type Backend,
  type BackendAbilities,
  inlineAbilities,
  inlineName,
  inProcessName,
  queueName,
} from './backend.ts';
import { type QueueBackend, queueBackend } from './graphile.ts';
import { inProcessBackend } from './in-process.ts';

/** The backends of an admin. */
export interface Backends {
  readonly queue: QueueBackend;
  /** Those that workers are called by, by their names. */
  readonly called: ReadonlyMap<string, Backend>;
  /** Every name that a task may have, `inline` among them. */
  readonly names: readonly string[];
  /** Is `in-process` listed, for a function to choose? */
  readonly isInProcessAsked: boolean;
  /** Is it one of the project’s own, whose code may fail? */
  isOwn(name: string): boolean;
  /** Null: there is none of this name here. */
  can(name: string): BackendAbilities | null;
}

/** @param own those that the project has itself */
export function buildBackends(
  queueSchema: string,
  own: readonly (Backend | string)[] = [],
): Backends {
  const queue = queueBackend(queueSchema);
  const all = [queue, inProcessBackend(queueSchema), ...own.filter(isBackend)];
  const called = new Map(all.map((backend) => [backend.name, backend]));
  return {
    queue,
    called,
    names: [...called.keys(), inlineName],
    isInProcessAsked: own.includes(inProcessName),
    isOwn: (name) => name !== queueName && name !== inProcessName && called.has(name),
    can: (name) => (name === inlineName ? inlineAbilities : (called.get(name)?.can ?? null)),
  };
}

const isBackend = (one: Backend | string): one is Backend => typeof one !== 'string';

const abilities: Readonly<Record<keyof BackendAbilities, true>> = {
  later: true,
  cancel: true,
  processes: true,
  restart: true,
};
const reserved: readonly string[] = [queueName, inProcessName, inlineName, autoName];

/** What is wrong with the `backends` of an admin, each in a sentence. */
export function backendProblems(given: unknown): string[] {
  if (given === undefined) return [];
  if (!Array.isArray(given)) return ['backends must be a list of backends.'];
  const names = new Set<string>();
  return given.flatMap((backend: Partial<Backend> | string | null, index) => {
    if (backend === inProcessName) return [];
    const { name, can, call, start, migrate } =
      typeof backend === 'object' && backend !== null ? backend : ({} as Partial<Backend>);
    const called = typeof name === 'string' ? `Backend ${name}` : `backends, no. ${index + 1}`;
    const problems: string[] = [];
    if (typeof name !== 'string' || !/^[a-z][a-z0-9-]{0,29}$/.test(name))
      problems.push('its name has small letters, digits and hyphens, at most 30.');
    else if (reserved.includes(name)) problems.push('this name is one of Bulkhead’s own.');
    else if (names.has(name)) problems.push('another backend has this name.');
    names.add(String(name));
    for (const ability of Object.keys(abilities))
      if (typeof can?.[ability as keyof BackendAbilities] !== 'boolean')
        problems.push(`can.${ability} must be true or false.`);
    if (typeof call !== 'function') problems.push('call must be a function.');
    if (typeof start !== 'function') problems.push('start must be a function.');
    if (migrate !== undefined && typeof migrate !== 'function')
      problems.push('migrate must be a function, or left out.');
    return problems.map((problem) => `${called}: ${problem}`);
  });
}

/** Why a choice of a backend is none, with those that there are; null: it is one. */
export function whyNoBackend(choice: unknown, { names }: Pick<Backends, 'names'>): string | null {
  if (typeof choice === 'function' || choice === autoName || names.includes(choice as string))
    return null;
  if (typeof choice !== 'string') return 'must be the name of a backend, or a function.';
  const known = [autoName, ...names];
  return `there is no backend “${choice}”: there are ${known.join(', ')}.${didYouMean(choice, known)}`;
}
