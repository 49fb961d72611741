import type { Concurrency, TaskDefinition } from './define-task.ts';
import type { TaskDefinitions } from './task-definitions.ts';

/** What a worker counts before it takes a task of this name. */
export interface LimitRule {
  readonly name: string;
  /** Null: any number. */
  readonly maxRunning: number | null;
  readonly maxStarts: number | null;
  readonly perMs: number | null;
}

export function concurrencyOf({
  options: { concurrency },
}: TaskDefinition): Concurrency<unknown> | null {
  return typeof concurrency === 'number' ? { max: concurrency } : (concurrency ?? null);
}

/** Of the definitions that have a limit. */
export function limitRules(definitions: TaskDefinitions): LimitRule[] {
  return [...definitions.values()]
    .map((definition) => ({
      name: definition.name,
      maxRunning: concurrencyOf(definition)?.max ?? null,
      maxStarts: definition.options.rate?.max ?? null,
      perMs: definition.options.rate?.perMs ?? null,
    }))
    .filter(({ maxRunning, maxStarts }) => maxRunning !== null || maxStarts !== null);
}
