import type { Principal } from '../../auth/principal.ts';
import { query, raw, sql } from '../../db/sql.ts';
import { isOurs } from '../../task-definitions/task-definitions.ts';
import type { TaskContext } from '../context.ts';
import type { TaskState } from '../states.ts';
import { seenSql } from '../who-sees.ts';

const maxTasksAbout = 10;

export interface TaskAbout {
  id: number;
  title: string;
  state: TaskState;
}

/** The tasks about a record that a principal sees, the newest first. */
export async function listTasksAbout(
  context: Pick<TaskContext, 'db' | 'registry' | 'people' | 'definitions'>,
  principal: Principal,
  model: string,
  key: string,
): Promise<TaskAbout[]> {
  const { db, definitions } = context;
  // No statement where there are no such tasks: Bulkhead's own are about no records.
  if ([...definitions.keys()].every(isOurs)) return [];
  const { rows } = await query<TaskAbout>(
    db.pages,
    sql`select id, title, state from ${raw(db.t.task)} task
        where id in (select task_id from ${raw(db.t.task_about)} where model = ${model} and key = ${key}) and ${await seenSql(context, principal)}
        order by id desc limit ${maxTasksAbout}`,
  );
  return rows;
}
