import type { StandardSchemaV1 } from '@standard-schema/spec';

/** What of a task's definition says what it is launched with. */
interface LaunchedBy<S extends StandardSchemaV1> {
  readonly name: string;
  readonly options: { readonly params: S };
}

/**
 * What becomes of a launch where the write is a task's: `own`, a task of its own; `child`, a part of
 * that task; `refuse` throws 'in-task'.
 */
export type InTask = 'own' | 'child' | 'refuse';

/** What a hook may do with other records and tasks. */
export interface WriteCalls {
  /**
   * Holds records of a resource (its slug) for this write. In a task until the task ends, whatever
   * becomes of the write: nobody else changes them. In a form until the form's own write ends.
   * Read them after it, not before.
   *
   * @throws AppError 423 'locked' where another task holds one of them: thrown on, the record is
   *   refused
   */
  lock(resource: string, keys: readonly (string | number)[]): Promise<void>;
  /**
   * Launches a task of yours, on behalf of whoever writes: it is there when the write commits, and
   * not otherwise. Gives its id. What a run of a task of yours writes again, when it begins anew,
   * launches the same with the same parameters. `inTask`: what becomes of it within a task. Default: `own`.
   *
   * @throws AppError as `TaskManager.launch`, 409 'in-task'
   */
  launch<S extends StandardSchemaV1>(
    definition: LaunchedBy<S>,
    params: StandardSchemaV1.InferInput<S>,
    options?: { inTask?: InTask },
  ): Promise<{ readonly id: number }>;
}
