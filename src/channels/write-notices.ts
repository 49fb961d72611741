import type { TaskEvent, TaskHook } from '../task-definitions/task-hooks.ts';
import type { TaskContext } from '../tasks/context.ts';
import { selectTask, type TaskRow } from '../tasks/task-row.ts';
import { recipientsOf } from './recipients.ts';

/** No hook of a project's has a name with a colon in it. */
const hookName = 'bulkhead:notices';

/** The hook that has notices written; none where no rule has anybody told. */
export function noticeHooks(contextOf: () => TaskContext, hasChannels: boolean): TaskHook[] {
  if (!hasChannels) return [];
  return [
    {
      name: hookName,
      on: ['task:succeeded', 'task:partial', 'task:failed', 'task:cancelled'],
      run: (event) => writeNotices(contextOf(), event),
    },
  ];
}

/**
 * Writes a notice for each whom a task's end is to be said to, once, however often the event comes.
 * What ran within a request was said by its answer, and a part is said with the whole.
 */
async function writeNotices(context: TaskContext, event: TaskEvent): Promise<void> {
  const { t, background } = context.db;
  const { rows } = await background.query<TaskRow>(`${selectTask(t)} where id = $1`, [
    event.task.id,
  ]);
  const [task] = rows;
  if (!task || task.backend === 'inline' || task.parentId !== null) return;
  const recipients = await recipientsOf(context, task, event);
  if (recipients.length === 0) return;
  const { id, ...content } = event;
  await background.query(
    `insert into ${t.notice} (event_id, task_id, channel, recipient, person, content, due_at)
     select $1, $2, channel, recipient, person, $3, clock_timestamp() + make_interval(secs => gather_ms::float8 / 1000)
     from unnest($4::text[], $5::text[], $6::jsonb[], $7::float8[]) chosen(channel, recipient, person, gather_ms)
     on conflict do nothing`,
    [
      id,
      task.id,
      JSON.stringify({ ...content, launcher: task.principal }),
      recipients.map(({ channel }) => channel.name),
      recipients.map(({ recipient }) => recipient),
      recipients.map(({ person }) => person && JSON.stringify(person)),
      recipients.map(({ channel }) => channel.gatherMs ?? 0),
    ],
  );
}
