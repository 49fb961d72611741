/** SQL: what hooks are told of a row `task`, in a state and for a reason that are SQL. */
export function taskJson(state: string, reason: string): string {
  return `jsonb_build_object('id', task.id, 'title', task.title, 'operation', task.operation, 'resource', task.resource, 'state', ${state},
    'reason', ${reason}, 'message', task.message, 'principal', jsonb_build_object('id', task.principal_id, 'name', task.principal_name),
    'meta', task.meta, 'done', task.done, 'total', coalesce(task.total, task.expected), 'changed', task.changed, 'failed', task.failed)`;
}
