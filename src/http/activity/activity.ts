import type { Principal } from '../../auth/principal.ts';
import { AppError } from '../../errors.ts';
import { readerOf } from '../../fields/reader.ts';
import { keyToUrl } from '../../metadata/keys.ts';
import type { MyChange } from '../../operations/journal/my-changes.ts';
import { journal, journalWord } from '../../operations/journal-kind.ts';
import { mayRun, mayUndo } from '../../operations/operations.ts';
import type { Resource, ResourceRegistry } from '../../resources/contract.ts';
import type { ListedTask } from '../../tasks/looking/find-tasks.ts';
import type { MyTasks } from '../../tasks/looking/my-tasks.ts';
import { isFinished, unfinishedStates } from '../../tasks/states.ts';
import { formatDateTime, isoTime } from '../format.ts';
import { tasksPath } from '../overview/attention.ts';
import { recordPath } from '../records/record-form.ts';
import type { Link } from '../tasks/progress.ts';
import { findResource } from '../tasks/task-filter.ts';
import { type TaskLine, taskLine } from '../tasks/tasks.ts';
import type { Url } from '../url.ts';
import { activityTexts } from './activity-texts.ts';

export interface ActivityData {
  title: string;
  all: Link;
  tasks: readonly (TaskLine & { undo: Link | null })[];
  /** To those that have not ended, where there are more than are shown. */
  unfinished: Link | null;
  taskPages: ActivityPages;
  changes: readonly ChangeLine[];
  changePages: ActivityPages;
  words: typeof activityTexts;
}

export interface ActivityPages {
  newest: Link | null;
  older: Link | null;
}

/** One change of a record; of one that the reader does not see no more than that it was. */
interface ChangeLine {
  kind: string;
  icon: string;
  did: string;
  record: { title: string; href: string | null };
  resource: string;
  at: string;
  iso: string;
  fields: string | null;
  reason: string | null;
}

export interface ActivityParts {
  now: Date;
  url: Url;
  registry: ResourceRegistry;
  principal: Principal;
  tasks: MyTasks & { all: readonly ListedTask[] };
  /** Own tasks that can be taken back. */
  undoable: ReadonlySet<number>;
  changes: readonly MyChange[];
  changesOlderThan: string | null;
  /** Of records that are there and the reader's to see, by resource and key. */
  titles: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** What the address says, to keep one list as it is while the other is paged. */
  at: { tasks: number | null; changes: string | null };
}

export function activityData(parts: ActivityParts): ActivityData {
  const { now, url, registry, principal, tasks, changes, at } = parts;
  const to = (tasksBefore: number | null, changesBefore: string | null) => {
    const search = new URLSearchParams();
    if (tasksBefore !== null) search.set('tasks', String(tasksBefore));
    if (changesBefore !== null) search.set('changes', changesBefore);
    return url(`/tasks/activity${search.size === 0 ? '' : `?${search}`}`);
  };
  const link = (href: string, label: string, isThere: boolean): Link | null =>
    isThere ? { href, label } : null;
  return {
    title: activityTexts.heading,
    all: {
      href: url(`/tasks?${new URLSearchParams({ person: principal.name })}`),
      label: activityTexts.all,
    },
    tasks: tasks.all.map((task) => ({
      ...taskLine(task, { now, url, resources: registry.list, principal }),
      undo: isUndoable(parts, task)
        ? { href: url(`/tasks/${task.id}/undo`), label: activityTexts.undoOf(task.title) }
        : null,
    })),
    unfinished: link(
      url(tasksPath(unfinishedStates, { person: principal.name })),
      activityTexts.unfinished(tasks.unfinishedCount),
      tasks.unfinishedCount > tasks.unfinished.length,
    ),
    taskPages: {
      newest: link(to(null, at.changes), activityTexts.tasksNewest, at.tasks !== null),
      older: link(
        to(tasks.olderThan, at.changes),
        activityTexts.tasksOlder,
        tasks.olderThan !== null,
      ),
    },
    changes: changes.map((change) => changeLine(change, parts)),
    changePages: {
      newest: link(to(at.tasks, null), activityTexts.changesNewest, at.changes !== null),
      older: link(
        to(at.tasks, parts.changesOlderThan),
        activityTexts.changesOlder,
        parts.changesOlderThan !== null,
      ),
    },
    words: activityTexts,
  };
}

/** As the task's own page offers it. */
function isUndoable({ registry, principal, undoable }: ActivityParts, task: ListedTask): boolean {
  if (!isFinished(task.state) || task.isUndone) return false;
  if (task.kind === 'own') return undoable.has(task.id);
  const resource = findResource(registry, principal, task);
  return (
    resource !== null &&
    mayRun(resource, principal, task) &&
    mayUndo(resource, principal, task) &&
    task.changed > 0
  );
}

const icons = { create: 'plus', update: 'pencil', delete: 'trash-2' } as const;

function changeLine(change: MyChange, parts: ActivityParts): ChangeLine {
  const { registry, principal, titles, url } = parts;
  const { kind, at, key, reason } = change;
  const resource = visibleResource(registry, principal, change.resource);
  const title = titles.get(change.resource)?.get(key);
  const { timeZone } = readerOf(principal);
  return {
    kind: journalWord(kind),
    icon: icons[kind],
    did: activityTexts.did[kind],
    record: recordOf(),
    resource: resource?.label ?? '',
    at: formatDateTime(at, timeZone),
    iso: isoTime(at),
    fields: fieldsOf(),
    reason: reason === null ? null : activityTexts.reason(reason),
  };

  // A scope cannot be asked about what is not there.
  function recordOf(): ChangeLine['record'] {
    const seesAll = resource !== null && resource.scope(principal) === null;
    if (!resource || (title === undefined && !seesAll))
      return { title: activityTexts.hidden, href: null };
    return {
      title: title ?? keyToUrl(resource.model, key),
      href: url(`${recordPath(resource, key)}/history`),
    };
  }

  function fieldsOf(): string | null {
    if (kind !== journal.changed || !resource) return null;
    const labels = resource.fields
      .filter(({ meta }) => change.fields.includes(meta.name))
      .map(({ label }) => label);
    return labels.length === 0 ? null : activityTexts.fields(labels.join(', '));
  }
}

/** Null: it is not theirs, or it cannot be worked out which of its records are. */
export function visibleResource(
  registry: ResourceRegistry,
  principal: Principal,
  slug: string,
): Resource | null {
  const resource = findResource(registry, principal, { resource: slug });
  try {
    resource?.scope(principal);
    return resource;
  } catch (error) {
    if (error instanceof AppError) return null;
    throw error;
  }
}

declare module '../pages.ts' {
  interface Pages {
    'activity/show': ActivityData;
  }
}
