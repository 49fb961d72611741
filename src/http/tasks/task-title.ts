import type { Principal } from '../../auth/principal.ts';
import { shownText } from '../../fields/stored-text.ts';
import type { Undone } from '../../operations/contract.ts';
import { getEdit } from '../../operations/edits/edits.ts';
import { type FieldEdit, relatedIds } from '../../operations/field-edit.ts';
import { editsOf, findOperation, type Run, undoneOf } from '../../operations/operations.ts';
import { editWords, type OperationWords } from '../../operations/words.ts';
import type { Resource } from '../../resources/contract.ts';
import { cutText } from '../../selection/cut.ts';
import { describeItem } from '../../selection/describe-filter.ts';
import { findFilterField } from '../../selection/filter-fields.ts';
import { conditionsOf } from '../../selection/filter-titles.ts';
import { type RelationTarget, relatedTitles, relationTarget } from '../../selection/related.ts';
import type { TaskContext } from '../../tasks/context.ts';
import type { Holder } from '../../tasks/looking/holders.ts';
import { getTask, listTasksById } from '../../tasks/looking/queries.ts';
import type { TaskRow } from '../../tasks/task-row.ts';
import { findResource, visibleFilter } from './task-filter.ts';
import { taskTexts } from './tasks-texts.ts';

/** A task as its reader may know it: `title` says what it does to how many records. */
export type NamedTask = TaskRow & Naming;

/** What a task is known by beside its title. */
export interface Naming {
  /** The task that it waits for, where its reader sees that one. */
  blocker: { id: number; title: string } | null;
  /** Of its operation; null: it is not known here. */
  words: OperationWords | null;
}

type Asking = Pick<TaskContext, 'db' | 'registry' | 'people'>;

/**
 * Characters of a value, of all values together, and of the filter's words; longer ones of a filter
 * are left to the task's page.
 */
const maxLength = { value: 40, changes: 80, filter: 40 } as const;
/** Changes that are told in words; of more, how many. */
const maxEdits = 2;
/** Related records that one change names. */
const maxRecords = 3;

/**
 * The same tasks, each called by what it does: `Status → archived · 9,940 cities · Country is
 * Italy`. Fields and records that the reader may not see are in none. One statement for each
 * resource whose records a change or a filter names, mostly none, and one where any waits for
 * another, unless `known` are those that they wait for.
 */
export async function named<T extends TaskRow>(
  context: Asking,
  principal: Principal,
  tasks: readonly T[],
  known: readonly TaskRow[] | null = null,
): Promise<(T & Naming)[]> {
  const blockers =
    known ??
    (await listTasksById(
      context,
      principal,
      tasks.map(({ blockedBy }) => blockedBy).filter((id) => id !== null),
    ));
  const { titles, words } = await titlesFor(context, principal, [...tasks, ...blockers]);
  return tasks.map((task, index) => {
    const place = blockers.findIndex(({ id }) => id === task.blockedBy);
    const blocker =
      place === -1
        ? null
        : { id: task.blockedBy as number, title: titles[tasks.length + place] as string };
    return { ...task, title: titles[index] as string, blocker, words: words[index] ?? null };
  });
}

export async function getNamed(
  context: Asking,
  principal: Principal,
  id: number,
): Promise<NamedTask> {
  const [task] = await named(context, principal, [await getTask(context, principal, id)]);
  return task as NamedTask;
}

/**
 * Titles of those tasks that the reader sees, by id; of the others nothing is told. One statement
 * more than `named`.
 */
export async function titlesOfTasks(
  context: Asking,
  principal: Principal,
  ids: Iterable<number>,
): Promise<Map<number, string>> {
  const tasks = await named(
    context,
    principal,
    await listTasksById(context, principal, [...new Set(ids)]),
  );
  return new Map(tasks.map(({ id, title }) => [id, title]));
}

/** Who holds a record, and whether the reader sees that task. */
export type ShownHolder = Holder & { isSeen: boolean };

/** Whoever holds records, and whether the reader sees the task: with its title then. */
export async function namedHolders(
  context: Asking,
  principal: Principal,
  holders: readonly Holder[],
): Promise<ShownHolder[]> {
  const titles = await titlesOfTasks(
    context,
    principal,
    holders.map(({ taskId }) => taskId),
  );
  return holders.map((holder) => ({
    ...holder,
    isSeen: titles.has(holder.taskId),
    title: titles.get(holder.taskId) ?? holder.title,
  }));
}

type RelatedTitleOf = (target: RelationTarget, id: string) => string | undefined;

