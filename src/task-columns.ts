import type { ProjectClient } from './resources/project-types.ts';
import type { TaskInfo } from './task-info.ts';

/** A column of the project's own on the page of all tasks. */
export interface TaskColumn {
  /** Unique among them: letters, digits, `-` and `_`. */
  readonly name: string;
  readonly label: string;
  /**
   * What stands in it, by the ids of tasks: asked once for all tasks of a page. A task without a
   * value has an empty cell.
   */
  readonly value: (
    tasks: readonly TaskInfo[],
    context: { readonly client: ProjectClient },
  ) => ReadonlyMap<number, string> | Promise<ReadonlyMap<number, string>>;
}

/** What is wrong with `taskColumns`, each in a sentence. */
export function taskColumnProblems(given: readonly TaskColumn[] = []): string[] {
  if (!Array.isArray(given)) return ['taskColumns must be a list of { name, label, value }.'];
  return given.flatMap((column, index) => {
    const reason = whyNot(column, given.slice(0, index));
    return reason ? [`taskColumns[${index}]: ${reason}`] : [];
  });
}

function whyNot(column: Partial<TaskColumn> | null, before: readonly TaskColumn[]): string | null {
  const { name, label, value } = column ?? {};
  if (typeof name !== 'string' || !/^[A-Za-z][\w-]{0,49}$/.test(name))
    return 'name begins with a letter and has letters, digits, “-” and “_”, at most 50.';
  if (before.some((one) => one?.name === name)) return 'another column has this name.';
  if (typeof label !== 'string' || label.trim() === '') return 'label must be a text.';
  return typeof value === 'function' ? null : 'value must be a function.';
}
