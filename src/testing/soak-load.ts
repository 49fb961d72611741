import { setTimeout as wait } from 'node:timers/promises';
import { openAs, selectAs } from './launch-as.ts';
import { type NetworkVisitor, signInOver } from './network-visitor.ts';
import { placeForm } from './places.ts';
import { testPassword } from './users.ts';

const json = { accept: 'application/json' };
const htmx = { 'hx-request': 'true' };

/** What was done, by name. */
export type Counts = Map<string, number>;

/**
 * People at work as a browser sends it: they look at lists and records, save, edit many, undo, launch
 * tasks of the project's own, and their pages ask how tasks go.
 */
export async function openLoad(
  address: string,
  emails: readonly string[],
  { places, random, counts }: { places: number; random: () => number; counts: Counts },
) {
  const visitors = await Promise.all(
    emails.map((email) => signInOver(address, email, testPassword)),
  );
  const below = (count: number) => Math.floor(random() * count);
  const place = () => 1 + below(places);
  const launched: number[] = [];

  /** Everybody is at work until it is time. */
  return async (until: number): Promise<void> => {
    const isTime = () => Date.now() < until;
    await Promise.all(
      visitors.flatMap((visitor) => [
        again(isTime, () => look(visitor), 300),
        again(isTime, () => poll(visitor), 500),
        again(isTime, () => write(visitor), 1_000),
      ]),
    );
  };

  async function again(isTime: () => boolean, work: () => Promise<void>, everyMs: number) {
    while (isTime()) {
      await work();
      await wait(everyMs * (0.5 + random()));
    }
  }

  async function look(visitor: NetworkVisitor): Promise<void> {
    const paths = [
      '/',
      '/cities',
      `/cities?_q=Place+${below(10)}`,
      `/cities?_sort=-population&_page=${1 + below(5)}`,
      '/cities?country=ESP&status=draft',
      `/cities/${place()}`,
      `/cities/${place()}/history`,
      '/countries',
      '/tags',
      '/tasks',
      '/tasks?state=succeeded',
      '/tasks/overview',
      '/tasks/activity',
      '/tasks/notices',
    ];
    const path = paths[below(paths.length)] as string;
    await expect(visitor.get(path), [200], path);
    count('pages looked at');
  }

  async function poll(visitor: NetworkVisitor): Promise<void> {
    const id = launched.at(-1);
    const paths = [
      '/tasks/live',
      '/tasks/running?resource=cities',
      ...(id ? [`/tasks/${id}/progress`, `/tasks/${id}/embedded`] : []),
    ];
    const path = paths[below(paths.length)] as string;
    await expect(visitor.get(path, htmx), [200, 204, 286, 303, 404], path);
    count('polls');
  }

  async function write(visitor: NetworkVisitor): Promise<void> {
    const draw = random();
    if (draw < 0.55) return save(visitor);
    if (draw < 0.7) return preview(visitor);
    if (draw < 0.85) return editMany(visitor);
    if (draw < 0.92) return undo(visitor);
    return recount(visitor);
  }

  async function save(visitor: NetworkVisitor): Promise<void> {
    const id = place();
    const form = { ...placeForm, name: `Place ${id}`, population: String(below(100_000)) };
    const path = `/cities/${id}/edit`;
    // Held by a task, or by somebody who saves it: said, and nothing is done.
    await expect(visitor.post(path, form), [303, 409, 423, 503], path);
    count('saves');
  }

  async function preview(visitor: NetworkVisitor): Promise<void> {
    const path = `/cities/bulk-edit?_s=${await select(visitor)}`;
    const body = { _do: 'preview', field: 'notes', 'value.notes': `seen ${below(100)}` };
    await expect(visitor.post(path, body), [303], path);
    count('previews');
  }

  async function editMany(visitor: NetworkVisitor): Promise<void> {
    const path = `/cities/bulk-edit?_s=${await select(visitor)}`;
    const body = { field: 'notes', 'change.notes': 'set', 'value.notes': `note ${below(100)}` };
    const answer = await expect(
      visitor.post(path, { _op: await openAs(visitor, path), ...body }, json),
      [200, 202, 409, 423, 503],
      path,
    );
    if (answer.statusCode === 202) remember(Number(answer.json().taskId));
    count('edits of many');
  }

  async function undo(visitor: NetworkVisitor): Promise<void> {
    const id = launched[below(launched.length)];
    if (id === undefined) return;
    const page = await expect(visitor.get(`/tasks/${id}/undo`), [200, 404, 409], 'undo');
    const [, _op] = /name="_op" value="([^"]+)"/.exec(page.body) ?? [];
    if (_op === undefined) return;
    await expect(visitor.post(`/tasks/${id}/undo`, { _op }), [303, 404, 409, 423], 'undo');
    count('undoes');
  }

  async function recount(visitor: NetworkVisitor): Promise<void> {
    const path = '/tasks/new/places.recount?_record=ESP';
    const answer = await expect(visitor.post(path, {}, json), [202, 409, 423], path);
    if (answer.statusCode === 202) remember(Number(answer.json().taskId));
    count('tasks of its own');
  }

  function select(visitor: NetworkVisitor): Promise<string> {
    const many = 25 + below(200);
    return selectAs(visitor, many, 1 + below(places - many));
  }

  function remember(id: number): void {
    launched.push(id);
    if (launched.length > 20) launched.shift();
  }

  function count(name: string): void {
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
}

async function expect<T extends { statusCode: number; body: string }>(
  asked: Promise<T>,
  statuses: readonly number[],
  what: string,
): Promise<T> {
  const answer = await asked;
  if (!statuses.includes(answer.statusCode))
    throw new Error(`${what} was answered ${answer.statusCode}: ${answer.body.slice(0, 2_000)}`);
  return answer;
}