async function titlesFor(
  { registry }: Asking,
  principal: Principal,
  tasks: readonly TaskRow[],
): Promise<{ titles: string[]; words: (OperationWords | null)[] }> {
  const resources = new Map(tasks.map((task) => [task.resource, task]));
  const found = new Map(
    [...resources].map(([slug, task]) => [slug, findResource(registry, principal, task)]),
  );
  const wanted = new Map<
    string,
    { target: RelationTarget; ids: Set<string>; titles: ReadonlyMap<string, string> }
  >();
  const titleOf: RelatedTitleOf = (target, id) => {
    const name = `${target.resource.slug} ${target.valueField?.name ?? ''}`;
    const own = wanted.get(name) ?? { target, ids: new Set(), titles: new Map() };
    wanted.set(name, own);
    own.ids.add(id);
    return own.titles.get(id);
  };
  const titles = () =>
    tasks.map((task) => titleIn(task, found.get(task.resource) ?? null, principal, titleOf));
  // The first time only says which related records are named.
  const first = titles();
  const words = tasks.map(({ resource: slug, operation }) => {
    const resource = found.get(slug);
    return resource ? (findOperation(resource, operation)?.words ?? null) : null;
  });
  if (wanted.size === 0) return { titles: first, words };
  for (const own of wanted.values())
    own.titles = await relatedTitles(registry, own.target, principal, [...own.ids]);
  return { titles: titles(), words };
}

/** The one place that says what a task is called. */
function titleIn(
  task: TaskRow,
  resource: Resource | null,
  principal: Principal,
  titleOf: RelatedTitleOf,
): string {
  const { titles } = taskTexts;
  const count = task.total ?? task.expected;
  if (task.kind === 'own' || !resource || count === null) return task.title;
  const records = taskTexts.counted(count, resource.singular, resource.label);
  const { selection } = task;
  const isRetry = selection.kind === 'refused';
  const undone = undoneOf(resource, task);
  const title = undone ? undoTitle(undone) : `${whatIn(task)}${filterIn()}`;
  return isRetry ? titles.retry(title) : title;

  function undoTitle({ what, isRedo }: Undone): string {
    if (!what) return task.title.replace(/^Retry: /, '');
    return (isRedo ? titles.redo : titles.undo)(whatIn(what));
  }

  function whatIn(run: Run): string {
    const operation = findOperation(resource as Resource, run.operation);
    const edits = editsOf(resource as Resource, run);
    const phrases = edits.flatMap((edit) => editIn(resource as Resource, edit, titleOf) ?? []);
    if (phrases.length === 0 || operation?.words.isTitle)
      return (operation?.words ?? editWords).heading(records);
    const words = phrases.slice(0, maxEdits).join(', ');
    const more = edits.length - Math.min(phrases.length, maxEdits);
    return titles.changes(cutText(words, maxLength.changes), more, records);
  }

  function filterIn(): string {
    if (selection.kind !== 'matching' || selection.filter === '') return '';
    const filter = visibleFilter(resource as Resource, principal, selection.filter);
    if (!filter) return '';
    const words = describeItem(filter, {
      reader: (resource as Resource).reader,
      fieldOf: (path) => findFilterField(resource as Resource, principal, path),
      titleOf: (path, id) => {
        const field = (resource as Resource).fields.find(
          ({ name, relation }) => name === path && relation,
        );
        const target =
          field && conditionsOf(filter).length < 4
            ? relationTarget(resource as Resource, field, 'id')
            : null;
        return target ? titleOf(target, id) : undefined;
      },
    });
    return words === '' || words.length > maxLength.filter ? '' : titles.matching(words);
  }
}

/**
 * `Status → archived`, `Population: changed by +10 %`; null: not for these eyes, or of a field that
 * is no more.
 */
function editIn(resource: Resource, given: FieldEdit, titleOf: RelatedTitleOf): string | null {
  const field = resource.fields.find(({ meta }) => meta.name === given.field);
  if (!field) return null;
  const change = withTitles(resource, given, titleOf);
  try {
    const isSet = change.change === 'set' && typeof change.value === 'string';
    const value = isSet
      ? shownText(change.value as string, field, resource.reader)
      : describe(change);
    return (isSet ? taskTexts.titles.set : taskTexts.titles.change)(
      field.label,
      cutText(value.replace(/\s+/g, ' '), maxLength.value),
    );
  } catch {
    // Parameters of another version say no more than which field they are about.
    return field.label;
  }

  function describe({ change: name, value }: FieldEdit): string {
    return getEdit(name).describe(value, field as NonNullable<typeof field>, resource);
  }
}

function withTitles(resource: Resource, change: FieldEdit, titleOf: RelatedTitleOf): FieldEdit {
  const field = resource.fields.find(({ meta }) => meta.name === change.field);
  const ids = field ? relatedIds(field, change) : [];
  const target = field && ids.length > 0 ? relationTarget(resource, field) : null;
  if (!target) return change;
  const shown = ids.slice(0, maxRecords).map((id) => titleOf(target, id) ?? id);
  if (typeof change.value === 'string') return { ...change, value: shown[0] ?? '' };
  return {
    ...change,
    value:
      ids.length > maxRecords ? [...shown, taskTexts.moreRecords(ids.length - maxRecords)] : shown,
  };
}
