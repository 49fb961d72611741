import type { Database } from '../db/database.ts';
import type { HttpVisitor } from './command.ts';
import { until } from './until.ts';

/** Edits every record of a list, as a person does; resolves when the task has succeeded, with its number. */
export async function editAll(
  admin: HttpVisitor,
  { pages }: Pick<Database, 'pages'>,
  slug: string,
  field: string,
  value: string,
): Promise<number> {
  const { location } = await admin.post(`/${slug}/selection`, { _do: 'matching', _list: '' });
  const path = `/${slug}/bulk-edit?${/_s=[0-9a-f-]+/.exec(location ?? '')?.[0]}`;
  const _op = operationIn(await admin.get(path));
  return launched(pages, await admin.post(path, { _op, field, [`value.${field}`]: value }));
}

/** Takes a task back; resolves when that has succeeded, with its number. */
export async function undoTask(
  admin: HttpVisitor,
  { pages }: Pick<Database, 'pages'>,
  task: number,
): Promise<number> {
  const _op = operationIn(await admin.get(`/tasks/${task}/undo`));
  return launched(pages, await admin.post(`/tasks/${task}/undo`, { _op }));
}

function operationIn(html: string): string {
  return /name="_op" value="([^"]+)"/.exec(html)?.[1] ?? '';
}

async function launched(
  pages: Database['pages'],
  { location, text }: { location: string | null; text: string },
): Promise<number> {
  const [, id = ''] = /\/tasks\/(\d+)/.exec(location ?? '') ?? [];
  if (id === '') throw new Error(`nothing was launched: ${text}`);
  await until(async () => {
    const { rows } = await pages.query('select state from bulkhead.task where id = $1', [id]);
    if (rows[0]?.state === 'failed') throw new Error(`task ${id} has failed`);
    return rows[0]?.state === 'succeeded';
  });
  return Number(id);
}
