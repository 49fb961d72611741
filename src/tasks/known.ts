import { editsOf, findOperation, operationsOf, undoneOf } from '../operations/operations.ts';
import type { TaskContext } from './context.ts';
import type { TaskRow } from './task-row.ts';

/** What a worker says of itself that it knows, in its row. */
export interface Knowledge {
  /** Versions of the operations of each resource, by slug and name. */
  bulk: Record<string, Record<string, number>>;
  /** Versions of the parameters of tasks of the project's own, by name. */
  own: Record<string, number>;
  /** Those of them whose own code takes them back. */
  undo: string[];
}

const firstVersion = 1;

export function knowledgeOf({
  registry,
  definitions,
}: Pick<TaskContext, 'registry' | 'definitions'>): Knowledge {
  return {
    bulk: Object.fromEntries(
      registry.list.map((resource) => [
        resource.slug,
        Object.fromEntries(
          operationsOf(resource).map(({ kind, version = firstVersion }) => [kind, version]),
        ),
      ]),
    ),
    own: Object.fromEntries(
      [...definitions].map(([name, { options }]) => [name, options.version ?? firstVersion]),
    ),
    undo: [...definitions].flatMap(([name, { options }]) => (options.undo ? [name] : [])),
  };
}

/** What is not known here of a bulk task. */
export interface Unknown {
  /** In words, as a part of a sentence. */
  readonly words: string;
  /** It is the same for all tasks that wait for the same. */
  readonly name: string;
}

type About = Pick<TaskRow, 'operation' | 'parameters'> & {
  resource: string | null;
  parametersVersion: number;
};

/**
 * What code of another version has launched, and this one does not know, by the resource, the
 * operation, what that takes back, or the fields that it is about; null: all is known. What somebody
 * may not do any more is known.
 */
export function findUnknown(
  { registry }: Pick<TaskContext, 'registry'>,
  task: About,
): Unknown | null {
  const { resource: slug, operation: name, parametersVersion: version } = task;
  const resource = registry.list.find((one) => one.slug === slug);
  if (!resource) return { words: `the resource “${slug}”`, name: `${slug}` };
  const operation = findOperation(resource, name);
  if (!operation) return { words: `the operation “${name}” of “${slug}”`, name: `${slug} ${name}` };
  if (version > (operation.version ?? firstVersion))
    return {
      words: `version ${version} of the operation “${name}” of “${slug}”`,
      name: `${slug} ${name} ${version}`,
    };
  const what = undoneOf(resource, task)?.what;
  if (what)
    return findUnknown({ registry }, { ...what, resource: slug, parametersVersion: firstVersion });
  const { fields } = resource.model;
  const field = editsOf(resource, task).find((edit) => !Object.hasOwn(fields, edit.field))?.field;
  return field === undefined
    ? null
    : { words: `the field “${field}” of “${slug}”`, name: `${slug} .${field}` };
}

/** Is a task, of either kind, known here? */
export function isKnownHere(
  context: Pick<TaskContext, 'registry' | 'definitions'>,
  task: TaskRow,
): boolean {
  if (task.kind === 'bulk') return findUnknown(context, task) === null;
  const options = context.definitions.get(task.operation)?.options;
  return (
    options !== undefined &&
    (options.version ?? firstVersion) >= task.parametersVersion &&
    (!task.isUndo || options.undo !== undefined)
  );
}
