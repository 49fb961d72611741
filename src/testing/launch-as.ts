import { csrfOf, htmx } from './app.ts';
import type { Answer } from './network-visitor.ts';

/** Somebody signed in, whether over the network or not. */
interface Sender {
  get(path: string, headers?: Record<string, string>): Promise<Answer>;
  post(
    path: string,
    body?: Record<string, string | readonly string[]>,
    headers?: Record<string, string>,
  ): Promise<Answer>;
}

const publish = { field: 'status', 'value.status': 'published' };

/** Selects `count` places as the list does; returns the selection's id. */
export async function selectAs(visitor: Sender, count: number, from = 1): Promise<string> {
  const add = Array.from({ length: count }, (_, index) => String(index + from).padStart(20, '0'));
  const answer = await visitor.post('/cities/selection', { _do: 'add', key: add });
  const id = /_s=([0-9a-f-]{36})/.exec(String(answer.headers.location ?? answer.body))?.[1];
  if (!id) throw new Error(`selecting was answered ${answer.statusCode}: ${answer.body}`);
  return id;
}

/** Opens a bulk dialog as htmx does; returns the form's one-time operation id. */
export async function openAs(visitor: Sender, path: string): Promise<string> {
  const { body, statusCode } = await visitor.get(path, htmx);
  const id = /name="_op" value="([^"]+)"/.exec(body)?.[1];
  if (!id || csrfOf(body) === '')
    throw new Error(`opening ${path} was answered ${statusCode}: ${body}`);
  return id;
}

/** Launches a bulk edit through the pages; returns the task's id. */
export async function launchAs(
  visitor: Sender,
  count: number,
  {
    from = 1,
    body = publish,
  }: { from?: number; body?: Record<string, string | readonly string[]> } = {},
): Promise<number> {
  const path = `/cities/bulk-edit?_s=${await selectAs(visitor, count, from)}`;
  const answer = await visitor.post(
    path,
    { _op: await openAs(visitor, path), ...body },
    { accept: 'application/json' },
  );
  if (answer.statusCode !== 202)
    throw new Error(`launching was answered ${answer.statusCode}: ${answer.body}`);
  return Number(answer.json().taskId);
}
